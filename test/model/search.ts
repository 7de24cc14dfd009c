/** Looks for a case in which a promise is not kept, and makes it as small as it gets. */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import fc from 'fast-check';
import type {ModelCase} from './cases.ts';
import {cases} from './generate.ts';
import {runCase} from './run-case.ts';
import type {Tally} from './tally.ts';

/** What a file of `test/regressions/` holds. */
export type Regression = {
  readonly kind: 'model';
  readonly title: string;
  readonly case: ModelCase;
};

export type Search = {
  readonly cases: number;
  readonly seed: number;
  readonly tally: Tally;
  /** Ends the search after so many milliseconds. */
  readonly limitMs?: number;
  readonly onCase?: () => void;
};

/** The smallest case found that fails, and why; undefined where none does. */
export async function search(wanted: Search): Promise<Regression | undefined> {
  const {seed, tally, limitMs, onCase} = wanted;
  let failed = false;
  const property = fc.asyncProperty(cases(), async (made) => {
    try {
      const outcome = await runCase(made);
      if (!failed) tally.add(outcome);
    } catch (error) {
      failed = true;
      throw error;
    }
    onCase?.();
  });
  const limit = limitMs === undefined ? {} : {interruptAfterTimeLimit: limitMs};
  const {counterexample, errorInstance} = await fc.check(property, {
    numRuns: wanted.cases,
    seed,
    ...limit,
  });
  if (counterexample === null) return undefined;
  const title = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  return {kind: 'model', title, case: counterexample[0]};
}

const folder = join(import.meta.dirname, '..', 'regressions');

/** Cases that failed once. */
export function regressions(): readonly Regression[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Partial<Regression>)
    .filter((held): held is Regression => held.kind === 'model');
}

export function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
