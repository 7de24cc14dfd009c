/** Rows of a snapshot's chunks. */
import type {Segment} from '../diff/diff-chunks.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import {lies} from './segments.ts';
import type {SnapshotReader} from './snapshot-reader.ts';

type StoredRange = {
  readonly theirs: ChunkEntry;
  /** Where the next one begins. */
  readonly to: string | undefined;
  /** Live rows beside it: those that are alike are not parsed. */
  readonly ours?: readonly CanonicalRow[];
};

/** Rows of a stored chunk, which must not reach into the next one: the table would be put together wrongly. */
export function chunkRows(
  reader: SnapshotReader,
  shape: TableShape,
  {theirs, to, ours}: StoredRange,
): readonly CanonicalRow[] {
  const rows = reader.rows(shape, theirs, ours);
  if (to === undefined || (rows.at(-1)?.key ?? '') < to) return rows;
  throw new EngineError('SNAPSHOT_CORRUPT', `chunks of table "${shape.table}" overlap`, {
    site: {table: shape.table},
    hint: 'Take another snapshot; this one was written by a faulty program or altered.',
  });
}

/** Of the rows of a segment's chunk, those in its range. @param ours Live rows there. */
export function segmentRows(
  reader: SnapshotReader,
  shape: TableShape,
  {range, theirs, to}: Segment,
  ours: readonly CanonicalRow[],
): readonly CanonicalRow[] {
  if (theirs === undefined) return [];
  const rows = chunkRows(reader, shape, {theirs, to, ours});
  const [first, last] = [rows[0], rows.at(-1)];
  const isWhole = [first, last].every((row) => row === undefined || lies(row.key, range));
  return isWhole ? rows : rows.filter(({key}) => lies(key, range));
}
