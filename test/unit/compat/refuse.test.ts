/** Rows that the release before does not understand, and that are therefore not lowered. */
import {expect, test} from 'vitest';
import {compileSteps} from '../../../src/compat/lift.ts';
import type {SourceTable} from '../../../src/compat/table-draft.ts';
import type {Cell} from '../../../src/kernel/row.ts';
import {stepOf} from '../../helpers/compat.ts';

const column = (name: string, declared = 'TEXT') => ({name, declared, notNull: false});
const monitor: SourceTable = {
  name: 'monitor',
  columns: [column('id', 'INTEGER'), column('type'), column('game')],
  omitted: [],
  key: ['id'],
};
const step = stepOf(`reversible: true
refuse:
  - table: monitor
    where: {type: gamedig, game: {not: [quake]}}
operations:
  - {op: addColumn, table: monitor, column: game, type: TEXT}
`);

function lower(row: readonly Cell[], steps = [step], table = monitor) {
  const [lowered] = compileSteps(steps, 'lower', [table]);
  return lowered?.lift(row);
}

test('a row is refused by what the step made of it, before anything is taken back', () => {
  expect(lower([1n, 'http', null])).toEqual([1n, 'http']);
  expect(lower([2n, 'gamedig', 'quake'])).toEqual([2n, 'gamedig']);
  expect(() => lower([3n, 'gamedig', 'doom'])).toThrow(
    expect.objectContaining({
      code: 'UPGRADE_FIRST',
      exitCode: 20,
      retryable: true,
      site: {table: 'monitor'},
    }),
  );
});

test('the message says where the step refuses, and nothing of the row', () => {
  expect(() => lower([3n, 'gamedig', 'a secret'])).toThrow(
    'the snapshot is newer than this database: it means nothing to a release before a (a.yaml:7)',
  );
});

test('nothing is refused on the way up', () => {
  const [lifted] = compileSteps([step], 'lift', [
    {...monitor, columns: monitor.columns.slice(0, 2)},
  ]);
  expect(lifted?.lift([3n, 'gamedig'])).toEqual([3n, 'gamedig', null]);
});

test('without a condition every row is refused, and a table that is not there has none', () => {
  const all = stepOf('reversible: true\nrefuse: [{table: monitor}]\noperations: []\n');
  expect(() => lower([1n, 'http', null], [all])).toThrow(
    expect.objectContaining({code: 'UPGRADE_FIRST'}),
  );
  expect(lower([1n, 'http', null], [all], {...monitor, name: 'tag'})).toEqual([1n, 'http', null]);
});

test('a later step refuses what it made, an earlier one what is left of it', () => {
  const renamed = stepOf(
    'reversible: true\nrefuse: [{table: monitor, where: {kind: new}}]\noperations: [{op: renameColumn, table: monitor, from: type, to: kind}]\n',
    'b',
  );
  const columns = monitor.columns.map((one) =>
    one.name === 'type' ? {...one, name: 'kind'} : one,
  );
  const table = {...monitor, columns};
  expect(() => lower([1n, 'new', null], [step, renamed], table)).toThrow('before b (');
  expect(() => lower([1n, 'gamedig', 'doom'], [step, renamed], table)).toThrow('before a (');
  expect(lower([1n, 'http', null], [step, renamed], table)).toEqual([1n, 'http']);
});

test('for a refusal alone, rows are looked at', () => {
  const all = stepOf(
    'reversible: true\nrefuse: [{table: monitor, where: {type: x}}]\noperations: []\n',
  );
  expect(compileSteps([all], 'lower', [monitor])).toMatchObject([{touched: true, own: []}]);
});

test('Err: a condition on a column that is not there, named with its line', () => {
  const wrong = stepOf(
    'reversible: true\nrefuse:\n  - {table: monitor, where: {colour: red}}\noperations: []\n',
  );
  expect(() => compileSteps([wrong], 'lower', [monitor])).toThrow(
    'a.yaml:7: refuse: table "monitor" has no column "colour"',
  );
});

test.each([
  ['refuse: [{table: monitor, were: {}}]', 'a.yaml:5: refuse 1 were: there is no such member'],
  ['refuse: [{where: {type: x}}]', 'a.yaml:5: refuse 1 table: '],
  ['refuse: {table: monitor}', 'a.yaml:5: refuse: '],
])('Err: %s', (refuse, message) => {
  expect(() => stepOf(`${refuse}\noperations: []\n`)).toThrow(message);
  expect(() => stepOf(`${refuse}\noperations: []\n`)).toThrow(
    expect.objectContaining({code: 'COMPAT_INVALID'}),
  );
});
