/** How long a run held the write lock, and what it trimmed: collected as it goes. */
import type {Log} from '../kernel/log.ts';
import type {Opened} from './open.ts';

export type HeldLocks = {
  /** Milliseconds of each write transaction, in order. */
  readonly heldMs: number[];
  /** Rows deleted before the main transaction, by table. */
  readonly trimmed: Map<string, number>;
  /** Set once a person was told that the lock will be held for long. */
  warned: boolean;
};

/** The same, with each write transaction of the database noted. */
export function timed<T extends Opened>(opened: T): T & {readonly held: HeldLocks} {
  const held: HeldLocks = {heldMs: [], trimmed: new Map(), warned: false};
  const {database} = opened;
  const transact: typeof database.transact = (work) =>
    database.transact(work, (ms) => {
      held.heldMs.push(Math.round(ms * 10) / 10);
    });
  return {...opened, database: {...database, transact}, held};
}

/** For a run that fails: what it trimmed is gone all the same. */
export function warnOfTrimmed({trimmed}: HeldLocks, log: Log): void {
  for (const [table, rows] of trimmed) {
    log.warn('dependent rows were deleted before this run failed', {table, rows});
  }
}
