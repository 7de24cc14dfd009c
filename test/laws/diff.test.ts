import fc from 'fast-check';
import {expect, test} from 'vitest';
import {parseRow} from '../../src/canonical/row.ts';
import {countChangedLines, type Lines} from '../../src/diff/count-lines.ts';
import {changedRegions, segmentsOf} from '../../src/diff/diff-chunks.ts';
import {diffRows} from '../../src/diff/diff-rows.ts';
import type {CanonicalRow, KeyRange} from '../../src/kernel/row.ts';
import {countChanges} from '../../src/plan/make-plan.ts';
import {columnKeys} from '../../src/schema/row-key.ts';
import {cells, keyCells, runs} from '../helpers/arbitraries.ts';
import {applyTo, chunksOf, inPages, rowsOf, shapeWith, wideShape} from '../helpers/tables.ts';
import {readContent} from '../../src/snapshot/chunk.ts';

const shape = shapeWith(['k', 'v']);

/** Rows whose keys and values come from small pools, so that two tables share some of them. */
function pairs(): fc.Arbitrary<readonly [CanonicalRow[], CanonicalRow[]]> {
  return fc
    .tuple(
      fc.array(keyCells(), {minLength: 1, maxLength: 8}),
      fc.array(cells(), {minLength: 1, maxLength: 3}),
    )
    .chain(([keys, values]) => {
      const row = fc.tuple(fc.constantFrom(...keys), fc.constantFrom(...values));
      const table = fc.array(row, {maxLength: 12}).map((list) => {
        const rows = rowsOf(shape, list);
        return rows.filter((one, at) => one.key !== rows[at - 1]?.key);
      });
      return fc.tuple(table, table);
    });
}

test('law: applying diff(a, b) to a gives b', () => {
  fc.assert(
    fc.property(pairs(), ([a, b]) => {
      expect(applyTo(a, diffRows('t', a, b))).toEqual(b);
    }),
    runs,
  );
});

test('law: diff(a, a) is empty, and diff(a, b) is empty only where the texts are equal', () => {
  fc.assert(
    fc.property(pairs(), ([a, b]) => {
      expect([...diffRows('t', a, a)]).toEqual([]);
      const same =
        JSON.stringify(a.map(({text}) => text)) === JSON.stringify(b.map(({text}) => text));
      expect([...diffRows('t', a, b)].length === 0).toBe(same);
    }),
    runs,
  );
});

test('law: lines are counted as rows are', () => {
  const keyOf = (text: string): string => columnKeys(shape)(parseRow(text, 2));
  const linesOf = (rows: readonly CanonicalRow[]): Lines => ({
    texts: rows.map(({text}) => text),
    keyOf,
  });
  fc.assert(
    fc.property(pairs(), ([a, b]) => {
      expect(countChangedLines(linesOf(a), linesOf(b))).toEqual(countChanges(diffRows('t', a, b)));
    }),
    runs,
  );
});

test('law: diff(b, a) undoes diff(a, b), change by change', () => {
  fc.assert(
    fc.property(pairs(), ([a, b]) => {
      const there = [...diffRows('t', a, b)];
      const back = [...diffRows('t', b, a)];
      expect(applyTo(applyTo(a, there), back)).toEqual(a);
      expect(back.map(({key}) => key)).toEqual(there.map(({key}) => key));
    }),
    runs,
  );
});

test('law: a side whose keys do not strictly increase is refused', () => {
  fc.assert(
    fc.property(pairs(), fc.nat(), ([a, b], at) => {
      const row = a[at % Math.max(a.length, 1)];
      fc.pre(row !== undefined);
      const twice = a.flatMap((one) => (one === row ? [one, one] : [one]));
      expect(() => [...diffRows('t', twice, b)]).toThrow(/out of order/);
      expect(() => [...diffRows('t', b, twice)]).toThrow(/out of order/);
    }),
    runs,
  );
});

// Wide tables have few rows a chunk, so that small tables have many chunks.
const wide = wideShape(2000);

const versions = fc
  .uniqueArray(fc.integer({min: 1, max: 80}), {maxLength: 60})
  .chain((ids) =>
    fc.tuple(
      fc.constant(ids),
      fc.array(fc.constantFrom('same', 'same', 'same', 'gone', 'new', 'changed'), {
        minLength: ids.length,
        maxLength: ids.length,
      }),
    ),
  )
  .map(([ids, fates]) => {
    const side = (without: string, value: string): CanonicalRow[] =>
      rowsOf(
        shapeWith(['k', 'v']),
        ids.flatMap((id, at) =>
          fates[at] === without ? [] : [[BigInt(id), fates[at] === 'changed' ? value : 'v']],
        ),
      );
    return [side('new', 'old'), side('gone', 'now')] as const;
  });

test('law: outside the changed regions both sides hold the same rows, and segments tile the regions', async () => {
  await fc.assert(
    fc.asyncProperty(versions, async ([a, b]) => {
      const ours = (await chunksOf(wide, a)).chunks.map(({entry}) => entry);
      const theirs = (await chunksOf(wide, b)).chunks.map(({entry}) => entry);
      const regions = changedRegions(ours, theirs);
      const ranges = regions.map(({range}) => range);
      const outside = (rows: readonly CanonicalRow[]): readonly string[] =>
        rows.filter(({key}) => !ranges.some((range) => lies(key, range))).map(({text}) => text);
      expect(outside(a)).toEqual(outside(b));
      expect(regions.length === 0).toBe([...diffRows('t', a, b)].length === 0);
      ranges.slice(1).forEach((range, at) => {
        const end = ranges[at]?.to;
        expect(end !== undefined && range.from !== undefined && end < range.from).toBe(true);
      });
      const changes = [];
      for (const region of regions) {
        const segments = segmentsOf(region);
        expect(segments[0]?.range.from).toBe(region.range.from);
        expect(segments.at(-1)?.range.to).toBe(region.range.to);
        segments.slice(1).forEach(({range}, at) => {
          expect(range.from).toBe(segments[at]?.range.to);
        });
        expect([...new Set(segments.flatMap(({theirs: one}) => one ?? []))]).toEqual(region.theirs);
        for (const segment of segments) {
          const [left, right] = [a, b].map((rows) =>
            rows.filter(({key}) => lies(key, segment.range)),
          );
          expect(right?.length).toBeLessThanOrEqual(segment.theirs?.rows ?? 0);
          changes.push(...diffRows('t', left ?? [], right ?? []));
        }
      }
      expect(changes).toEqual([...diffRows('t', a, b)]);
    }),
    runs,
  );
});

test('law: the diff through chunks does not depend on how large chunks are', async () => {
  await fc.assert(
    fc.asyncProperty(versions, fc.constantFrom(3, 500, 8192), async ([a, b], columns) => {
      const width = wideShape(columns);
      const lists = await Promise.all(
        [a, b].map(async (rows) => (await readContent(width, inPages(rows, 7))).chunks),
      );
      const ranges = changedRegions(lists[0] ?? [], lists[1] ?? []).map(({range}) => range);
      const inside = (rows: readonly CanonicalRow[]): readonly CanonicalRow[] =>
        rows.filter(({key}) => ranges.some((range) => lies(key, range)));
      expect([...diffRows('t', inside(a), inside(b))]).toEqual([...diffRows('t', a, b)]);
    }),
    runs,
  );
});

function lies(key: string, {from, to}: KeyRange): boolean {
  return (from === undefined || key >= from) && (to === undefined || key < to);
}
