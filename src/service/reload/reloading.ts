/** A role whose application is told of what each cycle applied, and watched for writing the old back. */
import {RELOAD_RETRY_MS, RELOAD_ROUNDS_MAX, RELOAD_SETTLE_MS} from '../../kernel/limits.ts';
import type {Log} from '../../kernel/log.ts';
import type {Clock} from '../clock.ts';
import type {Done, RoleCycle, RoleFacts} from '../cycle.ts';
import {failureOf} from '../failure.ts';
import type {Reloader} from './reloader.ts';

export type ReloadingOptions = {
  readonly cycle: RoleCycle;
  readonly reloader: Reloader;
  readonly clock: Clock;
  readonly log: Log;
  /** Has all rows compared soon. */
  readonly again: () => void;
};

/** Rows of a snapshot that were told, and are to be compared once more. */
type Check = {readonly snapshot: string; readonly rounds: number};

export class Reloading implements RoleCycle {
  readonly #options: ReloadingOptions;
  #isUntold = true;
  /** The last apply on record when it was looked for one; commands by hand write, and undo, beside the service. */
  #applied: number | undefined;
  #againMs = 0;
  #check: Check | undefined;
  /** Tables into which the application writes old values, however often it is told. */
  #stubborn: readonly string[] = [];
  #fault: string | undefined;

  constructor(options: ReloadingOptions) {
    this.#options = options;
  }

  async cycle(signal: AbortSignal, isAsked: boolean): Promise<Done> {
    await this.#options.reloader.begin();
    await this.#options.reloader.settle();
    const done = await this.#options.cycle.cycle(signal, isAsked);
    const written = writtenIn(done);
    if (written.length > 0) [this.#isUntold, this.#againMs] = [true, 0];
    const {applied} = this.#options.cycle;
    if (applied !== this.#applied) [this.#isUntold, this.#applied] = [true, applied];
    const check = this.#checked(done, written, isAsked);
    if (this.#isUntold && this.#options.clock.monotonic() >= this.#againMs)
      await this.#tell(check, signal);
    return done;
  }

  /** Of a cycle that compared all rows after the application was told: what it wrote had been written back. */
  #checked(done: Done, written: readonly string[], isAsked: boolean): Check | undefined {
    if (done.did !== 'replicated') return undefined;
    const {snapshot} = done.result;
    const check = this.#check;
    const isSame = check?.snapshot === snapshot;
    if (!isSame && written.length > 0) this.#stubborn = [];
    if (!isSame || !isAsked) return undefined;
    this.#check = undefined;
    if (written.length === 0) {
      this.#stubborn = [];
      return undefined;
    }
    const {log} = this.#options;
    log.warn('the application wrote old values back', {tables: written.join(',')});
    const rounds = check.rounds + 1;
    if (rounds >= RELOAD_ROUNDS_MAX) this.#stubborn = written;
    return {snapshot, rounds};
  }

  /** A fault of the telling is none of the replication. */
  async #tell(check: Check | undefined, signal: AbortSignal): Promise<void> {
    const {reloader, clock, log} = this.#options;
    try {
      const came = await reloader.tell(signal);
      this.#isUntold = came === 'failed';
      this.#fault = undefined;
      if (came === 'changed') this.#lookAgain(check, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      const {code, message} = failureOf(error);
      log.warn(`the application could not be told: ${message}`, {code});
      this.#fault = message;
    }
    if (this.#isUntold) this.#againMs = clock.monotonic() + RELOAD_RETRY_MS;
  }

  #lookAgain(check: Check | undefined, signal: AbortSignal): void {
    const {position, held} = this.#options.cycle.facts();
    if (position === undefined || held !== null || this.#stubborn.length > 0) return;
    this.#check = check ?? {snapshot: position.digest, rounds: 0};
    const {clock, again} = this.#options;
    void clock.sleep(RELOAD_SETTLE_MS, signal).then(() => {
      if (!signal.aborted) again();
    });
  }

  facts(): RoleFacts {
    return this.#options.cycle.facts();
  }

  get troubles(): readonly string[] {
    const {restartDue} = this.#options.reloader.report;
    const due = restartDue === null ? [] : [`the application has to be restarted: ${restartDue}`];
    const fault = this.#fault === undefined ? [] : [`the application was not told: ${this.#fault}`];
    const stubborn = this.#stubborn.map(
      (table) => `the application writes old values back into table "${table}"`,
    );
    return [...stubborn, ...due, ...fault];
  }

  async close(): Promise<void> {
    await this.#options.cycle.close();
  }
}

function writtenIn(done: Done): readonly string[] {
  if (done.did !== 'replicated') return [];
  return Object.entries(done.result.tables)
    .filter(([, {inserted, updated, deleted}]) => inserted + updated + deleted > 0)
    .map(([table]) => table);
}
