import fc from 'fast-check';
import {expect, test} from 'vitest';
import {diffRows} from '../../src/diff/diff-rows.ts';
import type {CanonicalRow} from '../../src/kernel/row.ts';
import {encodeKey} from '../../src/canonical/key.ts';
import type {Statement} from '../../src/kernel/statement.ts';
import {rowSteps} from '../../src/plan/plan.ts';
import {entryReader, orderWrites, type TriedEntries} from '../../src/plan/unique.ts';
import {parentsFirst, selfReferencesFirst} from '../../src/plan/order.ts';
import type {ForeignKey, TableSchema} from '../../src/schema/table-schema.ts';
import {runs} from '../helpers/arbitraries.ts';
import {known, planOf, rowsOf, schemaWith, shapeWith} from '../helpers/tables.ts';

function reference(table: string, parent: string, columns = ['p']): ForeignKey {
  return {
    table,
    columns,
    parent,
    parentColumns: ['k'],
    onDelete: 'NO ACTION',
    onUpdate: 'NO ACTION',
  };
}

test('law: parents come before the tables that refer to them, and every table comes once', () => {
  const graph = fc.array(fc.tuple(fc.nat(7), fc.nat(7)), {maxLength: 12}).map((edges) =>
    Array.from({length: 8}, (_, at) => {
      const foreignKeys = edges
        .filter(([child]) => child === at)
        .map(([child, parent]) => reference(`t${child}`, `t${Math.min(child, parent)}`));
      return schemaWith(`t${at}`, ['k', 'p'], {foreignKeys});
    }),
  );
  fc.assert(
    fc.property(graph, fc.nat(), (tables, turn) => {
      const given = [...tables.slice(turn % 8), ...tables.slice(0, turn % 8)];
      const order = parentsFirst(given);
      expect(order.toSorted()).toEqual(tables.map(({name}) => name));
      expect(parentsFirst(tables)).toEqual(order);
      for (const {foreignKeys} of tables) {
        for (const {table, parent} of foreignKeys) {
          if (table !== parent) expect(order.indexOf(parent)).toBeLessThan(order.indexOf(table));
        }
      }
    }),
    runs,
  );
});

test('law: tables in a cycle of references still come, each once', () => {
  const cycle = ['a', 'b', 'c'].map((name, at, all) =>
    schemaWith(name, ['k', 'p'], {foreignKeys: [reference(name, known(all[(at + 1) % 3]))]}),
  );
  expect(parentsFirst(cycle).toSorted()).toEqual(['a', 'b', 'c']);
});

const tree = schemaWith('t', ['k', 'p'], {foreignKeys: [reference('t', 't')]});
const treeShape = shapeWith(['k', 'p']);

/** Ids with the id of a parent that is lower in a random order, itself, or none: no cycles. */
const forests = fc
  .uniqueArray(fc.integer({min: 1, max: 99}), {maxLength: 25})
  .chain((ids) =>
    fc.tuple(
      fc.constant(ids),
      fc.array(fc.nat(30), {minLength: ids.length, maxLength: ids.length}),
    ),
  )
  .map(([ids, picks]) =>
    ids.map((id, at) => {
      const pick = known(picks[at]);
      const parent = pick > at ? (pick % 3 === 0 ? id : undefined) : ids[pick];
      return [BigInt(id), parent === undefined ? null : BigInt(parent)] as const;
    }),
  );

test('law: rows come after the rows of their own table that they refer to', () => {
  fc.assert(
    fc.property(forests, (list) => {
      const rows = rowsOf(treeShape, list);
      const order = selfReferencesFirst(tree, treeShape, rows);
      expect(order.toSorted((a, b) => (a.key < b.key ? -1 : 1))).toEqual(rows);
      const place = new Map(order.map((row, at) => [row.cells[0], at]));
      order.forEach(({cells}, at) => {
        const parent = place.get(known(cells[0])) === at ? place.get(cells[1] ?? null) : undefined;
        if (parent !== undefined) expect(parent).toBeLessThanOrEqual(at);
      });
    }),
    runs,
  );
});

test('law: a plan deletes children first and inserts parents first, in and between tables', () => {
  const child = schemaWith('c', ['k', 'p'], {foreignKeys: [reference('c', 't')]});
  const childShape = {...treeShape, table: 'c'};
  const schema = new Map([
    ['c', child],
    ['t', tree],
  ]);
  fc.assert(
    fc.property(forests, forests, (before, after) => {
      const parents = [before, after].map((list) => rowsOf(treeShape, list));
      const children = parents.map((rows) => rows.filter((row) => row.cells[1] !== null));
      const changesOf = (sides: readonly CanonicalRow[][]) => [
        ...diffRows('x', sides[0] ?? [], sides[1] ?? []),
      ];
      const plan = planOf(
        schema,
        new Map([
          ['c', {shape: childShape, changes: changesOf(children)}],
          ['t', {shape: treeShape, changes: changesOf(parents)}],
        ]),
      );
      const rows = rowSteps(plan);
      const place = (op: string, table: string, id: unknown): number =>
        rows.findIndex(({change, shape}) => {
          const row = change.op === 'delete' ? change.before : change.after;
          return change.op === op && shape.table === table && row.cells[0] === id;
        });
      rows.forEach(({change, shape}, at) => {
        const row = change.op === 'delete' ? change.before : change.after;
        const parent = place(change.op, 't', row.cells[1]);
        if (parent < 0 || (shape.table === 't' && row.cells[1] === row.cells[0])) return;
        if (change.op === 'delete') expect(at).toBeLessThan(parent);
        if (change.op === 'insert') expect(at).toBeGreaterThan(parent);
      });
      const ops = rows.map(({change}) => change.op === 'delete');
      expect(ops).toEqual(ops.toSorted((a, b) => Number(b) - Number(a)));
    }),
    runs,
  );
});

// --- unique values ---------------------------------------------------------------------------------

const named = schemaWith('t', ['k', 'u', 'w'], {
  uniques: [
    {name: 'one', columns: [{column: 'u', collation: 'NOCASE'}], partial: false},
    {
      name: 'two',
      columns: [
        {column: 'u', collation: 'BINARY'},
        {column: 'w', collation: 'BINARY'},
      ],
      partial: false,
    },
  ],
});
const namedShape = shapeWith(['k', 'u', 'w']);

/** Rows with unique `u` under NOCASE, NULL allowed many times. */
const uniqueTables = fc
  .tuple(
    fc.subarray([1, 2, 3, 4, 5, 6]),
    fc.shuffledSubarray(['a', 'B', 'c', 'D', 'e', null], {minLength: 3}),
    fc.boolean(),
  )
  .map(([ids, values, upper]) =>
    rowsOf(
      namedShape,
      ids
        .slice(0, values.length)
        .map((id, at) => [
          BigInt(id),
          (upper ? values[at]?.toUpperCase() : values[at]) ?? null,
          1n,
        ]),
    ),
  );

test('law: after every statement unique values are unique, and only rows that rotate are parked', () => {
  let parked = 0;
  fc.assert(
    fc.property(uniqueTables, uniqueTables, (a, b) => {
      const changes = [...diffRows('t', a, b)];
      const plan = planOf(new Map([['t', named]]), new Map([['t', {shape: namedShape, changes}]]));
      expect(plan.parks.length > 0).toBe(rotates(a, b));
      parked += plan.parks.length;
      const held = new Map(a.map((row) => [row.key, valueOf(row)]));
      for (const {change} of plan.deletes) held.delete(change.key);
      for (const {statement} of plan.parks) {
        held.set(keyIn(statement), undefined);
      }
      for (const {change} of plan.writes) {
        held.set(change.key, change.op === 'delete' ? 'no write' : valueOf(change.after));
        const values = [...held.values()].filter((value) => value !== undefined);
        expect(new Set(values).size).toBe(values.length);
      }
      expect(held).toEqual(new Map(b.map((row) => [row.key, valueOf(row)])));
    }),
    runs,
  );
  expect(parked).toBeGreaterThan(0);
});

test('of each ring of rows that exchange values one is parked, and one alone', () => {
  const ring = (values: readonly string[]): CanonicalRow[] =>
    rowsOf(
      namedShape,
      values.map((value, at) => [BigInt(at), value, 1n]),
    );
  const changes = [
    ...diffRows('t', ring(['a', 'b', 'c', 'd', 'e']), ring(['b', 'c', 'a', 'e', 'd'])),
  ];
  const plan = planOf(new Map([['t', named]]), new Map([['t', {shape: namedShape, changes}]]));
  expect(plan.parks.length).toBe(2);
});

function keyIn(statement: Statement): string {
  return encodeKey(statement.op === 'insert' ? [] : statement.where.map(({is}) => is), ['binary']);
}

function valueOf(row: CanonicalRow): string | undefined {
  const value = row.cells[1];
  return typeof value === 'string' ? value.toLowerCase() : undefined;
}

/** Follows who holds the value that a row wants, from row to row: back at the start is a rotation. */
function rotates(a: readonly CanonicalRow[], b: readonly CanonicalRow[]): boolean {
  const after = new Map(b.map((row) => [row.key, valueOf(row)]));
  const holder = new Map(
    a.flatMap((row) => (valueOf(row) === undefined ? [] : [[valueOf(row), row.key]])),
  );
  return [...after.keys()].some((start) => {
    let at: string | undefined = start;
    for (let steps = 0; steps <= 8 && at !== undefined; steps++) {
      const value = after.get(at);
      const next = value === undefined ? undefined : holder.get(value);
      if (next === at) return false;
      at = next !== undefined && after.has(next) ? next : undefined;
      if (at === start) return true;
    }
    return false;
  });
}

test.each<[string, Partial<TableSchema>]>([
  [
    'partial',
    {uniques: [{name: 'p', columns: [{column: 'u', collation: 'BINARY'}], partial: true}]},
  ],
  [
    'on an expression',
    {uniques: [{name: 'e', columns: [{column: undefined, collation: 'BINARY'}], partial: false}]},
  ],
])('an index that is %s orders nothing before the database was asked', (_, more) => {
  const swap = [
    ['a', 'b'],
    ['b', 'a'],
  ].map((values) =>
    rowsOf(
      namedShape,
      values.map((value, at) => [BigInt(at), value, 1n]),
    ),
  );
  const changes = [...diffRows('t', known(swap[0]), known(swap[1]))].filter(
    (change) => change.op !== 'delete',
  );
  const schema = schemaWith('t', ['k', 'u', 'w'], more);
  const order = (tried?: TriedEntries) =>
    orderWrites(changes, entryReader(schema, namedShape, tried));
  expect(order()).toEqual({writes: changes, exchanged: new Map()});
  const tried = new Map(swap.flat().map((row) => [row.text, [[row.cells[1] as string]]] as const));
  expect(order(tried).exchanged.size).toBe(1);
});
