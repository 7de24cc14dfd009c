/** The tools that Rowplica takes the place of. */
import type {Inheritance, Predecessor, Surroundings} from './predecessor.ts';
import {replicatorKuma} from './uptime-kuma/drop-in.ts';

const PREDECESSORS: readonly Predecessor[] = [replicatorKuma];

/** What the variables of the first of them say that has any. @throws {EngineError} `CONFIG_INVALID`. */
export function inheritanceOf(surroundings: Surroundings): Inheritance | undefined {
  for (const inherit of PREDECESSORS) {
    const inheritance = inherit(surroundings);
    if (inheritance !== undefined) return inheritance;
  }
  return undefined;
}
