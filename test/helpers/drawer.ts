/** Chance that a seed decides. */
import {assert} from '../../src/kernel/assert.ts';

/** Gives numbers from 0 up to 1. */
export type Draw = () => number;

/** The same seed gives the same numbers (mulberry32). */
export function drawer(seed: number): Draw {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}

export function pick<T>(draw: Draw, from: readonly T[]): T {
  assert(from.length > 0, 'there is something to choose from');
  return from[Math.floor(draw() * from.length)] as T;
}
