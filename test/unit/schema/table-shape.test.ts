import {expect, test} from 'vitest';
import type {Cell} from '../../../src/kernel/row.ts';
import {keyLabel} from '../../../src/schema/row-key.ts';
import {encodeKey} from '../../../src/canonical/key.ts';
import type {TableSchema} from '../../../src/schema/table-schema.ts';
import {shapeTable, type TableRequest} from '../../../src/schema/table-shape.ts';
import {schemaWith, shapeWith} from '../../helpers/tables.ts';

const base = schemaWith('t', ['k', 'b', 'Z', 'a']);
const column = (name: string, more: object) => ({
  columns: base.columns.map((one) => (one.name === name ? {...one, ...more} : one)),
});

test('columns are compared in byte order of their names, all that travel', () => {
  const generated = {...base, ...column('a', {generated: true})};
  const names = (schema: TableSchema, request: object): readonly string[] =>
    shapeTable(schema, {table: 't', ...request}).columns.map(({name}) => name);
  expect(names(base, {})).toEqual(['Z', 'a', 'b', 'k']);
  expect(names(generated, {})).toEqual(['Z', 'b', 'k']);
  expect(names(base, {ignore: ['b', 'absent']})).toEqual(['Z', 'a', 'k']);
  expect(names(base, {key: ['a', 'b']})).toEqual(['Z', 'a', 'b']);
});

test('a multiset is keyed by the named columns in their order', () => {
  expect(shapeTable(base, {table: 't', key: ['b', 'a']})).toMatchObject({
    keyKind: 'multiset',
    key: [
      {name: 'b', fold: 'binary'},
      {name: 'a', fold: 'binary'},
    ],
  });
});

test.each<[string, Partial<TableSchema>, Partial<TableRequest>, object]>([
  ['without a key', {primaryKey: []}, {}, {code: 'NO_KEY', exitCode: 20}],
  ['without an id to keep', {primaryKey: []}, {key: ['a']}, {code: 'NO_KEY'}],
  [
    'whose key has an unknown collation',
    {primaryKey: [{name: 'k', fold: undefined, collation: 'GERMAN'}]},
    {},
    {code: 'KEY_UNUSABLE', exitCode: 20, site: {table: 't', column: 'k'}},
  ],
  [
    'that lacks a column to match by',
    {},
    {key: ['a', 'x']},
    {code: 'SCHEMA_MISMATCH', site: {table: 't', column: 'x'}},
  ],
  [
    'whose key is to be ignored',
    {},
    {ignore: ['k']},
    {code: 'CONFIG_INVALID', site: {table: 't', column: 'k'}},
  ],
  [
    'where an ignored column must be given',
    column('a', {notNull: true}),
    {ignore: ['a']},
    {code: 'CONFIG_INVALID'},
  ],
])('refuses a table %s', (_, more, request, error) => {
  expect(() => shapeTable({...base, ...more}, {table: 't', ...request})).toThrow(
    expect.objectContaining(error),
  );
});

test('an ignored column may be NOT NULL where it has a default', () => {
  const schema = {...base, ...column('a', {notNull: true, default: '0'})};
  expect(shapeTable(schema, {table: 't', ignore: ['a']}).columns).toHaveLength(3);
});

test('numbers of a key are shown, texts and blobs only where values were asked for', () => {
  const shape = shapeWith(['a', 'b'], ['a', 'b']);
  const label = (a: Cell, b: Cell, show = false): string =>
    keyLabel(shape, encodeKey([a, b], ['binary', 'binary']), show);
  expect(label(-1.5, null)).toBe('a=-1.5,b=null');
  expect(label(42n, 'secret')).toMatch(/^a=42,b=digest:[0-9a-f]{8}$/);
  expect(label(42n, 'secret', true)).toBe('a=42,b="secret"');
  expect(label(1n, new Uint8Array([1]))).toMatch(/^a=1,b=digest:[0-9a-f]{8}$/);
});

test('later rows of a multiset are told by a number', () => {
  const shape = shapeWith(['a']);
  const multiset = {...shape, keyKind: 'multiset' as const};
  expect(keyLabel(multiset, 'Na7,N0')).toBe('a=7');
  expect(keyLabel(multiset, 'Na7,Nb11')).toBe('a=7#12');
});
