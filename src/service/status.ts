/** What a service says of itself, in one word and a reason. Pure. */
import type {Position} from '../kernel/position.ts';
import {kindOf, type Failure, type FailureKind} from './failure.ts';

export type Role = 'primary' | 'replica';

/**
 * `ok`: rows are the same, or will be at the next cycle. `waiting`: for the first snapshot, or for the application. `degraded`: it
 * goes on, but something needs a look. `held`: nothing is written until a person, or a newer snapshot, changes something. `stale`:
 * nobody knows whether the rows still are the primary's. `fenced`: there is another primary. `failed`: it will not get well by itself.
 */
export type StatusWord = 'ok' | 'waiting' | 'degraded' | 'stale' | 'held' | 'fenced' | 'failed';

/** What is known of a service at one moment. Milliseconds are of the monotonic clock. */
export type Facts = {
  readonly role: Role;
  readonly staleAfterMs: number;
  readonly startedMs: number;
  /** When all that was due last had been done; undefined before that. */
  readonly doneMs: number | undefined;
  /** Why the last cycle came to no end. */
  readonly failure: Failure | undefined;
  /** What the last cycle that came to one did not apply. */
  readonly refused: Failure | undefined;
  /** Of a replica: since when its primary gave no new sign of life. Undefined before the store was read. */
  readonly signMs: number | undefined;
  /** Of a replica: the same for the sign up to which its rows were brought, or refused. Undefined before its first cycle has ended. */
  readonly asOfMs: number | undefined;
  /** Of a replica: true where it never saw its primary give one, and the last one is old by the clock. */
  readonly isSuspicious: boolean;
  /** Of a replica: true where the store holds no snapshot for it yet. */
  readonly isWaiting: boolean;
  readonly held: 'undone' | null;
  /** Conflicts that wait for a decision. */
  readonly conflicts: number;
  /** Rows of a replica that were edited there, at the last scan for that. Undefined before one. */
  readonly drift: number | undefined;
  readonly position: Position | undefined;
  /** What went wrong in the care for the store, and is not over. */
  readonly troubles?: readonly string[];
};

export type Verdict = {readonly status: StatusWord; readonly reason: string};

/** The gravest of all that is true, and the reasons of all of it, the gravest first. */
export function verdictOf(facts: Facts, nowMs: number): Verdict {
  const found = [
    ...ofFailure(facts),
    ...ofSilence(facts, nowMs),
    ...ofRows(facts),
    ...ofCare(facts),
  ];
  found.sort((a, b) => GRAVITY.indexOf(a.status) - GRAVITY.indexOf(b.status));
  const [gravest] = found;
  const reason = found.map((one) => one.reason).join('; ');
  if (gravest !== undefined) return {status: gravest.status, reason};
  if (facts.doneMs === undefined) return {status: 'waiting', reason: 'the first cycle is running'};
  return {status: 'ok', reason: GOOD[facts.role]};
}

const GRAVITY: readonly StatusWord[] = [
  'failed',
  'fenced',
  'stale',
  'held',
  'waiting',
  'degraded',
  'ok',
];

const GOOD: Readonly<Record<Role, string>> = {
  primary: 'the newest snapshot holds the rows of this database',
  replica: 'this database holds the rows of the newest snapshot',
};

const WORDS: Readonly<Record<FailureKind, StatusWord>> = {
  waiting: 'waiting',
  passing: 'degraded',
  fenced: 'fenced',
  refused: 'held',
  broken: 'failed',
};

function ofFailure({role, failure, refused}: Facts): readonly Verdict[] {
  return [failure, refused].flatMap((one) => {
    if (one === undefined) return [];
    const kind = kindOf(one.code);
    // A replica of two primaries stays where it is.
    const status = kind === 'fenced' && role === 'replica' ? 'held' : WORDS[kind];
    return [{status, reason: one.message}];
  });
}

/** P9: whatever the cause, what is older than the limit is told as such. */
function ofSilence(facts: Facts, nowMs: number): readonly Verdict[] {
  const {role, staleAfterMs, startedMs, doneMs, signMs, asOfMs, isSuspicious} = facts;
  const found: Verdict[] = [];
  const idleMs = nowMs - (doneMs ?? startedMs);
  if (idleMs > staleAfterMs)
    found.push({
      status: 'stale',
      reason: `${role === 'primary' ? 'no look at the rows' : 'no look at the store'} has succeeded for ${spoken(idleMs)}`,
    });
  if (signMs !== undefined && nowMs - signMs > staleAfterMs)
    found.push({
      status: 'stale',
      reason: `the primary has given no sign of life for ${spoken(nowMs - signMs)}`,
    });
  else if (asOfMs !== undefined && nowMs - asOfMs > staleAfterMs)
    found.push({
      status: 'stale',
      reason: `the rows are those of ${spoken(nowMs - asOfMs)} ago: what the primary stored since is not applied yet`,
    });
  else if (isSuspicious)
    found.push({
      status: 'degraded',
      reason:
        'the last sign of life of the primary is old by the clock, and none has come since this service started',
    });
  return found;
}

function ofRows({held, conflicts, isWaiting}: Facts): readonly Verdict[] {
  const found: Verdict[] = [];
  if (isWaiting)
    found.push({status: 'waiting', reason: 'the store holds no snapshot for this database yet'});
  if (held === 'undone')
    found.push({
      status: 'held',
      reason: 'an undo holds this replica until there is a newer snapshot, or rowplica resume',
    });
  if (conflicts > 0)
    found.push({
      status: 'degraded',
      reason: `${conflicts} ${conflicts === 1 ? 'conflict waits' : 'conflicts wait'} for a decision (rowplica conflicts)`,
    });
  return found;
}

function ofCare({troubles = []}: Facts): readonly Verdict[] {
  return troubles.map((reason) => ({status: 'degraded', reason}));
}

/** A duration as people say it. */
export function spoken(ms: number): string {
  const seconds = Math.round(ms / 1000);
  if (seconds < 120) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.round(minutes / 60)} h`;
}
