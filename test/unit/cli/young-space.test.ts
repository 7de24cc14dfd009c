import {execFile} from 'node:child_process';
import {promisify} from 'node:util';
import {expect, test} from 'vitest';
import {project} from '../../helpers/run-process.ts';

/** MiB for young objects after a process made many, and kept the latest of them for a while. */
async function youngAfter(first: string): Promise<number> {
  const script = `
    import {getHeapSpaceStatistics} from 'node:v8';
    ${first}
    const latest = [];
    for (let round = 0; round < 600; round++) {
      for (let at = 0; at < 20_000; at++) latest[at] = {round, at, text: 'row ' + at};
      await new Promise(setImmediate);
    }
    const young = getHeapSpaceStatistics().find((space) => space.space_name === 'new_space');
    console.log(young.space_size / 2 ** 20);`;
  const args = ['--input-type=module', '--eval', script];
  const {stdout} = await promisify(execFile)(process.execPath, args, {cwd: project});
  return Number(stdout);
}

test('a process takes less for young objects than V8 would let it', async () => {
  const limit = "(await import('./src/cli/young-space.ts')).limitYoungSpace();";
  const [limited, free] = await Promise.all([youngAfter(limit), youngAfter('')]);
  expect(free, 'or this machine is so small that V8 takes no more').toBeGreaterThanOrEqual(limited);
  expect(limited).toBeLessThan(48);
  expect(limited, 'and yet some').toBeGreaterThan(12);
});
