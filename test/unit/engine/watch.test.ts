/** What a primary's look finds, beside an application that writes other things all day. */
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {capture, noProgress, silentLog, type EngineOptions} from '../../../src/index.ts';
import {Watch} from '../../../src/engine/watch.ts';
import {openDirectoryStore} from '../../../src/store/directory/directory-store.ts';
import type {Store} from '../../../src/store/port.ts';
import {write} from '../../helpers/instances.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

const ddl = `PRAGMA journal_mode = WAL;
  CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT, hidden INTEGER, shown INTEGER DEFAULT 1);
  CREATE TABLE knex_migrations (id INTEGER PRIMARY KEY, name TEXT);
  CREATE TABLE beat (id INTEGER PRIMARY KEY);
  INSERT INTO t VALUES (1, 'a', 1, 1), (2, 'b', 2, 0)`;

const storeOf = (path: string): string => `${path}-store`;

async function watched(more: Partial<EngineOptions> = {}) {
  const folder = tempFolder();
  const path = join(folder, 'primary.db');
  write(path, ddl);
  const options: EngineOptions = {
    database: path,
    store: `dir:${storeOf(path)}`,
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

test('what was captured of the very rows that a look found needs not be read again', async () => {
  const reads: string[] = [];
  const {watch, path, options} = await watched({progress: (what) => void reads.push(what)});
  for (const value of ['other', 'third']) {
    write(path, `UPDATE t SET v = '${value}' WHERE id = 1`);
    expect(await watch.look()).toBe('different');
    watch.captured((await capture(options)).snapshot);
    reads.length = 0;
    expect(await watch.look()).toBe('same');
    expect(reads).toEqual([]);
    expect(await watch.look()).toBe('quiet');
    write(path, 'INSERT INTO beat DEFAULT VALUES');
    expect(await watch.look(), 'by its print').toBe('same');
  }
  await watch.close();
});

test.each([
  ['an edit before it', true],
  ['an edit after it', false],
])(
  'what was captured proves nothing of the rows that a look found beside %s',
  async (_, isBefore) => {
    const {watch, path, options} = await watched();
    write(path, "UPDATE t SET v = 'other' WHERE id = 1");
    expect(await watch.look()).toBe('different');
    if (isBefore) write(path, "UPDATE t SET v = 'third' WHERE id = 1");
    watch.captured((await capture(options)).snapshot);
    if (!isBefore) write(path, "UPDATE t SET v = 'third' WHERE id = 1");
    expect(await watch.look()).toBe(isBefore ? 'same' : 'different');
    expect(await watch.look(), 'and again').toBe(isBefore ? 'quiet' : 'different');
    write(path, "UPDATE t SET v = 'other' WHERE id = 1");
    expect(await watch.look()).toBe(isBefore ? 'different' : 'same');
    await watch.close();
  },
);

test('what another process captured since may have been read before the look', async () => {
  const {watch, path, options} = await watched();
  const reached = Promise.withResolvers<void>();
  const mayGoOn = Promise.withResolvers<void>();
  const store = openDirectoryStore({path: storeOf(path), log: silentLog});
  const slow: Store = {
    ...store,
    save: async (staged) => {
      reached.resolve();
      await mayGoOn.promise;
      return store.save(staged);
    },
  };
  write(path, "UPDATE t SET v = 'other' WHERE id = 1");
  const elsewhere = capture({...options, store: slow});
  await reached.promise;
  write(path, "UPDATE t SET v = 'third' WHERE id = 1");
  expect(await watch.look()).toBe('different');
  mayGoOn.resolve();
  await elsewhere;
  expect(await watch.look()).toBe('different');
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
