/** The primary's cycle: look whether anything was committed, capture what changed, and say now and then that it is alive. */
import type {Look} from '../engine/watch.ts';
import {RUN_ALIVE_SHARE} from '../kernel/limits.ts';
import type {Position} from '../kernel/position.ts';
import type {Clock} from './clock.ts';
import type {Done, PrimaryEngine, RoleCycle, RoleFacts} from './cycle.ts';

export type PrimaryOptions = {
  readonly engine: PrimaryEngine;
  readonly clock: Clock;
  readonly staleAfterMs: number;
};

export class Primary implements RoleCycle {
  readonly #engine: PrimaryEngine;
  readonly #clock: Clock;
  readonly #aliveEveryMs: number;
  #position: Position | undefined;
  /** When the store last heard of this instance. */
  #spokeMs: number | undefined;

  constructor({engine, clock, staleAfterMs}: PrimaryOptions) {
    this.#engine = engine;
    this.#clock = clock;
    this.#aliveEveryMs = staleAfterMs * RUN_ALIVE_SHARE;
  }

  /** Where nothing was committed since the last one, it reads no row, and asks the store only when a sign of life is due. */
  async cycle(signal: AbortSignal, isAsked: boolean): Promise<Done> {
    const look = await this.#engine.look(signal);
    if (look !== 'different' && !isAsked && !this.#isSilent()) return {did: 'nothing'};
    try {
      return await this.#speak(look, signal);
    } catch (error) {
      this.#spokeMs = undefined; // another primary, or a store that does not answer: quiet looks do not make that well
      throw error;
    }
  }

  async #speak(look: Look, signal: AbortSignal): Promise<Done> {
    if (look === 'different') return this.#capture(signal);
    // Another primary is found out by this, too.
    const position = await this.#engine.beat(signal);
    if (position === undefined) return this.#capture(signal);
    this.#position = position;
    this.#spokeMs = this.#clock.monotonic();
    return {did: 'beat'};
  }

  async #capture(signal: AbortSignal): Promise<Done> {
    const result = await this.#engine.capture(signal);
    const {lineage, epoch, sequence, snapshot: digest} = result;
    this.#position = {lineage, epoch, sequence, digest};
    if (result.changed) this.#spokeMs = this.#clock.monotonic();
    return {did: 'captured', result};
  }

  #isSilent(): boolean {
    const spoke = this.#spokeMs;
    return spoke === undefined || this.#clock.monotonic() - spoke >= this.#aliveEveryMs;
  }

  facts(): RoleFacts {
    return {
      signMs: undefined,
      asOfMs: undefined,
      isSuspicious: false,
      isWaiting: false,
      held: null,
      conflicts: 0,
      drift: undefined,
      position: this.#position,
    };
  }

  async close(): Promise<void> {
    await this.#engine.close();
  }
}
