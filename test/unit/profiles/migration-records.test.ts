/** Versions as the tools themselves record them: Kysely's own migrator, and tables as knex makes them. */
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {Kysely, SqliteDialect} from 'kysely';
import {Migrator, type Migration} from 'kysely/migration';
import {expect, test} from 'vitest';
import type {View} from '../../../src/database/port.ts';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {
  namesInConfigured,
  recordedMigrations,
  refuseRecords,
} from '../../../src/profiles/migration-records.ts';
import {uptimeKuma} from '../../../src/profiles/uptime-kuma/profile.ts';
import {write} from '../../helpers/instances.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

/** As knex makes them. */
const knex = `CREATE TABLE knex_migrations (id integer not null primary key autoincrement, name varchar(255), batch integer, migration_time datetime);
  CREATE TABLE knex_migrations_lock ("index" integer not null primary key autoincrement, is_locked integer);
  INSERT INTO knex_migrations_lock (is_locked) VALUES (0);
  INSERT INTO knex_migrations (name, batch) VALUES ('2026-02-second.js', 1), ('2025-01-first.js', 2), ('2026-02-second.js', 3), (NULL, 4)`;

function database(sql: string): string {
  const path = join(tempFolder(), 'app.db');
  write(path, `CREATE TABLE item (id INTEGER PRIMARY KEY); ${sql}`);
  return path;
}

async function look<T>(path: string, work: (view: View) => Promise<T>): Promise<T> {
  const opened = openSqlite({path});
  try {
    return await opened.view(work);
  } finally {
    await opened.close();
  }
}

const recorded = (path: string): Promise<readonly string[]> => look(path, recordedMigrations);
const configured = (path: string, table: string, column: string): Promise<readonly string[]> =>
  look(path, (view) => namesInConfigured(view, {table, column}));

test('what the migrator of Kysely has done is read', async () => {
  const path = database('');
  const connection = new BetterSqlite3(path);
  const db = new Kysely<unknown>({dialect: new SqliteDialect({database: connection})});
  const step = (table: string): Migration => ({
    up: (schema) => schema.schema.createTable(table).addColumn('id', 'integer').execute(),
  });
  const migrations = {b_second: step('b'), a_first: step('a')};
  const migrator = new Migrator({db, provider: {getMigrations: async () => migrations}});
  try {
    expect(await recorded(path)).toEqual([]);
    await migrator.migrateTo('a_first');
    expect(await recorded(path)).toEqual(['a_first']);
    await migrator.migrateToLatest();
    expect([...(await recorded(path))].sort()).toEqual(['a_first', 'b_second']);
  } finally {
    await db.destroy();
  }
  write(path, 'UPDATE kysely_migration_lock SET is_locked = 1');
  await expect(recorded(path)).rejects.toMatchObject(locked('kysely_migration_lock'));
});

test('the names that knex recorded are read, and its lock is heeded', async () => {
  const path = database(knex);
  expect(new Set(await recorded(path))).toEqual(new Set(['2025-01-first.js', '2026-02-second.js']));
  write(path, 'UPDATE knex_migrations_lock SET is_locked = 1');
  await expect(recorded(path)).rejects.toMatchObject(locked('knex_migrations_lock'));
});

function locked(table: string): object {
  return {code: 'MIGRATION_RUNNING', exitCode: 14, retryable: true, site: {table}};
}

test('the version that the file keeps counts unless it is 0', async () => {
  expect(await recorded(database(''))).toEqual([]);
  expect(await recorded(database('PRAGMA user_version = 7'))).toEqual(['user_version 7']);
  expect(await recorded(database(`PRAGMA user_version = -1; ${knex}`))).toContain(
    'user_version -1',
  );
});

test('tables of those names that are something else say nothing', async () => {
  const path = database(
    'CREATE TABLE knex_migrations (id); CREATE TABLE kysely_migration (label); CREATE TABLE kysely_migration_lock (is_locked)',
  );
  expect(await recorded(path)).toEqual([]);
});

test('a configured record is read whatever it holds, NULL left out, its lock heeded', async () => {
  const path = database(`CREATE TABLE schema_history (version, at);
    INSERT INTO schema_history (version) VALUES (20240101), ('v2'), (NULL), (2.5)`);
  expect(await configured(path, 'schema_history', 'version')).toEqual(['20240101', 'v2', '2.5']);
  write(
    path,
    'CREATE TABLE schema_history_lock (is_locked); INSERT INTO schema_history_lock VALUES (1)',
  );
  await expect(configured(path, 'schema_history', 'version')).rejects.toMatchObject(
    locked('schema_history_lock'),
  );
});

test('a configured record that is not there is refused by name', async () => {
  const path = database('CREATE TABLE history (version)');
  await expect(configured(path, 'histroy', 'version')).rejects.toMatchObject({
    code: 'TABLE_NOT_FOUND',
    exitCode: 2,
    site: {table: 'histroy'},
    message: expect.stringContaining('"histroy"'),
  });
  await expect(configured(path, 'history', 'name')).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    exitCode: 2,
    site: {table: 'history', column: 'name'},
    message: expect.stringContaining('"name"'),
  });
});

test.each(['knex_migrations', 'knex_migrations_lock', 'history', 'history_lock'])(
  'table %s is never replicated',
  async (table) => {
    const path = database(`${knex}; CREATE TABLE history (v); CREATE TABLE kysely_migration (id)`);
    const record = {table: 'history', column: 'v'};
    await look(path, async (view) => {
      const schema = await view.schema();
      expect(() => refuseRecords(['item', table], schema, record)).toThrow(
        expect.objectContaining({code: 'CONFIG_INVALID', site: {table}}),
      );
      expect(() => refuseRecords(['item', 'kysely_migration'], schema, record)).not.toThrow();
    });
  },
);

test('the profile of Uptime Kuma reads patches and knex, in one set', async () => {
  const path = database(`${knex}; CREATE TABLE setting (key, value);
    INSERT INTO setting VALUES ('database_version', 10), ('databasePatchedFiles', '{"patch-a.sql":true,"patch-b.sql":false}')`);
  const version = (): Promise<readonly string[]> => look(path, uptimeKuma.version);
  expect(await version()).toEqual([
    '2025-01-first.js',
    '2026-02-second.js',
    'database_version 10',
    'patch-a.sql',
  ]);
  write(path, `INSERT INTO setting VALUES ('migrateAggregateTableState', 'migrating')`);
  await expect(version()).rejects.toMatchObject(locked('setting'));
  write(path, `DELETE FROM setting; UPDATE knex_migrations_lock SET is_locked = 1`);
  await expect(version()).rejects.toMatchObject(locked('knex_migrations_lock'));
});
