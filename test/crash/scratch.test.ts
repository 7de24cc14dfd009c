/** Commands that keep nothing hold rows in a passing folder: none outlives them for long. */
import {existsSync, mkdirSync, readdirSync, utimesSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {environment, main, project, runProcess, type CliResult} from '../helpers/cli.ts';
import {makeInstances, write} from '../helpers/instances.ts';
import type {Orders} from './steps.ts';

test('what a diff left that was killed goes with the next command, and what is in use stays', async () => {
  const made = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)',
    primary: "INSERT INTO t VALUES (1, 'secret')",
    replica: '',
    tables: ['t'],
  });
  const {primary, folder} = made;
  const {snapshot} = await made.capture();
  write(primary, "UPDATE t SET v = 'other'");
  const tmp = join(folder, 'tmp');
  mkdirSync(tmp);
  const diff = (at?: Orders['at']): Promise<CliResult> =>
    runProcess(
      process.execPath,
      ['--import', join(project, 'test/crash/steps.ts'), main].concat(
        [
          'diff',
          snapshot,
          'live',
          '--database',
          primary,
          '--store',
          `dir:${join(folder, 'store')}`,
        ],
        ['--state', `${primary}-other`, '--tables', 't'],
      ),
      {
        env: {...environment(), TMPDIR: tmp, CRASH: JSON.stringify({places: {tmp}, at})},
        cwd: undefined,
        onStart: undefined,
      },
    );

  expect(await diff()).toMatchObject({exitCode: 0});
  expect(readdirSync(tmp)).toEqual([]);

  expect((await diff({step: 'rename tmp', nth: 1, side: 'after'})).signal).toBe('SIGKILL');
  const [left] = readdirSync(tmp);
  expect(readdirSync(join(tmp, String(left)))).toContain('objects');
  expect(await diff()).toMatchObject({exitCode: 0});
  expect(existsSync(join(tmp, String(left))), 'one that may have just begun').toBe(true);

  const past = new Date(Date.now() - 120_000);
  utimesSync(join(tmp, String(left)), past, past);
  expect(await diff()).toMatchObject({exitCode: 0});
  expect(readdirSync(tmp)).toEqual([]);
});
