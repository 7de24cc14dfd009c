/** Simulations by seed; what is tallied shows that a storm really was one. */
import {rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {mkdtemp} from 'node:fs/promises';
import {join} from 'node:path';
import {simulate} from './simulate.ts';

export type Counts = Map<string, number>;

/** The first seed by which a promise is broken says so; the same seed replays it. */
export async function simulateSeeds(
  seeds: Iterable<number>,
  counts: Counts,
  afterEach: () => boolean = () => true,
): Promise<void> {
  for (const seed of seeds) {
    const folder = await mkdtemp(join(tmpdir(), 'rowplica-simulation-'));
    try {
      await simulate(seed, folder, (what) => void counts.set(what, (counts.get(what) ?? 0) + 1));
    } finally {
      rmSync(folder, {recursive: true, force: true});
    }
    counts.set('seeds', (counts.get('seeds') ?? 0) + 1);
    if (!afterEach()) return;
  }
}

export function* range(from: number, count: number): Generator<number> {
  for (let seed = from; seed < from + count; seed++) yield seed;
}

export function countsText(counts: Counts): string {
  return [...counts].map(([what, count]) => `${what} ${count}`).join(', ');
}
