/** Empty tables are filled from the snapshot chunk by chunk, and what comes between is noticed. */
import {expect, test} from 'vitest';
import {applyPlan, type ApplyRequest} from '../../../src/apply/apply-plan.ts';
import type {FillSource} from '../../../src/apply/fill.ts';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {noSweeps} from '../../../src/engine/sweeps.ts';
import {fillReader} from '../../../src/engine/fills.ts';
import {encodeIntent, wholeIntent, decodeIntent} from '../../../src/engine/intent.ts';
import {planChanges} from '../../../src/engine/plan-changes.ts';
import {SnapshotReader} from '../../../src/engine/snapshot-reader.ts';
import {noProgress} from '../../../src/index.ts';
import {EngineError} from '../../../src/kernel/errors.ts';
import {UNDO_BYTES_MAX} from '../../../src/kernel/limits.ts';
import type {CanonicalRow, WireRow} from '../../../src/kernel/row.ts';
import {withFills, type Fill} from '../../../src/plan/plan.ts';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import {allRows, chunksOf, inPages, known, rowsOf, shapeWith} from '../../helpers/tables.ts';

const T = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)';
const many = (table: string): string =>
  `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
   INSERT INTO ${table} SELECT i, 'value ' || i FROM n;`;

/** The tables that a replicate fills. */
async function filledBy(instances: Instances): Promise<readonly string[]> {
  const filled = new Set<string>();
  await instances.replicate({progress: (what) => what.startsWith('filling') && filled.add(what)});
  return [...filled].map((what) => what.slice('filling '.length));
}

const U = 'CREATE TABLE u (id INTEGER PRIMARY KEY, ref REFERENCES t ON UPDATE SET DEFAULT)';
test.each([
  ['an empty table', {ddl: T}, ['t']],
  ['no table that holds a row', {ddl: T, replica: 'INSERT INTO t VALUES (77, 0)'}, []],
  [
    'no table with a trigger',
    {ddl: `${T}; CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END`},
    [],
  ],
  ['no table that others refer to by default', {ddl: `${T}; ${U}`}, []],
])('%s is filled', async (_, {ddl, replica = ''}: {ddl: string; replica?: string}, filled) => {
  const primary = "INSERT INTO t VALUES (1, 'a'), (2, NULL)";
  const instances = makeInstances({ddl, primary, replica, tables: ['t']});
  await instances.capture();
  expect(await filledBy(instances)).toEqual(filled);
  expect(typed(instances.replica, 't', ['id', 'v'])).toEqual(
    typed(instances.primary, 't', ['id', 'v']),
  );
});

test('a link table, whose ids are the database’s own, and one that is merged are not', async () => {
  const ddl = `${T}; CREATE TABLE loose (a, b)`;
  const primary = "INSERT INTO t VALUES (1, 'a'); INSERT INTO loose VALUES (1, 2)";
  const instances = makeInstances({ddl, primary, replica: '', tables: ['t', 'loose']});
  const keyless = 'multiset' as const;
  await instances.capture({keyless});
  const seen = new Set<string>();
  const progress = (what: string): unknown => seen.add(what);
  const policies = new Map([['t', {policy: 'seed' as const}]]);
  await instances.replicate({keyless, progress, policies, tables: undefined});
  expect([...seen].filter((what) => what.startsWith('filling'))).toEqual([]);
});

test('a dry run counts the same, and fills nothing', async () => {
  const instances = makeInstances({ddl: T, primary: many('t'), replica: '', tables: ['t']});
  await instances.capture();
  const dry = await instances.replicate({dryRun: true});
  expect(typed(instances.replica, 't', ['id'])).toEqual([]);
  const real = await instances.replicate();
  expect(dry.tables).toEqual({t: {inserted: 40_000, updated: 0, deleted: 0}});
  expect([real.tables, real.proof]).toEqual([dry.tables, dry.proof]);
  expect(real.lock.estimatedMs).toBe(dry.lock.estimatedMs);
  expect((await instances.replicate()).applied).toBe(false);
});

test('an empty table beside others that are not is proved though they are not', async () => {
  const ddl = `${T}; CREATE TABLE big (id INTEGER PRIMARY KEY, v)`;
  // Too many rows for all of them to be proved each time.
  const more = many('big').replace('40000', '60000');
  const instances = makeInstances({ddl, primary: more, replica: '', tables: ['t', 'big']});
  await instances.capture();
  await instances.replicate();
  write(instances.primary, "INSERT INTO t VALUES (1, 'a')");
  await instances.capture();
  const proved: string[] = [];
  const {proof, tables} = await instances.replicate({progress: (what) => proved.push(what)});
  expect(proof).toBe('touched');
  expect(tables).toMatchObject({t: {inserted: 1}});
  expect(proved).toContain('filling t');
});

test('a table that the application filled after the plan was made is planned afresh', async () => {
  const ddl = T;
  const instances = makeInstances({ddl, primary: many('t'), replica: '', tables: ['t']});
  await instances.capture();
  let told = 0;
  const nothing = (): void => {};
  const log = {
    debug: nothing,
    info: nothing,
    error: nothing,
    // Said of the long lock, between plan and transaction.
    warn: () => {
      if (told++ === 0) write(instances.replica, "INSERT INTO t VALUES (0, 'local')");
    },
  };
  const {tables} = await instances.replicate({log, maxWriteLock: 0});
  expect(told).toBe(1);
  expect(tables).toEqual({t: {inserted: 40_000, updated: 0, deleted: 1}});
  expect(typed(instances.replica, 't', ['id'])).toHaveLength(40_000);
});

test('interrupted in the middle, it leaves the table empty and runs again', async () => {
  const instances = makeInstances({ddl: T, primary: many('t'), replica: '', tables: ['t']});
  await instances.capture();
  const abort = new AbortController();
  const seen: number[] = [];
  const progress = (what: string, done: number): void => {
    if (!what.startsWith('filling')) return;
    seen.push(done);
    abort.abort();
  };
  await expect(instances.replicate({progress, signal: abort.signal})).rejects.toMatchObject({
    code: 'INTERRUPTED',
  });
  expect(seen).toHaveLength(1);
  expect(seen[0]).toBeLessThan(40_000);
  expect(typed(instances.replica, 't', ['id'])).toEqual([]);
  expect((await instances.replicate()).tables).toMatchObject({t: {inserted: 40_000}});
});

const shape = {...shapeWith(['id', 'v']), table: 't'};
const rows = rowsOf(shape, [
  [1n, 'a'],
  [2n, 'b'],
  [3n, 'B'],
]);

/** Fills `t` of a fresh database with these rows. */
async function fills(
  meanwhile: string,
  given: readonly CanonicalRow[],
  {ddl = T, source}: {readonly ddl?: string; readonly source?: FillSource} = {},
): Promise<unknown> {
  const instances = makeInstances({ddl, primary: '', replica: '', tables: ['t']});
  const replica = openSqlite({path: instances.replica});
  try {
    const empty = await replica.view((view) => allRows(view, {table: 't'}));
    const {digest, chunks} = await chunksOf(empty.shape, rows);
    const fill: Fill = {
      shape: empty.shape,
      rows: rows.length,
      digest,
      chunks: chunks.map(({entry}) => entry),
    };
    const nothing = new Map([['t', {shape: empty.shape, changes: []}]]);
    const plan = withFills(await replica.view((view) => planChanges(view, nothing)), [fill]);
    write(instances.replica, meanwhile);
    const request: ApplyRequest = {
      plan,
      source: {
        ...noSweeps,
        ...(source ?? {
          cells: () =>
            inPages(
              given.map(({cells}) => cells),
              2,
            ),
          rows: () => inPages(given, 2),
          listen: async () => {},
        }),
      },
      guard: async () => {},
      counters: new Map(),
      isCarried: () => false,
    };
    await applyPlan(replica, request);
    return typed(instances.replica, 't', ['id']).length;
  } catch (error) {
    expect(typed(instances.replica, 't', ['id']).length).toBeLessThan(2);
    throw error;
  } finally {
    await replica.close();
  }
}

test('rows are written as they are given', async () => {
  expect(await fills('', rows)).toBe(3);
});

test.each<[string, string, readonly CanonicalRow[], object]>([
  [
    'a row came in',
    'INSERT INTO t VALUES (9, 0)',
    rows,
    {code: 'PLAN_STALE', site: {table: 't'}, retryable: true},
  ],
  [
    'a trigger came to be',
    'CREATE TRIGGER x AFTER INSERT ON t BEGIN SELECT 1; END',
    rows,
    {code: 'PLAN_STALE', retryable: true},
  ],
  [
    'a constraint forbids a row',
    'CREATE UNIQUE INDEX u ON t (lower(v))',
    rows,
    {
      code: 'CONSTRAINT',
      site: {table: 't', key: 'id=3'},
      message: expect.stringMatching(/^cannot insert t\[id=3\]: UNIQUE/),
    },
  ],
  [
    'a row is missing',
    '',
    rows.slice(1),
    {
      code: 'PROOF_FAILED',
      retryable: true,
      message: expect.stringContaining('2 rows instead of 3'),
    },
  ],
])('%s: nothing is written', async (_, meanwhile, given, error) => {
  await expect(fills(meanwhile, given)).rejects.toMatchObject(error);
});

test('a value that the table converts is named', async () => {
  const text = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)';
  const numbers = rowsOf(shape, [[1n, 5n]]);
  await expect(fills('', numbers, {ddl: text})).rejects.toMatchObject({
    code: 'PROOF_FAILED',
    site: {table: 't', key: 'id=1'},
    message: expect.stringContaining('(column "v")'),
  });
});

test('an interrupt while the rows are proved takes them back', async () => {
  const stop = new Error('stop');
  const listen = async (): Promise<never> => {
    throw stop;
  };
  const cells = (): AsyncIterable<Iterable<WireRow>> =>
    inPages(
      rows.map((row) => row.cells),
      2,
    );
  const source: FillSource = {cells, rows: () => inPages(rows, 2), listen};
  await expect(fills('', rows, {source})).rejects.toBe(stop);
});

test('cells that were never checked are refused for what the snapshot is', async () => {
  const why = new EngineError('SNAPSHOT_CORRUPT', 'it was altered');
  const source: FillSource = {
    cells: () => inPages([[5, {b: '?'}]], 2),
    rows: () => {
      throw why;
    },
    listen: async () => {},
  };
  await expect(fills('', rows, {source})).rejects.toBe(why);
  const other = {...source, cells: () => inPages([[1, 'z']], 2)};
  await expect(fills('', rows, {source: other})).rejects.toBe(why);
});

/** A reader of chunks that are at hand. */
function readerOf(chunks: Awaited<ReturnType<typeof chunksOf>>['chunks']): SnapshotReader {
  const byDigest = new Map(chunks.map(({entry, bytes}) => [entry.digest, bytes]));
  return new SnapshotReader({
    store: {fetch: async () => {}},
    cache: {
      has: () => true,
      read: (digest) => byDigest.get(digest),
      isWhole: (digest) => byDigest.has(digest),
      take: () => false,
      size: (digest) => byDigest.get(digest)?.byteLength ?? 0,
    },
    temporary: () => '',
  });
}

test('its rows are on record as rows are, unless they are too many', async () => {
  const odd = rowsOf(shape, [
    [1n, '"\\\n'],
    [2n, 'ü🎉'],
    [3n, new Uint8Array([1])],
  ]);
  const {chunks, digest} = await chunksOf(shape, odd);
  const reader = fillReader(readerOf(chunks), {signal: undefined, progress: noProgress});
  const fill: Fill = {shape, rows: 3, digest, chunks: chunks.map(({entry}) => entry)};
  const nothing = {before: [], deletes: [], parks: [], writes: [], after: []};
  const checks = {parents: [], children: [], strangers: [], tables: new Map()};
  const plan = withFills({...nothing, ...checks, sweeps: [], fills: []}, [fill]);
  const {body, parts} = await encodeIntent(plan, {source: {...noSweeps, ...reader}});
  expect((await wholeIntent(body, known(parts))).rows).toEqual(
    odd.map(({key, text}) => ({table: 't', key, before: null, after: text})),
  );
  const characters = odd.reduce((sum, {text}) => sum + text.length, 0);
  expect(reader.isLarge([fill], UNDO_BYTES_MAX - characters)).toBe(false);
  expect(reader.isLarge([fill], UNDO_BYTES_MAX - characters + 1)).toBe(true);
  const large = await encodeIntent(plan, {source: {...noSweeps, ...reader, isLarge: () => true}});
  expect(decodeIntent(large.body).rows).toBeUndefined();
  expect(known(plan.tables.get('t'))).toEqual({inserted: 3, updated: 0, deleted: 0});
});
