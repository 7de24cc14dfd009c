/** Rows of several key ranges, handed out range by range: one pass over a live table, chunk by chunk over a snapshot. */
import type {View} from '../database/port.ts';
import type {CanonicalRow, KeyRange} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {EngineOptions} from './options.ts';
import {watched} from './read-tables.ts';

/** Gives for each range, in order, the rows that lie in it. Ranges are in key order and disjoint. */
export type Segments = (ranges: readonly KeyRange[]) => AsyncIterable<readonly CanonicalRow[]>;

export function liveSegments(view: View, shape: TableShape, options: EngineOptions): Segments {
  return async function* (ranges) {
    if (ranges.length === 0) return;
    let at = 0;
    let rows: CanonicalRow[] = [];
    for await (const page of watched(view.rows(shape, ranges), shape.table, options)) {
      for (const row of page) {
        while (isBeyond(row.key, ranges[at])) {
          yield rows;
          rows = [];
          at++;
        }
        rows.push(row);
      }
    }
    for (; at < ranges.length; at++) {
      yield rows;
      rows = [];
    }
  };
}

export function storedSegments(
  chunks: readonly ChunkEntry[],
  rowsOf: (entry: ChunkEntry) => readonly CanonicalRow[],
): Segments {
  return async function* (ranges) {
    for (const range of ranges) {
      yield chunksIn(chunks, [range]).flatMap((entry) =>
        rowsOf(entry).filter((row) => lies(row.key, range)),
      );
    }
  };
}

/** The chunks that may hold rows of the ranges. Both are in key order, so each is walked once. */
export function chunksIn(
  chunks: readonly ChunkEntry[],
  ranges: readonly KeyRange[],
): readonly ChunkEntry[] {
  let at = 0;
  return chunks.filter((entry, index) => {
    for (let to = ranges[at]?.to; to !== undefined && entry.first >= to; to = ranges[at]?.to) at++;
    const range = ranges[at];
    return range !== undefined && overlaps(range, entry.first, chunks[index + 1]?.first);
  });
}

function isBeyond(key: string, range: KeyRange | undefined): boolean {
  return range?.to !== undefined && key >= range.to;
}

/** True for a key within the range. */
export function lies(key: string, {from, to}: KeyRange): boolean {
  return (from === undefined || key >= from) && (to === undefined || key < to);
}

function overlaps({from, to}: KeyRange, first: string, next: string | undefined): boolean {
  return (
    (to === undefined || first < to) && (from === undefined || next === undefined || next > from)
  );
}
