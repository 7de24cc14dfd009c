import {describe, expect, test} from 'vitest';
import {rootDigest, tableContent} from '../../../src/snapshot/content.ts';
import {decodeManifest, encodeManifest} from '../../../src/snapshot/manifest-text.ts';
import {shapeOf, type Manifest, type ManifestTable} from '../../../src/snapshot/manifest.ts';
import {known} from '../../helpers/tables.ts';

const chunk = (first: string, rows: number) => ({digest: first.slice(-1).repeat(64), first, rows});

/** A table whose digest fits its chunks, whatever is changed about it. */
function table(more: Partial<ManifestTable> = {}): ManifestTable {
  const made: ManifestTable = {
    name: 'note',
    columns: [
      {name: 'body', type: 'text', declared: 'TEXT', notNull: false},
      {name: 'id', type: 'integer', declared: 'INTEGER', notNull: false},
    ],
    omitted: [],
    key: {kind: 'primary', columns: [{name: 'id', fold: 'binary'}]},
    fingerprint: 'f1:x',
    rows: 5,
    digest: '0'.repeat(64),
    chunks: [chunk('Na1', 2), chunk('Na3', 3)],
    ...more,
  };
  const {digest} = tableContent(shapeOf(made), made.chunks ?? []);
  return {...made, digest: more.digest ?? digest};
}

function manifest(more: Partial<Manifest> = {}): Manifest {
  const tables = more.tables ?? [table()];
  return {
    lineage: '0b4e0e8e-6a0f-4c53-9d1c-2f1b8c0e6a11',
    epoch: 1,
    sequence: 2,
    author: '7f2d1c3a-9b1e-4f6d-8a5b-3c4d5e6f7a8b',
    parent: null,
    created: '2026-01-02T03:04:05.678Z',
    source: {engine: 'sqlite', application: null, version: []},
    depth: 0,
    root: rootDigest(tables),
    tables,
    ...more,
  };
}

/** Any object in place of a manifest, for what the types forbid. */
function encoded(value: object): Uint8Array {
  return encodeManifest(value as Manifest);
}

const corrupt = expect.objectContaining({code: 'SNAPSHOT_CORRUPT', exitCode: 30});

test('reads what it writes, in any order of tables that is that of their bytes', () => {
  const tables = [
    table({name: 'Z'}),
    table({name: 'a'}),
    table({name: '\uFFFD'}),
    table({name: '😀'}),
  ];
  const written = manifest({
    tables,
    parent: 'a'.repeat(64),
    source: {engine: 'sqlite', application: 'uptime-kuma', version: ['1', '2']},
    bundle: {id: 'b', members: ['x']},
  });
  expect(decodeManifest(encodeManifest(written))).toEqual(written);
});

test('keeps optional members of a table', () => {
  const tables = [
    table({
      counter: {i: '9007199254740993'},
      where: [{column: 'id', in: [1, null, {b: 'AA=='}]}],
      violations: [{columns: ['id'], parent: 'p', count: 1, values: ['Na9']}],
      omitted: ['secret'],
    }),
  ];
  expect(decodeManifest(encodeManifest(manifest({tables})))).toEqual(manifest({tables}));
});

test('allows members that start with x-, at every level', () => {
  const tables = [{...table(), 'x-note': {any: 'thing'}}];
  expect(decodeManifest(encoded({...manifest({tables}), 'x-origin': 1}))).toMatchObject({
    'x-origin': 1,
  });
});

describe('refuses a manifest', () => {
  test.each(['2', '10', '999999999'])('of format %s, as a newer one', (version) => {
    const text = Buffer.from(encodeManifest(manifest())).toString('utf8');
    const newer = text.replace(/^.*\n[^]*/, `rowplica-manifest ${version}\nanything`);
    expect(() => decodeManifest(Buffer.from(newer), 'f'.repeat(64))).toThrow(
      expect.objectContaining({code: 'FORMAT_NEWER', exitCode: 30}),
    );
  });

  test.each([
    '',
    'rowplica-manifest 1',
    'rowplica-manifest 01\n{}',
    'rowplica-manifest 0\n{}',
    'manifest 1\n{}',
    '\uFEFFrowplica-manifest 1\n{}',
    '{}\n',
  ])('that begins as %j', (text) => {
    expect(() => decodeManifest(Buffer.from(text))).toThrow(corrupt);
  });

  test('whose bytes are not those that were asked for', () => {
    const bytes = encodeManifest(manifest());
    expect(() => decodeManifest(bytes, '1'.repeat(64))).toThrow(corrupt);
  });

  test('that is cut short', () => {
    const bytes = encodeManifest(manifest());
    expect(() => decodeManifest(bytes.subarray(0, bytes.byteLength - 10))).toThrow(corrupt);
  });

  test('larger than any', () => {
    expect(() => decodeManifest(new Uint8Array(64 * 1024 * 1024 + 1))).toThrow(corrupt);
  });

  const whole: readonly [string, object][] = [
    ['an unknown member', {extra: 1}],
    ['a lineage that is no id', {lineage: 'one'}],
    ['an author that is no id', {author: ''}],
    ['epoch 0', {epoch: 0}],
    ['a sequence with a fraction', {sequence: 1.5}],
    ['a parent that is no digest', {parent: 'A'.repeat(64)}],
    ['a depth beyond all need', {depth: 9}],
    ['a negative depth', {depth: -1}],
    ['another root', {root: 'f'.repeat(64)}],
    ['a source without engine', {source: {application: null, version: []}}],
    [
      'an unknown member in its source',
      {source: {engine: 'e', application: null, version: [], y: 1}},
    ],
    ['tables that are no list', {tables: {}}],
    ['tables out of order', {tables: [table({name: 'b'}), table({name: 'a'})]}],
    ['a table twice', {tables: [table(), table()]}],
    ['tables in the order of UTF-16', {tables: [table({name: '😀'}), table({name: '\uFFFD'})]}],
  ];
  test.each(whole)('with %s', (_, more) => {
    const tables =
      'tables' in more && Array.isArray(more.tables) ? (more.tables as ManifestTable[]) : [table()];
    expect(() =>
      decodeManifest(encoded({...manifest(), root: rootDigest(tables), ...more})),
    ).toThrow(corrupt);
  });

  const [body, id] = table().columns;
  const columns = table().columns;
  const tables: readonly [string, object][] = [
    ['an unknown member', {extra: 1}],
    ['no columns', {columns: []}],
    ['columns out of order', {columns: [known(id), known(body)]}],
    ['a column of an unknown type', {columns: [{...known(body), type: 'money'}, known(id)]}],
    ['an unknown member in a column', {columns: [{...known(body), hidden: true}, known(id)]}],
    ['a key that is no column', {key: {kind: 'primary', columns: [{name: 'nr', fold: 'binary'}]}}],
    ['no key columns', {key: {kind: 'primary', columns: []}}],
    ['a key of an unknown kind', {key: {kind: 'natural', columns: [{name: 'id', fold: 'binary'}]}}],
    ['an unknown fold', {key: {kind: 'primary', columns: [{name: 'id', fold: 'german'}]}}],
    ['rows that do not add up', {rows: 6}],
    ['negative rows', {rows: -5}],
    ['an empty chunk', {chunks: [chunk('Na1', 0)], rows: 0}],
    ['chunks out of order', {chunks: [chunk('Na3', 3), chunk('Na1', 2)]}],
    ['two chunks that begin alike', {chunks: [chunk('Na1', 2), chunk('Na1', 3)]}],
    ['a first key with a blank', {chunks: [chunk('N 1', 5)]}],
    ['an empty first key', {chunks: [{...chunk('Na1', 5), first: ''}]}],
    ['a chunk that has no digest', {chunks: [{...chunk('Na1', 5), digest: 'short'}]}],
    ['both chunks and pages', {pages: [{...chunk('Na1', 5), chunks: 1}]}],
    ['neither chunks nor pages', {chunks: undefined}],
    ['no pages in their list', {chunks: undefined, pages: [], rows: 0}],
    [
      'pages whose rows do not add up',
      {chunks: undefined, pages: [{...chunk('Na1', 4), chunks: 1}]},
    ],
    ['another digest', {digest: 'f'.repeat(64)}],
    ['a counter that is no cell', {counter: {i: '1'}}],
    ['a filter that is no cell', {where: [{column: 'id', in: [true]}]}],
    ['violations without count', {violations: [{columns: ['id'], parent: 'p', values: []}]}],
  ];
  test.each(tables)('with a table that has %s', (_, more) => {
    const made = table(more);
    const {rows, ...rest} = more as {rows?: number};
    const bad = {...made, ...rest, rows: rows ?? made.rows} as ManifestTable;
    expect(columns.length).toBe(2);
    expect(() => decodeManifest(encodeManifest(manifest({tables: [bad]})))).toThrow(corrupt);
  });
});

describe('refuses another spelling of the same manifest', () => {
  const text = Buffer.from(encodeManifest(manifest())).toString('utf8');
  test.each([
    ['white space', text.replace('{', '{ ')],
    ['a member twice', text.replace('"depth":0', '"depth":0,"depth":0')],
    ['members in another order', text.replace('"depth":0,"epoch":1', '"epoch":1,"depth":0')],
    ['no line feed at its end', text.trimEnd()],
    ['a number with a fraction of zero', text.replace('"epoch":1', '"epoch":1.0')],
  ])('with %s', (_, spelled) => {
    expect(spelled).not.toBe(text);
    expect(() => decodeManifest(Buffer.from(spelled))).toThrow(corrupt);
  });
});
