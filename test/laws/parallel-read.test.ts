/** However many threads read a table, its content is the same, and so are the bytes that are kept. */
import {join} from 'node:path';
import {setImmediate, setTimeout as sleep} from 'node:timers/promises';
import BetterSqlite3 from 'better-sqlite3';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import type {Digest} from '../../src/canonical/digest.ts';
import type {Database, View} from '../../src/database/port.ts';
import {openSqlite} from '../../src/database/sqlite/database.ts';
import {ParallelRead, type OwnReader, type Shares} from '../../src/engine/parallel-read.ts';
import {readTables} from '../../src/engine/read-tables.ts';
import {shapeTable, type TableShape} from '../../src/schema/table-shape.ts';
import {readContent, type ChunkSink} from '../../src/snapshot/chunk.ts';
import {tableContent, type TableContent} from '../../src/snapshot/content.ts';
import type {PrintedChunk} from '../../src/state/print-file.ts';
import {bareOptions} from '../helpers/bare-options.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';

const ROWS = 30_000;
/** Beside those that hold something: 256 rows a chunk, and an anchor for 2048. */
const MORE_COLUMNS = Array.from({length: 28}, (_, at) => `more${at}`);
/** More than a thread takes to begin. */
const HELPER_MS = 2000;
const shares: Shares = {threads: 2, rangeCells: 8000, rangesMin: 3};

/** Each form of a key that ranges can be read by. */
const KEYS: Readonly<Record<string, string>> = {
  numbered: `CREATE TABLE numbered (id INTEGER PRIMARY KEY, a REAL, b, c TEXT);
    INSERT INTO numbered SELECT i * 7 - 20000, i / 7.0, CASE i % 5 WHEN 0 THEN x'00ff' WHEN 1 THEN 1.0 WHEN 2 THEN i ELSE NULL END, 'ä ' || i FROM n`,
  named: `CREATE TABLE named (name TEXT PRIMARY KEY NOT NULL, a, b, c);
    INSERT INTO named SELECT CASE i % 2 WHEN 0 THEN 'Key ' ELSE 'kEY ' END || (i * 7919 % 100003), i, 1e300 * i, NULL FROM n`,
  paired: `CREATE TABLE paired (x TEXT, y INTEGER, a, b, PRIMARY KEY (y, x)) WITHOUT ROWID;
    INSERT INTO paired SELECT 'x' || i, i / 100, i * 0.1, CAST(x'ff41' AS TEXT) FROM n`,
  mixed: `CREATE TABLE mixed (key PRIMARY KEY NOT NULL, a, b, c);
    INSERT INTO mixed SELECT CASE i % 3 WHEN 0 THEN i * 0.5 WHEN 1 THEN 'k' || i ELSE CAST('b' || i AS BLOB) END, i, 2, 3 FROM n`,
};

/** Those that none can: keys that an index orders otherwise, and keys that may be NULL. */
const OTHERS: Readonly<Record<string, string>> = {
  folded: `CREATE TABLE folded (name TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, a);
    INSERT INTO folded SELECT 'K' || i, i FROM n`,
  loose: `CREATE TABLE loose (name TEXT PRIMARY KEY, a);
    INSERT INTO loose SELECT 'K' || i, i FROM n`,
};

let folder = '';
let database: Database;

beforeAll(() => {
  folder = temporaryFolder();
  const db = new BetterSqlite3(join(folder, 'a.db'));
  db.pragma('journal_mode = WAL');
  const numbers = `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})`;
  for (const ddl of Object.values({...KEYS, ...OTHERS}))
    db.exec(ddl.replace('INSERT', `${numbers} INSERT`));
  for (const table of Object.keys({...KEYS, ...OTHERS})) widen(db, table);
  db.exec('CREATE TABLE small (id INTEGER PRIMARY KEY, a); INSERT INTO small VALUES (1, 2)');
  db.close();
  database = openSqlite({path: join(folder, 'a.db'), parallelBytesMin: 0});
});

afterAll(() => database.close());

function widen(db: BetterSqlite3.Database, table: string): void {
  for (const column of MORE_COLUMNS) db.exec(`ALTER TABLE ${table} ADD COLUMN ${column}`);
}

async function shapeOf(view: View, table: string): Promise<TableShape> {
  const schema = (await view.schema()).tables.get(table);
  if (schema === undefined) throw new Error('the table was made');
  return shapeTable(schema, {table});
}

type Kept = {readonly content: TableContent; readonly chunks: ReadonlyMap<Digest, string>};

async function alone(view: View, shape: TableShape): Promise<Kept> {
  const chunks = new Map<Digest, string>();
  const content = await readContent(shape, view.rows(shape), (entry, bytes) => {
    chunks.set(entry.digest, Buffer.from(bytes).toString('latin1'));
  });
  return {content, chunks};
}

type Together = Partial<Kept> & {
  /** Rows that the helper read. */
  readonly helped: number;
};

type Asked = {
  readonly known?: ReadonlySet<Digest>;
  /** What the one that asks waits for at its first page; else until the helper has read something. */
  readonly until?: Promise<unknown>;
  /** In the place of keeping what the helper reads. */
  readonly write?: ChunkSink;
};

function reading(view: View, shape: TableShape): Omit<OwnReader, 'watched' | 'onRows'> {
  return {
    view,
    shape,
    prints: undefined,
    sink: undefined,
    isKept: () => true,
    passed: async () => {},
  };
}

const contentOf = (shape: TableShape, chunks: readonly PrintedChunk[]): TableContent =>
  tableContent(
    shape,
    chunks.map(({entry}) => entry),
  );

/** As a call reads: by itself, with a helper. */
async function together(view: View, shape: TableShape, asked: Asked = {}): Promise<Together> {
  const {known = new Set()} = asked;
  const chunks = new Map<Digest, string>();
  const keep: ChunkSink = (entry, bytes) =>
    void chunks.set(entry.digest, Buffer.from(bytes).toString('latin1'));
  const read = new ParallelRead(view.beside, {known, write: asked.write ?? keep}, shares);
  let [own, helped] = [0, 0];
  const helping = Promise.withResolvers<void>();
  const reader: OwnReader = {
    ...reading(view, shape),
    sink: (entry, bytes) => (known.has(entry.digest) ? undefined : keep(entry, bytes)),
    async *watched(pages) {
      for await (const page of pages) {
        await (asked.until ?? helping.promise);
        await setImmediate();
        own += page.length;
        yield page;
      }
    },
    onRows(rows) {
      helped += rows;
      helping.resolve();
    },
  };
  try {
    const found = await read.read(reader);
    const content = found && contentOf(shape, found);
    if (content !== undefined && asked.write === undefined) expect(own + helped).toBe(ROWS);
    return {...(content && {content}), chunks, helped};
  } finally {
    await read.close();
  }
}

describe.each(Object.keys(KEYS))('table %s', (table) => {
  test('two threads find what one finds', async () => {
    await database.view(async (view) => {
      const shape = await shapeOf(view, table);
      const wanted = await alone(view, shape);
      expect(wanted.content.rows).toBe(ROWS);
      expect(wanted.content.chunks.length).toBeGreaterThan(2);
      const {helped, ...found} = await together(view, shape);
      expect(found).toEqual(wanted);
      expect(helped).toBeGreaterThan(0);
    });
  });

  test('ranges begin where a chunk does, whatever stands before', async () => {
    await database.view(async (view) => {
      const shape = await shapeOf(view, table);
      const {content} = await alone(view, shape);
      const cuts = [...(view.beside?.cuts(shape, 100, (key) => key.endsWith('7')) ?? [])];
      expect(cuts.length).toBeGreaterThan(5);
      expect(cuts).toEqual([...new Set(cuts)].sort());
      expect(cuts.every((key) => key.endsWith('7'))).toBe(true);
      expect(content.chunks[0]?.first).not.toBe(cuts[0]);
    });
  });
});

test.each(Object.keys(OTHERS))('table %s is left to one', async (table) => {
  await database.view(async (view) => {
    expect((await together(view, await shapeOf(view, table))).content).toBeUndefined();
  });
});

test('chunks that are known are not handed over again', async () => {
  await database.view(async (view) => {
    const shape = await shapeOf(view, 'numbered');
    const wanted = await alone(view, shape);
    const all = [...wanted.chunks];
    const known = new Set(all.slice(1).map(([digest]) => digest));
    expect(await together(view, shape, {known})).toMatchObject({
      content: wanted.content,
      chunks: new Map(all.slice(0, 1)),
    });
  });
});

test('a table that is small, or of which only some rows are asked for, is left to one', async () => {
  await database.view(async (view) => {
    const small = await shapeOf(view, 'small');
    expect((await together(view, small)).content).toBeUndefined();
    const shape = await shapeOf(view, 'numbered');
    const some = {...shape, only: [{column: 'c', not: false, like: 'ä%'}]} as unknown as TableShape;
    expect([...(view.beside?.cuts(some, 100, () => true) ?? [])]).toEqual([]);
    const more = [ROWS - 1, ROWS].map((rows) => view.beside?.hasMore(shape, rows));
    expect([...more, view.beside?.hasMore(some, 1)]).toEqual([true, false, false]);
  });
});

test('a thread that would see another moment reads nothing', async () => {
  const writer = new BetterSqlite3(join(folder, 'a.db'));
  try {
    await database.view(async (view) => {
      const shape = await shapeOf(view, 'numbered');
      const before = await alone(view, shape);
      writer.exec('INSERT INTO small (a) VALUES (3)');
      expect(await together(view, shape, {until: sleep(HELPER_MS)})).toEqual({
        ...before,
        helped: 0,
      });
      const contents = await readTables(view, [shape], bareOptions);
      expect(contents.get('numbered')).toEqual(before.content);
    });
  } finally {
    writer.close();
  }
});

test('what fails in a thread is read again by the one that asks, which says what it is', async () => {
  const path = join(folder, 'odd.db');
  const db = new BetterSqlite3(path);
  // A text that is not valid in the encoding of its database cannot be read.
  db.exec(`PRAGMA encoding = 'UTF-16le';
    CREATE TABLE t (key INTEGER PRIMARY KEY, a, b, c);
    WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
      INSERT INTO t SELECT i, CASE i WHEN ${ROWS} THEN CAST(x'00d8' AS TEXT) END, i, i FROM n`);
  widen(db, 't');
  db.close();
  const opened = openSqlite({path, parallelBytesMin: 0});
  try {
    await opened.view(async (view) => {
      const shape = await shapeOf(view, 't');
      const refused = {code: 'VALUE_UNSUPPORTED'};
      await expect(together(view, shape)).rejects.toMatchObject(refused);
      await expect(readTables(view, [shape], bareOptions)).rejects.toMatchObject(refused);
    });
  } finally {
    await opened.close();
  }
});

test('a thread whose chunks cannot be kept is done without', async () => {
  await database.view(async (view) => {
    const shape = await shapeOf(view, 'numbered');
    const wanted = await alone(view, shape);
    const refused = Promise.withResolvers<void>();
    const full: ChunkSink = () => {
      refused.resolve();
      throw new Error('no space');
    };
    expect(await together(view, shape, {write: full, until: refused.promise})).toEqual({
      ...wanted,
      helped: 0,
    });
  });
});

test.each(['watched', 'onRows'] as const)(
  'what %s throws ends the read, and the thread',
  async (where) => {
    await database.view(async (view) => {
      const shape = await shapeOf(view, 'numbered');
      const read = new ParallelRead(view.beside, undefined, shares);
      const stop = new Error('stop');
      const helping = Promise.withResolvers<void>();
      const own: OwnReader = {
        ...reading(view, shape),
        async *watched(pages) {
          for await (const page of pages) {
            await helping.promise;
            if (where === 'watched') throw stop;
            yield page;
          }
        },
        onRows() {
          helping.resolve();
          if (where === 'onRows') throw stop;
        },
      };
      await expect(read.read(own)).rejects.toBe(stop);
      await read.close();
    });
  },
);
