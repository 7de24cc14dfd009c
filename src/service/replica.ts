/** The replica's cycle: ask the store what is new, apply it, and compare all rows now and then. */
import type {PollResult} from '../engine/poll.ts';
import {isEngineError} from '../kernel/errors.ts';
import type {Position} from '../kernel/position.ts';
import {pauseAfter} from './backoff.ts';
import type {Clock} from './clock.ts';
import type {Done, ReplicaEngine, RoleCycle, RoleFacts} from './cycle.ts';
import {failureOf, kindOf} from './failure.ts';

export type ReplicaOptions = {
  readonly engine: ReplicaEngine;
  readonly clock: Clock;
  readonly intervalMs: number;
  /** Undefined: rows are compared at the start and with new snapshots only. */
  readonly driftEveryMs: number | undefined;
  readonly staleAfterMs: number;
};

/** A snapshot that could not be applied: it is tried again ever more seldom, while newer ones are looked for as ever. */
type Refused = {
  readonly digest: string;
  readonly error: unknown;
  readonly inRow: number;
  readonly againMs: number;
};

export class Replica implements RoleCycle {
  readonly #options: ReplicaOptions;
  #polled: PollResult | undefined;
  #isWaiting = false;
  /** When all rows were last compared. */
  #comparedMs: number | undefined;
  #refused: Refused | undefined;
  #sign: {readonly signs: string; readonly sinceMs: number; readonly isNew: boolean} | undefined;
  /** When the last two looks at the store that succeeded began. */
  #looked: {readonly beforeMs: number | undefined; readonly lastMs: number} | undefined;
  #drift: number | undefined;
  #isRecalled = false;
  /** The sign of life up to which all was done. */
  #asOfMs: number | undefined;

  constructor(options: ReplicaOptions) {
    this.#options = options;
  }

  async cycle(signal: AbortSignal, isAsked: boolean): Promise<Done> {
    const done = await this.#cycle(signal, isAsked);
    this.#asOfMs = this.#sign?.sinceMs;
    return done;
  }

  async #cycle(signal: AbortSignal, isAsked: boolean): Promise<Done> {
    if (!this.#isRecalled) await this.#recall();
    const polled = await this.#poll(signal);
    if (polled === undefined) return {did: 'looked', isWaiting: true};
    if (polled.newest === null) return this.#withoutSnapshot(polled, signal);
    await this.#hear(polled);
    if (!isAsked && !this.#isDue(polled)) return {did: 'looked', isWaiting: false};
    const refused = isAsked ? undefined : this.#stillRefused(polled.newest);
    if (refused !== undefined) return {did: 'refused', error: refused.error, isTried: false};
    await this.#scan(polled, signal);
    return this.#replicate(polled.newest, signal);
  }

  /** Of a history that was here, and is there no more, `replicate` says what is wrong. */
  async #withoutSnapshot({position}: PollResult, signal: AbortSignal): Promise<Done> {
    if (position === null) return {did: 'looked', isWaiting: true};
    return {did: 'replicated', result: await this.#options.engine.replicate(signal)};
  }

  /** Before local edits are put back, they are counted; after a new snapshot nobody could tell them from what it brought. */
  async #scan({position, newest}: PollResult, signal: AbortSignal): Promise<void> {
    if (position?.trusted !== true || position.digest !== newest?.digest) return;
    try {
      this.#drift = await this.#options.engine.drift(signal);
    } catch (error) {
      if (!isEngineError(error)) throw error;
      this.#drift = undefined; // what keeps it from that keeps it from replicating, and is told then
    }
  }

  /** Undefined where there is no store yet: only a capture makes one. One that was there is missed. */
  async #poll(signal: AbortSignal): Promise<PollResult | undefined> {
    const {engine, clock} = this.#options;
    const beganMs = clock.monotonic();
    try {
      this.#polled = await engine.poll(signal);
      this.#looked = {beforeMs: this.#looked?.lastMs, lastMs: beganMs};
      this.#isWaiting = this.#polled.newest === null && this.#polled.position === null;
      return this.#polled;
    } catch (error) {
      const isKnown = this.#polled !== undefined || this.#sign !== undefined;
      if (!isEngineError(error, 'STORE_MISSING') || isKnown) throw error;
      this.#isWaiting = true;
      return undefined;
    }
  }

  #isDue({newest, position, held, isUnfinished}: PollResult): boolean {
    if (isUnfinished || this.#comparedMs === undefined) return true;
    if (held !== null && position?.digest === newest?.digest) return false;
    if (position?.trusted !== true || position.digest !== newest?.digest) return true;
    const {clock, driftEveryMs} = this.#options;
    return driftEveryMs !== undefined && clock.monotonic() - this.#comparedMs >= driftEveryMs;
  }

  async #replicate(newest: Position, signal: AbortSignal): Promise<Done> {
    const {engine, clock} = this.#options;
    try {
      const result = await engine.replicate(signal);
      this.#refused = undefined;
      if (result.proof === 'full') this.#comparedMs = clock.monotonic();
      this.#polled = this.#polled && {
        ...this.#polled,
        position: {...positionOf(result), trusted: true},
        conflicts: result.conflicts.filter(({open}) => open).length,
        held: null,
        isUnfinished: false,
      };
      return {did: 'replicated', result};
    } catch (error) {
      if (!this.#refuse(newest, error)) throw error;
      return {did: 'refused', error, isTried: true};
    }
  }

  /** False for what may be over the next time: then the loop slows down. Else it goes on looking for a newer snapshot. */
  #refuse({digest}: Position, error: unknown): boolean {
    const {clock, intervalMs} = this.#options;
    const kind = kindOf(failureOf(error).code);
    if (kind === 'passing' || kind === 'waiting') return false;
    const inRow = this.#refused?.digest === digest ? this.#refused.inRow + 1 : 1;
    const againMs = clock.monotonic() + pauseAfter(intervalMs, {kind, inRow});
    this.#refused = {digest, error, inRow, againMs};
    return true;
  }

  #stillRefused({digest}: Position): Refused | undefined {
    const refused = this.#refused;
    const isNow = refused?.digest === digest && this.#options.clock.monotonic() < refused.againMs;
    return isNow ? refused : undefined;
  }

  /**
   * A sign of life counts from the last look that did not show it yet, by the monotonic clock of this process: however long the store
   * could not be read since, it may be as old as that.
   */
  async #hear({signs}: PollResult): Promise<void> {
    const {engine, clock} = this.#options;
    if (this.#sign?.signs === signs) return;
    const nowMs = clock.monotonic();
    const before = this.#looked?.beforeMs;
    const sinceMs = before ?? nowMs;
    const at = new Date(clock.wall().getTime() - (nowMs - sinceMs)).toISOString();
    await engine.note({signs, at});
    this.#sign = {signs, sinceMs, isNew: before !== undefined};
  }

  /** Of the sign that an earlier process saw last, the wall clock says how long ago that was; also where the store cannot be read now. */
  async #recall(): Promise<void> {
    const {engine, clock} = this.#options;
    const before = await engine.heard();
    this.#isRecalled = true;
    if (before === undefined) return;
    const pastMs = Math.max(0, clock.wall().getTime() - Date.parse(before.at));
    this.#sign = {signs: before.signs, sinceMs: clock.monotonic() - pastMs, isNew: false};
  }

  facts(): RoleFacts {
    const position = this.#polled?.position;
    return {
      signMs: this.#sign?.sinceMs,
      asOfMs: this.#asOfMs,
      isSuspicious: this.#isSuspicious(),
      isWaiting: this.#isWaiting,
      held: this.#polled?.held ?? null,
      conflicts: this.#polled?.conflicts ?? 0,
      drift: this.#drift,
      position: position == null ? undefined : positionOf({...position, snapshot: position.digest}),
    };
  }

  get applied(): number | undefined {
    return this.#polled?.applied;
  }

  /** Before a sign came that was waited for, the time that the last one carries is all there is to go by. */
  #isSuspicious(): boolean {
    const {clock, staleAfterMs} = this.#options;
    const last = this.#polled?.lastSign;
    if (this.#sign === undefined || this.#sign.isNew || last == null) return false;
    return clock.wall().getTime() - Date.parse(last) > staleAfterMs;
  }

  async close(): Promise<void> {
    await this.#options.engine.close();
  }
}

function positionOf(result: {
  readonly lineage: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly snapshot: string;
}): Position {
  const {lineage, epoch, sequence, snapshot: digest} = result;
  return {lineage, epoch, sequence, digest};
}
