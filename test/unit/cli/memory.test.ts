import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {expect, test} from 'vitest';
import {project} from '../../helpers/run-process.ts';

const limited = "(await import('./src/cli/memory.ts')).keepMemorySmall();";

/** The most MiB that a space of a process held, looked at after each round of its work. */
async function mostIn(space: string, round: string, first = ''): Promise<number> {
  const script = `
    import {getHeapSpaceStatistics} from 'node:v8';
    ${first}
    const kept = [];
    let most = 0;
    for (let round = 0; round < 400; round++) {
      ${round}
      await new Promise(setImmediate);
      const found = getHeapSpaceStatistics().find((each) => each.space_name === '${space}');
      most = Math.max(most, found.space_used_size, found.space_size * ${space === 'new_space' ? 1 : 0});
    }
    console.log(most / 2 ** 20);`;
  const args = ['--input-type=module', '--eval', script];
  const {stdout} = await promisify(execFile)(process.execPath, args, {cwd: project});
  return Number(stdout);
}

test('a command takes less for young objects than V8 would let it', async () => {
  const latest = "for (let at = 0; at < 20_000; at++) kept[at] = {round, at, text: 'row ' + at};";
  const most = await mostIn('new_space', latest, limited);
  expect(most).toBeLessThan(48);
  expect(most, 'and yet some').toBeGreaterThan(12);
});

test('what passed for old is collected before much of it piles up', async () => {
  // Each list outlives a few collections of young objects.
  const queue = `kept.push(Array.from({length: 5000}, (_, at) => ({round, text: 'row ' + at})));
    if (kept.length > 60) kept.splice(0, 40);`;
  const [free, most] = await Promise.all([
    mostIn('old_space', queue),
    mostIn('old_space', queue, limited),
  ]);
  expect(most).toBeLessThan(free - 8);
});

test('long texts that passed for old are collected before many pile up', async () => {
  // What is young comes and goes beside them: it is what V8 looks at by itself.
  const queue = `kept.push(JSON.stringify(Array(2 ** 17).fill(round)));
    if (kept.length > 6) kept.shift();
    Array.from({length: 40_000}, (_, at) => ({text: 'row ' + at}));`;
  expect(await mostIn('large_object_space', queue, limited)).toBeLessThan(32);
});
