/** Rows of a snapshot's chunks. */
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
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
