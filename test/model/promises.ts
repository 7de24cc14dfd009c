/** Half of the cases that every test run tries; two files share them, so that they run side by side. */
import {expect} from 'vitest';
import {search, testSeed} from './search.ts';
import {Tally} from './tally.ts';

const HALF = 500;

/** @param half 0 or 1. */
export async function checkPromises(half: number): Promise<void> {
  const [seed, tally] = [testSeed(half), new Tally()];
  const found = await search({cases: HALF, seed, tally});
  process.stdout.write(`model: seed ${seed}; ${tally.text()}\n`);
  if (found !== undefined) {
    throw new Error(`${found.title}\nseed ${seed}; as a regression:\n${JSON.stringify(found)}`);
  }
  const share = tally.of('converged with changes') / HALF;
  expect(share).toBeGreaterThan(0.3);
  expect(tally.of('converged with updates')).toBeGreaterThan(0);
  expect(tally.of('converged with cascades')).toBeGreaterThan(0);
  const codes = ['CONSTRAINT', 'FOREIGN_KEY', 'FUSE', 'KEY_UNUSABLE', 'TRIGGER'];
  expect(codes.filter((code) => tally.of(code) === 0)).toEqual([]);
}
