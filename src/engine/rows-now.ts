/** The live rows that a record of an apply is about. */
import {parseRow} from '../canonical/row.ts';
import type {View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import type {CanonicalRow, KeyRange} from '../kernel/row.ts';
import {keyMatches} from '../plan/rows.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {IntendedRow} from './intent.ts';

/**
 * Looks the touched rows of one table up, by encoded key; rows that are not there are left out. Of a table that is
 * matched by what it links, it gives all rows of the groups touched, numbered as they stand now, with their ids.
 */
export async function rowsNow(
  view: View,
  shape: TableShape,
  touched: readonly IntendedRow[],
): Promise<ReadonlyMap<string, CanonicalRow>> {
  const rows = new Map<string, CanonicalRow>();
  if (shape.keyKind === 'multiset') {
    for await (const page of view.rows(shape, groupRanges(touched)))
      for (const row of page) rows.set(row.key, row);
    return rows;
  }
  for (const {key, before, after} of touched) {
    const wanted = recordedRow(shape, key, must(before ?? after, 'a record changes something'));
    const row = await view.rowAt(shape, keyMatches(shape, wanted));
    if (row !== undefined) rows.set(key, row);
  }
  return rows;
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
function groupRanges(touched: readonly IntendedRow[]): readonly KeyRange[] {
  const groups = [...new Set(touched.map(({key}) => groupOf(key)))].sort(byBytes);
  return groups.map((group) => ({from: `${group},`, to: `${group}-`}));
}

/** Encoded keys are ASCII. The comma is compared too, as rows of shorter and longer groups stand. */
function byBytes(a: string, b: string): number {
  return `${a},` < `${b},` ? -1 : 1;
}
