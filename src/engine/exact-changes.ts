/** Tables that shall equal the snapshot's: where their rows differ from it, and how. */
import type {View} from '../database/port.ts';
import {changedRegions, segmentsOf, type Region} from '../diff/diff-chunks.ts';
import {diffRows} from '../diff/diff-rows.ts';
import {fewestChanges} from '../diff/fewest-changes.ts';
import {must} from '../kernel/assert.ts';
import type {RowChange} from '../kernel/row.ts';
import {liveShapeOf, shapeOf, type Manifest} from '../snapshot/manifest.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {EngineOptions} from './options.ts';
import {refuseOutdated} from './own-columns.ts';
import {interrupted, readTables} from './read-tables.ts';
import {liveSegments} from './segments.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {chunkRows} from './stored-rows.ts';
import type {Sweeping, SweepPlan, SweepTally} from './sweeps.ts';

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

/** What changes in one table: row by row, or counted where there is much of it that nothing else depends on. */
type TableChange = {
  readonly shape: TableShape;
  readonly changes: readonly RowChange[];
  readonly sweep?: SweepPlan | undefined;
};

export type ExactChanges = {
  readonly changed: Map<string, TableChange>;
  /** Live rows. */
  readonly rowsRead: number;
};

/**
 * Reads the rows of the differing regions on both sides. Their chunks must have been fetched.
 *
 * @param sweeping Where changes may be left to be compared anew, if they are many; undefined gives all of them.
 */
export async function exactChanges(
  view: View,
  reading: Reading,
  tables: readonly Compared[],
  sweeping?: Sweeping,
): Promise<ExactChanges> {
  const changed = new Map<string, TableChange>();
  let rowsRead = 0;
  for (const table of tables) {
    if (reading.options.signal?.aborted) throw interrupted();
    const tally = sweeping?.tally(table.shape);
    const found = await readTable(view, reading, table, tally);
    const change = found.change ?? (await readTable(view, reading, table, undefined)).change;
    changed.set(table.shape.table, must(change, 'without a tally all changes are held'));
    rowsRead += found.rowsRead;
  }
  return {changed, rowsRead};
}

/** Without a change where some were let go of before one came that has to be seen together with the others. */
async function readTable(
  view: View,
  {reader, target, options}: Reading,
  {shape, regions}: Compared,
  tally: SweepTally | undefined,
): Promise<{readonly change: TableChange | undefined; readonly rowsRead: number}> {
  const segments = regions.flatMap(segmentsOf);
  let held: RowChange[] | undefined = [];
  let rowsRead = 0;
  let at = 0;
  for await (const ours of liveSegments(view, shape, options)(segments.map(({range}) => range))) {
    const {range, theirs} = must(segments[at++], 'a segment for each range');
    const wanted =
      theirs === undefined ? [] : chunkRows(reader, shape, {theirs, to: range.to, ours});
    const changes = [...diffRows(shape.table, ours, wanted)];
    rowsRead += ours.length;
    tally?.add({range, theirs, ours, changes});
    if (tally?.isLarge === true) held = undefined;
    if (held === undefined && tally?.isFit === false) return {change: undefined, rowsRead};
    for (const change of changes) held?.push(change);
  }
  if (held === undefined) return {change: {shape, changes: [], sweep: tally?.sweep()}, rowsRead};
  const changes = [...fewestChanges(shape, held)];
  refuseOutdated(shape, target.own?.get(shape.table) ?? new Map(), changes);
  return {change: {shape, changes}, rowsRead};
}
