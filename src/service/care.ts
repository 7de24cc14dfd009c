/** Care for the store, between cycles: what is due by its rhythm, one task at a time, so that no cycle waits for more than one. */
import type {CareNotes, CareTask, TaskNote} from '../engine/care-notes.ts';
import type {DrillResult} from '../engine/drill.ts';
import type {PruneResult} from '../engine/store-care.ts';
import {RUN_CARE_RETRY_MS, RUN_CHECK_PARTS, RUN_PASSING_PAUSE_MAX_MS} from '../kernel/limits.ts';
import type {Log, LogFields} from '../kernel/log.ts';
import {jittered} from './backoff.ts';
import type {Clock} from './clock.ts';
import {failureOf, kindOf, type Failure} from './failure.ts';
import {spoken} from './status.ts';

/** What it needs of the engine. */
export type CareEngine = {
  prune(signal: AbortSignal, now: Date): Promise<PruneResult>;
  check(signal: AbortSignal, part: {readonly number: number; readonly of: number}): Promise<void>;
  drill(signal: AbortSignal): Promise<DrillResult>;
  /** What earlier processes noted, and this one does. */
  notes(): Promise<CareNotes>;
  keep(notes: CareNotes): Promise<void>;
};

export type CareOptions = {
  readonly engine: CareEngine;
  readonly clock: Clock;
  readonly log: Log;
  /** Milliseconds that one task may keep the cycles waiting. */
  readonly limitMs: number;
  /** Milliseconds between runs; a task that is not named is not done. */
  readonly everyMs: {readonly [task in CareTask]?: number | undefined};
};

export type CareOutcome = 'done' | 'failed' | 'interrupted';

export type CareRuns = {
  readonly task: CareTask;
  readonly outcome: CareOutcome;
  readonly runs: number;
};

/** When a task last began: by the monotonic clock, which may have been before this process; and how long it rests after that. */
type Rest = {readonly sinceMs: number; readonly waitMs: number; readonly isOfThisProcess: boolean};

const TASKS: readonly CareTask[] = ['drill', 'prune', 'check'];

export class Care {
  readonly #options: CareOptions;
  readonly #rests = new Map<CareTask, Rest>();
  readonly #runs = new Map<string, CareRuns>();
  #notes: CareNotes | undefined;
  #isNoted = true;

  constructor(options: CareOptions) {
    this.#options = options;
  }

  /** Does what is most due, if anything is. Never throws: replication goes on in any case. */
  async tend(signal: AbortSignal): Promise<void> {
    try {
      await this.#begin();
      await this.#flush();
      const [due] = this.#due();
      if (due !== undefined) await this.#run(due, signal);
    } catch (error) {
      this.#putOff(error);
    }
  }

  /** Reads what was noted, so that it is told from the start. Never throws. */
  async start(): Promise<void> {
    try {
      await this.#begin();
    } catch (error) {
      this.#putOff(error);
    }
  }

  /** Notes could not be read or written: another command works on the state. What is due is so still. */
  #putOff(error: unknown): void {
    const {code, message} = failureOf(error);
    this.#options.log.debug('no care for the store now', {code, message});
  }

  async #begin(): Promise<void> {
    if (this.#notes !== undefined) return;
    const {engine, clock} = this.#options;
    const notes = await engine.notes();
    const now = clock.wall();
    const tasks: {[task in CareTask]?: TaskNote | undefined} = {...notes.tasks};
    for (const task of this.#tasks()) {
      const noted = tasks[task];
      // A new repository has nothing to prune or to check, but something to prove.
      if (noted === undefined && task === 'drill') continue;
      const at = noted?.at ?? now.toISOString();
      // The clock was set back since: what lies in the future would never be due.
      const isAhead = Date.parse(at) > now.getTime();
      const begun = {ended: true, failure: null, ...noted, at: isAhead ? now.toISOString() : at};
      tasks[task] = begun;
      this.#isNoted &&= noted?.at === begun.at;
      const pastMs = now.getTime() - Date.parse(begun.at);
      this.#rest(task, {sinceMs: clock.monotonic() - pastMs, isOfThisProcess: false}, begun);
    }
    this.#notes = {...notes, tasks};
  }

  /** When a snapshot was last restored and proved, ISO 8601. */
  get proven(): string | undefined {
    return this.#notes?.proven;
  }

  /** What failed, and did not succeed since, one sentence each. */
  get troubles(): readonly string[] {
    return this.#tasks().flatMap((task) => {
      const failure = this.#notes?.tasks[task]?.failure;
      return failure == null ? [] : [`${NAMES[task]} failed: ${failure}`];
    });
  }

  /** Of this process. */
  get runs(): readonly CareRuns[] {
    return [...this.#runs.values()];
  }

  #tasks(): readonly CareTask[] {
    return TASKS.filter((task) => this.#options.everyMs[task] !== undefined);
  }

  /** What began longest ago comes first: a task that fails again and again keeps none of the others away. */
  #due(): readonly CareTask[] {
    const sinceMs = (task: CareTask): number => this.#rests.get(task)?.sinceMs ?? -Infinity;
    const due = this.#tasks().filter((task) => this.#isDue(task));
    return due.sort((a, b) => sinceMs(a) - sinceMs(b));
  }

  /**
   * The wall clock counts, too: the monotonic one may stand still while the machine sleeps. Set forward, it has each task run once,
   * and set back, none wait for longer than they would have.
   */
  #isDue(task: CareTask): boolean {
    const {clock} = this.#options;
    const rest = this.#rests.get(task);
    if (rest === undefined) return true;
    const passedMs = clock.monotonic() - rest.sinceMs;
    const at = Date.parse(this.#noted().tasks[task]?.at ?? '');
    const byClockMs = clock.wall().getTime() - at;
    if (rest.isOfThisProcess && passedMs < rest.waitMs / 2) return false;
    return Math.max(passedMs, byClockMs) >= rest.waitMs;
  }

  async #run(task: CareTask, signal: AbortSignal): Promise<void> {
    const {clock, log, limitMs} = this.#options;
    const before = this.#noted().tasks[task];
    const at = clock.wall().toISOString();
    const beganMs = clock.monotonic();
    // Noted before: a task that takes the process with it must not be what each start begins with.
    const begun = this.#with(task, {at, ended: false, failure: before?.failure ?? null});
    await this.#options.engine.keep(begun);
    this.#notes = begun;
    let failure: Failure | undefined;
    let done: LogFields = {};
    const limit = AbortSignal.timeout(limitMs);
    try {
      done = await this.#do(task, AbortSignal.any([signal, limit]));
    } catch (error) {
      failure = limit.aborted ? tooLong(limitMs) : failureOf(error);
    }
    const ms = Math.round(clock.monotonic() - beganMs);
    if (failure !== undefined && signal.aborted) return this.#count(task, 'interrupted');
    const noted = {at, ended: true, failure: failure?.message ?? null};
    this.#rest(task, {sinceMs: beganMs, isOfThisProcess: true}, noted, failure);
    this.#count(task, failure === undefined ? 'done' : 'failed');
    if (failure === undefined) log.info('care', {task, ms, ...done});
    else log.warn(failure.message, {task, ms, code: failure.code, hint: failure.hint});
    this.#notes = this.#with(task, noted);
    this.#isNoted = false;
    await this.#flush();
  }

  /** @returns What is told of it. */
  async #do(task: CareTask, signal: AbortSignal): Promise<LogFields> {
    const {engine, clock} = this.#options;
    switch (task) {
      case 'prune': {
        const {forgotten, kept} = await engine.prune(signal, clock.wall());
        return {forgotten, kept};
      }
      case 'check': {
        const number = ((this.#noted().part ?? 0) % RUN_CHECK_PARTS) + 1;
        await engine.check(signal, {number, of: RUN_CHECK_PARTS});
        this.#notes = {...this.#noted(), part: number};
        return {part: `${number}/${RUN_CHECK_PARTS}`};
      }
      case 'drill': {
        const {sequence, epoch, snapshot} = await engine.drill(signal);
        this.#notes = {...this.#noted(), proven: clock.wall().toISOString()};
        return {sequence, epoch, snapshot: snapshot.slice(0, 12)};
      }
    }
  }

  #rest(
    task: CareTask,
    since: Pick<Rest, 'sinceMs' | 'isOfThisProcess'>,
    {ended, failure}: TaskNote,
    why?: Failure,
  ): void {
    const {everyMs, clock} = this.#options;
    const isPassing = why !== undefined && kindOf(why.code) === 'passing';
    const retryMs = isPassing ? RUN_PASSING_PAUSE_MAX_MS : RUN_CARE_RETRY_MS;
    const usualMs = everyMs[task] ?? retryMs;
    const restMs = ended && failure === null ? usualMs : Math.min(usualMs, retryMs);
    this.#rests.set(task, {...since, waitMs: jittered(restMs, clock.random())});
  }

  #count(task: CareTask, outcome: CareOutcome): void {
    const key = `${task} ${outcome}`;
    this.#runs.set(key, {task, outcome, runs: (this.#runs.get(key)?.runs ?? 0) + 1});
  }

  #noted(): CareNotes {
    return this.#notes ?? {tasks: {}};
  }

  #with(task: CareTask, note: TaskNote): CareNotes {
    const notes = this.#noted();
    return {...notes, tasks: {...notes.tasks, [task]: note}};
  }

  async #flush(): Promise<void> {
    if (this.#isNoted) return;
    await this.#options.engine.keep(this.#noted());
    this.#isNoted = true;
  }
}

/** Rows count for more: no cycle runs meanwhile. */
function tooLong(limitMs: number): Failure {
  return {
    code: 'STORE_FAILED',
    message: `it was stopped after ${spoken(limitMs)}, as replication waits for it`,
    hint: 'Give Rowplica a repository of its own, or a longer staleAfter; or set the task off, and do it by hand.',
  };
}

const NAMES: Readonly<Record<CareTask, string>> = {
  prune: 'removing old snapshots',
  check: 'the check of the store',
  drill: 'the restore drill',
};
