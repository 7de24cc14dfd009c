/** Rows in key order, put together by their key columns. */
import type {WireRow} from '../kernel/row.ts';
import {columnKeys} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';

/** Rows that share the key columns; one, where those are the primary key. */
export type Group = {readonly key: string; readonly rows: readonly WireRow[]};

/** Consecutive rows with the same key columns, whatever pages they come in. */
export async function* groups(
  shape: TableShape,
  pages: AsyncIterable<readonly WireRow[]>,
): AsyncGenerator<Group> {
  const keyOf = columnKeys(shape);
  let key: string | undefined;
  let rows: WireRow[] = [];
  for await (const page of pages) {
    for (const row of page) {
      const next = keyOf(row);
      if (key !== undefined && next !== key) {
        yield {key, rows};
        rows = [];
      }
      key = next;
      rows.push(row);
    }
  }
  if (key !== undefined) yield {key, rows};
}

/** Rows of two sides that have the same key; one side may have none. */
export type Pair = {
  /** Of the key columns alone. */
  readonly key: string;
  readonly before: WireRow | undefined;
  readonly after: WireRow | undefined;
};

/** What of a row counts, as text, on each side. */
type Alike = {
  readonly before: (row: WireRow) => string;
  readonly after: (row: WireRow) => string;
};

/**
 * Walks two sides of the same key columns along each other. Of several rows with one key, those that are alike belong
 * together, the others as they come.
 */
export async function* pairRows(
  before: AsyncGenerator<Group>,
  after: AsyncGenerator<Group>,
  alike: Alike,
): AsyncGenerator<Pair> {
  let old = await before.next();
  let now = await after.next();
  for (;;) {
    const [left, right] = [old.done ? undefined : old.value, now.done ? undefined : now.value];
    const key = firstOf(left?.key, right?.key);
    if (key === undefined) return;
    const [here, there] = [
      left?.key === key ? left.rows : [],
      right?.key === key ? right.rows : [],
    ];
    for (const pair of pairedIn(here, there, alike)) yield {key, ...pair};
    if (left?.key === key) old = await before.next();
    if (right?.key === key) now = await after.next();
  }
}

/** Encoded keys are ASCII, and sort as they stand. */
function firstOf(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b;
  return a < b ? a : b;
}

function pairedIn(
  here: readonly WireRow[],
  there: readonly WireRow[],
  alike: Alike,
): readonly Omit<Pair, 'key'>[] {
  if (here.length <= 1 && there.length <= 1) return [{before: here[0], after: there[0]}];
  const free = Map.groupBy(there, alike.after);
  const found = here.map((before) => ({before, after: free.get(alike.before(before))?.shift()}));
  const rest = [...free.values()].flat();
  const pairs = found.map(({before, after}) => ({before, after: after ?? rest.shift()}));
  return [...pairs, ...rest.map((after) => ({before: undefined, after}))];
}
