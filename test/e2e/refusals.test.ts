/** What a replica refuses although store and databases are well: its exit code, and nothing written. */
import {renameSync, readdirSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {Instance} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {complaints, countRows, dumpTable, execute} from '../helpers/typed-dump.ts';
import {buildEmptyKuma, buildPopulatedKuma} from '../helpers/uptime-kuma/index.ts';
import {expectUntouched, pathOf} from './expectations.ts';

describe('a replica of Uptime Kuma', () => {
  const folder = temporaryFolder();
  const store = `dir:${join(folder, 'store')}`;
  const primary = join(folder, 'primary.db');

  beforeAll(async () => {
    buildPopulatedKuma(primary, {version: '1.23.17', monitors: 5});
    await new Instance({database: primary, store}).capture();
  });

  function replica(name: string, version: '1.18.5' | '1.23.17' | '2.5.3', sql = ''): Instance {
    const database = join(folder, `${name}.db`);
    buildEmptyKuma(database, {version});
    if (sql !== '') execute(database, sql);
    return new Instance({database, store});
  }

  test('of an older version waits for its upgrade, and is told what has no place in it', async () => {
    await expectUntouched(replica('older', '1.18.5'), ['replicate'], {
      exitCode: 20,
      code: 'UPGRADE_FIRST',
      told: /newer than this database: .* no table "api_key"/,
    });
  });

  const patched = (change: string): string =>
    `UPDATE setting SET value = ${change} WHERE key = 'databasePatchedFiles'`;

  test('of a version that no compat step leads to is told which migration the primary lacks', async () => {
    const sql = patched(`json_set(value, '$."patch-of-tomorrow.sql"', json('true'))`);
    await expectUntouched(replica('newer', '1.23.17', sql), ['replicate'], {
      exitCode: 20,
      code: 'VERSION_MISMATCH',
      told: /a database without migration patch-of-tomorrow\.sql, and no compat step/,
    });
  });

  test('of another branch is told the migrations of both', async () => {
    const sql = patched(
      `json_remove(json_set(value, '$."patch-of-a-fork.sql"', json('true')), '$."patch-timeout.sql"')`,
    );
    await expectUntouched(replica('branch', '1.23.17', sql), ['replicate'], {
      exitCode: 20,
      code: 'VERSION_MISMATCH',
      told: /patch-timeout\.sql.*patch-of-a-fork\.sql/,
    });
  });

  test.for([
    ['an added column', 'ALTER TABLE tag ADD COLUMN added TEXT', /"tag\.added"/],
    ['a missing column', 'ALTER TABLE tag DROP COLUMN color', /"tag\.color"/],
    ['a missing table', 'DROP TABLE api_key', /"api_key"/],
    [
      'a column of another type',
      'ALTER TABLE tag DROP COLUMN color; ALTER TABLE tag ADD COLUMN color INTEGER NOT NULL DEFAULT 0',
      /"tag\.color"/,
    ],
  ] as const)('with %s is told table and column', async ([title, sql, told]) => {
    const target = replica(title.replaceAll(' ', '-'), '1.23.17', sql);
    await expectUntouched(target, ['replicate'], {exitCode: 20, code: 'SCHEMA_MISMATCH', told});
  });

  test('that is migrating is left alone until it is done', async () => {
    const sql = `INSERT INTO setting (key, value) VALUES ('migrateAggregateTableState', '"migrating"')`;
    await expectUntouched(replica('migrating', '1.23.17', sql), ['replicate'], {
      exitCode: 14,
      code: 'MIGRATION_RUNNING',
      told: /migrating/,
    });
  });

  test('that is not a database of Uptime Kuma at all', async () => {
    const database = join(folder, 'other.db');
    execute(database, 'CREATE TABLE item (id INTEGER PRIMARY KEY)');
    await expectUntouched(new Instance({database, store}), ['replicate'], {
      exitCode: 20,
      code: 'SCHEMA_MISMATCH',
      told: /uptime-kuma/,
    });
  });
});

describe('the store stands behind the replica', () => {
  const {source, target, primary, replica} = items();
  const snapshots: string[] = [];

  beforeAll(async () => {
    snapshots.push((await source.capture()).snapshot);
    execute(primary, `UPDATE item SET name = 'second' WHERE id = 1`);
    snapshots.push((await source.capture()).snapshot);
    await target.replicate();
    const folder = join(pathOf(source.store), 'snapshots');
    const newest = readdirSync(folder).find((name) => name.includes('.1.2.')) ?? '';
    renameSync(join(folder, newest), join(folder, '..', '..', 'forgotten'));
  });

  test('replicate refuses to go back', async () => {
    await expectUntouched(target, ['replicate'], {
      exitCode: 22,
      code: 'POSITION_MISMATCH',
      told: /sequence 1, behind this database \(epoch 1 sequence 2\)/,
    });
  });

  test('unless the snapshot is named', async () => {
    const [first = ''] = snapshots;
    const applied = await target.replicate('--snapshot', first.slice(0, 12));
    expect(applied).toMatchObject({applied: true, sequence: 1, snapshot: first});
    expect(countRows(replica, 'item', `name = 'second'`)).toBe(0);
  });
});

test('a replica follows no second history unless told to by name', async () => {
  const {source, target, replica} = items();
  await source.capture();
  await target.replicate();
  const other = items();
  execute(other.primary, `UPDATE item SET name = 'of another history'`);
  const stranger = await other.source.capture();
  const moved = new Instance({
    database: replica,
    store: other.source.store,
    state: target.state,
    tables: ['item'],
  });
  await expectUntouched(moved, ['replicate'], {
    exitCode: 22,
    code: 'POSITION_MISMATCH',
    told: /no snapshot of the history/,
  });
  const applied = await moved.replicate('--snapshot', stranger.snapshot);
  expect(applied).toMatchObject({applied: true, lineage: stranger.lineage});
});

describe('the fuse', () => {
  test('stops a plan that empties a table, until it is allowed by name', async () => {
    const {source, target, primary, replica} = items();
    await source.capture();
    await target.replicate();
    execute(primary, 'DELETE FROM item');
    await source.capture();
    const stopped = {exitCode: 23, code: 'FUSE', told: /20 of 20 rows of table "item"/};
    await expectUntouched(target, ['replicate'], stopped);
    await expectUntouched(target, ['replicate', '--allow-deletes', 'other'], {
      exitCode: 2,
      code: 'TABLE_NOT_FOUND',
      told: /--allow-deletes names "other"/,
    });
    await expectUntouched(target, ['replicate', '--dry-run'], stopped);
    const applied = await target.replicate('--allow-deletes', 'item');
    expect(applied.tables['item']).toEqual({inserted: 0, updated: 0, deleted: 20});
    expect(countRows(replica, 'item')).toBe(0);
  });

  test('stops a plan that deletes more than half of a table', async () => {
    const {source, target, primary, replica} = items();
    await source.capture();
    await target.replicate();
    execute(primary, 'DELETE FROM item WHERE id > 9');
    await source.capture();
    await expectUntouched(target, ['replicate'], {
      exitCode: 23,
      code: 'FUSE',
      told: /11 of 20 rows of table "item".*50 %/,
    });
    execute(primary, `INSERT INTO item VALUES (10, 'x', 'ten')`);
    await source.capture();
    await target.replicate();
    expect(countRows(replica, 'item')).toBe(10);
  });
});

describe('what this database forbids', () => {
  const swapped = `PRAGMA ignore_check_constraints = ON;
    UPDATE item SET code = 'parked' WHERE id = 1;
    UPDATE item SET code = 'c1' WHERE id = 2;
    UPDATE item SET code = 'c2' WHERE id = 1;`;

  test('UNIQUE values that swap where a CHECK leaves no other value', async () => {
    const all = Array.from({length: 20}, (_, at) => `'c${at + 1}'`).join();
    const {source, target, primary} = items(`code TEXT NOT NULL UNIQUE CHECK (code IN (${all}))`);
    await source.capture();
    await target.replicate();
    execute(primary, swapped);
    await source.capture();
    const refused = await expectUntouched(target, ['replicate'], {
      exitCode: 20,
      code: 'UNIQUE_CYCLE',
      told: /item/,
    });
    expect(refused.message).toContain('code');
  });

  test('UNIQUE values that swap find a value to step aside to', async () => {
    const {source, target, primary, replica} = items('code TEXT NOT NULL UNIQUE');
    await source.capture();
    await target.replicate();
    execute(primary, swapped);
    await source.capture();
    expect((await target.replicate()).tables['item']?.updated).toBe(2);
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('UNIQUE values that move along a chain are ordered', async () => {
    const {source, target, primary, replica} = items('code TEXT UNIQUE');
    await source.capture();
    await target.replicate();
    execute(primary, `UPDATE item SET code = 'free' WHERE id = 20`);
    for (let id = 19; id > 0; id -= 1) {
      execute(primary, `UPDATE item SET code = 'c${id + 1}' WHERE id = ${id}`);
    }
    await source.capture();
    const {tables} = await target.replicate();
    expect(tables['item']?.updated).toBe(20);
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('a CHECK that only the replica has', async () => {
    const {source, target} = items('code TEXT', 'code TEXT CHECK (length(code) < 10)');
    await source.capture();
    const told = /"item": a default, a constraint, .* is declared otherwise$/;
    await expectUntouched(target, ['replicate'], {exitCode: 20, code: 'SCHEMA_MISMATCH', told});
  });

  test('a CHECK that the primary left aside', async () => {
    const {source, target, primary} = items('code TEXT CHECK (length(code) < 10)');
    execute(
      primary,
      `PRAGMA ignore_check_constraints = ON; UPDATE item SET code = 'much too long for it' WHERE id = 3`,
    );
    await source.capture();
    await expectUntouched(target, ['replicate'], {exitCode: 20, code: 'CONSTRAINT', told: /CHECK/});
  });

  test('a trigger that writes another table, unless allowed', async () => {
    const {source, target, primary, replica} = items();
    execute(
      replica,
      `CREATE TABLE audit (id INTEGER PRIMARY KEY, item INTEGER);
       CREATE TRIGGER watch AFTER UPDATE ON item BEGIN INSERT INTO audit (item) VALUES (new.id); END`,
    );
    execute(primary, `UPDATE item SET name = 'changed' WHERE id = 4`);
    await source.capture();
    await expectUntouched(target, ['replicate'], {exitCode: 20, code: 'TRIGGER', told: /"watch"/});
    await target.replicate('--allow-triggers');
    expect(countRows(replica, 'audit')).toBe(1);
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('a trigger that undoes what is written', async () => {
    const {source, target, primary, replica} = items();
    execute(
      replica,
      `CREATE TRIGGER keep AFTER UPDATE ON item BEGIN UPDATE item SET name = 'kept' WHERE id = new.id; END`,
    );
    execute(primary, `UPDATE item SET name = 'changed' WHERE id = 4`);
    await source.capture();
    const before = dumpTable(replica, 'item');
    const refused = await target.refused('replicate', '--allow-triggers');
    expect([20, 30]).toContain(refused.exitCode);
    expect(dumpTable(replica, 'item')).toEqual(before);
  });

  test('a foreign key without an action, of a table that is not replicated', async () => {
    const {source, target, primary, replica} = items();
    await source.capture();
    await target.replicate();
    execute(
      replica,
      `CREATE TABLE "order" (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item (id));
       INSERT INTO "order" VALUES (1, 5)`,
    );
    execute(primary, 'DELETE FROM item WHERE id = 5');
    await source.capture();
    await expectUntouched(target, ['replicate'], {
      exitCode: 20,
      code: 'FOREIGN_KEY',
      told: /order/,
    });
    execute(replica, `DELETE FROM "order"`);
    await target.replicate();
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('ON DELETE SET NULL and CASCADE of tables that are not replicated are followed and counted', async () => {
    const {source, target, primary, replica} = items();
    await source.capture();
    await target.replicate();
    execute(
      replica,
      `CREATE TABLE kept (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item (id) ON DELETE SET NULL);
       CREATE TABLE gone (id INTEGER PRIMARY KEY, item INTEGER REFERENCES item (id) ON DELETE CASCADE);
       CREATE TABLE below (id INTEGER PRIMARY KEY, gone INTEGER REFERENCES gone (id) ON DELETE CASCADE);
       INSERT INTO kept VALUES (1, 5), (2, 5), (3, 6);
       INSERT INTO gone VALUES (1, 5), (2, 6);
       INSERT INTO below VALUES (1, 1), (2, 1), (3, 1), (4, 2);`,
    );
    execute(primary, 'DELETE FROM item WHERE id = 5');
    await source.capture();
    const cascades = {kept: 2, gone: 1, below: 3};
    expect((await target.replicate('--dry-run')).cascades).toEqual(cascades);
    expect((await target.replicate()).cascades).toEqual(cascades);
    expect(countRows(replica, 'kept', 'item IS NULL')).toBe(2);
    expect(countRows(replica, 'gone')).toBe(1);
    expect(countRows(replica, 'below')).toBe(1);
    expect(complaints(replica)).toEqual([]);
  });
});

test('of two primaries the second takes over, and the first is fenced until it has followed', async () => {
  const {source, primary} = items();
  const rival = items();
  const second = new Instance({
    database: rival.primary,
    store: source.store,
    state: join(rival.primary, '..', 'rival-state'),
    tables: ['item'],
  });
  const first = await source.capture();
  execute(rival.primary, `UPDATE item SET name = 'of the rival' WHERE id = 1`);
  const taken = await second.capture();
  expect(taken).toMatchObject({changed: true, epoch: 2, sequence: 2, lineage: first.lineage});

  execute(primary, `UPDATE item SET name = 'too late' WHERE id = 2`);
  await expectUntouched(source, ['capture'], {
    exitCode: 20,
    code: 'FENCED',
    told: /another primary .* epoch 2 sequence 2/,
  });
  await source.replicate();
  expect(countRows(primary, 'item', `name = 'of the rival'`)).toBe(1);
  execute(primary, `UPDATE item SET name = 'in turn' WHERE id = 2`);
  expect(await source.capture()).toMatchObject({epoch: 3, sequence: 3});
});

type Items = {
  readonly primary: string;
  readonly replica: string;
  readonly source: Instance;
  readonly target: Instance;
};

/** A primary of 20 rows and a replica that differs from it in none but the declaration of one column. */
function items(column = 'code TEXT', onReplica = column): Items {
  const folder = temporaryFolder();
  const primary = join(folder, 'primary.db');
  const replica = join(folder, 'replica.db');
  const rows = Array.from({length: 20}, (_, n) => `(${n + 1}, 'name', 'c${n + 1}')`).join(', ');
  for (const [path, last] of [
    [primary, column],
    [replica, onReplica],
  ] as const) {
    execute(
      path,
      `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, ${last});
       INSERT INTO item VALUES ${rows};`,
    );
  }
  const shared = {store: `dir:${join(folder, 'store')}`, tables: ['item']};
  return {
    primary,
    replica,
    source: new Instance({database: primary, ...shared}),
    target: new Instance({database: replica, ...shared}),
  };
}
