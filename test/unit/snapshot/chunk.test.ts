import {expect, test} from 'vitest';
import {digestOf} from '../../../src/canonical/digest.ts';
import type {CanonicalRow} from '../../../src/kernel/row.ts';
import {decodeChunk, readContent} from '../../../src/snapshot/chunk.ts';
import {decodePage, paginate} from '../../../src/snapshot/pages.ts';
import {encodeKey} from '../../../src/canonical/key.ts';
import {chunksOf, inPages, known, rowsOf, shapeWith} from '../../helpers/tables.ts';

const shape = shapeWith(['k', 'v']);
const good = '[1,"a"]\n[2,{"r":"1"}]\n[3,null]\n';
const corrupt = expect.objectContaining({
  code: 'SNAPSHOT_CORRUPT',
  site: expect.objectContaining({table: 't'}),
});

type Entry = {rows?: number; first?: string};

/** An entry whose digest fits the bytes, so that only the contents can be refused. */
function read(
  text: string | Uint8Array,
  more: Entry = {},
  alike?: readonly CanonicalRow[],
): readonly CanonicalRow[] {
  const bytes = Buffer.from(text);
  const entry = {
    digest: digestOf(bytes),
    first: 'Na1',
    rows: bytes.toString().split('\n').length - 1,
    ...more,
  };
  return decodeChunk(shape, entry, bytes, alike);
}

const goodRows = rowsOf(shape, [
  [1n, 'a'],
  [2n, 1],
  [3n, null],
]);

test('reads a chunk', () => {
  expect(read(good)).toEqual(goodRows);
});

test('takes rows that are at hand instead of parsing their lines', () => {
  const [first, , last] = read(good, {}, goodRows);
  expect(first).toBe(goodRows[0]);
  expect(last).toBe(goodRows[2]);
  const multiset = {...shape, keyKind: 'multiset' as const};
  const rows = rowsOf(multiset, [[1n, 'a']]);
  const bytes = Buffer.from('[1,"a"]\n');
  const entry = {digest: digestOf(bytes), first: 'Na1,Na7', rows: 1};
  const [link] = decodeChunk(multiset, entry, bytes, rows);
  expect(link).toEqual({...rows[0], key: 'Na1,Na7'});
  expect(link?.cells).toBe(rows[0]?.cells);
});

test.each<[string, readonly number[]]>([
  ['lacks one', [0, 1, 3, 4]],
  ['lacks the first ones', [3, 4]],
  ['lacks the last ones', [0, 1]],
])('finds its way again where what is at hand %s', (_, places) => {
  const rows = rowsOf(
    shape,
    Array.from({length: 5}, (__, at) => [BigInt(at), 'v']),
  );
  const some = places.map((place) => known(rows[place]));
  const text = (list: readonly CanonicalRow[]): string =>
    list.map((row) => `${row.text}\n`).join('');
  const isKept = (row: CanonicalRow, at: number): boolean => row === rows[at];
  const all = read(text(rows), {first: known(rows[0]).key}, some);
  expect(all).toEqual(rows);
  expect(all.map(isKept)).toEqual(rows.map((_row, at) => places.includes(at)));
  const fewer = read(text(some), {first: known(some[0]).key}, rows);
  // The row that comes first finds out how many are missing.
  expect(fewer.filter((row) => rows.includes(row)).length).toBeGreaterThanOrEqual(some.length - 1);
  expect(fewer).toEqual(some);
});

test.each<[string, string | Uint8Array, Entry?]>([
  ['a cut last line', good.trimEnd(), {rows: 3}],
  ['a missing line', '[1,"a"]\n', {rows: 3}],
  ['a line too many', good, {rows: 2}],
  ['no rows', '', {rows: 0}],
  ['an empty line', '[1,"a"]\n\n[3,null]\n'],
  ['another first row', good, {first: 'Na0'}],
  ['too few cells', '[1]\n'],
  ['too many cells', '[1,"a",2]\n'],
  ['rows out of order', '[2,"a"]\n[1,"b"]\n', {first: 'Na2'}],
  ['a row twice', '[1,"a"]\n[1,"a"]\n'],
  ['an integer with a fraction of zero', '[1.0,"a"]\n'],
  ['an integer with an exponent', '[1e2,"a"]\n', {first: 'Nc100'}],
  ['a tagged small integer', '[{"i":"1"},"a"]\n'],
  ['an escape that is not needed', '[1,"\\u0061"]\n'],
  ['white space', '[1, "a"]\n'],
  ['a carriage return', '[1,"a"]\r\n'],
  ['half a surrogate pair', '[1,"\\ud83d"]\n'],
  ['an object', '{"0":1}\n'],
  ['no JSON', 'nothing\n'],
  ['bytes that are no UTF-8', Buffer.from('[1,"\u00ff"]\n', 'latin1')],
])('refuses %s, naming the table', (_, text, more = {}) => {
  expect(() => read(text, more)).toThrow(corrupt);
  expect(() => read(text, more, goodRows)).toThrow(corrupt);
});

test('refuses bytes that do not have the digest, without reading them', () => {
  const entry = {digest: digestOf(good), first: 'Na1', rows: 3};
  for (const bytes of ['', good.slice(1), good.replace('"a"', '"b"'), `${good}\n`]) {
    expect(() => decodeChunk(shape, entry, Buffer.from(bytes))).toThrow(corrupt);
  }
});

test('refuses to snapshot rows that are out of order or share a key', async () => {
  const rows = rowsOf(shape, [
    [1n, 'a'],
    [2n, 'b'],
  ]);
  for (const bad of [rows.toReversed(), [known(rows[0]), known(rows[0])]]) {
    await expect(readContent(shape, inPages(bad, 1))).rejects.toMatchObject({
      code: 'ROWS_UNSORTED',
      site: {table: 't'},
    });
  }
});

test('an empty table has no chunks and a digest of its own', async () => {
  const empty = await readContent(shape, inPages([], 1));
  expect(empty).toMatchObject({rows: 0, chunks: []});
  const renamed = await readContent(
    {...shape, columns: shapeWith(['k', 'w']).columns},
    inPages([], 1),
  );
  expect(renamed.digest).not.toBe(empty.digest);
});

test('rows of a multiset are numbered on from the first of their chunk', async () => {
  const multiset = {...shape, keyKind: 'multiset' as const};
  const rows = rowsOf(
    multiset,
    Array.from({length: 5}, () => [1n, 'same']),
  );
  expect(rows.map(({key}) => key)).toEqual(['Na1,N0', 'Na1,Na1', 'Na1,Na2', 'Na1,Na3', 'Na1,Na4']);
  const {chunks} = await chunksOf(multiset, rows.slice(3));
  const {entry, bytes} = known(chunks[0]);
  expect(entry.first).toBe('Na1,Na3');
  expect(decodeChunk(multiset, entry, bytes).map(({key}) => key)).toEqual(['Na1,Na3', 'Na1,Na4']);
});

const entries = Array.from({length: 300}, (_, at) => ({
  digest: digestOf(String(at)),
  first: encodeKey([BigInt(at + 1000)], ['binary']),
  rows: 2,
}));
const listed = paginate(entries);
const page = known('pages' in listed ? listed.pages[0] : undefined);
const lines = Buffer.from(page.bytes).toString('utf8').trimEnd().split('\n');

test.each<[string, readonly string[], object?]>([
  ['an entry too few', lines.slice(1)],
  ['entries out of order', lines.toReversed()],
  ['another count of rows', lines, {rows: page.entry.rows + 1}],
  ['another first key', lines, {first: 'Na1'}],
  ['an unknown member', lines.map((line) => line.replace('{', '{"a":1,'))],
  ['an entry that is no JSON', lines.with(0, 'nothing')],
  ['a first key in another spelling', lines.with(0, (lines[0] ?? '').replace('Nd1000', 'Nd01000'))],
  [
    'a digest in another spelling',
    lines.map((line) => line.replace(/[0-9a-f]{64}/, (it) => it.toUpperCase())),
  ],
  ['an entry of no rows', lines.map((line) => line.replace('"rows":2', '"rows":0')), {rows: 0}],
])('refuses an index page with %s', (_, list, more = {}) => {
  const bytes = Buffer.from(`${list.join('\n')}\n`);
  const entry = {...page.entry, digest: digestOf(bytes), ...more};
  expect(() => decodePage('t', entry, bytes)).toThrow(corrupt);
});

test('reads entries of an index page that have members of others, and those that have none', () => {
  const more = lines.map((line, at) => (at % 2 === 0 ? line : line.replace('}', ',"x-more":1}')));
  const bytes = Buffer.from(`${more.join('\n')}\n`);
  const read = decodePage('t', {...page.entry, digest: digestOf(bytes)}, bytes);
  const plain = decodePage('t', page.entry, page.bytes);
  expect(read).toEqual(plain.map((entry, at) => (at % 2 === 0 ? entry : {...entry, 'x-more': 1})));
});

test('refuses an index page that is altered or cut', () => {
  expect(() => decodePage('t', page.entry, page.bytes.subarray(1))).toThrow(corrupt);
  const cut = page.bytes.subarray(0, page.bytes.byteLength - 1);
  expect(() => decodePage('t', {...page.entry, digest: digestOf(cut)}, cut)).toThrow(corrupt);
});
