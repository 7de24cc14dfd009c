/** One instance that keeps going: cycle after cycle, until it is told to stop. */
import type {Log} from '../kernel/log.ts';
import {jittered, pauseAfter} from './backoff.ts';
import type {Care} from './care.ts';
import type {Clock} from './clock.ts';
import type {Done, RoleCycle} from './cycle.ts';
import {failureOf, kindOf, type Failure, type FailureKind} from './failure.ts';
import {reportOf, secondsOf} from './report.ts';
import type {LastCycle, Measures, StatusReport} from './source.ts';
import {verdictOf, type Facts, type Role, type Verdict} from './status.ts';
import {outcomeOf, Tally} from './tally.ts';

export type ServiceOptions = {
  readonly role: Role;
  readonly cycle: RoleCycle;
  readonly intervalMs: number;
  readonly staleAfterMs: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Looks after the store between cycles. */
  readonly care?: Care | undefined;
  /** Told after each cycle. What it throws is a fault of its own, and ends the service. */
  readonly onCycle?: (report: CycleReport) => void;
};

export type CycleReport = {
  /** ISO 8601. */
  readonly at: string;
  readonly ms: number;
  /** What was done; undefined where it failed. */
  readonly done: Done | undefined;
  readonly failure: Failure | undefined;
  readonly verdict: Verdict;
};

export class Service {
  readonly #options: ServiceOptions;
  readonly #startedMs: number;
  #doneMs: number | undefined;
  #failed:
    {readonly failure: Failure; readonly kind: FailureKind; readonly inRow: number} | undefined;
  /** What the last cycle that ended did not apply. */
  #refused: Failure | undefined;
  #wake = new AbortController();
  #isAsked = false;
  #last: CycleReport | undefined;
  readonly #tally = new Tally();
  /** When the rows were last found, or left, as they shall be. */
  #inStepMs: number | undefined;
  #succeededAt: number | undefined;

  constructor(options: ServiceOptions) {
    this.#options = options;
    this.#startedMs = options.clock.monotonic();
  }

  /** Runs until the signal fires; what is under way then ends in an orderly way first. */
  async run(signal: AbortSignal): Promise<void> {
    const {cycle, clock, care} = this.#options;
    try {
      await care?.start();
      while (!signal.aborted) {
        await this.#once(signal);
        if (!signal.aborted && this.#isWell()) await care?.tend(signal);
        if (signal.aborted) break;
        await this.#pause(signal, jittered(this.#pauseMs(), clock.random()));
      }
    } finally {
      await cycle.close();
    }
  }

  /** Whoever is fenced, held or cut off does not know what is needed in the store; where nothing is, there is nothing to do. */
  #isWell(): boolean {
    const isWaiting = this.#options.cycle.facts().isWaiting;
    return this.#failed === undefined && this.#refused === undefined && !isWaiting;
  }

  /** Has the next cycle begin at once, and put nothing off. One that is under way ends first. */
  trigger(): void {
    this.#isAsked = true;
    this.#wake.abort();
  }

  /** What is known now: the time that has passed counts. */
  facts(): Facts {
    const {role, cycle, staleAfterMs} = this.#options;
    return {
      ...cycle.facts(),
      role,
      staleAfterMs,
      startedMs: this.#startedMs,
      doneMs: this.#doneMs,
      failure: this.#failed?.failure,
      refused: this.#refused,
      troubles: [...(this.#options.care?.troubles ?? []), ...(cycle.troubles ?? [])],
    };
  }

  verdict(): Verdict {
    return verdictOf(this.facts(), this.#options.clock.monotonic());
  }

  /** All that a person may want to know of it. */
  status(): StatusReport {
    return reportOf({
      facts: this.facts(),
      nowMs: this.#options.clock.monotonic(),
      inStepMs: this.#inStepMs,
      lastCycle: this.#last && lastCycleOf(this.#last),
      lastApply: this.#tally.lastApply,
      proven: this.#options.care?.proven,
    });
  }

  measures(): Omit<Measures, 'notices' | 'reloads'> {
    const {signMs, conflicts, staleAfterMs} = this.facts();
    const nowMs = this.#options.clock.monotonic();
    return {
      counts: this.#tally.counts,
      care: this.#options.care?.runs ?? [],
      staleAfterSeconds: secondsOf(staleAfterMs),
      signAgeSeconds: signMs === undefined ? undefined : secondsOf(nowMs - signMs),
      conflicts,
      succeededAt: this.#succeededAt,
    };
  }

  async #once(signal: AbortSignal): Promise<void> {
    const {cycle, clock, onCycle} = this.#options;
    const isAsked = this.#isAsked;
    this.#isAsked = false;
    this.#wake = new AbortController();
    const at = clock.wall().toISOString();
    const beganMs = clock.monotonic();
    let done: Done | undefined;
    try {
      done = await cycle.cycle(signal, isAsked);
      this.#succeeded(done);
    } catch (error) {
      if (signal.aborted) return; // it was told to end
      this.#fail(failureOf(error));
    }
    const ms = Math.round(clock.monotonic() - beganMs);
    const failure = this.#failed?.failure ?? this.#refused;
    const report = {at, ms, done, failure, verdict: this.verdict()};
    this.#tell(report);
    this.#last = report;
    this.#tally.add(report);
    onCycle?.(report);
  }

  #succeeded(done: Done): void {
    const {clock, cycle} = this.#options;
    this.#doneMs = clock.monotonic();
    this.#succeededAt = secondsOf(clock.wall().getTime());
    this.#failed = undefined;
    this.#refused = done.did === 'refused' ? failureOf(done.error) : undefined;
    const {isWaiting, held} = cycle.facts();
    if (!isWaiting && held === null && this.#refused === undefined) this.#inStepMs = this.#doneMs;
  }

  #fail(failure: Failure): void {
    const kind = kindOf(failure.code);
    const inRow = this.#failed?.kind === kind ? this.#failed.inRow + 1 : 1;
    this.#failed = {failure, kind, inRow};
  }

  #pauseMs(): number {
    return pauseAfter(this.#options.intervalMs, this.#failed);
  }

  async #pause(signal: AbortSignal, ms: number): Promise<void> {
    await this.#options.clock.sleep(ms, AbortSignal.any([signal, this.#wake.signal]));
  }

  /** One line per cycle, and one more where the status became bad. What is refused is told in full when it is tried. */
  #tell({ms, done, failure, verdict}: CycleReport): void {
    const {log} = this.#options;
    const {status} = verdict;
    const isNews = this.#last?.verdict.status !== status;
    const isOldNews = done?.did === 'refused' && !done.isTried && !isNews;
    if (failure !== undefined && !isOldNews) {
      log.warn(failure.message, {status, code: failure.code, hint: failure.hint, ms});
      return;
    }
    log.info('cycle', {status, ms, ...fieldsOf(done)});
    if (isNews && status !== 'ok') log.warn(verdict.reason, {status});
  }
}

function lastCycleOf({at, ms, done, failure}: CycleReport): LastCycle {
  const outcome = outcomeOf(done, failure);
  return {at, seconds: secondsOf(ms), outcome, failure: failure ?? null};
}

function fieldsOf(done: Done | undefined): Readonly<Record<string, string | number | boolean>> {
  if (done === undefined) return {};
  const {did} = done;
  switch (did) {
    case 'nothing':
    case 'beat':
    case 'looked':
    case 'refused':
      return {did};
    case 'captured': {
      const {changed, sequence, epoch, snapshot, tables} = done.result;
      return {did, changed, sequence, epoch, snapshot: snapshot.slice(0, 12), ...sums(tables)};
    }
    case 'replicated': {
      const {applied, sequence, epoch, snapshot, tables, proof} = done.result;
      return {
        did,
        applied,
        sequence,
        epoch,
        snapshot: snapshot.slice(0, 12),
        proof,
        ...sums(tables),
      };
    }
  }
}

type Counts = {readonly inserted: number; readonly updated: number; readonly deleted: number};

function sums(tables: Readonly<Record<string, Counts>>): Counts {
  const all = Object.values(tables);
  const sum = (of: (counts: Counts) => number): number => all.reduce((n, one) => n + of(one), 0);
  return {
    inserted: sum(({inserted}) => inserted),
    updated: sum(({updated}) => updated),
    deleted: sum(({deleted}) => deleted),
  };
}
