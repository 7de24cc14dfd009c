/** How many rows of each table a capture changes. */
import {changedRegions} from '../diff/diff-chunks.ts';
import {fewestChanges} from '../diff/fewest-changes.ts';
import {isEngineError} from '../kernel/errors.ts';
import type {ChangeCounts} from '../kernel/row.ts';
import {countChanges} from '../plan/make-plan.ts';
import {shapeOf} from '../snapshot/manifest.ts';
import {diffListed, type Listed} from './compare-snapshots.ts';
import type {Captured} from './make-manifest.ts';
import type {Opened} from './open.ts';
import type {EngineOptions} from './options.ts';
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
  {log}: EngineOptions,
): Promise<Record<string, TableCapture>> {
  try {
    return await countSince(opened, captured, parent);
  } catch (error) {
    if (parent === undefined || !isEngineError(error, ...DAMAGED)) throw error;
    log.warn('the snapshot before is damaged; all rows are counted as new', {code: error.code});
    return countSince(opened, captured, undefined);
  }
}

async function countSince(
  opened: Opened,
  captured: Captured,
  parent: Snapshot | undefined,
): Promise<Record<string, TableCapture>> {
  const reader = readerOf(opened);
  const counts: [string, TableCapture][] = [];
  for (const {shape, content} of captured.tables) {
    const theirs: Listed = {chunks: content.chunks, rows: (entry) => reader.rows(shape, entry)};
    const ours = await parentTable(reader, parent, shape.table, content.chunks);
    const changes = countChanges(fewestChanges(shape, diffListed(shape.table, ours, theirs)));
    counts.push([shape.table, {rows: content.rows, ...changes}]);
  }
  return Object.fromEntries(counts); // a table may be called __proto__
}

const NOTHING: Listed = {chunks: [], rows: () => []};

/** The parent's chunks of one table; only those that differ are fetched. */
async function parentTable(
  reader: SnapshotReader,
  parent: Snapshot | undefined,
  name: string,
  now: Listed['chunks'],
): Promise<Listed> {
  const table = parent?.manifest.tables.find((candidate) => candidate.name === name);
  if (parent === undefined || table === undefined) return NOTHING;
  const chunks = await reader.chunks(parent, table);
  const differing = changedRegions(chunks, now).flatMap((region) => region.ours);
  await reader.fetch(
    parent,
    differing.map((chunk) => chunk.digest),
  );
  const shape = shapeOf(table);
  return {chunks, rows: (entry) => reader.rows(shape, entry)};
}
