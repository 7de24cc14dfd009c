/** Whoever reads the output may leave before it comes, and where it goes to may be full. */
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {environment, Instance, main, runProcess} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTable, execute} from '../helpers/typed-dump.ts';

const folder = temporaryFolder();
const primary = join(folder, 'primary.db');
const replica = join(folder, 'replica.db');
const shared = {store: `dir:${join(folder, 'store')}`, tables: ['item']};
const source = new Instance({database: primary, ...shared});
const target = new Instance({database: replica, ...shared});
const ddl = 'CREATE TABLE item (id INTEGER PRIMARY KEY, body TEXT);';

beforeAll(async () => {
  execute(primary, `${ddl} INSERT INTO item VALUES (1, 'one')`);
  execute(replica, ddl);
  await source.capture();
});

const flags = (json: boolean): readonly string[] => [
  '--database',
  replica,
  '--store',
  shared.store,
  '--state',
  target.state,
  '--tables',
  'item',
  ...(json ? ['--json'] : []),
];

describe.each([false, true])('output that nobody reads, --json %s', (json) => {
  test.each([
    ['replicate', 0, []],
    ['status', 0, []],
    ['replicate', 2, ['--snapshot', 'none']],
  ])('of %s is no fault: exit %i', async (command, exitCode, more) => {
    const {stderr, ...result} = await runProcess(
      process.execPath,
      [main, command, ...flags(json), ...more],
      {env: {...environment(), ROWPLICA_LOG: 'debug'}, onStart: ({stdout}) => stdout?.destroy()},
    );
    expect(result).toMatchObject({exitCode, signal: null});
    expect(stderr).not.toMatch(/EPIPE|at .*:\d+:\d+/);
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('on stderr changes no exit code', async () => {
    const {exitCode} = await runProcess(
      process.execPath,
      [main, 'replicate', ...flags(json), '--snapshot', 'none'],
      {env: {...environment(), ROWPLICA_LOG: 'debug'}, onStart: ({stderr}) => stderr?.destroy()},
    );
    expect(exitCode).toBe(2);
  });
});

test.runIf(existsSync('/dev/full'))('a result that could not be written is told', async () => {
  const command = [process.execPath, main, 'status', ...flags(true)];
  const {exitCode, stderr} = await runProcess('bash', ['-c', '"$0" "$@" > /dev/full', ...command], {
    env: environment(),
  });
  expect(exitCode).toBe(1);
  expect(stderr).toMatch(/^error: .*stdout.*\nwhat to do: .*\n$/);
});
