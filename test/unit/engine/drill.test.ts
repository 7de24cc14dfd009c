/** A restore drill, on real databases and stores. */
import {mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {drill} from '../../../src/engine/drill.ts';
import {capture, noProgress, silentLog, type EngineOptions} from '../../../src/index.ts';
import {must} from '../../../src/kernel/assert.ts';
import {encodeKey} from '../../../src/canonical/key.ts';
import {
  manifestOf,
  objectFile,
  putObject,
  replaceManifest,
  sign,
} from '../../helpers/hostile/forge.ts';
import {makeInstances, write, type Instances} from '../../helpers/instances.ts';
import {fillOdd, oddRows} from '../../helpers/odd-values.ts';
import {buildPopulatedKuma} from '../../helpers/uptime-kuma/index.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

const before = process.env['TMPDIR'];
let temporary: string;
beforeEach(() => {
  temporary = join(tempFolder(), 'tmp');
  mkdirSync(temporary);
  process.env['TMPDIR'] = temporary;
});
afterEach(() => {
  if (before === undefined) delete process.env['TMPDIR'];
  else process.env['TMPDIR'] = before;
});

function optionsOf({folder}: Pick<Instances, 'folder'>, database: string): EngineOptions {
  return {
    database,
    store: `dir:${join(folder, 'store')}`,
    state: `${database}-state`,
    env: {},
    log: silentLog,
    progress: noProgress,
  };
}

const related = `
  CREATE TABLE tree (id INTEGER PRIMARY KEY, up REFERENCES tree, v ANY);
  CREATE TABLE leaf (name TEXT COLLATE NOCASE PRIMARY KEY, tree TEXT REFERENCES tree (id), other REFERENCES elsewhere);
  CREATE TABLE elsewhere (id INTEGER PRIMARY KEY);
  CREATE TABLE strict (id TEXT PRIMARY KEY, v ANY, r REAL) STRICT`;
const rows = `
  INSERT INTO tree VALUES (1, 1, '7'), (2, 1, 7.0), (3, NULL, 7.5), (4, 44, x'37');
  INSERT INTO leaf VALUES ('a', '1', 5), ('B', 2, NULL), ('c', NULL, 6);
  INSERT INTO strict VALUES ('a', '1', 1), ('b', 1, 2.5), ('c', 1.0, NULL), ('d', x'31', -0.0)`;

function relatives(): Instances {
  return makeInstances({
    ddl: related,
    primary: rows,
    replica: '',
    tables: ['tree', 'leaf', 'strict'],
  });
}

/** But for the databases of the test itself. */
function isEmpty(): void {
  const left = readdirSync(temporary).filter((name) => !name.startsWith('rowplica-test-'));
  expect(left).toEqual([]);
}

describe('a drill', () => {
  test('restores every kind of value and key, and checks references between the tables', async () => {
    const pair = relatives();
    const {snapshot} = await pair.capture();
    const result = await drill(optionsOf(pair, pair.primary));
    expect(result).toMatchObject({
      proven: true,
      snapshot,
      sequence: 1,
      epoch: 1,
      foreignKeys: 2, // up and tree; what "other" refers to does not travel
      tables: {tree: {rows: 4}, leaf: {rows: 3}, strict: {rows: 4}},
    });
    isEmpty();
  });

  test('restores odd values as they are', async () => {
    const folder = tempFolder();
    const database = join(folder, 'odd.db');
    fillOdd(database);
    const options = {...optionsOf({folder}, database), tables: ['odd']};
    await capture(options);
    expect((await drill(options)).tables['odd']?.rows).toBe(oddRows);
  });

  test('works on a replica that has no state yet, and on one that was edited', async () => {
    const pair = relatives();
    await pair.capture();
    const options = optionsOf(pair, pair.replica);
    expect((await drill(options)).proven).toBe(true);
    expect(readdirSync(pair.folder)).not.toContain('replica.db-state');
  });

  test.each([
    ['has a column more', 'ALTER TABLE leaf ADD COLUMN more TEXT'],
    ['has no such table', 'DROP TABLE leaf'],
  ])('keeps the order of keys where this database %s', async (_, ddl) => {
    const pair = relatives();
    await pair.capture();
    write(pair.replica, ddl);
    expect((await drill(optionsOf(pair, pair.replica))).tables).toMatchObject({leaf: {rows: 3}});
  });

  test('restores a whole Uptime Kuma, with references that dangle', async () => {
    const folder = tempFolder();
    const database = join(folder, 'kuma.db');
    buildPopulatedKuma(database, {version: '2.5.3', monitors: 8, danglingDockerHost: true});
    const options = optionsOf({folder}, database);
    await capture(options);
    const result = await drill(options);
    expect(Object.keys(result.tables).length).toBeGreaterThan(10);
    expect(result.foreignKeys).toBeGreaterThan(5);
  });

  test('fails where there is no snapshot', async () => {
    const pair = relatives();
    await expect(drill(optionsOf(pair, pair.primary))).rejects.toMatchObject({
      code: 'STORE_MISSING',
    });
  });
});

describe('a drill fails, and leaves nothing behind,', () => {
  test.each<[string, (path: string) => void, string]>([
    [
      'damaged',
      (path) => writeFileSync(path, `${readFileSync(path, 'utf8')} `),
      'SNAPSHOT_CORRUPT',
    ],
    ['gone', (path) => rmSync(path), 'SNAPSHOT_INCOMPLETE'],
  ])('where a file is %s in the store, although the state has it', async (_, damage, code) => {
    const pair = relatives();
    await pair.capture();
    const store = join(pair.folder, 'store');
    const chunk = manifestOf(store).tables[0]?.chunks?.[0];
    damage(objectFile(store, chunk?.digest ?? ''));
    await expect(drill(optionsOf(pair, pair.primary))).rejects.toMatchObject({code, exitCode: 30});
    isEmpty();
  });

  test('where rows refer to rows that are not there, which the primary did not have', async () => {
    const pair = relatives();
    await pair.capture();
    const store = join(pair.folder, 'store');
    const manifest = manifestOf(store);
    const options = optionsOf(pair, pair.primary);
    const tree = manifest.tables.find(({name}) => name === 'tree');
    expect(tree?.violations).toHaveLength(1);
    const tables = manifest.tables.map((table) => ({...table, violations: undefined}));
    replaceManifest(store, {...manifest, tables});
    rmSync(`${pair.primary}-state`, {recursive: true});
    await expect(drill(options)).rejects.toMatchObject({
      code: 'PROOF_FAILED',
      exitCode: 30,
      site: {table: 'tree'},
    });
    isEmpty();
  });

  test('where rows have keys that no table such as the one here can have held', async () => {
    const pair = relatives();
    await pair.capture();
    const store = join(pair.folder, 'store');
    const manifest = manifestOf(store);
    const tree = must(
      manifest.tables.find(({name}) => name === 'tree'),
      'it travels',
    );
    const bytes = '["no number",null,null]\n';
    const first = encodeKey(['no number'], ['binary']);
    tree.chunks = [{first, rows: 1, digest: putObject(store, bytes)}];
    tree.rows = 1;
    replaceManifest(store, sign(manifest));
    rmSync(`${pair.primary}-state`, {recursive: true});
    await expect(drill(optionsOf(pair, pair.primary))).rejects.toMatchObject({
      code: 'SNAPSHOT_CORRUPT',
      exitCode: 30,
      site: {table: 'tree'},
      message: expect.not.stringContaining('no number') as string,
    });
    isEmpty();
  });

  test('where it is interrupted', async () => {
    const pair = relatives();
    await pair.capture();
    const stop = new AbortController();
    const progress = (): void => stop.abort();
    const options = {...optionsOf(pair, pair.primary), progress, signal: stop.signal};
    await expect(drill(options)).rejects.toMatchObject({code: 'INTERRUPTED'});
    isEmpty();
  });
});
