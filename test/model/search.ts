/** Looks for a case in which a promise is not kept, and makes it as small as it gets. */
import {readdirSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import fc from 'fast-check';
import type {ModelCase} from './cases.ts';
import {cases} from './generate.ts';
import {minimise} from './minimise.ts';
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
    if (!failed) onCase?.();
  });
  const limit = limitMs === undefined ? {} : {interruptAfterTimeLimit: limitMs};
  const found = await fc.check(property, {numRuns: wanted.cases, seed, ...limit});
  const {counterexample, errorInstance} = found;
  return counterexample === null ? undefined : smallest(counterexample[0], String(errorInstance));
}

async function smallest(made: ModelCase, failure: string): Promise<Regression> {
  const kind = kindOf(await failureOf(made));
  // What fails once and not again is better kept as it was.
  if (kind === '') return {kind: 'model', title: failure, case: made};
  const small = await minimise(made, async (smaller) => kindOf(await failureOf(smaller)) === kind);
  return {kind: 'model', title: await failureOf(small), case: small};
}

/** How a case fails; empty where it does not. */
async function failureOf(made: ModelCase): Promise<string> {
  try {
    await runCase(made);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The promise that is broken, and by which refusal. */
function kindOf(failure: string): string {
  return failure
    .split(/: /)
    .slice(0, 3)
    .join()
    .replaceAll(/\b[a-z]\d\b/g, '');
}

const folder = join(import.meta.dirname, '..', 'regressions');

/** Cases that failed once. */
export function regressions(): readonly Regression[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith('.json'))
    .map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')) as Partial<Regression>)
    .filter((held): held is Regression => held.kind === 'model');
}

/** The first of them that fails again. */
export async function relapse(): Promise<Regression | undefined> {
  for (const held of regressions()) {
    const title = await failureOf(held.case);
    if (title !== '') return {...held, title};
  }
  return undefined;
}

/**
 * The seed of a test run: the same each time, so that a red run means a change and not a draw, unless MODEL_SEED
 * names another. New cases are the soak's business. `part` tells tests apart that run side by side.
 */
export function testSeed(part = 0): number {
  return Number(process.env['MODEL_SEED'] ?? 20_261_121) + part;
}

export function randomSeed(): number {
  return Math.floor(Math.random() * 2 ** 31);
}
