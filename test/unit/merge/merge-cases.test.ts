/** One row in its three versions, policy by policy; each case also with the sides exchanged. */
import {describe, expect, test} from 'vitest';
import {must} from '../../../src/kernel/assert.ts';
import type {Cell} from '../../../src/kernel/row.ts';
import {rowMerger} from '../../../src/merge/merge-row.ts';
import type {MergeRules, RowConflict} from '../../../src/merge/rules.ts';
import type {TableShape} from '../../../src/schema/table-shape.ts';
import {mirrorConflict, mirrorRules, tableRows} from '../../helpers/merging.ts';
import {shapeWith} from '../../helpers/tables.ts';

type Row = readonly Cell[] | 'none';
type Versions = {readonly base: Row; readonly ours: Row; readonly theirs: Row};
type Kind = 'bothEdited' | 'editedHere' | 'deletedHere' | 'bothInserted';
/** What comes out where the one or the other side wins, and the cells in conflict; no kind is no conflict. */
type Expected = {
  readonly ours: Row;
  readonly theirs: Row;
  readonly kind?: Kind | undefined;
  readonly columns?: readonly string[];
};
type Grain = MergeRules['grain'];
type Divergent = MergeRules['divergent'];

const monitors = shapeWith(['id', 'interval', 'name']);
const named = shapeWith(['interval', 'name'], ['name'], 'nocase');

// --- policies and kinds of conflict -----------------------------------------------------------------

const local = new Map([['interval', 'ours'] as const]);
const policies = {
  mirror: {rows: 'theirs', cells: 'theirs', columns: new Map()},
  seed: {rows: 'theirs', cells: 'ours', columns: new Map()},
  'mirror, interval local': {rows: 'theirs', cells: 'theirs', columns: local},
  'merge, interval local': {rows: 'merge', cells: 'merge', columns: local},
} as const satisfies Record<string, Partial<MergeRules>>;

type Situation = Versions & {
  readonly name: string;
  readonly kind: Kind;
  /** Policy merge, by grain. */
  readonly cell: Omit<Expected, 'kind'>;
  readonly row: Omit<Expected, 'kind'>;
  /** The other policies know no conflict here. */
  readonly calm: Readonly<Record<keyof typeof policies, Row>>;
};

const situations: readonly Situation[] = [
  {
    name: 'both sides gave a monitor another interval, and this one renamed it',
    kind: 'bothEdited',
    base: [1n, 60n, 'web'],
    ours: [1n, 30n, 'www'],
    theirs: [1n, 20n, 'web'],
    cell: {ours: [1n, 30n, 'www'], theirs: [1n, 20n, 'www'], columns: ['interval']},
    row: {ours: [1n, 30n, 'www'], theirs: [1n, 20n, 'web'], columns: ['interval', 'name']},
    calm: {
      mirror: [1n, 20n, 'web'],
      seed: [1n, 30n, 'www'],
      'mirror, interval local': [1n, 30n, 'web'],
      'merge, interval local': [1n, 30n, 'www'],
    },
  },
  {
    name: 'a monitor was given another interval here, and deleted on the primary',
    kind: 'editedHere',
    base: [1n, 60n, 'web'],
    ours: [1n, 30n, 'web'],
    theirs: 'none',
    cell: {ours: [1n, 30n, 'web'], theirs: 'none'},
    row: {ours: [1n, 30n, 'web'], theirs: 'none'},
    calm: {
      mirror: 'none',
      seed: 'none',
      'mirror, interval local': 'none',
      'merge, interval local': 'none',
    },
  },
  {
    name: 'a monitor was deleted here, and given another interval on the primary',
    kind: 'deletedHere',
    base: [1n, 60n, 'web'],
    ours: 'none',
    theirs: [1n, 20n, 'web'],
    cell: {ours: 'none', theirs: [1n, 20n, 'web']},
    row: {ours: 'none', theirs: [1n, 20n, 'web']},
    calm: {
      mirror: [1n, 20n, 'web'],
      seed: [1n, 20n, 'web'],
      'mirror, interval local': [1n, 20n, 'web'],
      'merge, interval local': 'none',
    },
  },
  {
    name: 'both sides added a monitor of one name and id with different intervals',
    kind: 'bothInserted',
    base: 'none',
    ours: [1n, 30n, 'web'],
    theirs: [1n, 20n, 'web'],
    cell: {ours: [1n, 30n, 'web'], theirs: [1n, 20n, 'web'], columns: ['interval']},
    row: {ours: [1n, 30n, 'web'], theirs: [1n, 20n, 'web'], columns: ['interval']},
    calm: {
      mirror: [1n, 20n, 'web'],
      seed: [1n, 30n, 'web'],
      'mirror, interval local': [1n, 30n, 'web'],
      'merge, interval local': [1n, 30n, 'web'],
    },
  },
];

const grains: readonly Grain[] = ['cell', 'row'];
const divergents: readonly Divergent[] = ['theirs', 'ours', 'fail'];
const ways = grains.flatMap((grain) => divergents.map((divergent) => ({grain, divergent})));

describe.each(ways)('by $grain, divergent: $divergent', ({grain, divergent}) => {
  test.each(situations)('merge, $kind: $name', (one) => {
    const rules = {rows: 'merge', cells: 'merge', columns: new Map(), grain, divergent} as const;
    expectBothWays(monitors, rules, one, {...one[grain], kind: one.kind});
  });

  describe.each(Object.entries(policies))('%s', (policy, set) => {
    test.each(situations)('$kind is none: $name', (one) => {
      const row = one.calm[policy as keyof typeof policies];
      expectBothWays(monitors, {...set, grain, divergent}, one, {ours: row, theirs: row});
    });
  });
});

// --- values and keys under policy merge -------------------------------------------------------------

type NamedCase = Versions & Expected & {readonly name: string};

const bytes = (text: string): Uint8Array => new Uint8Array(Buffer.from(text));
const badText = {textBytes: new Uint8Array([0xff])};
const web = (name: Cell, interval: Cell = 60n): Row => [1n, interval, name];

/** Both gave a monitor another name, and the names are two. */
function apart(name: string, here: Cell, there: Cell): NamedCase {
  const [ours, theirs] = [web(here), web(there)];
  return {name, base: web('web'), ours, theirs, kind: 'bothEdited', columns: ['name']};
}

/** What comes out is the same whoever wins. */
function agreed(name: string, versions: Versions, row: Row): NamedCase & {readonly row: Row} {
  return {name, ...versions, row};
}

const values: readonly NamedCase[] = [
  apart('NULL and an empty text', null, ''),
  apart('NULL and 0', null, 0n),
  apart('an empty text and 0', '', 0n),
  apart('an empty text and an empty blob', '', bytes('')),
  apart('1 and 1.0', 1n, 1),
  apart("1 and '1'", 1n, '1'),
  apart('0.0 and -0.0', 0, -0),
  apart('a text and a blob of its bytes', 'a', bytes('a')),
  apart('a text that is not valid and a blob of its bytes', badText, new Uint8Array([0xff])),
  apart('integers that are one double', 2n ** 53n, 2n ** 53n + 1n),
  apart('one letter composed and decomposed', '\u00e9', 'e\u0301'),
];

/** What a cell was before, and what one side made of it: a change, however alike the two may look. */
const edits: readonly (readonly [string, Cell, Cell])[] = [
  ['NULL becomes an empty text', null, ''],
  ['an empty text becomes NULL', '', null],
  ['NULL becomes 0', null, 0n],
  ['0 becomes an empty text', 0n, ''],
  ['1 becomes 1.0', 1n, 1],
  ['0.0 becomes -0.0', 0, -0],
  ['a text becomes a blob', 'a', bytes('a')],
  ['an integer beyond 2^53 grows by one', 2n ** 53n, 2n ** 53n + 1n],
];

const rules = {rows: 'merge', cells: 'merge', columns: new Map()} as const;

describe.each(ways)('values by $grain, divergent: $divergent', (way) => {
  test.each(values)('are two, and in conflict: $name', (one) => {
    expectBothWays(monitors, {...rules, ...way}, one, one);
  });

  test.each(values)('added on both sides, too: $name', (one) => {
    const added = {...one, base: 'none', kind: 'bothInserted'} as const;
    expectBothWays(monitors, {...rules, ...way}, added, added);
  });

  test.each(edits)('%s on one side: no conflict, and the edit stands', (_, was, now) => {
    const versions = {base: web(was), ours: web(now), theirs: web(was)};
    expectBothWays(monitors, {...rules, ...way}, versions, {ours: web(now), theirs: web(now)});
  });

  test.each(edits)('%s on both sides: no conflict', (_, was, now) => {
    const versions = {base: web(was), ours: web(now), theirs: web(now)};
    expectBothWays(monitors, {...rules, ...way}, versions, {ours: web(now), theirs: web(now)});
  });

  test.each(edits)('%s here, and the row is deleted there', (_, was, now) => {
    const one = {base: web(was), ours: web(now), theirs: 'none', kind: 'editedHere'} as const;
    expectBothWays(monitors, {...rules, ...way}, one, one);
  });
});

describe.each(ways)('rows by $grain, divergent: $divergent', (way) => {
  test.each([
    agreed('both deleted it', {base: web('a'), ours: 'none', theirs: 'none'}, 'none'),
    agreed('one deleted it', {base: web('a'), ours: 'none', theirs: web('a')}, 'none'),
    agreed('one added it', {base: 'none', ours: web('a'), theirs: 'none'}, web('a')),
    agreed('both added it', {base: 'none', ours: web('a'), theirs: web('a')}, web('a')),
    agreed('nobody changed it', {base: web('a'), ours: web('a'), theirs: web('a')}, web('a')),
    agreed('one changed it', {base: web('a'), ours: web('b'), theirs: web('a')}, web('b')),
  ])('no conflict: $name', ({row, ...one}) => {
    expectBothWays(monitors, {...rules, ...way}, one, {ours: row, theirs: row});
  });

  test('an id that was given to another monitor is an edit of it', () => {
    const one = {
      base: web('a'),
      ours: web('new', 20n),
      theirs: 'none',
      kind: 'editedHere',
    } as const;
    expectBothWays(monitors, {...rules, ...way}, one, one);
  });
});

// By row, edits of two cells are in conflict as well.
test.each(divergents)(
  'edits of two cells: one row by cell, a conflict by row (%s)',
  (divergent) => {
    const one = {base: web('a'), ours: web('b'), theirs: web('a', 20n)};
    const both = {ours: web('b', 20n), theirs: web('b', 20n)};
    expectBothWays(monitors, {...rules, grain: 'cell', divergent}, one, both);
    const whole = {...one, kind: 'bothEdited', columns: ['interval', 'name']} as const;
    expectBothWays(monitors, {...rules, grain: 'row', divergent}, one, whole);
  },
);

describe.each(ways)('a key that folds, by $grain, divergent: $divergent', (way) => {
  const by = {...rules, ...way};

  test('respelled on one side: the spelling comes, beside an edit if there is one', () => {
    const one: Versions = {base: [60n, 'web'], ours: [60n, 'Web'], theirs: [60n, 'web']};
    expectBothWays(named, by, one, {ours: [60n, 'Web'], theirs: [60n, 'Web']});
  });

  test('respelled on both sides: alike or in conflict', () => {
    const one: Versions = {base: [60n, 'web'], ours: [60n, 'Web'], theirs: [60n, 'WEB']};
    expectBothWays(named, by, one, {...one, kind: 'bothEdited', columns: ['name']});
    expectBothWays(named, by, {...one, theirs: [60n, 'Web']}, {ours: one.ours, theirs: one.ours});
  });

  test('respelled here and deleted there: an edit like any other', () => {
    const one = {
      base: [60n, 'web'],
      ours: [60n, 'Web'],
      theirs: 'none',
      kind: 'editedHere',
    } as const;
    expectBothWays(named, by, one, one);
  });

  test('of one side: each keeps its spelling, and that alone keeps no row', () => {
    const own = {...by, columns: new Map([['name', 'ours'] as const])};
    const one: Versions = {base: [60n, 'web'], ours: [60n, 'Web'], theirs: [20n, 'WEB']};
    expectBothWays(named, own, one, {ours: [20n, 'Web'], theirs: [20n, 'Web']});
    expectBothWays(named, own, {...one, theirs: 'none'}, {ours: 'none', theirs: 'none'});
  });
});

// --- both ways --------------------------------------------------------------------------------------

function expectBothWays(
  shape: TableShape,
  by: MergeRules,
  {base, ours, theirs}: Versions,
  expected: Expected,
): void {
  expectMerge(shape, by, {base, ours, theirs}, expected);
  const {kind, columns = []} = expected;
  const seen = kind && mirrorConflict({kind, columns, taken: 'ours', isOpen: false}).kind;
  const mirrored = {ours: expected.theirs, theirs: expected.ours, kind: seen as Kind, columns};
  expectMerge(shape, mirrorRules(by), {base, ours: theirs, theirs: ours}, mirrored);
}

function expectMerge(
  shape: TableShape,
  by: MergeRules,
  versions: Versions,
  {kind, columns = [], ...winners}: Expected,
): void {
  const row = (cells: Row): ReturnType<typeof tableRows>[number] | undefined =>
    cells === 'none' ? undefined : must(tableRows(shape, [cells])[0], 'a row');
  const {base, ours, theirs} = versions;
  const given = {base: row(base), ours: row(ours), theirs: row(theirs)};
  const result = rowMerger(by, shape.columns)(given);
  // `fail` keeps the side that is written until a person decides.
  const isOpen = by.divergent === 'fail';
  const taken = by.divergent === 'fail' ? 'ours' : by.divergent;
  expect(result.row?.text).toBe(row(winners[taken])?.text);
  const conflict: RowConflict | undefined = kind && {kind, columns, taken, isOpen};
  expect(result).toEqual({...given, row: result.row, conflict});
}
