/** Half of the seeds that every test run tries; two files share them, so that they run side by side. */
import {expect} from 'vitest';
import {countsText, range, simulateSeeds, type Counts} from './seeds.ts';

const HALF = 150;
const HAPPENED = [
  'edits',
  'ok',
  'killed',
  'lost',
  'second primary',
  'taken over',
  'forked',
  'stopped',
  'away',
  'weather',
  'clock',
  'asked',
  'local edit',
  'converged',
];

/** @param half 0 or 1. */
export async function checkHalf(half: number): Promise<void> {
  const first = Number(process.env['SIMULATION_SEED'] ?? 1) + half * HALF;
  const count = Number(process.env['SIMULATION_SEEDS'] ?? HALF);
  const counts: Counts = new Map();
  await simulateSeeds(range(first, count), counts);
  process.stdout.write(`simulation: seeds from ${first}; ${countsText(counts)}\n`);
  expect(counts.get('converged')).toBe(count);
  expect(HAPPENED.filter((what) => !counts.has(what))).toEqual([]);
}
