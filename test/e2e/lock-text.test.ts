/** What a person reads of the write lock, and how the command line is told about it. */
import {join} from 'node:path';
import {beforeAll, expect, test} from 'vitest';
import {Instance} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {countRows, execute} from '../helpers/typed-dump.ts';

const folder = temporaryFolder();
const store = `dir:${join(folder, 'store')}`;
const tables = ['monitor'];
const source = new Instance({database: join(folder, 'primary.db'), store, tables});
const target = new Instance({database: join(folder, 'replica.db'), store, tables});
const ddl = `CREATE TABLE monitor (id INTEGER PRIMARY KEY);
  CREATE TABLE heartbeat (id INTEGER PRIMARY KEY, monitor_id INTEGER REFERENCES monitor ON DELETE CASCADE);
  CREATE INDEX by_monitor ON heartbeat (monitor_id);
  INSERT INTO monitor VALUES (1), (2), (3);`;

beforeAll(async () => {
  execute(source.database, ddl);
  execute(
    target.database,
    `${ddl} WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 12000)
      INSERT INTO heartbeat SELECT i, 1 FROM c`,
  );
  execute(source.database, 'DELETE FROM monitor WHERE id = 1');
  await source.capture();
});

test('a dry run tells what will be trimmed, and how long the lock would be held', async () => {
  const {stdout, stderr} = await target.run('replicate', '--dry-run');
  expect(stderr).toBe('');
  expect(stdout).toContain(
    '  heartbeat: 12,000 rows that refer to deleted rows will be trimmed first in short transactions\n',
  );
  expect(stdout).toMatch(/The write lock would be held for about \d+ ms\.\n$/);
  expect(countRows(target.database, 'heartbeat')).toBe(12_000);
});

test('a limit that is no duration is refused before anything runs', async () => {
  expect(await target.refused('replicate', '--max-write-lock', 'soon')).toMatchObject({
    exitCode: 2,
    code: 'CONFIG_INVALID',
    message: expect.stringContaining('--max-write-lock'),
  });
});

test('a long lock is one line of warning, which --allow-long-lock silences', async () => {
  const long = ['--dry-run', '--max-write-lock', '1ms'];
  const {exitCode, stderr} = await target.run('replicate', ...long);
  expect(exitCode).toBe(0);
  expect(stderr).toMatch(/^\{.*write lock for about \d+ ms, above the limit of 1 ms.*\}\n$/);
  expect((await target.run('replicate', ...long, '--allow-long-lock')).stderr).toBe('');
});

test('a run tells the longest hold, and how often the lock was held', async () => {
  const {stdout} = await target.run('replicate');
  expect(stdout).toContain(
    '  heartbeat: 12,000 of these rows were trimmed first in short transactions\n',
  );
  expect(stdout).toMatch(
    /The write lock was held for \d+ ms at the longest, \d+ times in all\.\n$/,
  );
  execute(source.database, 'INSERT INTO monitor VALUES (4)');
  await source.capture();
  expect((await target.run('replicate')).stdout).toMatch(/The write lock was held for \d+ ms\.\n$/);
  expect((await target.run('replicate')).stdout).not.toContain('lock');
});
