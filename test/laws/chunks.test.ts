import BetterSqlite3 from 'better-sqlite3';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {digestOf} from '../../src/canonical/digest.ts';
import {encodeKey} from '../../src/canonical/key.ts';
import {sqliteView} from '../../src/database/sqlite/view.ts';
import type {CanonicalRow, Cell} from '../../src/kernel/row.ts';
import {decodeChunk} from '../../src/snapshot/chunk.ts';
import type {ChunkEntry} from '../../src/snapshot/content.ts';
import {chunkRowsMean, mix} from '../../src/snapshot/mix.ts';
import {chunkCutter} from '../helpers/chunk-cutter.ts';
import {decodePage, paginate} from '../../src/snapshot/pages.ts';
import {runs} from '../helpers/arbitraries.ts';
import {insertRow} from '../helpers/temp-db.ts';
import {allRows, chunksOf, known, rowsOf, shapeWith, wideShape} from '../helpers/tables.ts';

// 250 columns: 32 rows a chunk on average, 24 at least and 64 at most, and an anchor for 256.
const columns = 250;
const wide = wideShape(columns);
const mean = chunkRowsMean(columns);
const narrow = shapeWith(['k', 'v']);
const isAnchor = ({key}: CanonicalRow): boolean => mix(key) % (8 * mean) === 0;

const rowOf = (id: number, value: Cell = 'v'): CanonicalRow =>
  known(rowsOf(narrow, [[BigInt(id), value]])[0]);

// Ids 1 to 4000, all and those alone where no chunk may be cut unless it is as long as it may be.
const pool = rowsOf(
  narrow,
  Array.from({length: 4000}, (_, at) => [BigInt(at + 1), 'v']),
);
const dull = pool.filter(({key}) => mix(key) % (mean / 4) !== 0);

/** Tables of up to some twenty chunks, of rows that follow each other and a few that stand apart. */
const contents = fc
  .oneof(
    fc.tuple(fc.constant(pool), fc.integer({min: 1, max: 600})),
    fc.tuple(fc.constant(dull), fc.integer({min: 1, max: 300})),
  )
  .chain(([from, length]) =>
    fc.tuple(
      fc.constant(from),
      fc.constant(length),
      fc.nat(from.length - length - 1),
      fc.array(fc.nat(3999), {maxLength: 3}),
    ),
  )
  .map(([from, length, start, extra]) => {
    const rows = new Map(from.slice(start, start + length).map((row) => [row.key, row]));
    for (const at of extra) rows.set(known(pool[at]).key, known(pool[at]));
    return [...rows.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  });

// 32, 16, 8, 4, 2 and 1 row a chunk on average.
const widths = fc.constantFrom(columns, 500, 1000, 2000, 4000, 6000);

test('law: chunks follow the rule of the format, whatever the size of the pages', async () => {
  await fc.assert(
    fc.asyncProperty(contents, widths, fc.integer({min: 1, max: 300}), async (...given) => {
      const [rows, width, pageSize] = given;
      const shape = wideShape(width);
      const {chunks, digest} = await chunksOf(shape, rows, pageSize);
      expect(chunks.map(({entry}) => entry)).toEqual(expectedChunks(rows, chunkRowsMean(width)));
      expect((await chunksOf(shape, rows)).digest).toBe(digest);
      const text = chunks.map(({bytes}) => Buffer.from(bytes).toString('utf8')).join('');
      expect(text).toBe(rows.map((row) => `${row.text}\n`).join(''));
    }),
    runs,
  );
});

/** The rule in plain words, from one boundary to the next. */
function expectedChunks(rows: readonly CanonicalRow[], chunkMean: number): readonly ChunkEntry[] {
  const isEven = chunkMean >= 16;
  const places = isEven ? chunkMean / 4 : chunkMean;
  const ends = (start: number, {key}: CanonicalRow, at: number): boolean =>
    at > start &&
    (mix(key) % (8 * chunkMean) === 0 ||
      (at - start >= (isEven ? (3 / 4) * chunkMean : 1) && mix(key) % places === 0) ||
      at - start === (isEven ? 2 : 8) * chunkMean);
  const entries: ChunkEntry[] = [];
  for (let start = 0; start < rows.length;) {
    const end = rows.findIndex((row, at) => ends(start, row, at));
    const part = rows.slice(start, end < 0 ? undefined : end);
    const digest = digestOf(part.map((row) => `${row.text}\n`).join(''));
    entries.push({digest, first: known(part[0]).key, rows: part.length});
    start += part.length;
  }
  return entries;
}

test('law: one row more or less moves no boundary before it, nor any from the next anchor on', async () => {
  await fc.assert(
    fc.asyncProperty(contents, fc.nat(), async (rows, at) => {
      const place = at % rows.length;
      const {key} = known(rows[place]);
      const beyond = rows.slice(place + 1).find(isAnchor)?.key ?? '~';
      const [more, less] = [
        await chunksOf(wide, rows),
        await chunksOf(wide, rows.toSpliced(place, 1)),
      ];
      const outside = ({chunks}: Listed): readonly string[] =>
        chunks.map(({entry}) => entry.first).filter((first) => first < key || first >= beyond);
      expect(outside(less)).toEqual(outside(more));
    }),
    runs,
  );
});

test.each([
  [12, 1.1],
  [90, 1.4],
  [250, 1.5],
  [500, 2],
  [1000, 1.3],
  [2000, 1.3],
  [4000, 1.3],
])('of a table of %i columns a row less makes %f chunks at most, on average', (width, most) => {
  const keys = rowKeysTo(20 * chunkRowsMean(width) + 400);
  const whole = new Set(spansOf(keys, width));
  const tried = keys.filter((_, at) => at % Math.ceil(keys.length / 500) === 0);
  const made = tried.map((key) => {
    const fewer = spansOf(keys.toSpliced(keys.indexOf(key), 1), width);
    const others = fewer.filter((span) => !whole.has(span)).length;
    return Math.max(1, others); // where the row was in the middle of one
  });
  expect(made.reduce((sum, count) => sum + count, 0) / made.length).toBeLessThan(most);
});

test.each([
  ['numbers', (at: number): Cell => BigInt(at)],
  ['texts', (at: number): Cell => `monitor ${at}`],
  ['numbers with gaps', (at: number): Cell => BigInt(at * 97)],
])('a row of a table of %s is in a chunk hardly longer than the others', (_, cell) => {
  const keys = Array.from({length: 100_000}, (__, at) => encodeKey([cell(at)], ['binary'])).sort();
  const starts = chunkCutter(12);
  const lengths: number[] = [];
  for (const key of keys)
    if (starts(key)) lengths.push(1);
    else lengths[lengths.length - 1] = known(lengths.at(-1)) + 1;
  const perRow = lengths.reduce((sum, length) => sum + length * length, 0) / keys.length;
  expect(perRow).toBeLessThan(1.1 * chunkRowsMean(12));
  expect(keys.length / lengths.length).toBeGreaterThan(0.9 * chunkRowsMean(12));
});

/** Where each chunk begins and where the next one does. */
function spansOf(keys: readonly string[], width: number): readonly string[] {
  const begins = chunkCutter(width);
  const starts = keys.filter((key) => begins(key));
  return starts.map((start, at) => `${start} ${starts[at + 1]}`);
}

function rowKeysTo(length: number): readonly string[] {
  return Array.from({length}, (_, at) => encodeKey([BigInt(at)], ['binary'])).sort();
}

test('law: an update moves no boundary and changes one chunk', async () => {
  await fc.assert(
    fc.asyncProperty(contents, fc.nat(), async (rows, at) => {
      const place = at % rows.length;
      const old = known(rows[place]);
      const now = {...old, text: rowOf(1, 'other').text};
      const [a, b] = [await chunksOf(wide, rows), await chunksOf(wide, rows.with(place, now))];
      expect(b.chunks.map(({entry}) => entry.first)).toEqual(
        a.chunks.map(({entry}) => entry.first),
      );
      expect(newIn(a, b)).toBe(1);
    }),
    runs,
  );
});

test('law: every chunk is read back as the rows it was made of', async () => {
  await fc.assert(
    fc.asyncProperty(contents, async (rows) => {
      const {chunks} = await chunksOf(narrow, rows, 64);
      const read = chunks.flatMap(({entry, bytes}) => decodeChunk(narrow, entry, bytes));
      expect(read).toEqual(rows);
    }),
    runs,
  );
});

/** Links of few kinds, each several times. */
const links = fc.array(
  fc.tuple(fc.bigInt({min: 0n, max: 5n}), fc.constantFrom<Cell>('a', null, 1)),
  {
    minLength: 1,
    maxLength: 40,
  },
);

test.each(['primary', 'multiset'] as const)(
  'law: rows at hand change nothing of what is read back (%s)',
  async (keyKind) => {
    const shape = {...narrow, keyKind};
    const rowsIn = (cells: readonly (readonly [bigint, Cell])[]): readonly CanonicalRow[] => [
      ...new Map(
        rowsOf(
          shape,
          cells.toSorted(([a], [b]) => (a < b ? -1 : 1)),
        ).map((row) => [row.key, row]),
      ).values(),
    ];
    await fc.assert(
      fc.asyncProperty(links, links, async (there, here) => {
        // The same text has another key where rows before it are missing.
        for (const rows of [rowsIn(there), rowsIn(there).slice(1)]) {
          const {chunks} = await chunksOf(shape, rows);
          for (const {entry, bytes} of chunks) {
            const read = decodeChunk(shape, entry, bytes);
            expect(decodeChunk(shape, entry, bytes, rowsIn(here))).toEqual(read);
            expect(decodeChunk(shape, entry, bytes, rowsIn([...there, ...here]))).toEqual(read);
          }
        }
      }),
      runs,
    );
  },
);

type Listed = Awaited<ReturnType<typeof chunksOf>>;

function newIn(before: Listed, after: Listed): number {
  const old = new Set(before.chunks.map(({entry}) => entry.digest));
  return after.chunks.filter(({entry}) => !old.has(entry.digest)).length;
}

// --- index pages -----------------------------------------------------------------------------------

const entries: readonly ChunkEntry[] = Array.from({length: 1600}, (_, at) => ({
  digest: digestOf(String(at)),
  first: encodeKey([BigInt(at * 1000)], ['binary']),
  rows: (at % 7) + 1,
}));

test('law: index pages hold the whole list, and one entry more or less changes at most two', () => {
  const range = fc.tuple(fc.integer({min: 259, max: 900}), fc.nat(700), fc.nat());
  fc.assert(
    fc.property(range, ([length, start, at]) => {
      const list = entries.slice(start, start + length);
      const [a, b] = [pagesOf(list), pagesOf(list.toSpliced(at % length, 1))];
      expect(a.flatMap((page) => decodePage('t', page.entry, page.bytes))).toEqual(list);
      expect(a.reduce((sum, {entry}) => sum + entry.chunks, 0)).toBe(length);
      for (const [one, other] of [
        [a, b],
        [b, a],
      ] as const) {
        const known = new Set(one.map(({entry}) => entry.digest));
        expect(other.filter(({entry}) => !known.has(entry.digest)).length).toBeLessThanOrEqual(2);
      }
    }),
    runs,
  );
});

test.each([0, 1, 255, 256])('a list of %i chunks stays in the manifest', (length) => {
  expect(paginate(entries.slice(0, length))).toEqual({chunks: entries.slice(0, length)});
});

function pagesOf(
  list: readonly ChunkEntry[],
): Extract<ReturnType<typeof paginate>, {pages: unknown}>['pages'] {
  const listed = paginate(list);
  if (!('pages' in listed)) throw new Error('the list is long enough for pages');
  return listed.pages;
}

// --- histories -------------------------------------------------------------------------------------

const keys = [
  'INTEGER PRIMARY KEY',
  'TEXT PRIMARY KEY',
  'PRIMARY KEY',
  'TEXT PRIMARY KEY COLLATE NOCASE',
];

test('law: a table read from a database depends on its rows alone, not on how they came there', async () => {
  const wanted = fc.uniqueArray(fc.integer({min: 1, max: 60}), {maxLength: 30});
  const history = fc.record({
    key: fc.constantFrom(...keys),
    tail: fc.constantFrom('', ' WITHOUT ROWID'),
    pageSize: fc.constantFrom(512, 4096, 65536),
    ids: wanted,
    order: fc.infiniteStream(fc.nat()),
    detours: fc.array(fc.integer({min: 1, max: 60}), {maxLength: 15}),
    vacuum: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(history, async ({key, tail, pageSize, ids, order, detours, vacuum}) => {
      const isText = key.startsWith('TEXT');
      const row = (id: number): readonly Cell[] => [isText ? `k${id}` : BigInt(id), `v${id % 5}`];
      const shuffled = ids
        .map((id) => [known(order.next().value), id] as const)
        .sort(([a], [b]) => a - b)
        .map(([, id]) => id);
      const make = (pragma: string): BetterSqlite3.Database => {
        const db = new BetterSqlite3(':memory:');
        db.exec(`${pragma}; CREATE TABLE t (k ${key}, v)${tail}`);
        return db;
      };
      const straight = make('');
      const winding = make(`PRAGMA page_size = ${pageSize}`);
      for (const id of ids) insertRow(straight, {table: 't', cells: row(id)});
      for (const id of detours) insertRow(winding, {table: 't', cells: row(id)});
      for (const id of detours) winding.prepare('DELETE FROM t WHERE k IS ?').run(row(id)[0]);
      for (const id of shuffled)
        insertRow(winding, {table: 't', cells: [known(row(id)[0]), 'old']});
      for (const id of shuffled)
        winding.prepare('UPDATE t SET v = ? WHERE k IS ?').run(row(id)[1], row(id)[0]);
      if (vacuum) winding.exec('VACUUM');
      const read = [];
      for (const db of [straight, winding]) {
        const {shape, rows} = await allRows(sqliteView(db), {table: 't'});
        read.push(rows, await chunksOf(shape, rows), await chunksOf(wide, rows));
        db.close();
      }
      expect(read.slice(3)).toEqual(read.slice(0, 3));
    }),
    runs,
  );
});
