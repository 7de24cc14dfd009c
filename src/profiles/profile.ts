/** What Rowplica knows of one application: which tables, by which keys, and how to read its version. */
import type {View} from '../database/port.ts';
import type {WireCell} from '../kernel/row.ts';
import type {TablePolicy} from '../merge/policy.ts';
import type {DatabaseSchema} from '../schema/table-schema.ts';
import type {TableRequest} from '../schema/table-shape.ts';

export type Finding = {
  /** `ok` for what is as it should be, `note` for what a person should know, `problem` for what needs doing. */
  readonly level: 'ok' | 'note' | 'problem';
  readonly subject: string;
  readonly message: string;
  /** Of a problem: the exit code that a command would end with. */
  readonly exitCode?: number | undefined;
};

export type ProfileTable = TableRequest & {
  /** What is done with it where nothing else is configured. */
  readonly defaults?: TablePolicy | undefined;
  /** True where its last row is deleted on any day, so that a handful that goes as a whole is no sign of a mistake. */
  readonly mayEmpty?: true;
  /** Rows that are told apart by one column, and not alike. */
  readonly rows?: RowKinds | undefined;
};

export type RowKinds = {
  readonly column: string;
  /** Values of rows that each instance has of its own, whatever is configured. */
  readonly never: readonly string[];
  /** Values of rows that mean nothing without each other. */
  readonly together: readonly (readonly string[])[];
};

/** Policies that go together; a table that is not listed is not replicated. */
export type Preset = {readonly tables: Readonly<Record<string, TablePolicy>>};

/** A row that was written, with the cells that travel, by column. */
export type AppliedChange = {
  readonly table: string;
  readonly op: 'insert' | 'update' | 'delete';
  /** Those that differ; all of them for an insert or delete. */
  readonly columns: readonly string[];
  readonly before: Readonly<Record<string, WireCell>> | undefined;
  readonly after: Readonly<Record<string, WireCell>> | undefined;
};

/** How the application learns of rows that were written behind its back while it runs. */
export type Reload = {
  /** Where it listens, where nobody says otherwise. */
  readonly url: (env: NodeJS.ProcessEnv) => string;
  /** Finds out what it has to be told; that is done later, once the view is closed. */
  readonly prepare: (changes: readonly AppliedChange[], view: View) => Promise<Notice>;
};

export type Notice = {
  /** How many calls tell it; 0 where it notices by itself. */
  readonly calls: number;
  /** False where all that they do is show sooner what would be shown by itself. */
  readonly isNeeded: boolean;
  /** What no call tells it, so that it has to be started anew, and why. Names and ids, never values. */
  readonly restart: readonly string[];
  readonly tell: (to: TellOptions) => Promise<Told>;
};

export type TellOptions = {
  readonly url: string;
  /** Undefined where it can do without. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Milliseconds for each call. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
};

export type Told = {
  /** `absent`: nothing listens, so nothing runs that would have to know. */
  readonly outcome: 'told' | 'absent' | 'failed';
  /** Calls that were made, by name. */
  readonly calls: Readonly<Record<string, number>>;
  /** Why it failed; what the application said of it is not quoted. */
  readonly reason?: string | undefined;
};

export type Profile = {
  readonly name: string;
  /** True where the schema is that of the application. */
  readonly recognises: (schema: DatabaseSchema) => boolean;
  /** Tables to replicate; those that a release lacks are simply not there. */
  readonly tables: readonly ProfileTable[];
  /** By name. */
  readonly presets: Readonly<Record<string, Preset>>;
  /** Tables that are known and stay local, for explanations. */
  readonly local: readonly string[];
  /**
   * Names of the migrations applied to the database: a set, because releases ship them out of order.
   *
   * @throws {EngineError} `MIGRATION_RUNNING` while the application migrates.
   */
  readonly version: (view: View) => Promise<readonly string[]>;
  /** What does not travel, or only in part. Counts, never values. */
  readonly findings: (view: View) => Promise<readonly Finding[]>;
  /** Undefined where nobody knows how to tell it. */
  readonly reload?: Reload;
  /** Tables without whose rows it alerts nobody. */
  readonly alertTables?: readonly string[];
  /** A script that its own Node loads first, and that has its alerts begin with the name of the machine. */
  readonly nameHost?: URL;
};
