/** Every kind of fault once, as `npm run soak:service` goes on with for half an hour. */
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {project, runProcess} from '../helpers/run-process.ts';
import type {SoakResult} from '../soak-service/run.ts';

const canMount = process.platform === 'linux' && process.getuid?.() === 0;

test.skipIf(!canMount)(
  'services converge after faults of every kind, and never say ok beside stale rows',
  async () => {
    const soak = join(project, 'test/soak-service/soak.ts');
    const args = [soak, '--once', '--seed', '1', '--json'];
    const {stdout, stderr} = await runProcess(process.execPath, args, {env: process.env});
    const result = JSON.parse(stdout) as SoakResult;
    expect(result.wrong, stderr).toEqual([]);
    expect(Object.keys(result.faults)).toHaveLength(9);
    expect(result.edits).toBeGreaterThan(20);
    expect(result.statesCompared).toBeGreaterThan(4);
    expect(result.statuses['replica ok']).toBeGreaterThan(0);
    const {convergenceSeconds, seconds} = result;
    process.stdout.write(
      `services under ${Object.keys(result.faults).length} kinds of faults for ${seconds} s: converged after ${convergenceSeconds.longest} s at most\n`,
    );
  },
  600_000,
);
