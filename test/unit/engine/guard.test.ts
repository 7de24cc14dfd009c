import {createHash} from 'node:crypto';
import {expect, test} from 'vitest';
import {guard} from '../../../src/engine/guard.ts';
import {fingerprintOf} from '../../../src/schema/fingerprint.ts';
import type {TableSchema} from '../../../src/schema/table-schema.ts';
import {shapeTable} from '../../../src/schema/table-shape.ts';
import type {Manifest} from '../../../src/snapshot/manifest.ts';
import {schemaWith} from '../../helpers/tables.ts';

const digest = '0'.repeat(64);
const item = schemaWith('item', ['id', 'v']);
const column = (at: number, more: object): TableSchema => ({
  ...item,
  columns: item.columns.map((each, place) => (place === at ? {...each, ...more} : each)),
});

/** A snapshot of that table alone. */
function snapshotOf(schema: TableSchema, fingerprint = fingerprintOf(schema)): Manifest {
  const {key, keyKind, columns} = shapeTable(schema, {table: schema.name});
  const captured = columns.map(({name, type}) => ({name, type, declared: '', notNull: false}));
  const omitted = schema.columns.filter(({generated}) => generated).map(({name}) => name);
  const table = {
    name: schema.name,
    columns: captured,
    omitted,
    key: {kind: keyKind, columns: key},
    fingerprint,
    rows: 0,
    digest,
    chunks: [],
  };
  return {
    lineage: 'l',
    epoch: 1,
    sequence: 1,
    author: 'a',
    parent: null,
    created: '2026-01-02T03:04:05.678Z',
    source: {engine: 'sqlite', application: null, version: []},
    depth: 0,
    root: digest,
    tables: [table],
  };
}

function checked(
  manifest: Manifest,
  ours: TableSchema,
  version: readonly string[] = [],
): () => void {
  const tables = new Map([[ours.name, ours]]);
  return () => guard(manifest, {tables}, {version, requests: [], keyless: undefined});
}

/** Worked out by hand: by the rule of the first releases. */
const former = `f1:${createHash('sha256')
  .update(
    '{"columns":[{"declared":"","generated":false,"name":"id","notNull":false},{"declared":"","generated":false,"name":"v","notNull":false}],"key":[{"collation":"BINARY","name":"id"}]}',
  )
  .digest('hex')}`;

test('a snapshot whose fingerprints follow the rule before is applied by that rule', () => {
  expect(checked(snapshotOf(item, former), item)).not.toThrow();
  expect(checked(snapshotOf(item, former), column(1, {default: '1'}))).not.toThrow();
  const other = `${former.slice(0, -4)}0000`;
  expect(checked(snapshotOf(item, other), item)).toThrow(/"item": /);
});

test('a fingerprint by a rule of later releases is refused, and says so', () => {
  expect(checked(snapshotOf(item, `f3:${digest}`), item)).toThrow(
    expect.objectContaining({
      code: 'SCHEMA_MISMATCH',
      message: expect.stringMatching(/"item" follows a rule that this Rowplica does not know/),
      hint: expect.stringMatching(/Upgrade Rowplica/),
    }),
  );
});

const otherwise =
  /table "item": a default, a constraint, a unique index, .* is declared otherwise$/;

test.each<[string, TableSchema, RegExp]>([
  ['a default', column(1, {default: '1'}), otherwise],
  ['a collation', column(1, {collation: 'NOCASE'}), otherwise],
  ['a condition', {...item, checks: ['v > 1']}, otherwise],
  [
    'a unique index',
    {
      ...item,
      uniques: [{name: 'u', columns: [{column: 'v', collation: 'BINARY'}], partial: false}],
    },
    otherwise,
  ],
  [
    'the key',
    {...item, primaryKey: [{name: 'id', fold: 'nocase', collation: 'NOCASE'}]},
    /"item": its primary key is declared otherwise$/,
  ],
  [
    'a type',
    column(1, {declared: 'TEXT'}),
    /"item\.v": it is TEXT here and untyped in the snapshot$/,
  ],
  ['a column made NOT NULL', column(1, {notNull: true}), /"item\.v": it is NOT NULL only here$/],
  [
    'a column more',
    schemaWith('item', ['id', 'v', 'w']),
    /"item\.w": the snapshot does not have it$/,
  ],
])('%s that differs is told', (_, ours, told) => {
  expect(checked(snapshotOf(item), ours)).toThrow(
    expect.objectContaining({
      code: 'SCHEMA_MISMATCH',
      site: expect.objectContaining({table: 'item'}),
      message: expect.stringMatching(told),
    }),
  );
});

test('a snapshot of the first releases that tells no version fits any, a later one only none', () => {
  expect(checked(snapshotOf(item, former), item, ['one'])).not.toThrow();
  expect(checked(snapshotOf(item), item, ['one'])).toThrow(/without migration one$/);
  const told = {
    ...snapshotOf(item, former),
    source: {...snapshotOf(item).source, version: ['two']},
  };
  expect(checked(told, item, ['one'])).toThrow(/lacks migration two$/);
});
