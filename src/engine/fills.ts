/**
 * Empty tables that shall equal the snapshot's: their rows go from its chunks into the database, a chunk at a time. Read into a
 * plan row by row, a million of them would take gigabytes.
 */
import type {FillSource} from '../apply/fill.ts';
import type {View} from '../database/port.ts';
import {UNDO_BYTES_MAX} from '../kernel/limits.ts';
import type {Fill} from '../plan/plan.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import {referencesTo, type Tables} from '../plan/references.ts';
import type {Compared} from './exact-changes.ts';
import type {Ways} from './followed.ts';
import type {EngineOptions} from './options.ts';
import {listen} from './read-tables.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {chunkRows} from './stored-rows.ts';

/**
 * Of the tables compared, those that can be filled with the same outcome as row by row: empty in this very view, keyed by
 * themselves, and nothing that is planned asks for single rows of them.
 */
export async function findFills(
  view: View,
  {target, ways}: {readonly target: Snapshot; readonly ways: Ways},
  tables: readonly Compared[],
): Promise<ReadonlyMap<string, Fill>> {
  const fills = new Map<string, Fill>();
  if (ways.merged.length > 0) return fills; // rows that give way to each other are weighed one by one
  const {tables: schema} = await view.schema();
  for (const {shape, rows, regions} of tables) {
    const {table, keyKind} = shape;
    const chunks = regions.flatMap(({theirs}) => theirs);
    const [isAdapted, isNeeded] = [target.own?.has(table) === true, isDefault(schema, table)];
    const isLone = keyKind === 'primary' && !isAdapted && !isNeeded;
    if (rows > 0 || chunks.length === 0 || !isLone) continue;
    if (schema.get(table)?.triggers.length !== 0 || (await view.count(table, [])) > 0) continue;
    const wanted = target.manifest.tables.find(({name}) => name === table);
    if (wanted === undefined) continue;
    fills.set(table, {shape, rows: wanted.rows, digest: wanted.digest, chunks});
  }
  return fills;
}

/** True where rows elsewhere may come to refer to one of its rows by default: the plan has to know whether that will be there. */
function isDefault(schema: Tables, table: string): boolean {
  return referencesTo(schema, table).some(
    ({onDelete, onUpdate}) => onDelete === 'SET DEFAULT' || onUpdate === 'SET DEFAULT',
  );
}

/** Gives the rows of tables that are filled, chunk by chunk; signals are heard in between. Cells are asked for to be written: it tells how far that got. */
export function fillReader(
  reader: SnapshotReader,
  options: Pick<EngineOptions, 'signal' | 'progress'>,
): FillReader {
  return {
    cells: async function* ({shape, chunks, rows}) {
      let done = 0;
      for (const entry of chunks) {
        await listen(options);
        yield reader.cells(shape, entry);
        done += entry.rows;
        options.progress(`filling ${shape.table}`, done, rows);
      }
    },
    rows: async function* ({shape, chunks}) {
      for (const [at, entry] of chunks.entries()) {
        await listen(options);
        yield chunkRows(reader, shape, {theirs: entry, to: chunks[at + 1]?.first});
      }
    },
    listen: () => listen(options),
    isLarge: (fills, size) => isLarge(reader, fills, size),
  };
}

export type FillReader = FillSource & {
  /** True where the rows, beside so many characters of others, are more than an undo record keeps. */
  isLarge(fills: readonly Fill[], size: number): boolean;
};

/** A chunk is the texts of its rows, each with one character behind it. Only where they have more bytes than that, characters are counted. */
function isLarge(reader: SnapshotReader, fills: readonly Fill[], size: number): boolean {
  const chunks = fills.flatMap((fill) => fill.chunks);
  const isMore = (sizeOf: (entry: ChunkEntry) => number): boolean => {
    let all = size;
    return chunks.some((entry) => (all += sizeOf(entry) - entry.rows) > UNDO_BYTES_MAX);
  };
  return isMore((entry) => reader.size(entry)) && isMore((entry) => reader.characters(entry));
}

export const noFills: FillReader = {
  cells: nothing,
  rows: nothing,
  listen: () => listen({}),
  isLarge: () => false,
};

function nothing(): never {
  throw new Error('a plan without a snapshot fills no table');
}
