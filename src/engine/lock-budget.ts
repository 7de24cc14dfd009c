/** The lock budget: a plan that would hold the write lock for long is said so, or held back. */
import {grouped} from '../kernel/counted.ts';
import {EngineError} from '../kernel/errors.ts';
import {MAX_WRITE_LOCK_MS} from '../kernel/limits.ts';
import {estimateLock, type LockEstimate, type LockWork} from '../plan/lock-time.ts';
import type {HeldLocks} from './held-locks.ts';
import type {Opened} from './open.ts';
import type {EngineOptions} from './options.ts';
import {findTrims, type Trim} from './trim.ts';

type LockOptions = Pick<EngineOptions, 'maxWriteLock' | 'log'> & {
  readonly allowLongLock?: boolean | undefined;
  readonly holdLongLocks?: boolean | undefined;
};

export type LockReport = {
  /** Milliseconds for which the main transaction was, or would be, expected to hold the write lock. */
  readonly estimatedMs: number;
  /** Of the cascades, rows that were, or would be, deleted before it in short transactions, by table. */
  readonly trimmed: Readonly<Record<string, number>>;
  /** Milliseconds for which each write transaction of this run held it, in order. */
  readonly heldMs: readonly number[];
};

/** What a plan does to the write lock. */
export type LockPlan = {readonly estimate: LockEstimate; readonly trims: readonly Trim[]};

/**
 * What is trimmed first, and how long the rest holds the lock. Warns once a run where that is long. A run trims
 * once: what came meanwhile goes with the plan.
 *
 * @throws {EngineError} `LOCK_BUDGET` where long locks are held back.
 */
export async function budgeted(
  {database, held}: Opened & {readonly held: HeldLocks},
  {isTrimmed, ...work}: Omit<LockWork, 'trimmed'> & {readonly isTrimmed: boolean},
  options: LockOptions,
): Promise<LockPlan> {
  const trims = isTrimmed ? [] : await database.view((view) => findTrims(view, work.plan));
  const estimate = estimateLock({...work, trimmed: new Set(trims.map(({table}) => table))});
  checkLockBudget(estimate, options, held);
  return {estimate, trims};
}

/** Of a run that wrote, what it did; of a dry run, what it would do. */
export function lockReport(
  {estimate, trims}: LockPlan,
  {heldMs, trimmed}: HeldLocks,
  dryRun: boolean,
): LockReport {
  const planned = trims.map(({table, rows}) => [table, rows] as const);
  return {
    estimatedMs: estimate.ms,
    trimmed: Object.fromEntries(dryRun ? planned : trimmed),
    heldMs,
  };
}

const HINT =
  'If that is acceptable, allow it for one run with --allow-long-lock, or raise --max-write-lock.';

/** Names estimate, limit and the table that takes most of it. */
/** @param held Notes that a warning was given, which is given once. */
export function checkLockBudget(
  {ms, largest}: LockEstimate,
  options: LockOptions,
  held: Pick<HeldLocks, 'warned'> = {warned: false},
): void {
  const limit = options.maxWriteLock ?? MAX_WRITE_LOCK_MS;
  if (ms <= limit || options.allowLongLock === true) return;
  const why =
    largest === undefined ? '' : `, mostly for table "${largest.table}" (${largest.what})`;
  const message = `the plan would hold the write lock for about ${text(ms)}, above the limit of ${text(limit)}${why}`;
  if (options.holdLongLocks === true) {
    throw new EngineError('LOCK_BUDGET', message, {site: {table: largest?.table}, hint: HINT});
  }
  if (held.warned) return;
  held.warned = true;
  options.log.warn(`${message}; --allow-long-lock silences this`);
}

const text = (ms: number): string => `${grouped(ms)} ms`;
