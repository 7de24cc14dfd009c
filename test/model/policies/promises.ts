/** Half of the cases of policies that every test run tries; two files share them, so that they run side by side. */
import {expect} from 'vitest';
import {testSeed} from '../search.ts';
import {countsText, searchPolicies} from './search.ts';

const HALF = 150;

const KINDS = [
  'bothEdited',
  'editedHere',
  'deletedHere',
  'bothInserted',
  'uniqueTaken',
  'referencedHere',
  'parentMissing',
];

/** What must have happened, or nothing was shown of it. */
const EVENTS = [
  'clean with changes',
  'clash',
  'wrote exact',
  'wrote merge',
  'wrote seed',
  'wrote where',
  'wrote local',
  'wrote ownKeys',
  'wrote drift keep',
  'wrote drift report',
  'refused KEY_TAKEN',
  'refused HELD',
  'rivalled',
  'undone',
  'forgotten',
];

/** @param half 0 or 1. */
export async function checkPolicies(half: number): Promise<void> {
  const [seed, counts] = [testSeed(half), new Map<string, number>()];
  const found = await searchPolicies({cases: HALF, seed, counts});
  process.stdout.write(`policies: seed ${seed}; ${countsText(counts)}\n`);
  if (found !== undefined)
    throw new Error(`${found.title}\nseed ${seed}; the case:\n${JSON.stringify(found.case)}`);
  const missed = KINDS.filter(
    (kind) => ![...counts.keys()].some((name) => name.startsWith(`${kind} `)),
  );
  expect(missed).toEqual([]);
  expect(EVENTS.filter((name) => !counts.has(name))).toEqual([]);
  expect((counts.get('clean with changes') ?? 0) / HALF).toBeGreaterThan(0.5);
}
