/**
 * What is known of a table only saves work: whatever was edited since, its content is that of a table of which nothing is known, and every
 * chunk is kept or handed over.
 */
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import type {Digest} from '../../src/canonical/digest.ts';
import {decodeKey} from '../../src/canonical/key.ts';
import type {Database, View} from '../../src/database/port.ts';
import {openSqlite} from '../../src/database/sqlite/database.ts';
import {KnownChunks} from '../../src/engine/known-chunks.ts';
import {ParallelRead} from '../../src/engine/parallel-read.ts';
import {readTables} from '../../src/engine/read-tables.ts';
import {shapeTable, type TableShape} from '../../src/schema/table-shape.ts';
import {tableContent, type TableContent} from '../../src/snapshot/content.ts';
import {PrintFile, type PrintedChunk} from '../../src/state/print-file.ts';
import {bareOptions} from '../helpers/bare-options.ts';
import {inFolder} from '../model/folder.ts';

const ROWS = 2500;
/** 32 rows a chunk, about, and 256 from one anchor to the next. */
const COLUMNS = 256;
const STEP = 10;

/** A place in the table, between 0 and 1; most edits are of rows that chunks begin with, or beside them. */
type Edit = {readonly kind: keyof typeof KINDS; readonly place: number; readonly cell: string};

const CELLS = [
  '1',
  '1.0',
  "'1'",
  "x'1331'",
  'CAST(-1 AS REAL) * 0',
  "'a' || char(0)",
  'NULL',
  "CAST(x'ff' AS TEXT)",
];

const KINDS = {
  update: (key, cell) => `UPDATE t SET c7 = ${cell} WHERE k = ${key}`,
  delete: (key) => `DELETE FROM t WHERE k = ${key}`,
  insert: (key) => `INSERT OR IGNORE INTO t (k) VALUES (${key - 1n}), (${key + 1n})`,
  range: (key) => `DELETE FROM t WHERE k BETWEEN ${key} AND ${key + 900n}`,
  gone: (key) => `DELETE FROM t WHERE k < ${key}`,
  tail: (key) => `DELETE FROM t WHERE k > ${key}`,
  more: () => `INSERT INTO t (k) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90)
    SELECT i * ${STEP} + coalesce((SELECT max(k) FROM t), 0) FROM n`,
  within: (
    key,
  ) => `INSERT OR IGNORE INTO t (k) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 90)
    SELECT i + ${key} FROM n`,
  none: () => 'SELECT 1',
} as const satisfies Record<string, (key: bigint, cell: string) => string>;

const edit = fc.record({
  kind: fc.constantFrom(
    ...(Object.keys(KINDS) as (keyof typeof KINDS)[]),
    // Rare ones leave little to look at.
    ...(['update', 'update', 'delete', 'delete', 'insert', 'insert', 'within'] as const),
  ),
  place: fc.integer({min: 0, max: 9999}).map((at) => at / 10_000),
  cell: fc.constantFrom(...CELLS),
});

function apply(
  db: BetterSqlite3.Database,
  {kind, place, cell}: Edit,
  known: readonly PrintedChunk[],
) {
  const found = known[Math.floor(place * known.length)];
  const first = found === undefined ? 0n : (decodeKey(found.entry.first)[0] as bigint);
  const key = Math.floor(place * 10_000) % 3 === 0 ? first + BigInt(STEP) : first;
  db.exec(KINDS[kind](key, cell));
}

/** Objects get lost, too: one in eight, some of the times. */
function lose(kept: Map<Digest, string>, edits: readonly Edit[]): void {
  const from = Math.floor((edits[0]?.place ?? 1) * 10_000);
  if (from % 4 !== 0) return;
  for (const [at, digest] of [...kept.keys()].entries())
    if ((at + from) % 8 === 0) kept.delete(digest);
}

function makeTable(path: string): void {
  const db = new BetterSqlite3(path);
  const columns = Array.from({length: COLUMNS - 1}, (_, at) => `c${at}`);
  db.exec(`PRAGMA journal_mode = WAL; CREATE TABLE t (k INTEGER PRIMARY KEY, ${columns.join()});
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
      INSERT INTO t (k, c1, c2) SELECT i * ${STEP}, i / 7.0, 'text ' || i FROM n`);
  db.close();
}

async function shapeOf(view: View): Promise<TableShape> {
  const schema = (await view.schema()).tables.get('t');
  if (schema === undefined) throw new Error('the table was made');
  return shapeTable(schema, {table: 't'});
}

type Found = {readonly content: TableContent; readonly known: readonly PrintedChunk[]};

/** One way of reading with what is known. */
type Way = (
  view: View,
  shape: TableShape,
  known: KnownChunks,
  keep: Map<Digest, string>,
) => Promise<TableContent>;

/** Of all ways. */
const count = {rowsRead: 0, lost: 0};

const alone: Way = async (view, shape, known, kept) => {
  const keep = {known: new Set(kept.keys()), write: keeping(kept)};
  const counting: View = {
    ...view,
    async *rows(...asked) {
      for await (const page of view.rows(...asked)) {
        count.rowsRead += page.length;
        yield page;
      }
    },
  };
  return ofTable(await readTables(counting, [shape], bareOptions, {keep, known}));
};

const together: Way = async (view, shape, known, kept) => {
  const prints = view.prints(shape);
  if (prints === undefined) throw new Error('the table has prints');
  const keep = {known: new Set(kept.keys()), write: keeping(kept)};
  const shares = {threads: 2, rangeCells: 300 * COLUMNS, rangesMin: 1};
  const read = new ParallelRead(view.beside, keep, shares);
  try {
    const own = {
      view,
      shape,
      prints,
      sink: (...[entry, bytes]: Parameters<typeof keep.write>) =>
        keep.known.has(entry.digest) ? undefined : keep.write(entry, bytes),
      isKept: (digest: Digest) => keep.known.has(digest),
      watched: <T>(pages: T): T => pages,
      passed: async () => new Promise<void>((resolve) => setImmediate(resolve)),
      onRows: () => {},
    };
    const chunks = await read.read(own, known.of(shape, prints));
    if (chunks === undefined) {
      count.lost++;
      return await alone(view, shape, known, kept); // as a call does
    }
    known.note(shape, prints, chunks);
    return tableContent(
      shape,
      chunks.map(({entry}) => entry),
    );
  } finally {
    await read.close();
  }
};

const keeping =
  (kept: Map<Digest, string>) =>
  ({digest}: {readonly digest: Digest}, bytes: Uint8Array): void =>
    void kept.set(digest, Buffer.from(bytes).toString('latin1'));

const bare = async (database: Database): Promise<TableContent> =>
  database.view(async (view) => {
    return ofTable(await readTables(view, [await shapeOf(view)], bareOptions));
  });

function ofTable(contents: ReadonlyMap<string, TableContent>): TableContent {
  const content = contents.get('t');
  if (content === undefined) throw new Error('the table was read');
  return content;
}

test.each([
  {by: 'one thread', way: alone, numRuns: 40},
  {by: 'two threads', way: together, numRuns: 15},
])('what is known saves $by work, and nothing else', async ({way, numRuns}) => {
  Object.assign(count, {rowsRead: 0, lost: 0});
  const seen = {reads: 0, rows: 0, same: 0, made: 0, without: 0};
  const property = fc.asyncProperty(
    fc.array(fc.array(edit, {minLength: 1, maxLength: 4}), {minLength: 2, maxLength: 5}),
    (steps) =>
      inFolder(async (folder) => {
        const path = join(folder, 'a.db');
        makeTable(path);
        const db = new BetterSqlite3(path);
        const database = openSqlite({path, parallelBytesMin: 0});
        const file = new PrintFile(folder);
        const kept = new Map<Digest, string>();
        try {
          for (const edits of [[], ...steps]) {
            const before = file.read().get('t')?.chunks ?? [];
            for (const one of edits) apply(db, one, before);
            lose(kept, edits);
            const known = new KnownChunks(file.read());
            const found = await database.view(async (view): Promise<Found> => {
              const content = await way(view, await shapeOf(view), known, kept);
              return {content, known: known.tables.get('t')?.chunks ?? []};
            });
            seen.reads++;
            seen.rows += found.content.rows;
            expect(found.content).toEqual(await bare(database));
            for (const {digest} of found.content.chunks) expect(kept.has(digest)).toBe(true);
            file.keep(known.tables);
            expect(known.hasChanged).toBe(JSON.stringify(before) !== JSON.stringify(found.known));
            const was = new Set(before.map(({entry}) => entry.digest));
            const same = found.known.filter(({entry}) => was.has(entry.digest)).length;
            seen.same += same;
            seen.made += found.known.length - same;
            seen.without += found.known.filter(({print}) => print === undefined).length;
          }
        } finally {
          await database.close();
          db.close();
        }
      }),
  );
  await fc.assert(property, {numRuns});
  process.stdout.write(`known chunks: ${JSON.stringify({...seen, ...count})}\n`);
  expect(count.rowsRead).toBeLessThan(seen.rows / 2); // the first time, all are
  expect(seen.reads).toBeGreaterThan(numRuns);
  expect(seen.same).toBeGreaterThan(seen.made);
  if (way === alone) expect(seen.without).toBeGreaterThan(0);
  expect(count.lost > 0).toBe(way === together);
});

/** Gives the table another declaration without touching a row. */
const declare = (columns: string): string => `PRAGMA writable_schema = ON;
  UPDATE sqlite_schema SET sql = 'CREATE TABLE t (k INTEGER PRIMARY KEY, ${columns})' WHERE name = 't';
  PRAGMA writable_schema = RESET;`;

/** Reads what there is first; then again after the edit, with what is known then, and with nothing known. */
async function readTwice(
  ddl: string,
  edit: string | ((path: string) => void),
): Promise<readonly PromiseSettledResult<TableContent>[]> {
  return inFolder(async (folder) => {
    const path = join(folder, 'a.db');
    const db = new BetterSqlite3(path);
    db.unsafeMode();
    db.exec(ddl);
    const kept = new Map<Digest, string>();
    const before = new KnownChunks();
    const reading = async (known: KnownChunks): Promise<TableContent> => {
      const database = openSqlite({path});
      try {
        return await database.view(async (view) => alone(view, await shapeOf(view), known, kept));
      } finally {
        await database.close();
      }
    };
    await reading(before);
    expect(before.tables.get('t')?.chunks.length).toBeGreaterThan(0);
    if (typeof edit === 'string') db.exec(edit);
    db.close();
    if (typeof edit === 'function') edit(path);
    Object.assign(count, {rowsRead: 0});
    const known = await Promise.allSettled([reading(new KnownChunks(before.tables))]);
    const rowsRead = count.rowsRead;
    const unknown = await Promise.allSettled([reading(new KnownChunks())]);
    Object.assign(count, {rowsRead});
    return [...known, ...unknown];
  });
}

const NEGATIVE = 'CAST(-1 AS REAL) * 0';

test.each([
  [
    'a zero that was negative before its column had a type',
    `CREATE TABLE t (k INTEGER PRIMARY KEY, c); INSERT INTO t VALUES (1, ${NEGATIVE}); ${declare('c REAL')}`,
    'UPDATE t SET c = 0.0',
    1,
  ],
  [
    'a zero that became negative while its column had no type',
    'CREATE TABLE t (k INTEGER PRIMARY KEY, c REAL); INSERT INTO t VALUES (1, 0.0)',
    `${declare('c')} UPDATE t SET c = ${NEGATIVE}; ${declare('c REAL')}`,
    0,
  ],
  [
    'a text of a collation that nobody here knows',
    `CREATE TABLE t (k INTEGER PRIMARY KEY, c TEXT); INSERT INTO t VALUES (1, 'a'); ${declare('c TEXT COLLATE icu_root')}`,
    "UPDATE t SET c = 'b'",
    0,
  ],
])('%s is told from what it becomes', async (_, ddl, edit, unprinted) => {
  const [known, unknown] = await readTwice(ddl, edit);
  expect(known).toMatchObject({status: 'fulfilled'});
  expect(known).toEqual(unknown);
  const again = await readTwice(ddl, 'SELECT 1');
  expect(again[0]).not.toEqual(known);
  expect(count.rowsRead, 'of what is as it was').toBe(unprinted);
});

const numbers = (rows: number): string => `CREATE TABLE t (k INTEGER PRIMARY KEY, c, d);
  WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
    INSERT INTO t SELECT i * 3, i, 'text ' || i FROM n;`;

test.each([
  ['all keys are others', 'UPDATE t SET k = k + 1'],
  ['all but a tenth are gone', 'DELETE FROM t WHERE c % 10'],
  ['there are twice as many everywhere', 'INSERT INTO t SELECT k + 1, c, d FROM t'],
  ['all were changed', 'UPDATE t SET c = c + 1'],
])('no row is read twice where %s', async (_, edit) => {
  const [known, unknown] = await readTwice(numbers(60_000), edit);
  expect(known).toEqual(unknown);
  const rows = known?.status === 'fulfilled' ? known.value.rows : 0;
  expect(rows).toBeGreaterThan(0);
  expect(count.rowsRead).toBe(rows);
});

test('a damaged page is said to be in its table, whatever is known', async () => {
  const [known, unknown] = await readTwice(numbers(20_000), (path) => {
    const bytes = readFileSync(path);
    const at = Math.floor(bytes.length / 2 / 4096) * 4096;
    bytes.fill(0xff, at, at + 4096);
    writeFileSync(path, bytes);
  });
  expect(unknown).toMatchObject({status: 'rejected'});
  expect(known).toEqual(unknown);
});

test('what was known of a table of another shape is not taken for this one', async () => {
  await inFolder(async (folder) => {
    const path = join(folder, 'a.db');
    const db = new BetterSqlite3(path);
    db.exec('CREATE TABLE t (k INTEGER PRIMARY KEY, c); INSERT INTO t VALUES (1, 2)');
    const database = openSqlite({path});
    try {
      await database.view(async (view) => {
        const shape = await shapeOf(view);
        const prints = view.prints(shape);
        if (prints === undefined) throw new Error('the table has prints');
        const first = new KnownChunks();
        await readTables(view, [shape], bareOptions, {known: first});
        const known = new KnownChunks(first.tables);
        expect(known.of(shape, prints)).toHaveLength(1);
        const others: readonly TableShape[] = [
          {...shape, columns: shape.columns.slice(1)},
          {...shape, key: [{name: 'k', fold: 'nocase'}]},
          {...shape, table: 'u'},
        ];
        for (const other of others) expect(known.of(other, prints)).toEqual([]);
        expect(known.of(shape, {...prints, form: 'another'})).toEqual([]);
      });
    } finally {
      await database.close();
      db.close();
    }
  });
});
