/** What a primary's look finds, beside an application that writes other things all day. */
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {capture, noProgress, silentLog, type EngineOptions} from '../../../src/index.ts';
import {Watch} from '../../../src/engine/watch.ts';
import {write} from '../../helpers/instances.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

const ddl = `PRAGMA journal_mode = WAL;
  CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, hidden INTEGER, shown INTEGER DEFAULT 1);
  CREATE TABLE knex_migrations (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE beat (id INTEGER PRIMARY KEY);
  INSERT INTO t VALUES (1, 'a', 1, 1), (2, 'b', 2, 0)`;

async function watched(more: Partial<EngineOptions> = {}) {
  const folder = tempFolder();
  const path = join(folder, 'primary.db');
  write(path, ddl);
  const options: EngineOptions = {
    database: path,
    store: `dir:${join(folder, 'store')}`,
    state: `${path}-state`,
    tables: ['t'],
    env: {},
    log: silentLog,
    progress: noProgress,
    ...more,
  };
  await capture(options);
  const watch = new Watch(options);
  expect(await watch.look()).toBe('same');
  write(path, 'INSERT INTO beat DEFAULT VALUES');
  expect(await watch.look(), 'by its print').toBe('same');
  return {watch, path, options};
}

test.each([
  ['a cell', "UPDATE t SET v = 'A' WHERE id = 1"],
  ['a type', "UPDATE t SET v = x'61' WHERE id = 1"],
  ['two cells that change places', "UPDATE t SET v = CASE id WHEN 1 THEN 'b' ELSE 'a' END"],
  ['a row more', 'INSERT INTO t (v) VALUES (NULL)'],
  ['a row less', 'DELETE FROM t WHERE id = 2'],
  ['the schema', 'ALTER TABLE t ADD COLUMN more TEXT'],
  ['a constraint', 'CREATE UNIQUE INDEX one ON t (v)'],
  ['the version', "INSERT INTO knex_migrations (name) VALUES ('second.js')"],
])('a look finds %s', async (_, statement) => {
  const {watch, path} = await watched();
  write(path, statement);
  expect(await watch.look()).toBe('different');
  expect(await watch.look(), 'until it is captured').toBe('different');
  await watch.close();
});

test('what was captured, edited, captured by another process and edited back is different', async () => {
  const {watch, path, options} = await watched();
  write(path, "UPDATE t SET v = 'other' WHERE id = 1");
  await capture(options);
  write(path, "UPDATE t SET v = 'a' WHERE id = 1");
  expect(await watch.look()).toBe('different');
  await capture(options);
  expect(await watch.look()).toBe('same');
  await watch.close();
});

test('a look finds a row that comes to be one of those that travel', async () => {
  const policies: EngineOptions['policies'] = new Map([
    ['t', {policy: 'mirror', where: [{column: 'shown', in: [1]}]}],
  ]);
  const {watch, path} = await watched({policies});
  write(path, "UPDATE t SET v = 'of no interest' WHERE id = 2");
  expect(await watch.look()).toBe('same');
  write(path, 'UPDATE t SET shown = 1 WHERE id = 2');
  expect(await watch.look()).toBe('different');
  await watch.close();
});
