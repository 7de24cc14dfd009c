/** What the two roles have in common: one cycle at a time, and what is known after it. */
import type {CareNotes} from '../engine/care-notes.ts';
import type {CaptureResult} from '../engine/capture.ts';
import type {DrillResult} from '../engine/drill.ts';
import type {Heard} from '../engine/heard.ts';
import type {PollResult} from '../engine/poll.ts';
import type {ReplicateResult} from '../engine/replicate.ts';
import type {Position} from '../kernel/position.ts';
import type {Look} from '../engine/watch.ts';
import type {Facts} from './status.ts';

/** What one cycle did, for the log and for whoever is told. */
export type Done =
  | {readonly did: 'nothing' | 'beat'}
  | {readonly did: 'looked'; readonly isWaiting: boolean}
  /** The newest snapshot was looked for, and is refused: in this cycle (`isTried`), or before. */
  | {readonly did: 'refused'; readonly error: unknown; readonly isTried: boolean}
  | {readonly did: 'captured'; readonly result: CaptureResult}
  | {readonly did: 'replicated'; readonly result: ReplicateResult};

/** What a role knows of itself; the rest of the facts is the service's. */
export type RoleFacts = Pick<
  Facts,
  'signMs' | 'asOfMs' | 'isSuspicious' | 'isWaiting' | 'held' | 'conflicts' | 'drift' | 'position'
>;

export type RoleCycle = {
  /** Does all that is due; throws what kept it from that. @param isAsked A person asked for it: nothing is put off. */
  cycle(signal: AbortSignal, isAsked: boolean): Promise<Done>;
  facts(): RoleFacts;
  /** What is wrong beside the rows, and is not over. */
  readonly troubles?: readonly string[];
  /** The last apply on record at its last look, whoever wrote it; undefined before one. */
  readonly applied?: number | undefined;
  close(): Promise<void>;
};

/** Care that reads or waits as long as a cycle may, so that it is done where cycles are. */
export type Tending = {
  /** Restores the newest snapshot into a passing database, and proves it. */
  drill(signal: AbortSignal): Promise<DrillResult>;
  /** What earlier processes noted of their care, and this one does. */
  notes(): Promise<CareNotes>;
  keepNotes(notes: CareNotes): Promise<void>;
};

/** What a primary needs of the engine. */
export type PrimaryEngine = {
  look(signal: AbortSignal): Promise<Look>;
  capture(signal: AbortSignal): Promise<CaptureResult>;
  /** Undefined where it has to capture first. */
  beat(signal: AbortSignal): Promise<Position | undefined>;
  close(): Promise<void>;
};

/** What a replica needs of it. */
export type ReplicaEngine = {
  poll(signal: AbortSignal): Promise<PollResult>;
  replicate(signal: AbortSignal): Promise<ReplicateResult>;
  /** Rows that were edited here since the snapshot on record; all of them are read. */
  drift(signal: AbortSignal): Promise<number>;
  /** What was last heard of the primary, and when by the wall clock (ISO 8601), as an earlier process noted it. */
  heard(): Promise<Heard | undefined>;
  note(heard: Heard): Promise<void>;
  close(): Promise<void>;
};
