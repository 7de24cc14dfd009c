/** Many changed rows that nothing else depends on: compared anew when they are written, and refused where they are not as planned. */
import {expect, test} from 'vitest';
import {runSweep, type Swept} from '../../../src/apply/sweep.ts';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {SnapshotReader, type Snapshot} from '../../../src/engine/snapshot-reader.ts';
import {
  noSweeps,
  plainSweeping,
  sweepingOf,
  SweepTally,
  sweepReader,
  type SweepPlan,
} from '../../../src/engine/sweeps.ts';
import {noProgress, silentLog} from '../../../src/index.ts';
import type {RowChange} from '../../../src/kernel/row.ts';
import {diffRows} from '../../../src/diff/diff-rows.ts';
import type {Ways} from '../../../src/engine/followed.ts';
import {noFills} from '../../../src/engine/fills.ts';
import {reverseChanges} from '../../../src/engine/reverse.ts';
import {decodeIntent, encodeIntent, type Intent} from '../../../src/engine/intent.ts';
import {UNDO_BYTES_MAX} from '../../../src/kernel/limits.ts';
import {withSweeps} from '../../../src/plan/plan.ts';
import {allRows, chunksOf, known, planOf, schemaWith, shapeWith} from '../../helpers/tables.ts';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

const ROWS = 40_000;
const numbers = `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})`;

/** Too large for each proof to read all of it; rows of several chunks change in every way. */
function large(): Instances {
  return makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c)',
    primary: `${numbers} INSERT INTO t SELECT i, 'row ' || i, i / 7.0, NULL FROM n`,
    replica: '',
    tables: ['t'],
  });
}
const few = `INSERT INTO t SELECT i, 'row', i, NULL FROM n WHERE i <= 9`;
const change = `UPDATE t SET a = a || '!' WHERE id % 3 = 0; DELETE FROM t WHERE id % 100 = 1;
  INSERT INTO t SELECT -id, 'new', 1, x'00' FROM t WHERE id % 100 = 2`;
const all = (path: string): readonly string[] => typed(path, 't', ['id', 'a', 'b', 'c']);

/** Both hold the first snapshot, and the store one of what the primary became then. */
async function changed(pair: Instances, sql: string): Promise<Instances> {
  await pair.capture();
  await pair.replicate();
  write(pair.primary, sql);
  await pair.capture();
  return pair;
}

/** Progress, and all that it was told. */
function listened(): {
  readonly said: Set<string>;
  readonly progress: (what: string) => void;
} {
  const said = new Set<string>();
  return {said, progress: (what) => void said.add(what)};
}

test('rows of many chunks are written, proved and undone', async () => {
  const pair = await changed(large(), change);
  const before = all(pair.replica);
  const {said, progress} = listened();
  const result = await pair.replicate({heldRows: 100, progress});
  expect(said).toContain('writing t');
  const tables = {t: {inserted: 400, updated: 13_200, deleted: 400}};
  expect(result).toMatchObject({applied: true, proof: 'touched', tables});
  expect(all(pair.replica)).toEqual(all(pair.primary));
  expect((await pair.undo({heldRows: 100})).tables).toEqual({
    t: {inserted: 400, updated: 13_200, deleted: 400},
  });
  expect(all(pair.replica)).toEqual(before);
});

test('an undo of a first snapshot is not held either, and is refused where one of the last rows changed', async () => {
  const pair = large();
  await pair.capture();
  await pair.replicate();
  write(pair.replica, `UPDATE t SET c = 'mine' WHERE id = ${ROWS}`);
  const changed = {code: 'UNDO_STALE', site: {table: 't', key: `id=${ROWS}`}};
  await expect(pair.undo({heldRows: 100})).rejects.toMatchObject(changed);
  expect(all(pair.replica)).toHaveLength(ROWS);
  write(pair.replica, `UPDATE t SET c = NULL WHERE id = ${ROWS}`);
  expect((await pair.undo({heldRows: 100})).tables['t']?.deleted).toBe(ROWS);
  expect(all(pair.replica)).toEqual([]);
});

test('an undo is held where a table that it writes has triggers: what these write is told from it by its rows', async () => {
  const pair = makeInstances({
    ddl: `CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c); CREATE TABLE o (id INTEGER PRIMARY KEY);
      CREATE TRIGGER x AFTER INSERT ON o BEGIN SELECT 1; END`,
    primary: `${numbers} ${few}; INSERT INTO o VALUES (1)`,
    replica: '',
    tables: ['t', 'o'],
  });
  await pair.capture();
  await pair.replicate();
  await pair.undo({heldRows: 0});
  expect(all(pair.replica)).toEqual([]);
});

test('an undo of rows of a multiset is held', async () => {
  const ddl = 'CREATE TABLE t (id, a, b, c)';
  const pair = makeInstances({ddl, primary: `${numbers} ${few}`, replica: '', tables: ['t']});
  const keyless = 'multiset' as const;
  await pair.capture({keyless});
  await pair.replicate({keyless});
  write(pair.primary, 'UPDATE t SET a = 1 WHERE id < 3');
  await pair.capture({keyless});
  await pair.replicate({keyless, heldRows: 0});
  expect(all(pair.replica)).toEqual(all(pair.primary));
  await pair.undo({heldRows: 0});
  expect(all(pair.replica).filter((row) => row.includes("'row'"))).toHaveLength(9);
});

test('a dry run counts them and writes nothing', async () => {
  const pair = await changed(large(), change);
  const before = all(pair.replica);
  const {tables, applied} = await pair.replicate({heldRows: 100, dryRun: true});
  expect({tables, applied}).toEqual({
    applied: false,
    tables: {t: {inserted: 400, updated: 13_200, deleted: 400}},
  });
  expect(all(pair.replica)).toEqual(before);
});

test('rows that are few among many are looked up one by one, as the lock would wait for the others', async () => {
  const pair = await changed(large(), "UPDATE t SET a = 'new' WHERE id % 20 = 0");
  const {said, progress} = listened();
  const scattered = await pair.replicate({heldRows: 100, progress});
  expect(said).not.toContain('writing t');
  expect(scattered.tables).toEqual({t: {inserted: 0, updated: ROWS / 20, deleted: 0}});
  write(pair.primary, "UPDATE t SET a = 'newer' WHERE id % 20 = 0 OR id < 1000");
  await pair.capture();
  await pair.replicate({heldRows: 100, progress}); // only the first ones are close
  expect(said).not.toContain('writing t');
  expect(all(pair.replica)).toEqual(all(pair.primary));
});

test('an estimate of the lock counts the rows that are read beside them', async () => {
  const pair = await changed(large(), "UPDATE t SET a = 'new' WHERE id % 3 = 0");
  const [swept, held] = [
    await pair.replicate({heldRows: 100, dryRun: true}),
    await pair.replicate({heldRows: ROWS, dryRun: true}),
  ];
  expect(swept.lock.estimatedMs).toBeGreaterThan(held.lock.estimatedMs);
});

test('where somebody writes beside the rows that change, nothing but these is looked at afterwards', async () => {
  const pair = await changed(large(), "UPDATE t SET a = 'new' WHERE id % 3 = 0");
  const afresh: unknown[] = [];
  let writes = 0;
  const {signal} = new AbortController();
  Object.defineProperty(signal, 'aborted', {
    get: () => {
      // Asked all along.
      if (afresh.length === 0) write(pair.replica, `UPDATE t SET b = -${++writes} WHERE id = 1`);
      return false;
    },
  });
  const log = {
    ...silentLog,
    info: (what: string) => void (what === 'planning afresh' && afresh.push(what)),
  };
  const said = new Set<string>();
  const progress = (what: string): unknown => afresh.length > 0 && said.add(what);
  const result = await pair.replicate({heldRows: 100, signal, log, progress});
  expect(writes).toBeGreaterThan(1);
  expect(afresh).toHaveLength(1);
  expect(said).not.toContain('writing t');
  expect(result.proof).toBe('touched');
  expect(all(pair.replica)).toEqual(all(pair.primary));
});

test('many neighbours that go are never all in memory', async () => {
  const pair = await changed(large(), 'DELETE FROM t WHERE id BETWEEN 10 AND 39990');
  const shares: number[] = [];
  await pair.replicate({
    heldRows: 100,
    progress: (what, done) => void (what === 'writing t' && shares.push(done)),
  });
  expect(shares.length).toBeGreaterThan(1);
  expect(all(pair.replica)).toEqual(all(pair.primary));
});

test('a few long rows are not held either', async () => {
  const pair = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)',
    primary: `${numbers} INSERT INTO t SELECT i, NULL, i, hex(zeroblob(${2 ** 19})) FROM n WHERE i < 12`,
    replica: '',
    tables: ['t'],
  });
  await changed(pair, 'UPDATE t SET b = -1');
  const {said, progress} = listened();
  await pair.replicate({progress});
  expect(said).toContain('writing t');
  expect(all(pair.replica)).toEqual(all(pair.primary));
  await pair.undo();
  expect(typed(pair.replica, 't', ['b'])).not.toContain('integer -1');
});

test('the fuse counts them', async () => {
  const pair = await changed(large(), 'DELETE FROM t WHERE id > 5');
  const wanted = {heldRows: 100, allowDeletes: []};
  await expect(pair.replicate(wanted)).rejects.toMatchObject({code: 'FUSE'});
  expect(all(pair.replica)).toHaveLength(ROWS);
});

test('all of them are planned row by row where the last ones exchange unique values', async () => {
  const pair = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b REAL, c UNIQUE)',
    primary: `${numbers} INSERT INTO t SELECT i, 'row ' || i, i / 7.0, i FROM n`,
    replica: '',
    tables: ['t'],
  });
  await changed(
    pair,
    `UPDATE t SET a = a || '!'; UPDATE t SET c = -1 WHERE id = ${ROWS};
     UPDATE t SET c = ${ROWS} WHERE id = ${ROWS - 1}; UPDATE t SET c = ${ROWS - 1} WHERE id = ${ROWS}`,
  );
  const {said, progress} = listened();
  const {tables} = await pair.replicate({heldRows: 100, progress});
  expect(tables).toEqual({t: {inserted: 0, updated: ROWS, deleted: 0}});
  expect(said).not.toContain('writing t');
  expect(all(pair.replica)).toEqual(all(pair.primary));
});

test.each([
  ['few', 3, true],
  ['more than are held', 500, false],
])('rows refer to %s others', async (_, parents, isSwept) => {
  const pair = makeInstances({
    ddl: 'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c REFERENCES p)',
    primary: `${numbers} INSERT INTO t SELECT i, 'row', i, NULL FROM n`,
    replica: '',
    tables: ['t'],
  });
  const change = `UPDATE t SET c = id % ${parents}`;
  await changed(
    pair,
    `${numbers} INSERT INTO p SELECT i - 1 FROM n WHERE i <= ${parents}; ${change}`,
  );
  const {said, progress} = listened();
  const wanted = {heldRows: 100, progress};
  await expect(pair.replicate(wanted)).rejects.toMatchObject({code: 'FOREIGN_KEY'});
  expect(said.has('writing t')).toBe(isSwept);
  expect(all(pair.replica).filter((row) => row.includes('NULL'))).toHaveLength(ROWS);
  write(pair.replica, `${numbers} INSERT INTO p SELECT i - 1 FROM n WHERE i <= ${parents}`);
  await pair.replicate(wanted);
  expect(all(pair.replica)).toEqual(all(pair.primary));
});

test('too many to be kept are not on record', async () => {
  const counts = {inserted: 0, updated: 1, deleted: 0};
  const sweep = {shape: shapeWith(['k', 'a']), counts, rowsRead: 1, ranges: []};
  const plan = planOf(new Map(), new Map());
  const of = async (characters: number): Promise<Intent> => {
    const {body} = await encodeIntent(withSweeps(plan, [{...sweep, characters, parents: []}]), {
      source: {...noFills, ...noSweeps, changes: async function* () {}, isLarge: () => false},
    });
    return decodeIntent(body);
  };
  expect((await of(UNDO_BYTES_MAX)).rows).toEqual([]);
  expect(await of(UNDO_BYTES_MAX + 1)).toMatchObject({
    rows: undefined,
    all: 1,
    tables: {t: counts},
  });
});

/** Sweeps `t` to what it holds on the primary, after somebody did something meanwhile. */
async function swept(
  meanwhile: string,
  alter?: (swept: Swept) => Swept,
): Promise<readonly string[]> {
  const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, c)';
  const rows = `${numbers} ${few}`;
  const pair = makeInstances({ddl, primary: rows, replica: rows, tables: ['t']});
  write(pair.primary, `UPDATE t SET a = 'new' WHERE id < 6; DELETE FROM t WHERE id = 7`);
  const [primary, replica] = [pair.primary, pair.replica].map((path) => openSqlite({path}));
  try {
    const {shape, rows: wanted} = await known(primary).view((view) => allRows(view, {table: 't'}));
    const {chunks} = await chunksOf(shape, wanted);
    const {entry, bytes} = known(chunks[0]);
    const cache = {
      has: () => true,
      read: () => bytes,
      isWhole: () => true,
      take: () => false,
      size: () => bytes.byteLength,
    };
    const reader = new SnapshotReader({store: {fetch: async () => {}}, cache, temporary: () => ''});
    const sweep = await known(replica).view(async (view): Promise<SweepPlan> => {
      const {tables: schema} = await view.schema();
      const {rows: ours} = await allRows(view, {table: 't'});
      const changes: RowChange[] = [...diffRows('t', ours, wanted)];
      const tally = new SweepTally(shape, () => true, {schema, heldRows: 1});
      const range = {from: undefined, to: undefined};
      tally.add({segment: {range, theirs: entry, to: undefined}, ours, changes});
      return tally.sweep();
    });
    write(pair.replica, meanwhile);
    const options = {signal: undefined, progress: noProgress};
    const source = sweepReader(known(replica), reader, options);
    const altered: typeof source.swept = async function* (view, given) {
      for await (const each of source.swept(view, given)) yield alter?.(each) ?? each;
    };
    await known(replica).transact((view) => runSweep(view, sweep, {swept: altered}));
    expect(all(pair.replica)).toEqual(all(pair.primary));
    return all(pair.replica);
  } finally {
    await Promise.all([known(primary).close(), known(replica).close()]);
  }
}

test('what is as planned is written', async () => {
  expect(await swept('')).toHaveLength(8);
});

test.each([
  ['a row was changed', 'UPDATE t SET b = 0 WHERE id = 3', 'PLAN_STALE'],
  ['a row that stays was changed', 'UPDATE t SET b = 0 WHERE id = 9', 'PLAN_STALE'],
  ['a row came', 'INSERT INTO t VALUES (100, 1, 1, 1)', 'PLAN_STALE'],
  ['a row went', 'DELETE FROM t WHERE id = 9', 'PLAN_STALE'],
  ['a trigger came', 'CREATE TRIGGER x AFTER UPDATE ON t BEGIN SELECT 1; END', 'PLAN_STALE'],
  ['its values became unique', 'CREATE UNIQUE INDEX u ON t (a, id)', 'PLAN_STALE'],
  ['rows refer to it', 'CREATE TABLE o (id REFERENCES t (id))', 'PLAN_STALE'],
])('nothing is written where %s meanwhile', async (_, meanwhile, code) => {
  await expect(swept(meanwhile)).rejects.toMatchObject({code});
});

type Rows = NonNullable<Swept['held']>['wanted'];
test.each<[string, (rows: Rows) => Rows, number]>([
  [
    'a row is not as it was wanted',
    (rows) => rows.map((row, at) => (at === 2 ? {...row, text: '[]'} : row)),
    3,
  ],
  [
    'a row is missing at the end',
    (rows) => [...rows, {...known(rows[0]), key: 'nz', text: '[]'}],
    0,
  ],
  ['a row is there that was not wanted', (rows) => rows.slice(0, -1), 9],
  ['a row is there in the middle that was not wanted', (rows) => rows.toSpliced(2, 1), 3],
])('nothing is written where afterwards %s', async (_, change, id) => {
  const altered = swept('', (given) => {
    const held = known(given.held);
    return {...given, held: {...held, wanted: change(held.wanted)}};
  });
  const key =
    id === 0
      ? undefined
      : expect.objectContaining({key: expect.stringContaining(String(id)) as string});
  await expect(altered).rejects.toMatchObject({code: 'PROOF_FAILED', ...(key && {site: key})});
});

test('rows that are looked up one by one have to be as they were wanted, too', async () => {
  const altered = swept('', ({changes}) => ({
    changes: changes.map((each) =>
      each.op === 'update' ? {...each, after: {...each.after, text: '[]'}} : each,
    ),
  }));
  await expect(altered).rejects.toMatchObject({code: 'PROOF_FAILED'});
});

test.each([
  ['a table alone', {}, {}, true],
  [
    'a table whose rows are made for another version',
    {own: new Map([['t', new Map()]])},
    {},
    false,
  ],
  ['a table beside one that is merged', {}, {merged: [{}]}, false],
])('%s may be swept: %j %j %s', (_, target, ways, expected) => {
  const shape = shapeWith(['k', 'a']);
  const table = {...schemaWith('t', ['k', 'a']), keyIsOrdered: true};
  const sweeping = sweepingOf(
    new Map([['t', table]]),
    {target: target as Snapshot, ways: {merged: [], ...ways} as unknown as Ways},
    {},
  );
  expect(sweeping.isLone(shape) !== undefined).toBe(expected);
});

test.each([
  ['few', 9, false],
  ['many', 3, true],
  ['few, but long', 9, true],
])('rows of a record that are %s', async (name, heldRows, isReadAgain) => {
  const a = name === 'few, but long' ? `hex(zeroblob(${2 ** 20}))` : `'row'`;
  const path = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
    primary: `${numbers} INSERT INTO t SELECT i, ${a} FROM n WHERE i <= 9`,
    replica: '',
  }).primary;
  const database = openSqlite({path});
  try {
    const passes = await database.view(async (view) => {
      const {shape, rows} = await allRows(view, {table: 't'});
      const recorded = rows.map(({key, text}) => ({table: 't', key, before: null, after: text}));
      let count = 0;
      const sweeping = plainSweeping((await view.schema()).tables, {heldRows});
      const record = {rows: () => (count++, [recorded]), groups: []};
      const changes = await reverseChanges(view, [shape], record, sweeping);
      expect(changes.get('t')?.sweep?.counts.deleted).toBe(isReadAgain ? 9 : undefined);
      return count;
    });
    expect(passes > 1).toBe(isReadAgain);
  } finally {
    await database.close();
  }
});

test('a plan without a snapshot sweeps nothing', () => {
  expect(() => noSweeps.changes({} as SweepPlan)).toThrow('without a snapshot');
});
