/** Looks at both services all the time, and holds what they say against what is true. */
import {setTimeout as pause} from 'node:timers/promises';
import {memoryOf} from '../helpers/proc.ts';
import type {Answer, Instance, Role} from './instance.ts';
import type {Judge} from './judge.ts';
import type {Ledger} from './ledger.ts';
import type {MemorySample} from './memory.ts';
import {sharedMs} from './tables.ts';

const LOOK_MS = 300;
const MEASURE_MS = 5_000;
/** Milliseconds by which rows may be older than the limit, besides the longest cycle of late: pauses, answers, and how often it is looked. */
const ALLOWANCE_MS = 6_000;
/** Cycles of as long ago count. */
const LATE_MS = 60_000;

type WatcherOptions = {
  readonly primary: Instance;
  readonly replica: Instance;
  readonly ledger: Ledger;
  readonly judge: Judge;
  readonly staleAfterMs: number;
  readonly onWrong: (text: string) => void;
};

export class Watcher {
  readonly memory: MemorySample[] = [];
  readonly loopDelays: {readonly role: Role; readonly seconds: number}[] = [];
  /** Milliseconds; the oldest rows beside which a service said that all is well, and the limit that held then. */
  readonly oldestGreen = {primary: 0, replica: 0};
  polls = 0;
  statesSeen = 0;
  judged = 0;
  readonly statuses = new Map<string, number>();
  readonly #options: WatcherOptions;
  #isEnded = false;
  #stamp: number | undefined;
  #measuredMs = 0;
  #standingStillMs = 0;

  constructor(options: WatcherOptions) {
    this.#options = options;
  }

  /** Runs until `end`. */
  async run(): Promise<void> {
    while (!this.#isEnded) {
      await this.#look();
      await pause(LOOK_MS);
    }
  }

  end(): void {
    this.#isEnded = true;
  }

  /** Restic stood still, or waited for a lock, for this long: what it stores then is as old. */
  stoodStill(ms: number): void {
    this.#standingStillMs = Math.max(this.#standingStillMs, ms);
  }

  /** All that stood still is over, and everything is new again. */
  forgetStandingStill(): void {
    this.#standingStillMs = 0;
  }

  async #look(): Promise<void> {
    const {primary, replica} = this.#options;
    const [ofPrimary, ofReplica] = await Promise.all([primary.ask(), replica.ask()]);
    this.polls++;
    this.#lookAtRows();
    if (ofReplica !== undefined) this.#holdReplica(ofReplica);
    if (ofPrimary !== undefined) await this.#holdPrimary(ofPrimary);
    if (sharedMs() - this.#measuredMs < MEASURE_MS) return;
    this.#measuredMs = sharedMs();
    await Promise.all([primary, replica].map((instance) => this.#measure(instance)));
  }

  /** Every state that the replica shows is one that the primary had, in all of its rows. */
  #lookAtRows(): void {
    const {replica, ledger, onWrong} = this.#options;
    const stamp = replica.stamp();
    if (stamp === undefined || stamp === this.#stamp) return;
    const content = replica.content();
    this.#stamp = content.stamp;
    this.statesSeen++;
    if (content.stamp !== undefined && ledger.digest(content.stamp) !== content.digest)
      onWrong(`the replica's rows at state ${content.stamp} are not those that the primary had`);
  }

  #holdReplica({askedMs, isHealthy, report}: Answer): void {
    const {replica, ledger, staleAfterMs, onWrong} = this.#options;
    this.#count('replica', report.status);
    if (this.#stamp === undefined) return;
    const ageMs = ledger.ageOf(this.#stamp, askedMs);
    const limitMs = staleAfterMs + this.#allowanceMs(askedMs);
    const isOk = report.status === 'ok';
    if (isOk && ageMs > staleAfterMs)
      replica.note(`ok beside rows of ${seconds(ageMs)}, at most ${seconds(limitMs)}`);
    if (isOk) this.oldestGreen.replica = Math.max(this.oldestGreen.replica, ageMs);
    if (ageMs <= limitMs) return;
    const rows = `while its rows have been another state for ${seconds(ageMs)}, beyond ${seconds(limitMs)}`;
    if (isOk) onWrong(`the replica says ok ${rows}`);
    else if (isHealthy && askedMs - replica.startedMs > limitMs)
      onWrong(`/healthz of the replica (${report.status}) is 200 ${rows}`);
  }

  async #holdPrimary({askedMs, isHealthy, report}: Answer): Promise<void> {
    const {primary, ledger, judge, staleAfterMs, onWrong} = this.#options;
    this.#count('primary', report.status);
    const limitMs = staleAfterMs + this.#allowanceMs(askedMs);
    const isLong = askedMs - primary.startedMs > limitMs;
    if (report.status !== 'ok' && !(isHealthy && isLong)) return;
    const stored = this.#stamp ?? 0;
    let ageMs = ledger.ageOf(stored, askedMs);
    if (ageMs > limitMs) {
      // The replica may be behind: what does the snapshot hold that the primary speaks of?
      this.judged++;
      const found = await judge.stampIn(report.position?.digest);
      if (found === undefined) return; // the store cannot be read now
      ageMs = ledger.ageOf(Math.max(stored, found), askedMs);
    }
    if (report.status === 'ok')
      this.oldestGreen.primary = Math.max(this.oldestGreen.primary, ageMs);
    if (ageMs > limitMs)
      onWrong(
        `the primary says ${report.status} (/healthz ${isHealthy ? 200 : 503}) while edits of ${seconds(ageMs)} ago are in no snapshot, beyond ${seconds(limitMs)}`,
      );
  }

  /** A cycle begins with what is true then. */
  #allowanceMs(nowMs: number): number {
    const {primary, replica} = this.#options;
    const longest = (instance: Instance): number =>
      Math.max(
        0,
        ...instance.cycles.filter(({endedMs}) => endedMs > nowMs - LATE_MS).map(({ms}) => ms),
      );
    return ALLOWANCE_MS + Math.max(longest(primary), longest(replica), this.#standingStillMs);
  }

  #count(role: Role, status: string): void {
    const name = `${role} ${status}`;
    this.statuses.set(name, (this.statuses.get(name) ?? 0) + 1);
  }

  async #measure(instance: Instance): Promise<void> {
    const {role, pid} = instance;
    const memory = pid === undefined ? undefined : memoryOf(pid);
    if (pid !== undefined && memory !== undefined)
      this.memory.push({role, pid, atMs: sharedMs(), mb: memory.nowMb});
    const delay = await instance.loopDelay();
    if (delay !== undefined) this.loopDelays.push({role, seconds: delay});
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
