/** When an application is ready: a real database, which the application changes between looks. */
import {rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {expect, test} from 'vitest';
import {noProgress, silentLog, type EngineOptions} from '../../../src/index.ts';
import {versionMark} from '../../../src/engine/settled-version.ts';
import {becomesReady} from '../../../src/service/application/readiness.ts';
import {systemClock} from '../../../src/service/clock.ts';
import {temporaryFolder} from '../../helpers/temp-folder.ts';
import {execute} from '../../helpers/typed-dump.ts';

const lock = (isLocked: number): string =>
  `UPDATE knex_migrations_lock SET is_locked = ${isLocked}`;
const applied = (name: string): string => `INSERT INTO knex_migrations (name) VALUES ('${name}')`;

type Place = {readonly path: string; readonly more?: Partial<EngineOptions>};

/** What each look gave as the reason not to begin, until there was none: one look follows each step, and two the last. */
async function reasons(
  {path, more = {}}: Place,
  steps: readonly (() => void)[],
): Promise<readonly string[]> {
  const options = {database: path, env: {}, log: silentLog, progress: noProgress, ...more};
  const told: string[] = [];
  const waiting = [...steps];
  const end = new AbortController();
  const isReady = await becomesReady(
    {
      mark: (signal) => versionMark({...options, signal}),
      clock: {...systemClock, sleep: async () => waiting.shift()?.()},
      onWaiting: ({code, message}) => {
        told.push(`${code}: ${message}`);
        if (told.length > steps.length) end.abort();
      },
    },
    end.signal,
  );
  expect(isReady).toBe(true);
  expect(waiting).toEqual([]);
  return told;
}

test('once its database is made and migrated, and two looks found the same', async () => {
  const path = join(temporaryFolder(), 'application.db');
  const sql = (text: string) => () => execute(path, text);
  const told = await reasons({path}, [
    () => {},
    () => writeFileSync(path, ''),
    sql('CREATE TABLE knex_migrations (id INTEGER PRIMARY KEY, name)'),
    sql(
      'CREATE TABLE knex_migrations_lock (is_locked); INSERT INTO knex_migrations_lock VALUES (0)',
    ),
    sql(lock(1)),
    sql(`${applied('one')}; CREATE TABLE t (id INTEGER PRIMARY KEY)`),
    sql(lock(0)),
    sql(applied('two')),
    sql('ALTER TABLE t ADD COLUMN c'),
  ]);
  const starting = 'APPLICATION_STARTING: waiting for the application:';
  expect(told).toEqual([
    `${starting} there is no database at ${path}`,
    `${starting} its database has no tables yet`,
    `${starting} it is starting`,
    `${starting} it is starting`,
    expect.stringMatching(/^APPLICATION_STARTING: .*"knex_migrations_lock" says so$/),
    expect.stringMatching(/^APPLICATION_STARTING: .*"knex_migrations_lock" says so$/),
    `${starting} it is starting`,
    `${starting} it is starting`,
    `${starting} it is starting`,
  ]);
});

test('rows that it writes are no migration', async () => {
  const path = join(temporaryFolder(), 'application.db');
  execute(path, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const write = (): void => execute(path, 'INSERT INTO t DEFAULT VALUES');
  const told = await reasons({path}, [write, write]);
  expect(told).toHaveLength(1);
});

test('a lock is waited for, and a record of migrations that is to come', async () => {
  const path = join(temporaryFolder(), 'application.db');
  execute(path, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
  const more = {migrations: {table: 'applied', column: 'name'}};
  const writer = new BetterSqlite3(path);
  const told = await reasons({path, more}, [
    () => writer.exec('BEGIN EXCLUSIVE'),
    () => writer.exec('COMMIT'),
    () => writer.exec('CREATE TABLE applied (name)'),
  ]);
  writer.close();
  expect(told).toEqual([
    expect.stringMatching(/^APPLICATION_STARTING: .*locked|busy/),
    expect.stringMatching(/no tables yet$/),
    expect.stringMatching(/it is starting$/),
  ]);
});

test('what is no database is told as it is', async () => {
  const path = join(temporaryFolder(), 'application.db');
  const told = await reasons({path}, [
    () => writeFileSync(path, 'no database at all, by its first bytes'.repeat(50)),
    () => {
      rmSync(path);
      execute(path, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
    },
  ]);
  expect(told[0]).toMatch(/^NOT_A_DATABASE: /);
});
