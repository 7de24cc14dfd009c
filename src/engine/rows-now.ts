/** The live rows that a record of an apply is about. */
import {parseRow} from '../canonical/row.ts';
import type {View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import type {CanonicalRow, KeyRange} from '../kernel/row.ts';
import {rowSteps, type Plan} from '../plan/plan.ts';
import {keyMatches} from '../plan/rows.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {GroupSize, IntendedRow} from './intent.ts';

/** Rows of equal key in a table that is matched by what it links, by the key without its number. */
export type Groups = ReadonlyMap<string, readonly CanonicalRow[]>;

/** Looks a touched row up by its key; undefined where it is not there. */
export async function rowNow(
  view: View,
  shape: TableShape,
  {key, before, after}: IntendedRow,
): Promise<CanonicalRow | undefined> {
  const wanted = recordedRow(shape, key, must(before ?? after, 'a record changes something'));
  return view.rowAt(shape, keyMatches(shape, wanted));
}

/** True where the table still has the columns of the record: the application may have been upgraded since. */
export function isReadable(table: TableSchema | undefined, shape: TableShape): boolean {
  const names = new Set(table?.columns.map((column) => column.name));
  return shape.columns.every(({name}) => names.has(name));
}

/** All rows of the groups that were touched, with their ids. */
export async function groupsNow(
  view: View,
  shape: TableShape,
  touched: readonly {readonly key: string}[],
): Promise<Groups> {
  const groups = new Map<string, CanonicalRow[]>();
  for await (const page of view.rows(shape, groupRanges(touched))) {
    for (const row of page) {
      const group = groups.get(groupOf(row.key)) ?? [];
      group.push(row);
      groups.set(groupOf(row.key), group);
    }
  }
  return groups;
}

/**
 * Finds for each text a row of the groups that has it, no row twice: numbers within a group mean nothing once
 * the application has saved it anew. Undefined where there is none.
 */
export function claimRows(
  groups: Groups,
): (row: Pick<IntendedRow, 'key'>, text: string) => CanonicalRow | undefined {
  const free = new Map(
    [...groups].map(([group, rows]) => [group, Map.groupBy(rows, ({text}) => text)]),
  );
  return ({key}, text) => free.get(groupOf(key))?.get(text)?.shift();
}

/** How many rows the plan will leave in each group that it touches. */
export async function groupsAfter(view: View, plan: Plan): Promise<readonly GroupSize[]> {
  const sizes: GroupSize[] = [];
  const linked = rowSteps(plan).filter(({shape}) => shape.keyKind === 'multiset');
  for (const [shape, steps] of Map.groupBy(linked, (step) => step.shape)) {
    const changes = steps.map(({change}) => change);
    const live = await groupsNow(view, shape, changes);
    for (const [group, some] of Map.groupBy(changes, ({key}) => groupOf(key))) {
      const added = some.filter(({op}) => op === 'insert').length;
      const gone = some.filter(({op}) => op === 'delete').length;
      const rows = (live.get(group)?.length ?? 0) + added - gone;
      sizes.push({table: shape.table, group, rows});
    }
  }
  return sizes;
}

/** A row as a record keeps it. */
export function recordedRow(shape: TableShape, key: string, text: string): CanonicalRow {
  return {key, text, cells: parseRow(text, shape.columns.length)};
}

/** The key without the occurrence number: what rows of one group share. */
export function groupOf(key: string): string {
  return key.slice(0, key.lastIndexOf(','));
}

/** '-' is the character after the ',' that precedes an occurrence number. */
function groupRanges(touched: readonly {readonly key: string}[]): readonly KeyRange[] {
  const groups = [...new Set(touched.map(({key}) => groupOf(key)))].sort(byBytes);
  return groups.map((group) => ({from: `${group},`, to: `${group}-`}));
}

/** Encoded keys are ASCII. The comma is compared too, as rows of shorter and longer groups stand. */
function byBytes(a: string, b: string): number {
  return `${a},` < `${b},` ? -1 : 1;
}
