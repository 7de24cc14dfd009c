/** Merges of tables in memory: their rows, their rules and the mirror of these, and the table that comes out. */
import fc from 'fast-check';
import {encodeRow, rowText} from '../../src/canonical/row.ts';
import type {Fold} from '../../src/canonical/key.ts';
import type {CanonicalRow, Cell, RowChange} from '../../src/kernel/row.ts';
import {groupChanges, mergeTable, type MergedGroup} from '../../src/merge/merge-table.ts';
import type {ConflictKind, MergeRules, RowConflict, Side} from '../../src/merge/rules.ts';
import {columnKeys, rowKeys} from '../../src/schema/row-key.ts';
import type {TableShape} from '../../src/schema/table-shape.ts';
import {cells} from './arbitraries.ts';
import {applyTo, shapeWith} from './tables.ts';

export type Sides<T> = {readonly base: T; readonly ours: T; readonly theirs: T};
type Rows = readonly CanonicalRow[];
export type Case = {
  readonly shape: TableShape;
  readonly rules: MergeRules;
  readonly sides: Sides<Rows>;
};

/** Rows as a database gives them: by key, those of one key by the bytes of their text; a primary key stands once. */
export function tableRows(shape: TableShape, list: readonly (readonly Cell[])[]): Rows {
  const classOf = columnKeys(shape);
  const keyOf = rowKeys(shape);
  const rows = list
    .map((row) => encodeRow(row))
    .map((wire) => ({at: `${classOf(wire)},`, text: rowText(wire), cells: wire}))
    .sort((a, b) => compare(a.at, b.at) || compare(a.text, b.text));
  return rows
    .filter(({at}, n) => shape.keyKind === 'multiset' || at !== rows[n - 1]?.at)
    .map(({text, cells: wire}) => ({key: keyOf(wire), text, cells: wire}));
}

function compare(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

// --- what comes out ---------------------------------------------------------------------------------

export type Merged = {
  readonly groups: readonly MergedGroup[];
  readonly changes: readonly RowChange[];
  /** The texts of all rows of the merged table, sorted. */
  readonly texts: readonly string[];
};

export function mergedTable({shape, rules, sides}: Case): Merged {
  const groups = [...mergeTable(shape, rules, sides)];
  const changes = groups.flatMap((group) => groupChanges(shape, group));
  return {groups, changes, texts: textsOf(applyTo(sides.ours, changes))};
}

export function textsOf(rows: Rows): readonly string[] {
  return rows.map(({text}) => text).sort();
}

// --- mirrors ----------------------------------------------------------------------------------------

const otherSide = {ours: 'theirs', theirs: 'ours'} as const satisfies Record<Side, Side>;
const otherKind: Partial<Record<ConflictKind, ConflictKind>> = {
  editedHere: 'deletedHere',
  deletedHere: 'editedHere',
};

/** `fail` stays: it takes the side that is written, whichever that is. */
export function mirrorRules(rules: MergeRules): MergeRules {
  const {rows, cells: contents, divergent} = rules;
  return {
    rows: rows === 'merge' ? rows : otherSide[rows],
    cells: contents === 'merge' ? contents : otherSide[contents],
    columns: new Map([...rules.columns].map(([name, side]) => [name, otherSide[side]])),
    divergent: divergent === 'fail' ? divergent : otherSide[divergent],
    grain: rules.grain,
  };
}

export function mirrorConflict(conflict: RowConflict): RowConflict {
  const {kind, taken, isOpen} = conflict;
  return {...conflict, kind: otherKind[kind] ?? kind, taken: isOpen ? taken : otherSide[taken]};
}

export function mirrorCase({shape, rules, sides: {base, ours, theirs}}: Case): Case {
  return {shape, rules: mirrorRules(rules), sides: {base, ours: theirs, theirs: ours}};
}

// --- random tables and rules ------------------------------------------------------------------------

const multiset = (names: readonly string[], key: readonly string[]): TableShape => ({
  ...shapeWith(names, key),
  keyKind: 'multiset',
});
const folded = (fold: Fold): TableShape => shapeWith(['a', 'k', 'v', 'w'], ['k'], fold);

const narrow: readonly TableShape[] = [
  shapeWith(['k']),
  shapeWith(['a', 'k'], ['k', 'a']),
  multiset(['k'], ['k']),
  multiset(['a', 'k'], ['a', 'k']),
];
const wide: readonly TableShape[] = [
  folded('binary'),
  folded('nocase'),
  folded('rtrim'),
  shapeWith(['a', 'k', 'v', 'w'], ['k', 'a'], 'nocase'),
  multiset(['a', 'k', 'v'], ['k']),
  multiset(['a', 'k', 'v', 'w'], ['k', 'a']),
];
/** Of tables that are all key there are fewer: nothing in them can be edited but spellings. */
const shapes = fc.oneof(
  {weight: 1, arbitrary: fc.constantFrom(...narrow)},
  {weight: 4, arbitrary: fc.constantFrom(...wide)},
);

/** Each line is one key to some fold, or one number; tables over few of them meet in most rows. */
const spellings: readonly (readonly Cell[])[] = [
  ['a', 'A', 'a  ', 'A '],
  ['b', 'B', 'b '],
  ['ab', 'Ab', 'aB', 'ab '],
  [1n, 1],
  [0n, 0, -0],
  [10n, 10],
  [new Uint8Array([0x61])],
];
const plainCells: readonly Cell[] = [null, '', 0n, 0, -0, 1n, 1, '1', 'a', new Uint8Array([0x61])];

type Edit = {
  readonly fate: 'same' | 'gone' | 'cell' | 'key';
  readonly at: number;
  readonly by: number;
};
type Draw = {readonly cells: readonly number[]};

const edits = fc.record<Edit>({
  fate: fc.constantFrom('same', 'gone', 'cell', 'cell', 'cell', 'key'),
  at: fc.nat(7),
  by: fc.nat(7),
});
const draws = fc.record<Draw>({cells: fc.array(fc.nat(7), {minLength: 4, maxLength: 4})});

/** A base, and two sides that edited it and added rows of their own. */
function sidesOf(shape: TableShape): fc.Arbitrary<Sides<Rows>> {
  const isNull = shape.keyKind === 'multiset';
  const keyPool = fc
    .shuffledSubarray([...spellings], {minLength: 1, maxLength: 4})
    .map((some) => [...some.flat(), ...(isNull ? [null] : [])]);
  const valuePool = fc.oneof(
    fc.shuffledSubarray([...plainCells], {minLength: 3, maxLength: 4}),
    fc.array(cells(), {minLength: 1, maxLength: 3}),
  );
  const side = fc.record({
    edits: fc.array(edits, {minLength: 8, maxLength: 8}),
    added: fc.array(draws, {maxLength: 3}),
  });
  return fc
    .record({
      keys: keyPool,
      values: valuePool,
      base: fc.oneof(
        {weight: 1, arbitrary: fc.constant<Draw[]>([])},
        {weight: 7, arbitrary: fc.array(draws, {minLength: 3, maxLength: 8})},
      ),
      ours: side,
      theirs: side,
    })
    .map(({keys, values, base, ours, theirs}) => {
      const isKey = shape.columns.map(({name}) => shape.key.some((one) => one.name === name));
      const cell = (column: number, n: number): Cell => {
        const pool = isKey[column] === true ? keys : values;
        return pool[n % pool.length] ?? null;
      };
      const row = ({cells: ns}: Draw): Cell[] =>
        shape.columns.map((_, at) => cell(at, ns[at] ?? 0));
      const edited = (was: readonly Cell[], {fate, at, by}: Edit): readonly (readonly Cell[])[] => {
        if (fate === 'gone') return [];
        const columns = isKey.flatMap((is, one) => (is === (fate === 'key') ? [one] : []));
        const column = fate === 'same' ? undefined : columns[at % columns.length];
        return [was.map((old, one) => (one === column ? cell(column, by) : old))];
      };
      const first = base.map(row);
      const list = (one: typeof ours): readonly (readonly Cell[])[] => [
        ...first.flatMap((was, n) => edited(was, one.edits[n] ?? {fate: 'same', at: 0, by: 0})),
        ...one.added.map(row),
      ];
      return {
        base: tableRows(shape, first),
        ours: tableRows(shape, list(ours)),
        theirs: tableRows(shape, list(theirs)),
      };
    });
}

// Only where rows and cells are merged is every kind of conflict met.
const most = Array.from({length: 6}, () => 'merge' as const);

function rulesOf(shape: TableShape): fc.Arbitrary<MergeRules> {
  const names = shape.columns.map(({name}) => name);
  const sideColumns = fc.uniqueArray(
    fc.tuple(fc.constantFrom(...names), fc.constantFrom<Side>('ours', 'theirs')),
    {selector: ([name]) => name, maxLength: 2},
  );
  return fc.record({
    rows: fc.constantFrom<MergeRules['rows']>('ours', 'theirs', ...most),
    cells: fc.constantFrom<MergeRules['cells']>('ours', 'theirs', ...most),
    columns: fc.oneof(fc.constant([]), sideColumns).map((columns) => new Map(columns)),
    divergent: fc.constantFrom<MergeRules['divergent']>('ours', 'theirs', 'fail'),
    grain: fc.constantFrom<MergeRules['grain']>('cell', 'row'),
  });
}

/** Random tables under random rules, some of which may be set. */
export function cases(set: Partial<MergeRules> = {}): fc.Arbitrary<Case> {
  return shapes.chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      rules: rulesOf(shape).map((rules) => ({...rules, ...set})),
      sides: sidesOf(shape),
    }),
  );
}
