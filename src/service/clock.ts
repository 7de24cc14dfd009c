/** Time and chance, as the service takes them: tests put others in their place. */
import {setTimeout as pause} from 'node:timers/promises';

export type Clock = {
  /** Milliseconds since some moment; they never go back, and run on while the wall clock is set. */
  monotonic(): number;
  /** The time of day, for people and for what has to outlast a restart. It may jump. */
  wall(): Date;
  /** At least 0, below 1. */
  random(): number;
  /** Ends early, without an error, once the signal fires. */
  sleep(ms: number, signal: AbortSignal): Promise<void>;
};

/** A timer for longer fires at once. */
const TIMER_MS_MAX = 2 ** 31 - 1;

export const systemClock: Clock = {
  monotonic: () => performance.now(),
  wall: () => new Date(),
  random: () => Math.random(),
  sleep: async (ms, signal) => {
    try {
      for (let leftMs = ms; leftMs > 0; leftMs -= TIMER_MS_MAX)
        await pause(Math.min(leftMs, TIMER_MS_MAX), undefined, {signal});
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  },
};
