/**
 * The bytes of format version 1. The values were worked out from FORMAT.md by a program that shares no
 * code with this project. Changing one needs a new format version.
 */
import {readFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {decodeCell} from '../../src/canonical/cell.ts';
import {digestOf} from '../../src/canonical/digest.ts';
import {encodeKey, encodeKeyCell} from '../../src/canonical/key.ts';
import {fingerprintOf, hasFingerprint} from '../../src/schema/fingerprint.ts';
import type {TableSchema} from '../../src/schema/table-schema.ts';
import {shapeTable} from '../../src/schema/table-shape.ts';
import {rootDigest} from '../../src/snapshot/content.ts';
import {folderDepth, objectPath} from '../../src/snapshot/layout.ts';
import {decodeManifest, encodeManifest, manifestDigest} from '../../src/snapshot/manifest-text.ts';
import type {Manifest} from '../../src/snapshot/manifest.ts';
import {chunkRowsMean, mix} from '../../src/snapshot/mix.ts';
import {chunkCutter} from '../helpers/chunk-cutter.ts';
import {paginate} from '../../src/snapshot/pages.ts';
import {chunksOf, known, rowsOf, schemaWith} from '../helpers/tables.ts';

const plain = {
  notNull: false,
  default: undefined,
  generated: false,
  collation: 'BINARY',
} as const;
const note: TableSchema = schemaWith('note', [], {
  columns: [
    {name: 'id', type: 'integer', declared: 'INTEGER', stores: 'number', ...plain},
    {name: 'body', type: 'text', declared: 'TEXT', stores: 'text', ...plain},
    {name: 'size', type: 'real', declared: 'REAL', stores: 'number', ...plain},
  ],
  primaryKey: [{name: 'id', fold: 'binary', collation: 'BINARY'}],
});
const shape = shapeTable(note, {table: 'note'});
const chunkDigest = 'd0b28acf146aceaa885ee8492f419cfbc5c2b94061670086af2baeb2054c1574';
const tableDigest = '4bbb4fe2fa3533f87ecee50934181e460013e8fd3805b6617e7385e389d84636';
const root = '64613c541e6fd7e3270f8d5ca38fc7128de9421cec3d085d8d2711cf8e3e214d';
/** By the rule of the first releases; manifests hold what their writer made. */
const fingerprint = 'f1:d0f8e2643e5cdadbadccb6020492cece5c35621ab334a413f2253634278ede1e';

test('the worked example: one chunk of 31 bytes, and its digests', async () => {
  expect(shape.columns.map(({name}) => name)).toEqual(['body', 'id', 'size']);
  const {chunks, digest} = await chunksOf(
    shape,
    rowsOf(shape, [
      ['a', 1n, 0.5],
      [null, 2n, 1],
    ]),
  );
  expect(chunks.map(({entry}) => entry)).toEqual([{digest: chunkDigest, first: 'Na1', rows: 2}]);
  const bytes = known(chunks[0]).bytes;
  expect(Buffer.from(bytes).toString('utf8')).toBe('["a",1,0.5]\n[null,2,{"r":"1"}]\n');
  expect(bytes.byteLength).toBe(31);
  expect(digest).toBe(tableDigest);
  expect(rootDigest([{name: 'note', digest}])).toBe(root);
});

test('the fingerprint of its schema, by each rule', () => {
  const reversed = {...note, columns: note.columns.toReversed()};
  const now = 'f2:104b67494f616c30b1b51cd883a3be69fb4d5007cfa2dfd771bf58d66321e358';
  for (const schema of [note, reversed]) {
    expect(fingerprintOf(schema)).toBe(now);
    expect([now, fingerprint].map((each) => hasFingerprint(schema, each))).toEqual([true, true]);
  }
  expect(hasFingerprint(note, now.replace(/.$/, '0'))).toBe(false);
  expect(hasFingerprint(note, fingerprint.replace(/.$/, '0'))).toBe(false);
  expect(hasFingerprint(note, now.replace('f2', 'f3'))).toBe(undefined);
});

const manifest: Manifest = {
  lineage: '0b4e0e8e-6a0f-4c53-9d1c-2f1b8c0e6a11',
  epoch: 1,
  sequence: 2,
  author: '7f2d1c3a-9b1e-4f6d-8a5b-3c4d5e6f7a8b',
  parent: '0'.repeat(64),
  created: '2026-01-02T03:04:05.678Z',
  source: {engine: 'sqlite', application: null, version: []},
  depth: 0,
  root,
  tables: [
    {
      name: 'note',
      columns: [
        {name: 'body', type: 'text', declared: 'TEXT', notNull: false},
        {name: 'id', type: 'integer', declared: 'INTEGER', notNull: false},
        {name: 'size', type: 'real', declared: 'REAL', notNull: false},
      ],
      omitted: [],
      key: {kind: 'primary', columns: [{name: 'id', fold: 'binary'}]},
      fingerprint,
      rows: 2,
      digest: tableDigest,
      chunks: [{digest: chunkDigest, first: 'Na1', rows: 2}],
    },
  ],
};

test('the bytes of its manifest, and the id of the snapshot', () => {
  const bytes = encodeManifest(manifest);
  expect(Buffer.from(bytes).toString('utf8')).toBe(
    readFileSync(join(import.meta.dirname, 'note.manifest'), 'utf8'),
  );
  expect(manifestDigest(bytes)).toBe(
    'c4ad40596394f12ef87024ae8c9b15376f66cbcf2a47ce101267870c954fbc98',
  );
  expect(decodeManifest(bytes)).toEqual(manifest);
});

test('a list of 300 chunks is four index pages', () => {
  const chunks = Array.from({length: 300}, (_, at) => ({
    digest: digestOf(String(at)),
    first: encodeKey([BigInt(at * 1000 + 1)], ['binary']),
    rows: 1,
  })).sort((a, b) => (a.first < b.first ? -1 : 1));
  const listed = paginate(chunks);
  expect('pages' in listed ? listed.pages.map(({entry}) => entry) : []).toEqual([
    {
      chunks: 85,
      digest: 'c41a0cdb09959759f3ea6509c789299da626b0489571706d6dd3456ec55913db',
      first: 'Na1',
      rows: 85,
    },
    {
      chunks: 133,
      digest: '7fa794ea4bf1ba6e1ce731deef634d04f2944b0b327813eda0ea93fafa930139',
      first: 'Ne85001',
      rows: 133,
    },
    {
      chunks: 28,
      digest: '26047a8678a2b6bfb828423e5ea552e5b3e1e3f87d3a24d56c527bf069c0c9dc',
      first: 'Nf218001',
      rows: 28,
    },
    {
      chunks: 54,
      digest: '9497fc4fe574a40273cc3a90ea22f9f0442b6db0d651cfd745d99f63d0b52082',
      first: 'Nf246001',
      rows: 54,
    },
  ]);
});

const keys = JSON.parse(
  readFileSync(join(import.meta.dirname, 'encoded-keys.json'), 'utf8'),
) as readonly (readonly [string, string])[];

test.each(keys)('the key of %s is %s', (cell, key) => {
  expect(encodeKeyCell(decodeCell(JSON.parse(cell)))).toBe(key);
});

test('folds and composite keys', () => {
  expect(encodeKey(['ÉaB ', 'a  '], ['nocase', 'rtrim'])).toBe('Tc389616220,T61');
  expect(encodeKey([-1n, null, 'A'], ['binary', 'binary', 'binary'])).toBe('N-oy~,A,T41');
});

test.each([
  ['Na1', 2497682098],
  ['Na2', 2395304668],
  ['N0', 673995734],
  ['T61', 274104975],
  ['Nb12,Ta', 1313082059],
  ['N-y8~', 348559674],
  ['X', 3629424997],
  ['A', 1294499476],
  ['', 2872998923],
])('mix("%s") is %i', (key, mixed) => {
  expect(mix(key)).toBe(mixed);
});

test('rows a chunk holds on average, by number of columns', () => {
  const narrow = Array.from({length: 20}, (_, at) => chunkRowsMean(at + 1));
  const means = [8192, 4096, 2048, 2048, 2048, ...Array(5).fill(1024), ...Array(10).fill(512)];
  expect(narrow).toEqual(means);
  expect([114, 2000, 6000, 32766].map(chunkRowsMean)).toEqual([64, 4, 1, 1]);
});

// Of a table with the integers from 1 on as its key: even chunks, smaller ones, and those that the mix alone cuts.
test.each([
  [
    12,
    10000,
    [
      1, 486, 932, 1497, 2204, 2664, 3055, 3627, 4331, 4720, 5274, 5585, 5973, 6530, 6977, 7495,
      7944, 8331, 8895, 9290, 9369, 9766,
    ],
  ],
  [
    90,
    1200,
    [
      1, 67, 124, 151, 161, 215, 270, 334, 382, 454, 486, 570, 630, 687, 690, 742, 802, 881, 932,
      980, 1028, 1077, 1126,
    ],
  ],
  [1000, 60, [1, 13, 15, 18, 22, 23, 28, 37, 40, 43]],
])('the chunks of a table of %i columns and %i rows', (columns, rows, starts) => {
  const cuts = chunkCutter(columns);
  const ids = Array.from({length: rows}, (_, at) => at + 1);
  expect(ids.filter((id) => cuts(encodeKey([BigInt(id)], ['binary'])))).toEqual(starts);
});

test.each([
  [0, 0],
  [48, 0],
  [49, 1],
  [256, 1],
  [257, 2],
  [4096, 2],
  [4097, 3],
  [65_536, 3],
  [65_537, 4],
])('%i objects lie %i folders deep', (objects, depth) => {
  expect(folderDepth(objects)).toBe(depth);
});

test('objects lie under the first digits of their digests', () => {
  expect(objectPath(chunkDigest, 0)).toBe(`objects/${chunkDigest}`);
  expect(objectPath(chunkDigest, 2)).toBe(`objects/d/0/${chunkDigest}`);
});
