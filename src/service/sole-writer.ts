/** A role that begins only once no other tool writes to its store: each would take the other's snapshots for something else. */
import type {Done, RoleCycle, RoleFacts} from './cycle.ts';

export class SoleWriter implements RoleCycle {
  readonly #cycle: RoleCycle;
  readonly #check: (signal: AbortSignal) => Promise<void>;
  #isAlone = false;

  /** @param check Throws while there is another; asked until it does not, and then no more, so that cycles cost what they did. */
  constructor(cycle: RoleCycle, check: (signal: AbortSignal) => Promise<void>) {
    this.#cycle = cycle;
    this.#check = check;
  }

  async cycle(signal: AbortSignal, isAsked: boolean): Promise<Done> {
    if (!this.#isAlone) await this.#check(signal);
    this.#isAlone = true;
    return this.#cycle.cycle(signal, isAsked);
  }

  facts(): RoleFacts {
    return this.#cycle.facts();
  }

  async close(): Promise<void> {
    await this.#cycle.close();
  }
}
