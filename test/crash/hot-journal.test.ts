/** A program that died in the middle of a large write leaves a rollback journal that has to be rolled back. */
import {existsSync} from 'node:fs';
import {expect, test} from 'vitest';
import {makeInstances, typed, write, type Instances} from '../helpers/instances.ts';
import {runProcess} from '../helpers/cli.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)';
const rows = (v: string): string =>
  `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
   INSERT INTO t SELECT i, '${v}' || i || hex(zeroblob(200)) FROM n`;

/** Dies after pages of its transaction were written to the file itself. */
const WRITER = `
  const db = new (require('better-sqlite3'))(process.argv[1]);
  db.pragma('cache_size = 5');
  db.exec("BEGIN IMMEDIATE; UPDATE t SET v = 'half written' || v");
  process.kill(process.pid, 'SIGKILL');`;

async function instances(): Promise<Instances> {
  const made = makeInstances({ddl, primary: rows('p'), replica: rows('r'), tables: ['t']});
  for (const path of [made.primary, made.replica]) write(path, 'PRAGMA journal_mode = DELETE');
  return made;
}

async function dieWriting(path: string): Promise<void> {
  const {signal} = await runProcess(process.execPath, ['-e', WRITER, path], {
    env: process.env,
    cwd: undefined,
    onStart: undefined,
  });
  expect(signal).toBe('SIGKILL');
  expect(existsSync(`${path}-journal`)).toBe(true);
}

test('replicate lets it be rolled back, and goes on', async () => {
  const made = await instances();
  const {primary, replica} = made;
  await made.capture();
  await dieWriting(replica);
  expect(await made.replicate()).toMatchObject({applied: true, tables: {t: {updated: 3000}}});
  expect(typed(replica, 't', ['id', 'v'])).toEqual(typed(primary, 't', ['id', 'v']));
});

test('capture never writes to the primary: it says that the application has to start first', async () => {
  const made = await instances();
  const {primary} = made;
  await dieWriting(primary);
  await expect(made.capture()).rejects.toMatchObject({
    code: 'DATABASE_UNFINISHED',
    exitCode: 14,
    retryable: true,
    hint: expect.stringContaining('Start the application'),
  });
  expect(existsSync(`${primary}-journal`)).toBe(true);
  write(primary, 'SELECT * FROM t');
  expect(await made.capture()).toMatchObject({changed: true});
});
