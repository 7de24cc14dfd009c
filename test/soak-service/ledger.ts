/** What the primary's rows were, and when: the truth that services are held against. */

type State = {readonly digest: string; readonly sinceMs: number};

export class Ledger {
  readonly #states = new Map<number, State>();
  #last = 0;

  add(stamp: number, state: State): void {
    this.#states.set(stamp, state);
    this.#last = Math.max(this.#last, stamp);
  }

  get last(): number {
    return this.#last;
  }

  /** Of all replicated rows; undefined for a state that there never was. */
  digest(stamp: number): string | undefined {
    return this.#states.get(stamp)?.digest;
  }

  /** Milliseconds for which the primary's rows have been others than these; 0 where they still are the same. */
  ageOf(stamp: number, nowMs: number): number {
    const next = this.#states.get(stamp + 1);
    return next === undefined ? 0 : Math.max(0, nowMs - next.sinceMs);
  }
}
