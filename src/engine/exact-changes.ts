/** Tables that shall equal the snapshot's: where their rows differ from it, and how. */
import type {View} from '../database/port.ts';
import {changedRegions, segmentsOf, type Region} from '../diff/diff-chunks.ts';
import {diffRows} from '../diff/diff-rows.ts';
import {fewestChanges} from '../diff/fewest-changes.ts';
import {must} from '../kernel/assert.ts';
import {liveShapeOf, shapeOf, type Manifest} from '../snapshot/manifest.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {EngineOptions} from './options.ts';
import {refuseOutdated} from './own-columns.ts';
import {interrupted, readTables} from './read-tables.ts';
import {liveSegments} from './segments.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {segmentRows} from './stored-rows.ts';
import {sweptOrHeld, type Difference, type Sweeping, type TableChange} from './sweeps.ts';

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
  for (const {shape, regions} of tables) {
    if (reading.options.signal?.aborted) throw interrupted();
    const differences = async function* (): AsyncGenerator<Difference> {
      for await (const difference of differencesOf(view, reading, {shape, regions})) {
        rowsRead += difference.ours?.length ?? 0;
        yield difference;
      }
    };
    const {changes, sweep} = await sweptOrHeld(shape, differences, sweeping);
    const fewest = [...fewestChanges(shape, changes)];
    refuseOutdated(shape, reading.target.own?.get(shape.table) ?? new Map(), fewest);
    changed.set(shape.table, {shape, changes: fewest, sweep});
  }
  return {changed, rowsRead};
}

/** What differs between live rows and one chunk at a time. */
async function* differencesOf(
  view: View,
  {reader, options}: Reading,
  {shape, regions}: Pick<Compared, 'shape' | 'regions'>,
): AsyncGenerator<Difference> {
  const segments = regions.flatMap(segmentsOf);
  let at = 0;
  for await (const ours of liveSegments(view, shape, options)(segments.map(({range}) => range))) {
    const segment = must(segments[at++], 'a segment for each range');
    const wanted = segmentRows(reader, shape, segment, ours);
    yield {segment, ours, changes: [...diffRows(shape.table, ours, wanted)]};
  }
}
