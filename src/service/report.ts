/** The status of a service in full. Pure. */
import type {LastApply, LastCycle, StatusReport} from './source.ts';
import {verdictOf, type Facts} from './status.ts';

type Known = {
  readonly facts: Facts;
  readonly nowMs: number;
  /** When a cycle last found, or left, the rows as they shall be. */
  readonly inStepMs: number | undefined;
  readonly lastCycle: LastCycle | undefined;
  readonly lastApply: LastApply | undefined;
  readonly proven: string | undefined;
};

export function reportOf(known: Known): StatusReport {
  const {facts, nowMs, inStepMs, lastCycle, lastApply, proven} = known;
  return {
    role: facts.role,
    ...verdictOf(facts, nowMs),
    position: facts.position ?? null,
    lastCycle: lastCycle ?? null,
    lastApply: lastApply ?? null,
    lagSeconds: inStepMs === undefined ? null : secondsOf(nowMs - inStepMs),
    drift: facts.drift ?? null,
    verdict: fitOf(facts),
    proven: proven ?? null,
    application: null,
    reload: null,
    muted: false,
  };
}

/** To the millisecond. */
export function secondsOf(ms: number): number {
  return Math.round(ms) / 1000;
}

/** What stands here fitted when it was applied; of a primary's own rows nobody asks. */
function fitOf({role, failure, refused = failure, position}: Facts): StatusReport['verdict'] {
  if (role === 'primary') return null;
  if (refused?.code === 'UPGRADE_FIRST') return 'held';
  if (refused?.code === 'SCHEMA_MISMATCH' || refused?.code === 'VERSION_MISMATCH') return 'refused';
  return position === undefined ? null : 'compatible';
}
