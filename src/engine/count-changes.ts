/** How many rows of each table a capture changes. */
import {parseRow} from '../canonical/row.ts';
import {countChangedLines, type Lines} from '../diff/count-lines.ts';
import {changedRegions, partsOf, type Region} from '../diff/diff-chunks.ts';
import {diffRows} from '../diff/diff-rows.ts';
import {fewestChanges} from '../diff/fewest-changes.ts';
import {isEngineError} from '../kernel/errors.ts';
import type {CanonicalRow, ChangeCounts, RowChange} from '../kernel/row.ts';
import {COUNT_LINES_CHUNKS_MAX} from '../kernel/read-limits.ts';
import {countChanges} from '../plan/make-plan.ts';
import {columnKeys} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import {shapeOf} from '../snapshot/manifest.ts';
import type {Captured} from './make-manifest.ts';
import type {Opened} from './open.ts';
import type {EngineOptions} from './options.ts';
import {listen} from './read-tables.ts';
import {SnapshotReader, type Snapshot} from './snapshot-reader.ts';

export type TableCapture = ChangeCounts & {readonly rows: number};

/** What a snapshot is thrown away for, and another one stored. */
export const DAMAGED = ['SNAPSHOT_CORRUPT', 'SNAPSHOT_INCOMPLETE'] as const;

export function readerOf({store, state}: Opened): SnapshotReader {
  return new SnapshotReader({store, cache: state.objects, temporary: () => state.temporary()});
}

/** What changed since the parent; where that cannot be read any more, every row counts as new. */
export async function countAll(
  opened: Opened,
  captured: Captured,
  parent: Snapshot | undefined,
  options: EngineOptions,
): Promise<Record<string, TableCapture>> {
  try {
    return await countSince(opened, captured, parent, options);
  } catch (error) {
    if (parent === undefined || !isEngineError(error, ...DAMAGED)) throw error;
    options.log.warn('the snapshot before is damaged; all rows are counted as new', {
      code: error.code,
    });
    return countSince(opened, captured, undefined, options);
  }
}

async function countSince(
  opened: Opened,
  captured: Captured,
  parent: Snapshot | undefined,
  options: EngineOptions,
): Promise<Record<string, TableCapture>> {
  const reader = readerOf(opened);
  const counts: [string, TableCapture][] = [];
  for (const {shape, content} of captured.tables) {
    const after: Side = {shape, chunks: content.chunks};
    const before = await parentTable(reader, parent, after);
    const regions = changedRegions(before.chunks, after.chunks);
    const sides: Sides = {reader, before, after};
    const isKeyed = areKeyed(before, after);
    const counted: ChangeCounts[] = [];
    // Rows of a multiset may be paired across regions.
    if (!isKeyed) counted.push(countChanges(fewestChanges(shape, changesOf(sides, regions))));
    for (const region of isKeyed ? regions.flatMap(partsOf) : []) {
      counted.push(countRegion(sides, region));
      await listen(options);
    }
    counts.push([shape.table, {rows: content.rows, ...sumOf(counted)}]);
  }
  return Object.fromEntries(counts); // a table may be called __proto__
}

/** A table of the snapshot before, or as it is now. */
type Side = {readonly shape: TableShape; readonly chunks: readonly ChunkEntry[]};

type Sides = {readonly reader: SnapshotReader; readonly before: Side; readonly after: Side};

/** Rows that have chunks of their own on one side alone are not looked at: the whole of a table that is captured for the first time. */
function countRegion(sides: Sides, region: Region): ChangeCounts {
  const {reader, before, after} = sides;
  const {ours, theirs} = region;
  if (ours.length === 0 || theirs.length === 0)
    return {inserted: rowsOf(theirs), updated: 0, deleted: rowsOf(ours)};
  if (!areAlike(before, after) || ours.length + theirs.length > COUNT_LINES_CHUNKS_MAX)
    return countChanges(changesOf(sides, [region]));
  return countChangedLines(
    linesOf(reader, before.shape, ours),
    linesOf(reader, after.shape, theirs),
  );
}

function areKeyed(...sides: readonly Pick<Side, 'shape'>[]): boolean {
  return sides.every(({shape}) => shape.keyKind === 'primary');
}

/** Equal lines are equal rows, with equal keys, only where they are made of the same columns. */
function areAlike(...sides: readonly [Side, Side]): boolean {
  const [before, after] = sides.map(({shape: {columns, key}}) =>
    JSON.stringify([columns.map(({name}) => name), key.map(({name, fold}) => [name, fold])]),
  );
  return before === after;
}

function* changesOf(
  {reader, before, after}: Sides,
  regions: readonly Region[],
): Generator<RowChange> {
  for (const {ours, theirs} of regions)
    yield* diffRows(
      after.shape.table,
      eachRow(reader, before.shape, ours),
      eachRow(reader, after.shape, theirs),
    );
}

function linesOf(reader: SnapshotReader, shape: TableShape, entries: readonly ChunkEntry[]): Lines {
  const keyOf = columnKeys(shape);
  return {
    texts: entries.flatMap((entry) => reader.lines(shape, entry)),
    keyOf: (text) => keyOf(parseRow(text, shape.columns.length)),
  };
}

function* eachRow(
  reader: SnapshotReader,
  shape: TableShape,
  entries: readonly ChunkEntry[],
): Generator<CanonicalRow> {
  for (const entry of entries) yield* reader.rows(shape, entry);
}

function rowsOf(entries: readonly ChunkEntry[]): number {
  return entries.reduce((sum, {rows}) => sum + rows, 0);
}

function sumOf(counted: readonly ChangeCounts[]): ChangeCounts {
  const sum = {inserted: 0, updated: 0, deleted: 0};
  for (const {inserted, updated, deleted} of counted) {
    sum.inserted += inserted;
    sum.updated += updated;
    sum.deleted += deleted;
  }
  return sum;
}

/** The same table in the parent; only its chunks that differ are fetched. */
async function parentTable(
  reader: SnapshotReader,
  parent: Snapshot | undefined,
  after: Side,
): Promise<Side> {
  const table = parent?.manifest.tables.find(({name}) => name === after.shape.table);
  if (parent === undefined || table === undefined) return {shape: after.shape, chunks: []};
  const shape = shapeOf(table);
  const chunks = await reader.chunks(parent, table);
  const isKeyed = areKeyed({shape}, after);
  const differing = changedRegions(chunks, after.chunks).flatMap(({ours, theirs}) =>
    isKeyed && theirs.length === 0 ? [] : ours,
  );
  await reader.fetch(
    parent,
    differing.map((chunk) => chunk.digest),
  );
  return {shape, chunks};
}
