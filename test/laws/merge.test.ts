/** Merges of random tables under random rules: what the words say, and what holds whatever they say. */
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {decodeCell} from '../../src/canonical/cell.ts';
import type {CanonicalRow} from '../../src/kernel/row.ts';
import {groupKey, mergeTable, type MergedGroup} from '../../src/merge/merge-table.ts';
import type {MergeRules, Side} from '../../src/merge/rules.ts';
import {columnKeys, occurrenceOf} from '../../src/schema/row-key.ts';
import {runs} from '../helpers/arbitraries.ts';
import {
  cases,
  mergedTable,
  mirrorCase,
  mirrorConflict,
  tableRows,
  textsOf,
  type Case,
} from '../helpers/merging.ts';
import {naiveMerge, type Outcome} from '../helpers/naive-merge.ts';

// From a fixed seed, so that a failure is found again. MERGE_SEED and N draw others.
const many = {
  ...runs,
  numRuns: Number(process.env['N'] ?? 2000),
  seed: Number(process.env['MERGE_SEED'] ?? 20_261_121),
};

function law(given: fc.Arbitrary<Case>, holds: (one: Case) => void): void {
  fc.assert(fc.property(given, holds), many);
}

const none: ReadonlyMap<string, Side> = new Map();

// --- against the plain words ------------------------------------------------------------------------

test('law: rows and conflicts are those that the words say, in the fewest statements', () => {
  const met = new Set<string>();
  law(cases(), (one) => {
    const {groups, changes, texts} = mergedTable(one);
    const {outcomes, statements} = naive(one);
    expect(texts).toEqual(outcomes.flatMap(({row}) => row ?? []).sort());
    expect(conflictsOf(groups)).toEqual(
      outcomes
        .filter(({kind}) => kind !== undefined)
        .map((outcome) => JSON.stringify(outcome))
        .sort(),
    );
    expect(changes.length).toBe(statements);
    for (const {kind} of outcomes) met.add(`${one.shape.keyKind} ${kind ?? 'calm'}`);
    for (const {op} of changes) met.add(`${one.shape.keyKind} ${op}`);
  });
  // A law over cases that never come to what it is about would hold of anything.
  if (many.numRuns >= 500) expect([...met].sort()).toEqual(outcomesOfAll);
});

const kinds = ['calm', 'bothEdited', 'editedHere', 'deletedHere', 'bothInserted'];
const outcomesOfAll = ['primary', 'multiset']
  .flatMap((keyKind) => [...kinds, 'insert', 'update', 'delete'].map((one) => `${keyKind} ${one}`))
  .sort();

function naive({shape, rules, sides}: Case): ReturnType<typeof naiveMerge> {
  const {base, ours, theirs} = sides;
  return naiveMerge(shape, rules, {
    base: base.map(({text}) => text),
    ours: ours.map(({text}) => text),
    theirs: theirs.map(({text}) => text),
  });
}

function conflictsOf(groups: readonly MergedGroup[]): readonly string[] {
  return groups
    .flatMap(({rows}) => rows)
    .flatMap(({base, ours, theirs, row, conflict}) => {
      if (conflict === undefined) return [];
      const texts = {base: base?.text, ours: ours?.text, theirs: theirs?.text, row: row?.text};
      const [was, our, their, now] = Object.values(texts).map((text) => text ?? null);
      const outcome = {base: was, ours: our, theirs: their, row: now, ...conflict} as Outcome;
      return [JSON.stringify(outcome)];
    })
    .sort();
}

// --- one side alone ---------------------------------------------------------------------------------

test.each<Pick<MergeRules, 'rows' | 'cells'>>([
  {rows: 'merge', cells: 'merge'},
  {rows: 'ours', cells: 'merge'},
  {rows: 'merge', cells: 'ours'},
  {rows: 'ours', cells: 'ours'},
])(
  'law: what ours alone changed stays, in columns of ours too: rows $rows, cells $cells',
  ({rows, cells}) => {
    law(sided('ours', {rows, cells}), ({shape, rules, sides: {base, ours}}) => {
      expect([...mergeTable(shape, rules, {base, ours, theirs: base})]).toEqual([]);
    });
  },
);

test.each<Pick<MergeRules, 'rows' | 'cells'>>([
  {rows: 'merge', cells: 'merge'},
  {rows: 'theirs', cells: 'merge'},
  {rows: 'merge', cells: 'theirs'},
  {rows: 'theirs', cells: 'theirs'},
])(
  'law: what theirs alone changed comes, in columns of theirs too: rows $rows, cells $cells',
  ({rows, cells}) => {
    law(sided('theirs', {rows, cells}), ({shape, rules, sides: {base, theirs}}) => {
      const {groups, texts} = mergedTable({shape, rules, sides: {base, ours: base, theirs}});
      expect(texts).toEqual(textsOf(theirs));
      expect(conflictsOf(groups)).toEqual([]);
    });
  },
);

test('law: where both sides are alike nothing changes and nothing is in conflict, whatever the rules', () => {
  law(cases(), ({shape, rules, sides: {base, theirs}}) => {
    expect([...mergeTable(shape, rules, {base, ours: theirs, theirs})]).toEqual([]);
  });
});

/** Rules whose own columns, if any, all follow one side. */
function sided(side: Side, set: Partial<MergeRules>): fc.Arbitrary<Case> {
  return cases(set).map((one) => ({
    ...one,
    rules: {
      ...one.rules,
      columns: new Map([...one.rules.columns.keys()].map((name) => [name, side])),
    },
  }));
}

// --- mirrors ----------------------------------------------------------------------------------------

test('law: exchanging the sides and mirroring the rules mirrors result and conflicts', () => {
  law(cases(), (one) => {
    const mirrored = mergedTable(mirrorCase(one));
    // `fail` takes the side that is written, so its mirror holds what the other side would have been given.
    const {rules} = one;
    const divergent = rules.divergent === 'fail' ? 'theirs' : rules.divergent;
    expect(mirrored.texts).toEqual(mergedTable({...one, rules: {...rules, divergent}}).texts);
    expect(sidesOfConflicts(mirrored.groups, false)).toEqual(
      sidesOfConflicts(mergedTable(one).groups, true),
    );
  });
});

/** Conflicts with the versions that they are about; as the other side sees them where that is asked. */
function sidesOfConflicts(
  groups: readonly MergedGroup[],
  isMirrored: boolean,
): readonly (readonly unknown[])[] {
  const seen = groups.flatMap(({key, rows}) =>
    rows.flatMap(({base, ours, theirs, conflict}) => {
      if (conflict === undefined) return [];
      const [here, there] = isMirrored ? [theirs, ours] : [ours, theirs];
      const told = isMirrored ? mirrorConflict(conflict) : conflict;
      return [[key, base?.text ?? null, here?.text ?? null, there?.text ?? null, told]];
    }),
  );
  return seen.sort((a, b) => (JSON.stringify(a) < JSON.stringify(b) ? -1 : 1));
}

test('law: `fail` writes what `ours` writes, and leaves every conflict open', () => {
  law(cases({divergent: 'fail'}), (one) => {
    const ours = mergedTable({...one, rules: {...one.rules, divergent: 'ours'}});
    const opened = ours.groups.map(({rows, ...group}) => ({
      ...group,
      rows: rows.map((row) => ({
        ...row,
        conflict: row.conflict && {...row.conflict, isOpen: true},
      })),
    }));
    const failed = mergedTable(one);
    expect(failed.groups).toEqual(opened);
    expect(failed.changes).toEqual(ours.changes);
  });
});

// --- where rows and cells come from -----------------------------------------------------------------

test('law: every row is one of a side, and every cell is that of base, ours or theirs of this row', () => {
  law(cases(), ({shape, rules, sides}) => {
    const classOf = columnKeys(shape);
    const stands = new Set([...sides.ours, ...sides.theirs].map(({cells}) => classOf(cells)));
    for (const {key, rows} of mergeTable(shape, rules, sides)) {
      for (const {row, base, ours, theirs} of rows) {
        if (row === undefined) continue;
        expect([key, classOf(row.cells)]).toEqual([key, key]);
        expect(stands.has(key)).toBe(true);
        expect(row.text).toBe(JSON.stringify(row.cells));
        const versions = [base, ours, theirs].filter((version) => version !== undefined);
        row.cells.forEach((cell, at) => {
          const known = versions.map(({cells}) => JSON.stringify(cells[at]));
          expect(known).toContain(JSON.stringify(cell));
        });
      }
    }
  });
});

test('law: policy mirror gives exactly theirs, without conflicts, whatever is told of divergence', () => {
  law(cases({rows: 'theirs', cells: 'theirs', columns: none}), (one) => {
    const {groups, texts} = mergedTable(one);
    expect(texts).toEqual(textsOf(one.sides.theirs));
    expect(conflictsOf(groups)).toEqual([]);
  });
});

test('law: policy seed gives the keys of theirs, with the contents of ours where ours has the row', () => {
  law(cases({rows: 'theirs', cells: 'ours', columns: none}), (one) => {
    const {groups, texts} = mergedTable(one);
    expect(conflictsOf(groups)).toEqual([]);
    const [ours, theirs] = [byKey(one, one.sides.ours), byKey(one, one.sides.theirs)];
    const result = byKey(one, rowsOfTexts(texts));
    expect(counts(result)).toEqual(counts(theirs));
    for (const [key, here] of ours) {
      const rows = result.get(key) ?? [];
      expect(here.filter((text) => rows.includes(text)).length).toBeGreaterThanOrEqual(
        Math.min(here.length, rows.length),
      );
    }
  });
});

test('law: a local column keeps ours in each row that both sides have, and theirs in a new one', () => {
  const primary = cases({rows: 'theirs', cells: 'theirs'}).filter(
    ({shape}) => shape.keyKind === 'primary',
  );
  law(primary, (one) => {
    const {shape, sides, rules} = one;
    const column = shape.columns.at(-1)?.name ?? '';
    const local: MergeRules = {...rules, columns: new Map([[column, 'ours']])};
    const {texts} = mergedTable({...one, rules: local});
    const ours = new Map(sides.ours.map((row) => [row.key, row]));
    const expected = sides.theirs.map(({key, cells}) => {
      const kept = ours.get(key)?.cells.at(-1);
      return JSON.stringify(kept === undefined ? cells : [...cells.slice(0, -1), kept]);
    });
    expect(texts).toEqual(expected.sort());
  });
});

function rowsOfTexts(texts: readonly string[]): readonly Pick<CanonicalRow, 'text' | 'cells'>[] {
  return texts.map((text) => ({text, cells: JSON.parse(text) as CanonicalRow['cells']}));
}

function byKey(
  {shape}: Case,
  rows: readonly Pick<CanonicalRow, 'text' | 'cells'>[],
): ReadonlyMap<string, readonly string[]> {
  const classOf = columnKeys(shape);
  const groups = Map.groupBy(rows, ({cells}) => classOf(cells));
  return new Map([...groups].map(([key, list]) => [key, list.map(({text}) => text)]));
}

function counts(groups: ReadonlyMap<string, readonly string[]>): ReadonlyMap<string, number> {
  return new Map(
    [...groups]
      .map(([key, {length}]) => [key, length] as const)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

// --- writes -----------------------------------------------------------------------------------------

test('law: no change writes what is there, and none takes away what another one of its key brings', () => {
  law(cases(), ({shape, rules, sides}) => {
    const {changes} = mergedTable({shape, rules, sides});
    const gone = new Map<string, Set<string>>();
    const come = new Map<string, Set<string>>();
    const note = (to: typeof gone, key: string, text: string): void =>
      void to.set(key, (to.get(key) ?? new Set()).add(text));
    for (const change of changes) {
      const key = groupKey(shape, change.key);
      if (change.op !== 'insert') note(gone, key, change.before.text);
      if (change.op !== 'delete') note(come, key, change.after.text);
    }
    for (const [key, texts] of gone) {
      expect([...texts].filter((text) => come.get(key)?.has(text))).toEqual([]);
    }
  });
});

test('law: rows that are updated or deleted are rows of ours themselves, with their address', () => {
  law(cases(), ({shape, rules, sides}) => {
    const ours = sides.ours.map((row, at) => ({...row, locator: [BigInt(at)]}));
    const {changes} = mergedTable({shape, rules, sides: {...sides, ours}});
    for (const change of changes) {
      if (change.op !== 'insert') expect(ours.some((row) => row === change.before)).toBe(true);
    }
  });
});

test('law: a row that stays is ours itself, and one made of both sides is under the key of ours', () => {
  law(cases(), ({shape, rules, sides}) => {
    for (const {rows} of mergeTable(shape, rules, sides)) {
      for (const {row, ours, theirs} of rows) {
        if (row?.text === ours?.text) expect(row).toBe(ours);
        else if (row?.text === theirs?.text) expect(row).toBe(theirs);
        else expect(row?.key).toBe(ours?.key);
      }
    }
  });
});

test('law: rows that are added to a multiset are numbered on from those of ours', () => {
  const multisets = cases().filter(({shape}) => shape.keyKind === 'multiset');
  law(multisets, (one) => {
    const here = Map.groupBy(one.sides.ours, ({key}) => groupKey(one.shape, key));
    const {changes} = mergedTable(one);
    const added = changes.filter(({op}) => op === 'insert');
    for (const [key, inserts] of Map.groupBy(added, (change) => groupKey(one.shape, change.key))) {
      const first = here.get(key)?.length ?? 0;
      expect(inserts.map((change) => occurrenceOf(change.key))).toEqual(
        inserts.map((_, at) => first + at),
      );
    }
  });
});

test('law: a merge made to the end has nothing left to write, and no conflict', () => {
  law(cases(), (one) => {
    const {texts} = mergedTable(one);
    const {theirs} = one.sides;
    const ours = tableRows(
      one.shape,
      rowsOfTexts(texts).map(({cells}) => cells.map(decodeCell)),
    );
    // What was merged is known to both from now on: theirs is the base, and nobody changed it since.
    const again = mergedTable({...one, sides: {base: theirs, ours, theirs}});
    expect(conflictsOf(again.groups)).toEqual([]);
    if (one.rules.rows === 'merge' && one.rules.cells === 'merge' && one.rules.columns.size === 0)
      expect(again.changes).toEqual([]);
  });
});

// --- determinism ------------------------------------------------------------------------------------

test('law: neither how rows are fed nor which other tables are merged beside them changes anything', () => {
  const two = fc.tuple(cases(), cases());
  fc.assert(
    fc.property(two, ([one, other]) => {
      const alone = [one, other].map((each) => mergedTable(each).groups);
      const lazy = [one, other].map(({shape, rules, sides}) =>
        mergeTable(shape, rules, {
          base: fed(sides.base),
          ours: new Set(sides.ours),
          theirs: fed(sides.theirs),
        }),
      );
      const beside: MergedGroup[][] = [[], []];
      // In turns, the second table first.
      for (let turn = 1; turn < 64; turn++) {
        const {value} = lazy[turn % 2]?.next() ?? {};
        if (value) beside[turn % 2]?.push(value);
      }
      expect(beside).toEqual(alone);
    }),
    many,
  );
});

function* fed(rows: readonly CanonicalRow[]): Generator<CanonicalRow> {
  for (const row of rows) yield {...row};
}
