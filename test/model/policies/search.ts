/** Looks for a case of policies in which a promise is not kept, and makes it as small as it gets. */
import fc from 'fast-check';
import type {PolicyCase} from './cases.ts';
import {policyCases} from './generate.ts';
import {minimise} from './minimise.ts';
import {runPolicyCase} from './run-case.ts';

export type PolicySearch = {
  readonly cases: number;
  readonly seed: number;
  /** How often each thing happened. */
  readonly counts: Map<string, number>;
  /** Ends the search after so many milliseconds. */
  readonly limitMs?: number;
  readonly onCase?: () => void;
};

export type PolicyFinding = {readonly title: string; readonly case: PolicyCase};

/** The smallest case found that fails, and why; undefined where none does. */
export async function searchPolicies(wanted: PolicySearch): Promise<PolicyFinding | undefined> {
  const {seed, counts, limitMs, onCase} = wanted;
  const tell = (name: string): void => void counts.set(name, (counts.get(name) ?? 0) + 1);
  const property = fc.asyncProperty(policyCases(), async (made) => {
    await runPolicyCase(made, tell);
    onCase?.();
  });
  const limit = limitMs === undefined ? {} : {interruptAfterTimeLimit: limitMs};
  const found = await fc.check(property, {
    numRuns: wanted.cases,
    seed,
    endOnFailure: true,
    ...limit,
  });
  const {counterexample} = found;
  return counterexample === null
    ? undefined
    : smallest(counterexample[0], String(found.errorInstance));
}

async function smallest(made: PolicyCase, failure: string): Promise<PolicyFinding> {
  const kind = kindOf(await failureOf(made));
  // What fails once and not again is better kept as it was.
  if (kind === '') return {title: failure, case: made};
  const small = await minimise(made, async (smaller) => kindOf(await failureOf(smaller)) === kind);
  return {title: await failureOf(small), case: small};
}

/** How a case fails; empty where it does not. */
async function failureOf(made: PolicyCase): Promise<string> {
  try {
    await runPolicyCase(made);
    return '';
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** The promise that is broken, and by which refusal. */
function kindOf(failure: string): string {
  return failure
    .split(/: |\n/)
    .slice(0, 3)
    .join()
    .replaceAll(/\b[a-z]\d\b|\[.*\]|\d+/g, '');
}

export function countsText(counts: ReadonlyMap<string, number>): string {
  const sorted = [...counts].sort(([, a], [, b]) => b - a);
  return sorted.map(([name, count]) => `${name}: ${count}`).join(', ');
}
