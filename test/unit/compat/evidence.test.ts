/** What pairs of rows tell of a column, and what they may not tell. */
import {describe, expect, test} from 'vitest';
import {AddedValues, ChangedValues, type NewColumn} from '../../../src/compat/evidence.ts';
import type {Cell} from '../../../src/kernel/row.ts';

const column = (declared: string, value?: string): NewColumn => ({
  name: 'c',
  declared,
  notNull: false,
  default: value,
});

function added(
  of: NewColumn,
  rows: readonly (readonly [a: Cell, b: Cell, value: Cell])[],
): unknown {
  const values = new AddedValues(of, ['a', 'b']);
  for (const [a, b, value] of rows) values.see([a, b], value);
  return values.finding();
}

describe('values of a new column', () => {
  test.each<readonly [string, NewColumn, readonly (readonly [Cell, Cell, Cell])[], unknown]>([
    [
      'a number',
      column('INTEGER'),
      [
        [1n, 2n, 7n],
        [3n, 4n, 7n],
      ],
      {said: 7},
    ],
    ['a real', column('DOUBLE'), [[1n, 2n, 0.5]], {said: 0.5}],
    ['NULL', column('TEXT'), [[1n, 2n, null]], {said: null}],
    ['the declared text', column('TEXT', "'it''s'"), [[1n, 2n, "it's"]], {said: "it's"}],
    [
      'another column',
      column('INTEGER'),
      [
        [1n, 5n, 5n],
        [1n, 6n, 6n],
      ],
      {said: {column: 'b'}},
    ],
    [
      'a text of another column',
      column('TEXT'),
      [
        [1n, 5n, '5'],
        [1n, 6n, '6'],
      ],
      {said: {column: 'b'}},
    ],
    [
      'a product, with a first row that tells nothing',
      column('DOUBLE'),
      [
        [0n, 1n, 0],
        [49n, 1n, 39.2],
        [20n, 1n, 16],
      ],
      {said: {column: 'a', times: 0.8}},
    ],
  ])('%s', (_, of, rows, expected) => {
    expect(added(of, rows)).toMatchObject(expected as object);
  });

  test.each<readonly [string, NewColumn, readonly (readonly [Cell, Cell, Cell])[]]>([
    ['a text that the schema does not name', column('TEXT', "'x'"), [[1n, 2n, 'secret']]],
    ['an integer beyond what YAML keeps', column('INTEGER'), [[1n, 2n, 2n ** 60n + 1n]]],
    ['infinity', column('REAL'), [[1n, 2n, Infinity]]],
    ['a blob', column('BLOB'), [[1n, 2n, new Uint8Array([1])]]],
    [
      'values of no order',
      column('INTEGER'),
      [
        [1n, 1n, 3n],
        [1n, 1n, 4n],
      ],
    ],
  ])('left open: %s', (_, of, rows) => {
    const found = added(of, rows);
    expect(found).toHaveProperty('open');
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  test('without rows, the declared default, or nothing', () => {
    expect(added(column('INTEGER', '(60)'), [])).toMatchObject({said: 60});
    expect(added(column('INTEGER', "datetime('now')"), [])).toHaveProperty('open');
  });
});

function changed(of: NewColumn, rows: readonly (readonly [Cell, Cell])[]): unknown {
  const values = new ChangedValues(of);
  for (const [before, after] of rows) values.see(before, after);
  return values.finding();
}

describe('values of a column that was there before', () => {
  test('unchanged, and changed case by case', () => {
    expect(changed(column('INTEGER'), [[1n, 1n]])).toBeUndefined();
    expect(
      changed(column('INTEGER'), [
        [1n, 5n],
        [2n, 2n],
        [1n, 5n],
      ]),
    ).toEqual({
      said: [{value: 5, from: {literal: 1}}],
    });
    expect(
      changed(column('INTEGER'), [
        [1n, 0n],
        [2n, 0n],
      ]),
    ).toEqual({
      said: [{value: 0, from: undefined}],
    });
  });

  test('left open: texts, one value that went two ways, and cases that feed each other', () => {
    const texts = changed(column('TEXT'), [
      ['secret', 'hidden'],
      ['secret-2', 'x'],
    ]);
    expect(texts).toEqual({
      open: '2 of 2 rows hold another value than before; the new one follows from the old one, in 2 cases',
    });
    expect(
      changed(column('INTEGER'), [
        [1n, 2n],
        [1n, 3n],
      ]),
    ).toEqual({
      open: '2 of 2 rows hold another value than before',
    });
    expect(
      changed(column('INTEGER'), [
        [1n, 2n],
        [2n, 3n],
      ]),
    ).toHaveProperty('open');
  });
});
