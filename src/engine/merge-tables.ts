/** The rows of merged tables: read from base, live database and snapshot where they may differ, and merged. */
import type {View} from '../database/port.ts';
import {changedRegions, segmentsOf} from '../diff/diff-chunks.ts';
import type {CanonicalRow, KeyRange} from '../kernel/row.ts';
import {encodeKeyCell, encodeWireKey} from '../canonical/key.ts';
import {EngineError} from '../kernel/errors.ts';
import {KEYS_SHOWN_MAX} from '../kernel/limits.ts';
import {groupKey, mergeTable, type MergedGroup} from '../merge/merge-table.ts';
import {keyLabel, occurrenceOf} from '../schema/row-key.ts';
import {rowTest, type RowFilter, type RowTest} from '../schema/row-filter.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {MergedTable} from './followed.ts';
import type {Bases, BaseTable} from './merge-base.ts';
import type {EngineOptions} from './options.ts';
import {chunksIn, liveSegments, storedSegments} from './segments.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';

export type MergeRequest = {
  readonly view: View;
  readonly reader: SnapshotReader;
  readonly target: Snapshot;
  readonly merged: readonly MergedTable[];
  readonly bases: Bases;
  /** What the live rows can be taken to be, in tables that follow the snapshot's rows; undefined compares all of them. */
  readonly trusted: Snapshot | undefined;
  readonly options: EngineOptions;
};

export type MergedContent = {
  readonly merged: MergedTable;
  /** True for rows that are replicated; others are left alone. */
  readonly isFollowed: RowTest;
  /** True where rows are followed that were not when the base was merged. */
  readonly isWidened: boolean;
  /** What changes or is in conflict, in key order. */
  readonly groups: readonly MergedGroup[];
  readonly rowsRead: number;
};

/** Merges the tables. All their chunks must have been fetched. */
export async function mergeTables(request: MergeRequest): Promise<readonly MergedContent[]> {
  const contents: MergedContent[] = [];
  for (const merged of request.merged) contents.push(await mergeOne(request, merged));
  return contents;
}

async function mergeOne(request: MergeRequest, merged: MergedTable): Promise<MergedContent> {
  const {view, reader, target, options, bases} = request;
  const {shape, rules, table, filters} = merged;
  const theirs = await reader.chunks(target, table);
  const base = bases.get(table.name);
  const isFollowed = rowTest(table.name, shape.columns, filters);
  const wasFollowed = rowTest(table.name, shape.columns, [...filters, ...(base?.only ?? [])]);
  const ranges = wholeGroups(shape, await rangesOf(request, merged, theirs));
  // What is read is looked into, and fetched anew where it got damaged.
  for (const [snapshot, chunks] of [
    [target, theirs],
    [base?.snapshot, base?.chunks ?? []],
  ] as const) {
    const wanted = chunksIn(chunks, ranges).map(({digest}) => digest);
    if (snapshot !== undefined) await reader.fetch(snapshot, wanted);
  }
  const stored = (chunks: readonly ChunkEntry[]): AsyncIterator<readonly CanonicalRow[]> =>
    storedSegments(chunks, (entry) => reader.rows(shape, entry))(ranges)[Symbol.asyncIterator]();
  const [was, there] = [stored(base?.chunks ?? []), stored(theirs)];
  const groups: MergedGroup[] = [];
  let rowsRead = 0;
  for await (const here of liveSegments(view, shape, options)(ranges)) {
    rowsRead += here.length;
    const sources = {
      base: knownHere(merged, base, await next(was), here).filter(({cells}) => wasFollowed(cells)),
      ours: here.filter(({cells}) => isFollowed(cells)),
      theirs: theirOwn(merged, await next(there)).filter(({cells}) => isFollowed(cells)),
    };
    for (const group of mergeTable(shape, rules, sources)) groups.push(group);
  }
  const isWidened = !isSameDomain(base, filters);
  return {merged, isFollowed, isWidened, groups, rowsRead};
}

/** Of a base that was guessed, the rows that are here: the others may never have come, and come rather twice than never. */
function knownHere(
  {shape}: MergedTable,
  base: BaseTable | undefined,
  was: readonly CanonicalRow[],
  here: readonly CanonicalRow[],
): readonly CanonicalRow[] {
  if (base?.isGuessed !== true || shape.keyKind !== 'primary') return was;
  const keys = new Set(here.map(({key}) => key));
  return was.filter(({key}) => keys.has(key));
}

/** @throws {EngineError} `KEY_TAKEN` where the primary has keys that are reserved for rows of this instance. */
function theirOwn(
  {table, shape, policy}: MergedTable,
  rows: readonly CanonicalRow[],
): readonly CanonicalRow[] {
  if (policy.ownKeys === undefined) return rows;
  const from = encodeWireKey([policy.ownKeys], ['binary']);
  const taken = rows.filter(({key}) => key >= from);
  if (taken.length === 0) return rows;
  const shown = taken.slice(0, KEYS_SHOWN_MAX).map(({key}) => keyLabel(shape, key));
  throw new EngineError(
    'KEY_TAKEN',
    `rows of the primary have keys that are reserved for this instance: ${table.name}[${shown.join('], [')}]`,
    {
      site: {table: table.name},
      hint: 'Reserve a range with ownKeys that the primary does not reach.',
    },
  );
}

async function next(
  rows: AsyncIterator<readonly CanonicalRow[]>,
): Promise<readonly CanonicalRow[]> {
  const {done, value} = await rows.next();
  return done === true ? [] : value;
}

/** Where the table may change: what the primary changed, or everything. */
async function rangesOf(
  {trusted, reader, bases}: MergeRequest,
  {rules, table, filters}: MergedTable,
  theirs: readonly ChunkEntry[],
): Promise<readonly KeyRange[]> {
  const base = bases.get(table.name);
  const known =
    rules.rows === 'merge'
      ? base?.chunks
      : trusted && (await chunksOf(reader, trusted, table.name));
  const regions =
    known === undefined || !isSameDomain(base, filters)
      ? [{range: {from: undefined, to: undefined}, ours: [], theirs}]
      : changedRegions(known, theirs);
  return regions.flatMap(segmentsOf).map(({range}) => range);
}

/** True where the rows that are followed are those that were followed when the base was merged. */
function isSameDomain(base: BaseTable | undefined, filters: readonly RowFilter[]): boolean {
  if (base?.isGuessed === true) return false;
  return JSON.stringify(base?.only ?? []) === JSON.stringify(filters);
}

async function chunksOf(
  reader: SnapshotReader,
  snapshot: Snapshot,
  name: string,
): Promise<readonly ChunkEntry[] | undefined> {
  const table = snapshot.manifest.tables.find((one) => one.name === name);
  return table && reader.chunks(snapshot, table);
}

/** Rows of equal key are merged together: ranges that end among them are widened, and those that meet then are one. */
function wholeGroups(shape: TableShape, ranges: readonly KeyRange[]): readonly KeyRange[] {
  if (shape.keyKind === 'primary') return ranges;
  const whole: {from: string | undefined; to: string | undefined}[] = [];
  for (const range of ranges) {
    const from = range.from === undefined ? undefined : firstOf(shape, range.from);
    const to = range.to === undefined ? undefined : endOf(shape, range.to);
    const last = whole.at(-1);
    if (last !== undefined && (last.to === undefined || (from !== undefined && from < last.to)))
      last.to = last.to === undefined || to === undefined ? undefined : later(last.to, to);
    else whole.push({from, to});
  }
  return whole;
}

function later(a: string, b: string): string {
  return a < b ? b : a;
}

function firstOf(shape: TableShape, key: string): string {
  return `${groupKey(shape, key)},${encodeKeyCell(0n)}`;
}

/** A range that ends before the first row of a group ends there, one that ends within it goes on to its end. */
function endOf(shape: TableShape, key: string): string {
  return occurrenceOf(key) === 0 ? key : `${groupKey(shape, key)}-`;
}
