/** Tables that shall equal the snapshot's: where their rows differ from it, and how. */
import type {View} from '../database/port.ts';
import {changedRegions, segmentsOf, type Region} from '../diff/diff-chunks.ts';
import {diffRows} from '../diff/diff-rows.ts';
import {fewestChanges} from '../diff/fewest-changes.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow, RowChange} from '../kernel/row.ts';
import {liveShapeOf, shapeOf, type Manifest} from '../snapshot/manifest.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {EngineOptions} from './options.ts';
import {refuseOutdated} from './own-columns.ts';
import {interrupted, readTables} from './read-tables.ts';
import {liveSegments} from './segments.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';

export type Listed = ReadonlyMap<
  string,
  {readonly rows: number; readonly chunks: readonly ChunkEntry[]}
>;

export async function scannedTables(
  view: View,
  manifest: Manifest,
  options: EngineOptions,
): Promise<Listed> {
  return readTables(view, manifest.tables.map(liveShapeOf), options);
}

export async function listedTables(reader: SnapshotReader, snapshot: Snapshot): Promise<Listed> {
  const listed = new Map<string, {rows: number; chunks: readonly ChunkEntry[]}>();
  for (const table of snapshot.manifest.tables) {
    listed.set(table.name, {rows: table.rows, chunks: await reader.chunks(snapshot, table)});
  }
  return listed;
}

/** One table on its way: its shape, how many rows it holds, and where they differ from the target. */
export type Compared = {
  readonly shape: TableShape;
  readonly rows: number;
  readonly regions: readonly Region[];
};

export async function compareTables(
  reader: SnapshotReader,
  target: Snapshot,
  ours: Listed,
): Promise<readonly Compared[]> {
  const compared: Compared[] = [];
  for (const table of target.manifest.tables) {
    const {rows, chunks} = ours.get(table.name) ?? {rows: 0, chunks: []};
    const regions = changedRegions(chunks, await reader.chunks(target, table));
    compared.push({shape: shapeOf(table), rows, regions});
  }
  return compared;
}

export type Reading = {
  readonly reader: SnapshotReader;
  readonly target: Snapshot;
  readonly options: EngineOptions;
};

/** Reads the rows of the differing regions on both sides. Their chunks must have been fetched. */
export async function exactChanges(
  view: View,
  {reader, target, options}: Reading,
  tables: readonly Compared[],
): Promise<{
  readonly changed: Map<string, {shape: TableShape; changes: readonly RowChange[]}>;
  readonly rowsRead: number;
}> {
  const changed = new Map<string, {shape: TableShape; changes: readonly RowChange[]}>();
  let rowsRead = 0;
  for (const {shape, regions} of tables) {
    if (options.signal?.aborted) throw interrupted();
    const segments = regions.flatMap(segmentsOf);
    const changes: RowChange[] = [];
    let at = 0;
    for await (const ours of liveSegments(view, shape, options)(segments.map(({range}) => range))) {
      const segment = segments[at++];
      const {to} = segment?.range ?? {};
      const theirs = segment?.theirs;
      const wanted = theirs === undefined ? [] : chunkRows(reader, shape, {theirs, to, ours});
      for (const change of diffRows(shape.table, ours, wanted)) changes.push(change);
      rowsRead += ours.length;
    }
    const fewest = [...fewestChanges(shape, changes)];
    refuseOutdated(shape, target.own?.get(shape.table) ?? new Map(), fewest);
    changed.set(shape.table, {shape, changes: fewest});
  }
  return {changed, rowsRead};
}

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
