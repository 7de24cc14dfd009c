/** A state folder that is half written: what is left of it serves or is refused by name, and the rows come right. */
import {readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {isEngineError} from '../../../src/index.ts';
import {openState, peekState} from '../../../src/state/state.ts';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

const columns = ['id', 'a'];

/** A replica that followed two snapshots, and a third one that it has not seen. */
async function behind(): Promise<Instances> {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT)',
    primary: "INSERT INTO t VALUES (1, 'one'), (2, 'two')",
    replica: "INSERT INTO t VALUES (2, 'other')",
    tables: ['t'],
  });
  for (const value of ['second', 'third']) {
    await instances.capture();
    await instances.replicate();
    write(instances.primary, `UPDATE t SET a = '${value}' WHERE id = 1`);
  }
  await instances.capture();
  return instances;
}

const ownFolder = ({replica}: Instances): string =>
  join(`${replica}-state`, 'instances', 'replica.db');
const stateFile = (instances: Instances): string => join(ownFolder(instances), 'state.db');

/** What a call ends in: its code, or 'done'. */
async function outcome(call: () => Promise<unknown>): Promise<string> {
  try {
    await call();
    return 'done';
  } catch (error) {
    if (isEngineError(error)) return error.code;
    throw error;
  }
}

/** Damages state.db by its bytes. */
const damages: Readonly<Record<string, (path: string, size: number) => void>> = {
  'cut to nothing': (path) => truncateSync(path, 0),
  'cut within its header': (path) => truncateSync(path, 50),
  'cut after its header': (path) => truncateSync(path, 100),
  'cut after its first page': (path) => truncateSync(path, 4096),
  'cut in the middle': (path, size) => truncateSync(path, Math.floor(size / 2)),
  'cut by one page': (path, size) => truncateSync(path, size - 4096),
  'cut by one byte': (path, size) => truncateSync(path, size - 1),
  'without its first page': (path) => overwrite(path, 0, 4096, 0),
  'with another second page': (path) => overwrite(path, 4096, 8192, 0),
  'zeroed after its first page': (path, size) => overwrite(path, 4096, size, 0),
  'with garbage after its first page': (path, size) => overwrite(path, 4096, size, 0xa7),
  'all garbage': (path, size) => overwrite(path, 0, size, 0xa7),
};

function overwrite(path: string, from: number, to: number, byte: number): void {
  const bytes = readFileSync(path);
  bytes.fill(byte, from, to);
  writeFileSync(path, bytes);
}

describe.each(Object.entries(damages))('a state %s', (_, damage) => {
  test('is compared anew or refused by name, by every command, and moved away it costs time alone', async () => {
    const instances = await behind();
    const path = stateFile(instances);
    damage(path, readFileSync(path).length);
    const before = typed(instances.replica, 't', columns);
    expect(['done', 'STATE_DAMAGED']).toContain(await outcome(() => instances.status()));
    expect(['done', 'NOTHING_TO_UNDO', 'STATE_DAMAGED']).toContain(
      await outcome(() => instances.undo({dryRun: true})),
    );
    expect(['done', 'STATE_DAMAGED']).toContain(await outcome(() => instances.resume()));
    expect(typed(instances.replica, 't', columns)).toEqual(before);
    const replicated = await outcome(() => instances.replicate());
    expect(['done', 'STATE_DAMAGED']).toContain(replicated);
    if (replicated !== 'done') {
      expect(typed(instances.replica, 't', columns)).toEqual(before);
      renameSync(path, join(instances.folder, 'away.db'));
      expect(await instances.status()).toMatchObject({position: null, upToDate: false});
      await instances.replicate();
    }
    expect(typed(instances.replica, 't', columns)).toEqual(typed(instances.primary, 't', columns));
    expect(await instances.status()).toMatchObject({upToDate: true, position: {trusted: true}});
  });
});

test('a damaged state says what to do, and is not to be tried again', async () => {
  const instances = await behind();
  overwrite(stateFile(instances), 0, 4096, 0xa7);
  for (const call of [() => instances.replicate(), () => instances.status()]) {
    await expect(call()).rejects.toMatchObject({
      code: 'STATE_DAMAGED',
      exitCode: 30,
      retryable: false,
      hint: expect.stringContaining('state.db'),
    });
  }
});

test.each([
  'DROP TABLE hold',
  'ALTER TABLE position DROP COLUMN author',
  'DELETE FROM kysely_migration',
])('a state after %s is told to be damaged, not the disk to be full', async (sql) => {
  const instances = await behind();
  write(stateFile(instances), sql);
  await expect(instances.replicate()).rejects.toMatchObject({code: 'STATE_DAMAGED', exitCode: 30});
});

test('a write of the state that was cut short is rolled back by its journal', async () => {
  const instances = await behind();
  const path = stateFile(instances);
  const db = new BetterSqlite3(path);
  db.pragma('cache_size = 1');
  db.pragma('cache_spill = 1');
  db.exec("BEGIN IMMEDIATE; UPDATE position SET digest = 'wrong'");
  db.exec("UPDATE changeset SET body = hex(zeroblob(400000)), digest = 'wrong'");
  const [bytes, journal] = [readFileSync(path), readFileSync(`${path}-journal`)];
  db.close();
  expect(bytes.equals(readFileSync(path))).toBe(false);
  writeFileSync(path, bytes);
  writeFileSync(`${path}-journal`, journal);
  expect(await instances.status()).toMatchObject({behind: 1, position: {sequence: 2}});
  expect(await instances.replicate()).toMatchObject({sequence: 3, applied: true});
  expect(await instances.undo()).toMatchObject({sequence: 3});
});

test('a state that was begun and has no tables yet is none, and is finished by the next run', async () => {
  const instances = await behind();
  const options = {folder: `${instances.replica}-state`, database: instances.replica};
  rmSync(stateFile(instances));
  const db = new BetterSqlite3(stateFile(instances));
  db.exec('CREATE TABLE kysely_migration (name varchar(255) PRIMARY KEY, timestamp varchar(255))');
  db.close();
  expect(await peekState(options)).toBeUndefined();
  expect(await instances.status()).toMatchObject({instance: null, position: null});
  await instances.replicate();
  expect(await instances.status()).toMatchObject({upToDate: true});
});

test('looking at a state does not move it forward beside a process that uses it', async () => {
  const instances = await behind();
  const options = {folder: `${instances.replica}-state`, database: instances.replica};
  const state = await openState(options);
  const db = new BetterSqlite3(stateFile(instances));
  db.exec(`ALTER TABLE changeset DROP COLUMN doubted; ALTER TABLE instance DROP COLUMN state_file;
    ALTER TABLE changeset DROP COLUMN domains; ALTER TABLE position DROP COLUMN domains;
    ALTER TABLE position DROP COLUMN is_base; DROP TABLE conflict; DROP TABLE fact; DROP TRIGGER changeset_gone; DROP TABLE changeset_part;
    DELETE FROM kysely_migration WHERE name > '003'`);
  db.close();
  await expect(peekState(options)).rejects.toMatchObject({code: 'STATE_IN_USE'});
  await state.close();
  const peeked = await peekState(options);
  expect(await peeked?.position()).toMatchObject({sequence: 2});
  await peeked?.close();
});

/** Damages every staged object. */
const ofObjects: Readonly<Record<string, (path: string) => void>> = {
  cut: (path) => truncateSync(path, 10),
  empty: (path) => truncateSync(path, 0),
  garbage: (path) => writeFileSync(path, readFileSync(path).fill(0x20)),
  missing: (path) => rmSync(path),
};

function objectsOf(state: string, name: string): string[] {
  const root = join(state, 'instances', name, 'staging', 'objects');
  return readdirSync(root, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

test('a damaged index page of what the database holds sends a plan to compare all rows', async () => {
  const names = Array.from({length: 199}, (_, at) => `c${at}`);
  const instances = makeInstances({
    ddl: `CREATE TABLE t (id INTEGER PRIMARY KEY, ${names.map((name) => `${name} DEFAULT 0`).join()})`,
    primary: `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 9500)
      INSERT INTO t (id) SELECT i FROM c`,
    replica: '',
    tables: ['t'],
  });
  await instances.capture();
  await instances.replicate();
  write(instances.primary, 'UPDATE t SET c0 = 1 WHERE id = 7');
  await instances.capture();
  for (const path of objectsOf(`${instances.replica}-state`, 'replica.db')) truncateSync(path, 10);
  const {tables, cost} = await instances.replicate();
  expect(tables).toMatchObject({t: {updated: 1}});
  expect(cost.rowsRead).toBeGreaterThanOrEqual(9500);
});

describe.each(Object.entries(ofObjects))('staged objects that are %s', (_, damage) => {
  test('are not stored by a capture', async () => {
    const instances = await behind();
    const emptyStore = {store: `dir:${join(instances.folder, 'second-store')}`};
    for (const path of objectsOf(`${instances.primary}-state`, 'primary.db')) damage(path);
    await instances.capture(emptyStore);
    await instances.replicate({...emptyStore, state: join(instances.folder, 'second-state')});
    expect(typed(instances.replica, 't', columns)).toEqual(typed(instances.primary, 't', columns));
  });

  test('are fetched again by a replicate', async () => {
    const instances = await behind();
    write(instances.replica, 'DELETE FROM t');
    for (const path of objectsOf(`${instances.replica}-state`, 'replica.db')) damage(path);
    await instances.replicate();
    expect(typed(instances.replica, 't', columns)).toEqual(typed(instances.primary, 't', columns));
  });
});
