/** A clock that stands still until it is told to go on. */
import type {Clock} from '../../src/service/clock.ts';

export class VirtualClock implements Clock {
  #nowMs = 0;
  /** What the wall clock shows beside the time that has passed: it may be set. */
  wallOffsetMs: number = Date.parse('2026-03-01T00:00:00Z');

  advance(ms: number): void {
    this.#nowMs += ms;
  }

  monotonic(): number {
    return this.#nowMs;
  }

  wall(): Date {
    return new Date(this.#nowMs + this.wallOffsetMs);
  }

  random(): number {
    return 0.5;
  }

  async sleep(ms: number): Promise<void> {
    this.#nowMs += ms;
    await Promise.resolve();
  }
}
