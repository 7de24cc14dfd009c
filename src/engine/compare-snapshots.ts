/** Row differences between two lists of chunks whose rows are at hand. */
import type {CanonicalRow, RowChange} from '../kernel/row.ts';
import {changedRegions} from '../diff/diff-chunks.ts';
import {diffRows} from '../diff/diff-rows.ts';
import type {ChunkEntry} from '../snapshot/content.ts';

/** One side: its chunks in key order, and the rows of any one of them. */
export type Listed = {
  readonly chunks: readonly ChunkEntry[];
  readonly rows: (entry: ChunkEntry) => readonly CanonicalRow[];
};

/** Streams what turns `ours` into `theirs`; chunks that both have are not read. */
export function* diffListed(
  table: string,
  ours: Listed,
  theirs: Listed,
): Generator<RowChange, void, undefined> {
  for (const region of changedRegions(ours.chunks, theirs.chunks)) {
    yield* diffRows(table, rowsOf(ours, region.ours), rowsOf(theirs, region.theirs));
  }
}

function* rowsOf(side: Listed, entries: readonly ChunkEntry[]): Generator<CanonicalRow> {
  for (const entry of entries) yield* side.rows(entry);
}
