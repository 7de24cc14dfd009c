/** Snapshots that were made to harm, in a store that anyone may write to: refused, and not a row changed. */
import {existsSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import stringify from 'fast-json-stable-stringify';
import {describe, expect, test} from 'vitest';
import {diff, noProgress, silentLog, verify, type EngineOptions} from '../../src/index.ts';
import {must} from '../../src/kernel/assert.ts';
import {EngineError} from '../../src/kernel/errors.ts';
import {
  digest,
  manifestOf,
  objectFile,
  putObject,
  relabel,
  replaceManifest,
  sign,
  snapshotFolder,
  type ForgedManifest,
  type ForgedTable,
} from '../helpers/hostile/forge.ts';
import {faults, makeInstances, typed, write, type Instances} from '../helpers/instances.ts';

const SECRET = 'hunter2';
const ddl = 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, size ANY)';

/** A primary of three rows whose snapshot is in the store, and a replica with another row. */
async function captured(): Promise<{pair: Instances; store: string}> {
  const pair = makeInstances({
    ddl,
    primary: `INSERT INTO item VALUES (1, '${SECRET}', 1), (2, 'b', 2.5), (3, 'c', NULL)`,
    replica: `INSERT INTO item VALUES (7, 'kept', 7)`,
    tables: ['item'],
  });
  await pair.capture();
  return {pair, store: join(pair.folder, 'store')};
}

function options({replica, folder}: Instances): EngineOptions {
  return {
    database: replica,
    store: `dir:${join(folder, 'store')}`,
    state: `${replica}-state`,
    env: process.env,
    log: silentLog,
    progress: noProgress,
  };
}

const rowsOf = (path: string) => typed(path, 'item', ['id', 'name', 'size']);

type Expected = {readonly code?: string; readonly exitCode?: number; readonly told: RegExp};

/** replicate, verify and diff all refuse, and the replica is as it was. */
async function expectRefused(
  pair: Instances,
  {code = 'SNAPSHOT_CORRUPT', exitCode = 30, told}: Expected,
  commands: readonly string[] = ['replicate', 'verify', 'diff'],
): Promise<void> {
  const before = rowsOf(pair.replica);
  const runs: Readonly<Record<string, () => Promise<unknown>>> = {
    replicate: () => pair.replicate({tables: undefined, allowDeletes: undefined}),
    verify: () => verify({...options(pair), snapshot: 'latest'}),
    diff: () => diff({...options(pair), left: 'live', right: 'latest'}),
  };
  for (const command of commands) {
    const error: unknown = await must(runs[command], 'a command')().then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof EngineError))
      throw new Error(`${command} did not refuse`, {cause: error});
    const {message} = error;
    expect({code: error.code, message}, command).toMatchObject({
      code,
      message: expect.stringMatching(told),
    });
    expect(error.exitCode).toBe(exitCode);
    expect(message).not.toContain(SECRET);
    expect(message).not.toContain('\n');
  }
  expect(rowsOf(pair.replica)).toEqual(before);
  expect(faults(pair.replica)).toEqual([]);
}

const tableOf = (manifest: ForgedManifest): ForgedTable => must(manifest.tables[0], 'a table');

/** The snapshot with the only chunk replaced. */
function replaceChunk(store: string, text: string | Buffer, more: object = {}): void {
  const manifest = manifestOf(store);
  const table = tableOf(manifest);
  const rows = Buffer.from(text).toString('latin1').split('\n').length - 1;
  const entry = {first: 'Na1', rows, ...more, digest: putObject(store, text)};
  table.chunks = [entry];
  table.rows = entry.rows;
  replaceManifest(store, sign(manifest));
}

const deep = `${'['.repeat(200_000)}${']'.repeat(200_000)}`;

const chunks: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ['a row with too many cells', '[1,"a",1,1]\n', /does not have its 3 cells/],
  ['a row with too few', '[1]\n', /does not have its 3 cells/],
  ['a number out of range', '[1,"a",1e999999]\n', /out of range/],
  ['a number in another spelling', '[1,"a",1.50]\n', /canonical/],
  ['deep nesting', `[1,"a",${deep}]\n`, /canonical/],
  ['a key twice', '[1,"a",1]\n[1,"b",1]\n', /out of order/],
  ['keys out of order', '[1,"a",1]\n[3,"b",1]\n[2,"b",1]\n', /out of order/],
  ['half a surrogate pair', '[1,"\\ud800",1]\n', /surrogate/],
  ['bytes that are no text', Buffer.from('5b312c22ff222c315d0a', 'hex'), /UTF-8/],
  ['its last line cut', '[1,"a",1]\n[2,"b",1]', /rows|cut/],
  ['a byte order mark', '\ufeff[1,"a",1]\n', /JSON/],
  ['a value beside its tag', '[1,"a",{"b":"AA==","x":1}]\n', /tag/],
];

test.each(chunks)('a chunk with %s', async (_, text, told) => {
  const {pair, store} = await captured();
  replaceChunk(store, text);
  await expectRefused(pair, {told});
});

test.each([
  ['another number of rows', {rows: 2}, /rows, not 2/],
  ['a thousand million rows', {rows: 1_000_000_000}, /as many rows/],
  ['another first key', {first: 'Na0'}, /format says/],
  ['a first key that is lower', {first: 'N0'}, /does not begin/],
])('an entry that claims %s', async (_, entry, told) => {
  const {pair, store} = await captured();
  replaceChunk(store, '[1,"a",1]\n', entry);
  await expectRefused(pair, {told});
});

const manifests: readonly (readonly [string, RegExp, (manifest: ForgedManifest) => unknown])[] = [
  [
    'a digest that leads elsewhere',
    /digest/,
    (manifest) =>
      ((must(tableOf(manifest).chunks?.[0], 'chunk') as {digest: string}).digest =
        '../../../../etc/passwd'),
  ],
  ['a table twice', /order/, (manifest) => manifest.tables.push(tableOf(manifest))],
  [
    'a column twice',
    /order/,
    (manifest) =>
      (tableOf(manifest).columns = [
        ...tableOf(manifest).columns,
        must(tableOf(manifest).columns[0], 'column'),
      ]),
  ],
  [
    'a chunk twice',
    /order/,
    (manifest) => {
      const table = tableOf(manifest);
      table.chunks = [...(table.chunks ?? []), ...(table.chunks ?? [])];
      table.rows *= 2;
    },
  ],
  ['a member that is not known', /format says/, (manifest) => Object.assign(manifest, {rowid: 1})],
  [
    'a member called constructor',
    /format says/,
    (manifest) => Object.assign(manifest, {constructor: 1}),
  ],
  ['an epoch of 1e308', /epoch/, (manifest) => (manifest.epoch = 1e308)],
  ['a negative sequence', /sequence/, (manifest) => (manifest.sequence = -1)],
  ['a depth that makes paths without end', /depth/, (manifest) => (manifest.depth = 1_000_000)],
  ['deep nesting', /deep/, (manifest) => Object.assign(manifest, {'x-deep': 'deep'})],
];

test.each(manifests)('a manifest with %s', async (_, told, change) => {
  const {pair, store} = await captured();
  const manifest = manifestOf(store);
  change(manifest);
  sign(manifest);
  replaceManifest(store, manifest, (text) => text.replace('"x-deep":"deep"', `"x-deep":${deep}`));
  await expectRefused(pair, {told});
});

test('a manifest with a member called __proto__', async () => {
  const {pair, store} = await captured();
  replaceManifest(store, manifestOf(store), (text) =>
    text.replace('{', '{"__proto__":{"tables":[]},'),
  );
  await expectRefused(pair, {told: /canonical/});
});

test('a manifest whose digests do not match what it lists', async () => {
  const {pair, store} = await captured();
  const manifest = manifestOf(store);
  manifest.root = 'f'.repeat(64);
  replaceManifest(store, manifest);
  await expectRefused(pair, {told: /root digest/});
});

test('a table of the snapshot that is named like SQL is not one of this database', async () => {
  const {pair, store} = await captured();
  const manifest = manifestOf(store);
  tableOf(manifest).name = '"; DROP TABLE item; --';
  replaceManifest(store, sign(manifest));
  const told = /table ""; DROP TABLE item; --".*does not have it/;
  await expectRefused(pair, {code: 'SCHEMA_MISMATCH', exitCode: 20, told}, ['replicate', 'diff']);
});

describe('index pages', () => {
  /** The table listed by one page, whose text may say anything. */
  function replacePages(store: string, text: string, more: object = {}): void {
    const manifest = manifestOf(store);
    const table = tableOf(manifest);
    const [{first, rows}] = [must(table.chunks?.[0], 'chunk')];
    const page = {chunks: 1, first, rows, ...more, digest: putObject(store, text)};
    delete table.chunks;
    table.pages = [page];
    table.rows = page.rows;
    replaceManifest(store, sign(manifest));
  }

  test('that list a page instead of a chunk', async () => {
    const {pair, store} = await captured();
    const entry = must(tableOf(manifestOf(store)).chunks?.[0], 'chunk');
    const inner = putObject(store, `${stringify(entry)}\n`);
    replacePages(store, `${stringify({...entry, digest: inner})}\n`);
    await expectRefused(pair, {told: /does not fit its digest/});
  });

  test('that claim more than they hold', async () => {
    const {pair, store} = await captured();
    const entry = must(tableOf(manifestOf(store)).chunks?.[0], 'chunk');
    replacePages(store, `${stringify(entry)}\n`, {chunks: 1000, rows: 1_000_000});
    await expectRefused(pair, {told: /cut/});
  });

  test('that are their own entry', async () => {
    const {pair, store} = await captured();
    const text = `${stringify({digest: digest('no text holds its own digest'), first: 'Na1', rows: 3})}\n`;
    replacePages(store, text);
    await expectRefused(pair, {told: /does not fit its digest/});
  });
});

describe('a directory store', () => {
  const labels: readonly (readonly [string, Readonly<Record<string, unknown>>])[] = [
    ['an epoch of 1e308', {epoch: 1e308}],
    ['a negative epoch', {epoch: -1}],
    ['a sequence with a fraction', {sequence: 1.5}],
    ['a digest that is none', {digest: 'latest'}],
    ['a name that speaks to the terminal', {author: '\u001b[2J'}],
    ['a name without end', {author: 'x'.repeat(1_000_000)}],
    ['a time that is none', {time: 'soon'}],
  ];
  test.each(labels)('with a label of %s', async (_, fields) => {
    const {pair, store} = await captured();
    relabel(store, fields);
    await expectRefused(pair, {told: /label of snapshot .* is missing or damaged/});
    await expect(pair.capture()).rejects.toMatchObject({code: 'SNAPSHOT_CORRUPT'});
  });

  test('with a label of the highest position there is: no capture writes beyond it', async () => {
    const {pair, store} = await captured();
    relabel(store, {epoch: 1, sequence: Number.MAX_SAFE_INTEGER});
    await expectRefused(pair, {told: /labels the snapshot with another position/});
    // Of an instance without history: the author of that snapshot holds it to be its own.
    await expect(pair.capture({state: `${pair.primary}-other`})).rejects.toMatchObject({
      code: 'POSITION_MISMATCH',
      exitCode: 22,
    });
  });

  test('with another folder in the place of its own: a capture writes and removes nothing there', async () => {
    const {pair, store} = await captured();
    const victim = join(pair.folder, 'victim');
    mkdirSync(victim);
    writeFileSync(join(victim, 'letter.txt'), 'mine');
    utimesSync(join(victim, 'letter.txt'), 0, 0);
    rmSync(join(store, 'unfinished'), {recursive: true});
    symlinkSync(victim, join(store, 'unfinished'));
    write(pair.primary, "INSERT INTO item VALUES (4, 'd', 4)");
    await expect(pair.capture()).rejects.toMatchObject({code: 'STORE_FAILED', exitCode: 13});
    expect(existsSync(join(victim, 'letter.txt'))).toBe(true);
  });

  test('with a link in the place of a folder of objects: a capture writes nothing there', async () => {
    const {pair, store} = await captured();
    const victim = join(pair.folder, 'victim');
    mkdirSync(victim);
    rmSync(join(store, 'objects'), {recursive: true});
    mkdirSync(join(store, 'objects'));
    for (let at = 0; at < 256; at++)
      symlinkSync(victim, join(store, 'objects', at.toString(16).padStart(2, '0')));
    write(pair.primary, "INSERT INTO item VALUES (4, 'd', 4)");
    await expect(pair.capture()).rejects.toMatchObject({code: 'STORE_FAILED', exitCode: 13});
  });

  test.each(['a link', 'a folder'])('with %s in the place of a chunk or manifest', async (kind) => {
    const {pair, store} = await captured();
    const [entry] = tableOf(manifestOf(store)).chunks ?? [];
    const elsewhere = join(pair.folder, 'elsewhere');
    writeFileSync(elsewhere, 'x');
    for (const path of [
      objectFile(store, must(entry, 'chunk').digest),
      join(snapshotFolder(store), 'manifest'),
    ]) {
      rmSync(path);
      if (kind === 'a link') symlinkSync(elsewhere, path);
      else mkdirSync(path);
      await expectRefused(pair, {told: /no plain file/});
    }
  });
});

test('an object that is not what its name says is kept by nobody: a later capture stores the right one', async () => {
  const {pair, store} = await captured();
  const entry = must(tableOf(manifestOf(store)).chunks?.[0], 'chunk');
  const right = rowsOf(pair.primary);
  writeFileSync(objectFile(store, entry.digest), '[1,"forged",1]\n');
  await expect(pair.replicate()).rejects.toMatchObject({code: 'SNAPSHOT_CORRUPT'});
  // The primary compares with the same chunk, from a state folder that does not have it.
  rmSync(`${pair.primary}-state`, {recursive: true});
  write(pair.primary, "UPDATE item SET name = 'other' WHERE id = 1");
  await pair.capture();
  write(pair.primary, `UPDATE item SET name = '${SECRET}' WHERE id = 1`);
  await pair.capture();
  await pair.replicate();
  expect(rowsOf(pair.replica)).toEqual(right);
});

test('tables and columns with names of prototypes or of SQL are names like any other', async () => {
  const names = [
    '__proto__',
    'constructor',
    '"; DROP TABLE x; --',
    'a\u001b[2J\nb',
    'hasOwnProperty',
  ];
  const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
  const tables = names.map(
    (name) =>
      `CREATE TABLE ${quoted(name)} (id INTEGER PRIMARY KEY, "__proto__" TEXT, "toString" ANY)`,
  );
  const pair = makeInstances({
    ddl: tables.join(';'),
    primary: names
      .map((name) => `INSERT INTO ${quoted(name)} VALUES (1, 'x', 1), (2, 'y', 2.5)`)
      .join(';'),
    replica: `INSERT INTO "__proto__" VALUES (2, 'z', 0)`,
    tables: names,
  });
  const result = await pair.capture();
  expect(Object.keys(result.tables).sort()).toEqual([...names].sort());
  expect(result.leftOut).toEqual([]);
  const sides = await diff({...options(pair), left: 'live', right: 'latest'});
  expect(Object.keys(sides.tables).sort()).toEqual([...names].sort());
  const done = await pair.replicate();
  expect(Object.entries(done.tables).map(([, counts]) => counts.inserted + counts.updated)).toEqual(
    names.map(() => 2),
  );
  const equal = await verify(options(pair));
  expect(equal.equal).toBe(true);
  const left = await pair.capture({tables: ['__proto__']});
  expect([...left.leftOut].sort()).toEqual(names.filter((name) => name !== '__proto__').sort());
});
