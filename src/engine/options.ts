/** What every engine call is told. */
import type {Log, Progress} from '../kernel/log.ts';
import type {DriftRule, TablePolicy} from '../merge/policy.ts';
import type {MigrationRecord} from '../profiles/migration-records.ts';
import type {Store} from '../store/port.ts';

export type EngineOptions = {
  /** `sqlite:<path>` or a plain path. */
  readonly database: string;
  /** `restic:<repository>` or `dir:<path>`, or a store of the caller's own; default: RESTIC_REPOSITORY, else a repository in the state folder. */
  readonly store?: string | Store | undefined;
  /** State folder; default `.rowplica` beside the database. */
  readonly state?: string | undefined;
  readonly profile?: string | undefined;
  /** Name of an application that no profile knows: its compat steps are kept under it. */
  readonly application?: string | undefined;
  /** Tables to replicate by their own keys, instead of a profile's. */
  readonly tables?: readonly string[] | undefined;
  /** What is done with single tables; where no profile is in effect, these are the tables. */
  readonly policies?: ReadonlyMap<string, TablePolicy> | undefined;
  /** A set of policies that comes with the profile. */
  readonly preset?: string | undefined;
  /** What becomes of local edits, where a table does not say otherwise; default `repair`. */
  readonly drift?: DriftRule | undefined;
  /** A replica that alerts nobody: the tables by which its application would are kept empty there. Says nothing to a capture. */
  readonly muted?: boolean | undefined;
  /** A folder with compat steps of the user's own, beside those that come with Rowplica. */
  readonly compat?: string | undefined;
  /** `multiset` compares tables without a usable key as multisets of whole rows; undefined refuses them. */
  readonly keyless?: 'multiset' | undefined;
  /** Where a tool that is not known here records the migrations it applied: the names are part of the application's version. */
  readonly migrations?: MigrationRecord | undefined;
  /** Milliseconds for which one transaction may hold the write lock; default 500. */
  readonly maxWriteLock?: number | undefined;
  /** Changed rows of one table beyond which they are not all held in memory, where nothing else depends on them; default 10,000, or fewer where they are long. */
  readonly heldRows?: number | undefined;
  /** Nobody said that this is a replica: rows of a database that was none so far are not changed. */
  readonly isGuess?: boolean | undefined;
  /** Of a service: its first replicate puts local edits back also where they stay otherwise. */
  readonly repairsAtStart?: boolean | undefined;
  /** Environment that the store's own tools see. */
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly progress: Progress;
  /** Ends the call as soon as that is safe. */
  readonly signal?: AbortSignal | undefined;
};
