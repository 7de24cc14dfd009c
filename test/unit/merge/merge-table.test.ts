/** Groups of rows, and what is written of them. */
import {expect, test} from 'vitest';
import type {Cell} from '../../../src/kernel/row.ts';
import {groupChanges, mergeTable} from '../../../src/merge/merge-table.ts';
import type {MergeRules} from '../../../src/merge/rules.ts';
import type {TableShape} from '../../../src/schema/table-shape.ts';
import {mergedTable, tableRows, type Case, type Sides} from '../../helpers/merging.ts';
import {shapeWith} from '../../helpers/tables.ts';

const rules: MergeRules = {
  rows: 'merge',
  cells: 'merge',
  columns: new Map(),
  divergent: 'theirs',
  grain: 'cell',
};
const monitors = shapeWith(['id', 'name']);
/** Tags of monitors, several rows of which may link the same. */
const links: TableShape = {
  ...shapeWith(['local', 'monitor', 'value'], ['monitor']),
  keyKind: 'multiset',
};

type Lists = Sides<readonly (readonly Cell[])[]>;

function merged(shape: TableShape, by: MergeRules, lists: Lists): readonly string[] {
  return mergedTable({shape, rules: by, sides: sidesOf(shape, lists)}).texts;
}

function sidesOf(shape: TableShape, {base, ours, theirs}: Lists): Case['sides'] {
  const [was, here, there] = [base, ours, theirs].map((list) => tableRows(shape, list));
  return {base: was ?? [], ours: here ?? [], theirs: there ?? []};
}

test('three empty tables merge to nothing, and a table is filled or emptied as a whole', () => {
  const rows = [
    [1n, 'a'],
    [2n, 'b'],
  ];
  const texts = ['[1,"a"]', '[2,"b"]'];
  expect(merged(monitors, rules, {base: [], ours: [], theirs: []})).toEqual([]);
  expect(merged(monitors, rules, {base: [], ours: [], theirs: rows})).toEqual(texts);
  expect(merged(monitors, rules, {base: [], ours: rows, theirs: []})).toEqual(texts);
  expect(merged(monitors, rules, {base: rows, ours: rows, theirs: []})).toEqual([]);
  expect(merged(monitors, rules, {base: rows, ours: [], theirs: []})).toEqual([]);
});

test('a cell that theirs alone changed comes, also where rows follow one side and ours wins', () => {
  const lists = {base: [[1n, 'a']], ours: [[1n, 'a']], theirs: [[1n, 'b']]};
  for (const rows of ['ours', 'theirs'] as const) {
    const one = {...rules, rows, divergent: 'ours'} as const;
    expect(merged(monitors, one, lists)).toEqual(['[1,"b"]']);
    const groups = [...mergeTable(monitors, one, sidesOf(monitors, lists))];
    expect(groups.flatMap((group) => group.rows.map(({conflict}) => conflict))).toEqual([
      undefined,
    ]);
  }
});

test('rows of one key are told by what both sides hold, not by the columns of one side', () => {
  const lists: Lists = {
    base: [],
    ours: [
      ['9', 1n, 'a'],
      ['1', 1n, 'b'],
    ],
    theirs: [
      ['5', 1n, 'a'],
      ['6', 1n, 'b'],
    ],
  };
  for (const policy of ['theirs', 'merge'] as const) {
    const local: MergeRules = {
      ...rules,
      rows: policy,
      cells: policy,
      columns: new Map([['local', 'ours']]),
    };
    expect([...mergeTable(links, local, sidesOf(links, lists))]).toEqual([]);
  }
});

test('an edited row is updated in its place, beside one of its key that goes', () => {
  const rows = [
    ['', 1n, 'a'],
    ['', 1n, 'b'],
  ];
  const lists = {base: rows, ours: rows, theirs: [['new', 1n, 'b']]};
  const remote = {...rules, columns: new Map([['local', 'theirs'] as const])};
  expect(changesOf(remote, lists)).toEqual([
    'update ["",1,"b"] ["new",1,"b"]',
    'delete ["",1,"a"]',
  ]);
});

function changesOf(by: MergeRules, lists: Lists): readonly string[] {
  const groups = [...mergeTable(links, by, sidesOf(links, lists))];
  return groups
    .flatMap((group) => groupChanges(links, group))
    .map((change) =>
      [
        change.op,
        ...(change.op === 'insert' ? [] : [change.before.text]),
        ...(change.op === 'delete' ? [] : [change.after.text]),
      ].join(' '),
    );
}

test.each(['base', 'ours', 'theirs'] as const)(
  'refuses rows of %s that are out of order or share a key, which would merge past one another',
  (side) => {
    const [one, two] = tableRows(monitors, [
      [1n, 'a'],
      [2n, 'b'],
    ]);
    const rows = [one, two].filter((row) => row !== undefined);
    const sides = {base: rows, ours: rows, theirs: rows};
    for (const wrong of [rows.toReversed(), [...rows, ...rows.slice(1)]]) {
      expect(() => [...mergeTable(monitors, rules, {...sides, [side]: wrong})]).toThrow(
        expect.objectContaining({code: 'ROWS_UNSORTED', site: {table: 't'}}),
      );
    }
  },
);
