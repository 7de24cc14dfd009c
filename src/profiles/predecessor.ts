/** A tool that Rowplica takes the place of: what its variables say, as settings of Rowplica. */
import type {TablePolicy} from '../merge/policy.ts';

/** Settings that the variables of another tool may give. */
type InheritedName = 'database' | 'role' | 'interval' | 'driftInterval' | 'preset' | 'ntfy';

export type InheritedSetting = {
  readonly name: InheritedName;
  /** As one of Rowplica's own variables would give it. */
  readonly value: string;
  /** Where it was said: `environment NAME`, or how it was found. */
  readonly source: string;
};

export type Surroundings = {
  readonly env: NodeJS.ProcessEnv;
  /** What Rowplica's own settings say, which count for more. */
  readonly own: {
    readonly database?: unknown;
    readonly store?: unknown;
    readonly role?: unknown;
    readonly tables?: unknown;
    readonly preset?: unknown;
  };
  readonly files: Files;
};

/** Small files beside the database; paths may begin at the working directory. */
export type Files = {
  readonly exists: (path: string) => boolean;
  /** Undefined where there is no such file. @throws {EngineError} `CONFIG_INVALID` where it cannot be read. */
  readonly read: (path: string) => string | undefined;
};

export type Inheritance = {
  /** Name of the tool. */
  readonly tool: string;
  readonly settings: readonly InheritedSetting[];
  /** What is done with single tables, beside a preset. */
  readonly policies: Readonly<Record<string, TablePolicy>>;
  /** What people should know of it. */
  readonly warnings: readonly string[];
  /** True where the role was not said, and nothing else speaks for that tool: existing rows are then not written on the first run. */
  readonly isGuess: boolean;
  /** Milliseconds between two of that tool's own writes to the store. */
  readonly writesEveryMs: number;
  /** What it said to whom its variable named. */
  readonly words: Words;
};

/** The text of one notice. */
export type Words = (said: Said) => string;

export type Said = {
  readonly event: 'captured' | 'applied' | 'status';
  readonly role: string;
  readonly status: string;
  readonly reason: string;
  /** Name of the machine, or of the container. */
  readonly host: string;
  /** ISO 8601. */
  readonly at: string;
};

export type Predecessor = (surroundings: Surroundings) => Inheritance | undefined;
