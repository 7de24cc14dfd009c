/** Simulations of new seeds: `npm run soak:simulation -- --seed 1000 --seeds 10000 --minutes 60`. */
import {parseArgs} from 'node:util';
import {countsText, range, simulateSeeds, type Counts} from './seeds.ts';

const {values} = parseArgs({
  options: {seed: {type: 'string'}, seeds: {type: 'string'}, minutes: {type: 'string'}},
});
const first = Number(values.seed ?? Math.floor(Math.random() * 2 ** 31));
const endMs = Date.now() + Number(values.minutes ?? 60) * 60_000;
const counts: Counts = new Map();
const say = (text: string): void => void process.stdout.write(`${text}\n`);
say(`seeds from ${first}`);
try {
  await simulateSeeds(range(first, Number(values.seeds ?? 10_000)), counts, () => {
    if ((counts.get('seeds') ?? 0) % 20 === 0) say(countsText(counts));
    return Date.now() < endMs;
  });
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
say(countsText(counts));
