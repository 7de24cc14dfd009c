/** Databases without a profile: the migrations that they have seen decide whether a snapshot fits. */
import {setTimeout as pause} from 'node:timers/promises';
import {afterEach, expect, test, vi} from 'vitest';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {settled} from '../../../src/engine/source-version.ts';
import {MIGRATION_WAIT_MS} from '../../../src/kernel/limits.ts';
import {silentLog, type Log} from '../../../src/index.ts';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

const item = 'CREATE TABLE item (id INTEGER PRIMARY KEY, v)';
const knex = `CREATE TABLE knex_migrations (id INTEGER PRIMARY KEY, name);
  CREATE TABLE knex_migrations_lock ("index" INTEGER PRIMARY KEY, is_locked INTEGER);
  INSERT INTO knex_migrations (name) VALUES ('one'), ('two'); INSERT INTO knex_migrations_lock VALUES (1, 0)`;
const lock = 'UPDATE knex_migrations_lock SET is_locked = 1';
const unlock = 'UPDATE knex_migrations_lock SET is_locked = 0';

function instances(ddl: string): Instances {
  const primary = "INSERT INTO item VALUES (1, 'a')";
  return makeInstances({ddl: `${item}; ${ddl}`, primary, replica: '', tables: ['item']});
}

afterEach(() => {
  vi.useRealTimers();
});

test('equal sets are replicated, in whatever order they came about', async () => {
  const both = instances(knex);
  write(
    both.replica,
    `DELETE FROM knex_migrations; INSERT INTO knex_migrations (name) VALUES ('two'), ('one')`,
  );
  await both.capture();
  await both.replicate();
  expect(typed(both.replica, 'item', ['id', 'v'])).toEqual(["integer 1 | text 'a'"]);
});

test.each<[string, string, RegExp]>([
  [
    'lacks one',
    `DELETE FROM knex_migrations WHERE name = 'two'`,
    /this database lacks migration two$/,
  ],
  [
    'has one more',
    `INSERT INTO knex_migrations (name) VALUES ('1 older')`,
    /a database without migration 1 older$/,
  ],
  [
    'keeps another version',
    'PRAGMA user_version = 3',
    /a database without migration user_version 3$/,
  ],
])('a replica that %s is refused, and not written to', async (_, sql, told) => {
  const both = instances(knex);
  write(both.replica, sql);
  await both.capture();
  await expect(both.replicate()).rejects.toMatchObject({
    code: 'VERSION_MISMATCH',
    exitCode: 20,
    message: expect.stringMatching(told),
  });
  expect(typed(both.replica, 'item', ['id', 'v'])).toEqual([]);
});

test('a migration that changes no row is a new snapshot, as it changes what fits', async () => {
  const both = instances(knex);
  await both.capture();
  expect((await both.capture()).changed).toBe(false);
  write(both.primary, `INSERT INTO knex_migrations (name) VALUES ('three')`);
  expect((await both.capture()).changed).toBe(true);
});

test('a record of another tool is compared where it is configured, on both', async () => {
  const both = instances('CREATE TABLE history (v); INSERT INTO history VALUES (1), (2)');
  const migrations = {table: 'history', column: 'v'};
  write(both.replica, 'DELETE FROM history WHERE v = 2');
  await both.capture({migrations});
  await expect(both.replicate({migrations})).rejects.toMatchObject({
    message: expect.stringMatching(/lacks migration 2$/),
  });
  await expect(both.replicate()).rejects.toMatchObject({
    code: 'VERSION_MISMATCH',
    hint: expect.stringContaining('--migrations-table'),
  });
  write(both.replica, 'INSERT INTO history VALUES (2)');
  await both.replicate({migrations});
  await both.undo({migrations});
});

test('tables of migrations are refused when they are named', async () => {
  const both = instances(knex);
  await expect(both.capture({tables: ['item', 'knex_migrations']})).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    exitCode: 2,
    site: {table: 'knex_migrations'},
  });
});

test('a migration is waited for, and what it did is seen', async () => {
  const both = instances(knex);
  await both.capture();
  write(both.primary, `${lock}; INSERT INTO item VALUES (2, 'b')`);
  const told: string[] = [];
  const log: Log = {...silentLog, warn: (message) => told.push(message)};
  const captured = both.capture({log});
  while (told.length === 0) await pause(1);
  write(both.primary, `INSERT INTO knex_migrations (name) VALUES ('three'); ${unlock}`);
  expect((await captured).changed).toBe(true);
  expect(told).toEqual(['the application is migrating its database, waiting']);
  await expect(both.replicate()).rejects.toMatchObject({
    message: expect.stringMatching(/lacks migration three$/),
  });
});

test('a migration that goes on ends the wait, and so does an interrupt', async () => {
  const both = instances(knex);
  write(both.replica, lock);
  const database = openSqlite({path: both.replica});
  try {
    vi.useFakeTimers({toFake: ['setTimeout', 'clearTimeout']});
    const waiting = expect(settled(database, {log: silentLog})).rejects.toMatchObject({
      code: 'MIGRATION_RUNNING',
      exitCode: 14,
      retryable: true,
      site: {table: 'knex_migrations_lock'},
    });
    await vi.advanceTimersByTimeAsync(MIGRATION_WAIT_MS);
    await waiting;
    const interrupt = new AbortController();
    const asked = {log: silentLog, signal: interrupt.signal};
    const stopped = expect(settled(database, asked)).rejects.toMatchObject({code: 'INTERRUPTED'});
    interrupt.abort();
    await stopped;
  } finally {
    await database.close();
  }
});

test('a migration that begins after the plan was made keeps the transaction from writing', async () => {
  const both = instances(knex);
  await both.capture();
  const seen: string[] = [];
  const refused = both.replicate({
    progress: (step) => {
      seen.push(step);
      if (step === 'fetching') write(both.replica, lock);
    },
  });
  await expect(refused).rejects.toMatchObject({code: 'MIGRATION_RUNNING'});
  expect(seen).toContain('fetching');
  expect(typed(both.replica, 'item', ['id', 'v'])).toEqual([]);
});
