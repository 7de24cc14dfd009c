/** How much live rows are like those of a snapshot, told by their texts. */
import {digestOf} from '../canonical/digest.ts';
import type {View} from '../database/port.ts';
import type {MergedTable} from './followed.ts';
import type {BaseTable} from './merge-base.ts';
import type {SnapshotReader} from './snapshot-reader.ts';

/** How many rows are in one of both only; undefined where none is in both. */
export type Likeness = (
  table: string,
  base: BaseTable,
  reader: SnapshotReader,
) => number | undefined;

/** Remembers the live rows of some tables: 16 characters of each. */
export async function likeness(view: View, tables: readonly MergedTable[]): Promise<Likeness> {
  const live = new Map<string, ReadonlySet<string>>();
  for (const {shape} of tables) {
    const texts = new Set<string>();
    for await (const page of view.rows(shape))
      for (const {key, text} of page) texts.add(markOf(key, text));
    live.set(shape.table, texts);
  }
  return (name, {table, chunks}, reader) => {
    const ours = live.get(name) ?? new Set();
    const shape = tables.find((one) => one.table.name === name)?.shape;
    if (shape === undefined) return undefined;
    let common = 0;
    for (const chunk of chunks)
      for (const {key, text} of reader.rows(shape, chunk))
        if (ours.has(markOf(key, text))) common++;
    if (common === 0) return undefined;
    return ours.size + table.rows - 2 * common;
  };
}

const markOf = (key: string, text: string): string => digestOf(`${key}\n${text}`).slice(0, 16);
