/** How long to wait before the next cycle. */
import {
  RUN_BROKEN_PAUSE_MAX_MS,
  RUN_JITTER_SHARE,
  RUN_PASSING_PAUSE_MAX_MS,
  RUN_REFUSED_PAUSE_MAX_MS,
  RUN_WAITING_PAUSE_MAX_MS,
} from '../kernel/limits.ts';
import type {FailureKind} from './failure.ts';

const PAUSE_MAX_MS: Readonly<Record<Exclude<FailureKind, 'waiting'>, number>> = {
  passing: RUN_PASSING_PAUSE_MAX_MS,
  fenced: RUN_REFUSED_PAUSE_MAX_MS,
  refused: RUN_REFUSED_PAUSE_MAX_MS,
  broken: RUN_BROKEN_PAUSE_MAX_MS,
};

/**
 * Milliseconds: the interval, doubled with each failure of a kind in a row up to that kind's maximum, which never makes it shorter
 * than the interval itself. An application that is waited for is soon there: that never takes longer, and is looked for more often.
 */
export function pauseAfter(
  intervalMs: number,
  failed: {readonly kind: FailureKind; readonly inRow: number} | undefined,
): number {
  if (failed === undefined) return intervalMs;
  if (failed.kind === 'waiting') return Math.min(intervalMs, RUN_WAITING_PAUSE_MAX_MS);
  const doubled = intervalMs * 2 ** Math.min(failed.inRow, 30);
  return Math.max(intervalMs, Math.min(doubled, PAUSE_MAX_MS[failed.kind]));
}

/** Spreads instances that were started together: up to a tenth more or less. @param random At least 0, below 1. */
export function jittered(ms: number, random: number): number {
  return ms * (1 + RUN_JITTER_SHARE * (2 * random - 1));
}
