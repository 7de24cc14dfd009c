/** What a service tells those who ask while it runs, and what they may ask of it. */
import type {HttpAddress} from '../config/values.ts';
import type {HistoryPage, HistoryRequest} from '../engine/history.ts';
import type {SnapshotListed} from '../engine/status.ts';
import type {Log} from '../kernel/log.ts';
import type {ChangeCounts} from '../kernel/row.ts';
import type {Position} from '../kernel/position.ts';
import type {CareRuns} from './care.ts';
import type {Failure} from './failure.ts';
import type {NoticeCounts} from './notify.ts';
import type {Role, StatusWord} from './status.ts';
import type {Counts, Outcome} from './tally.ts';

export type LastCycle = {
  /** When it began, ISO 8601. */
  readonly at: string;
  readonly seconds: number;
  readonly outcome: Outcome;
  readonly failure: Failure | null;
};

export type LastApply = {
  /** When the cycle that applied it began, ISO 8601. */
  readonly at: string;
  readonly snapshot: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly proof: 'full' | 'touched';
  /** Rows written. */
  readonly tables: Readonly<Record<string, ChangeCounts>>;
};

/**
 * `starting`: it runs, and its database is not known to be made and migrated. `ready`: it runs, and is replicated beside. `restarting`: it
 * crashed, or was asked to end, and is started again. `ended`: it is not.
 */
export type ApplicationState = 'starting' | 'ready' | 'restarting' | 'ended';

/** Of an application that the service starts. */
export type ApplicationReport = {
  readonly state: ApplicationState;
  /** Of the program that runs now. */
  readonly pid: number | null;
  /** Starts after a crash. */
  readonly restarts: number;
  readonly lastExit: {
    readonly code: number | null;
    readonly signal: string | null;
    /** ISO 8601. */
    readonly at: string;
  } | null;
};

/** How a running application was last had to take notice of what was applied. */
export type LastReload = {
  /** ISO 8601. */
  readonly at: string;
  /** `none`: there was no way left, and a restart is due. */
  readonly strategy: 'socket' | 'restart' | 'command' | 'none';
  /** `absent`: it did not run. */
  readonly outcome: 'told' | 'absent' | 'failed';
  readonly seconds: number;
  /** Calls that were made, by name. */
  readonly calls: Readonly<Record<string, number>>;
};

export type ReloadReport = {
  readonly last: LastReload | null;
  /** Why the application has to be restarted by somebody. */
  readonly restartDue: string | null;
};

export type ReloadRuns = Pick<LastReload, 'strategy' | 'outcome'> & {readonly runs: number};

/** Null stands for what is not known. */
export type StatusReport = {
  readonly role: Role;
  readonly status: StatusWord;
  readonly reason: string;
  readonly position: Position | null;
  readonly lastCycle: LastCycle | null;
  /** Of this process: the last snapshot that it applied. */
  readonly lastApply: LastApply | null;
  /**
   * Seconds since a cycle last found, or left, the rows as they shall be: those of the newest snapshot on a replica, all of them
   * captured on a primary. As long as an interval is normal.
   */
  readonly lagSeconds: number | null;
  /** Rows of a replica that were edited there, as the last scan for that found them; by default they were put back then. */
  readonly drift: number | null;
  /** What the schemas let happen to the newest snapshot here. */
  readonly verdict: 'compatible' | 'held' | 'refused' | null;
  /** When a restore drill last proved that a snapshot can be restored, ISO 8601. */
  readonly proven: string | null;
  /** Null where the service starts none. */
  readonly application: ApplicationReport | null;
  /** Null on a primary, to which nothing is applied. */
  readonly reload: ReloadReport | null;
  /** True on a replica whose application is kept from alerting. */
  readonly muted: boolean;
};

/** What changes with each moment, for graphs and alarms. */
export type Measures = {
  readonly counts: Counts;
  readonly care: readonly CareRuns[];
  readonly staleAfterSeconds: number;
  /** Since a replica last heard anything new of its primary. */
  readonly signAgeSeconds: number | undefined;
  readonly conflicts: number;
  /** When a cycle last succeeded, by the wall clock, in seconds since 1970. */
  readonly succeededAt: number | undefined;
  readonly notices: NoticeCounts;
  readonly reloads: {readonly runs: readonly ReloadRuns[]; readonly seconds: number};
};

export type ServiceSource = {
  status(): StatusReport;
  measures(): Measures;
  /** Has the next cycle begin at once. */
  trigger(): void;
  /** @throws {EngineError} where the store does not answer. */
  snapshots(): Promise<{readonly snapshots: readonly SnapshotListed[]}>;
  /** @throws {EngineError} where the state cannot be read. */
  history(request: HistoryRequest): Promise<HistoryPage>;
};

/** What it takes to answer over HTTP. */
export type ServeOptions = {
  readonly at: HttpAddress;
  /** Undefined: what needs a token is refused. */
  readonly token: string | undefined;
  readonly source: ServiceSource;
  readonly log: Log;
};

export type Serving = {
  /** Where it answers, as `host:port`; the port is the one in use. */
  readonly address: string;
  /** Ends what is under way, within seconds. */
  close(): Promise<void>;
};
