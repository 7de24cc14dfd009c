/** How late the event loop is, which is what anybody who waits for an answer feels. */
import {monitorEventLoopDelay} from 'node:perf_hooks';

/** Milliseconds between samples: twenty a second cost next to nothing. */
const SAMPLE_MS = 50;

export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({resolution: SAMPLE_MS});

  constructor() {
    this.#histogram.enable();
  }

  /** Seconds that 99 % of the samples since the last call stayed below. */
  p99(): number {
    const late = this.#histogram.percentile(99) / 1e9 - SAMPLE_MS / 1000; // each sample waits that long on purpose
    this.#histogram.reset();
    return Math.max(0, late);
  }

  stop(): void {
    this.#histogram.disable();
  }
}
