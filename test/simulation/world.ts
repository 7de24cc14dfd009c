/**
 * Virtual time. Tasks run one at a time, from one sleep to the next, in an order that the seed alone decides: whatever files and
 * databases they use meanwhile, a world with the same seed goes the same way.
 */
export class World {
  /** Milliseconds since it began. */
  nowMs = 0;
  readonly #random: () => number;
  #order = 0;
  readonly #sleepers: Sleeper[] = [];
  /** Resolved when the task that runs goes to sleep, or ends. */
  #rests: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(seed: number) {
    this.#random = generator(seed);
  }

  /** At least 0, below 1. */
  random(): number {
    return this.#random();
  }

  /** An integer of the range, both ends included. */
  between(from: number, to: number): number {
    return from + Math.floor(this.random() * (to - from + 1));
  }

  chance(share: number): boolean {
    return this.random() < share;
  }

  pick<T>(list: readonly T[]): T {
    const found = list[this.between(0, list.length - 1)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  }

  /** Called by a task. Ends early once the signal fires. */
  async sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return;
    const sleeper = this.#add(this.nowMs + ms);
    const hurry = (): void => void (sleeper.atMs = Math.min(sleeper.atMs, this.nowMs));
    signal?.addEventListener('abort', hurry);
    this.#rests.resolve();
    await sleeper.woken.promise;
    signal?.removeEventListener('abort', hurry);
  }

  /** A task that begins by itself, after a while. What it throws ends the world. */
  spawn(afterMs: number, task: () => Promise<void> | void): void {
    const sleeper = this.#add(this.nowMs + afterMs);
    void sleeper.woken.promise.then(task).then(
      () => this.#rests.resolve(),
      (error: unknown) => this.#rests.reject(error),
    );
  }

  /** Lets time go by. @param afterEach Told after every step of a task. */
  async runUntil(endMs: number, afterEach: () => void): Promise<void> {
    for (let next = this.#next(endMs); next !== undefined; next = this.#next(endMs)) {
      this.nowMs = Math.max(this.nowMs, next.atMs);
      this.#rests = Promise.withResolvers();
      next.woken.resolve();
      await this.#rests.promise;
      afterEach();
    }
    this.nowMs = Math.max(this.nowMs, endMs);
  }

  #add(atMs: number): Sleeper {
    const sleeper = {atMs, order: this.#order++, woken: Promise.withResolvers<void>()};
    this.#sleepers.push(sleeper);
    return sleeper;
  }

  #next(endMs: number): Sleeper | undefined {
    this.#sleepers.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
    const [first] = this.#sleepers;
    if (first === undefined || first.atMs > endMs) return undefined;
    return this.#sleepers.shift();
  }
}

type Sleeper = {
  atMs: number;
  readonly order: number;
  readonly woken: PromiseWithResolvers<void>;
};

/** mulberry32: small, and good enough to draw from. */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
