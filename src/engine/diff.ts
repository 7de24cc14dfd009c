/** diff: rows that differ between two sides, each a live database or a snapshot. */
import {existsSync} from 'node:fs';
import type {View} from '../database/port.ts';
import {changedRegions, segmentsOf} from '../diff/diff-chunks.ts';
import {diffRows} from '../diff/diff-rows.ts';
import {fewestChanges} from '../diff/fewest-changes.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import type {ChangeCounts, RowChange} from '../kernel/row.ts';
import {countChanges} from '../plan/make-plan.ts';
import {isWholeRow} from '../schema/locator.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import {liveShapeOf, shapeOf, type Manifest} from '../snapshot/manifest.ts';
import {adapt} from './adapt.ts';
import {newestSnapshot, snapshotById} from './choose-snapshot.ts';
import {noSnapshot} from './choose-target.ts';
import {describeChange, type DiffChange} from './describe-change.ts';
import {followed} from './followed.ts';
import {withDatabase, withStore, type ReadOpened} from './open.ts';
import type {EngineOptions} from './options.ts';
import {guardSource} from './plan-replicate.ts';
import {readTables, selectTables} from './read-tables.ts';
import {chunksIn, liveSegments, storedSegments, type Segments} from './segments.ts';
import type {Snapshot} from './snapshot-reader.ts';
import {settled} from './source-version.ts';

export type DiffOptions = EngineOptions & {
  /** `live`, `latest`, a snapshot id, or a database. */
  readonly left: string;
  readonly right: string;
  /** Adds cell values to the changes; they may be secrets. */
  readonly showValues?: boolean | undefined;
};

export type DiffResult = {
  readonly equal: boolean;
  readonly tables: Readonly<Record<string, ChangeCounts>>;
  /** What turns the left side into the right one. */
  readonly changes: readonly DiffChange[];
};

/** @throws {EngineError} `SCHEMA_MISMATCH`, `VERSION_MISMATCH` where the sides cannot be compared. */
export async function diff(options: DiffOptions): Promise<DiffResult> {
  const left = kindOf(options.left);
  const right = kindOf(options.right);
  if (left.kind === 'database' && right.kind === 'database')
    return diffDatabases(options, left.url, right.url);
  return withStore(options, async (opened) => {
    const [a, b] = [
      await fitting(options, opened, left, right),
      await fitting(options, opened, right, left),
    ];
    const manifest = must(a ?? b, 'one side is a snapshot').manifest;
    return withSide(options, {opened, manifest, snapshot: a, name: left}, (ours) =>
      withSide(options, {opened, manifest, snapshot: b, name: right}, (theirs) =>
        compare(ours, theirs, options),
      ),
    );
  });
}

type SideName =
  | {readonly kind: 'database'; readonly url: string | undefined}
  | {readonly kind: 'snapshot'; readonly id: string};

const SNAPSHOT_ID = /^[0-9a-f]{4,64}$/;

function kindOf(name: string): SideName {
  if (name === 'live') return {kind: 'database', url: undefined};
  if (name === 'latest' || (SNAPSHOT_ID.test(name) && !existsSync(name)))
    return {kind: 'snapshot', id: name};
  return {kind: 'database', url: name};
}

/** One side of the comparison: per table its shape, its chunks, and its rows by range. */
type Side = ReadonlyMap<
  string,
  {readonly shape: TableShape; readonly chunks: readonly ChunkEntry[]; readonly segments: Segments}
>;

/** A snapshot beside a database is compared as it would be applied there. */
async function fitting(
  options: DiffOptions,
  opened: ReadOpened,
  side: SideName,
  other: SideName,
): Promise<Snapshot | undefined> {
  const snapshot = await resolve(opened, side, options);
  if (snapshot === undefined || other.kind === 'snapshot') return snapshot;
  const {reader, keep} = opened;
  return withDatabase(options, other.url ?? options.database, (database) =>
    adapt({database, reader, keep, options}, snapshot),
  );
}

async function resolve(
  {store, state, reader}: ReadOpened,
  name: SideName,
  options: DiffOptions,
): Promise<Snapshot | undefined> {
  if (name.kind === 'database') return undefined;
  const refs = await store.list();
  const position = await state?.position();
  const ref =
    name.id === 'latest' ? newestSnapshot(refs, position?.lineage) : snapshotById(refs, name.id);
  if (ref === undefined) throw noSnapshot();
  return followed(await reader.open(ref, position), options);
}

type SideRequest = {
  readonly opened: ReadOpened;
  /** Says which tables are compared, and how. */
  readonly manifest: Manifest;
  readonly snapshot: Snapshot | undefined;
  readonly name: SideName;
};

async function withSide<T>(
  options: DiffOptions,
  request: SideRequest,
  work: (side: Side) => Promise<T>,
): Promise<T> {
  const {snapshot, name, manifest, opened} = request;
  if (snapshot !== undefined) return work(await storedSide(opened, snapshot, manifest));
  const url = (name.kind === 'database' ? name.url : undefined) ?? options.database;
  return withDatabase(options, url, async (database) => {
    await settled(database, options);
    return database.view(async (view) => {
      await guardSource(view, manifest, options);
      return work(await liveSide(view, manifest.tables.map(liveShapeOf), options));
    });
  });
}

async function liveSide(
  view: View,
  shapes: readonly TableShape[],
  options: EngineOptions,
): Promise<Side> {
  const contents = await readTables(view, shapes, options);
  const sides = shapes.map((shape) => {
    const {chunks} = must(contents.get(shape.table), 'every table was read');
    return [shape.table, {shape, chunks, segments: liveSegments(view, shape, options)}] as const;
  });
  return new Map(sides);
}

async function storedSide(
  {reader}: ReadOpened,
  snapshot: Snapshot,
  expected: Manifest,
): Promise<Side> {
  const side = new Map<
    string,
    {shape: TableShape; chunks: readonly ChunkEntry[]; segments: Segments}
  >();
  for (const table of snapshot.manifest.tables) {
    const shape = shapeOf(table);
    refuseOtherShape(shape, expected);
    const chunks = await reader.chunks(snapshot, table);
    const fetched: Segments = async function* (ranges) {
      const wanted = chunksIn(chunks, ranges);
      await reader.fetch(
        snapshot,
        wanted.map((chunk) => chunk.digest),
      );
      yield* storedSegments(chunks, (entry) => reader.rows(shape, entry))(ranges);
    };
    side.set(table.name, {shape, chunks, segments: fetched});
  }
  return side;
}

function refuseOtherShape(shape: TableShape, expected: Manifest): void {
  const table = expected.tables.find((candidate) => candidate.name === shape.table);
  const same = table !== undefined && JSON.stringify(shapeOf(table)) === JSON.stringify(shape);
  if (!same) throw incomparable(shape.table);
}

function incomparable(table: string): EngineError {
  return new EngineError(
    'SCHEMA_MISMATCH',
    `cannot compare table "${table}": its columns or its key differ between the sides`,
    {
      site: {table},
      hint: 'Compare sides of one version of the application.',
    },
  );
}

async function diffDatabases(
  options: DiffOptions,
  left: string | undefined,
  right: string | undefined,
): Promise<DiffResult> {
  return withDatabase(options, left ?? options.database, (a) =>
    withDatabase(options, right ?? options.database, (b) =>
      a.view((ours) =>
        b.view(async (theirs) => {
          const first = (await selectTables(ours, options)).shapes;
          const tables = first.map((shape) => shape.table);
          const others = await selectTables(theirs, {...options, tables}, wholeRows(first));
          const {shapes} = await selectTables(ours, options, wholeRows(others.shapes));
          shapes.forEach((shape, at) => {
            if (JSON.stringify(shape) !== JSON.stringify(others.shapes[at]))
              throw incomparable(shape.table);
          });
          return compare(
            await liveSide(ours, shapes, options),
            await liveSide(theirs, shapes, options),
            options,
          );
        }),
      ),
    ),
  );
}

/** NULL in a key of one side makes whole rows be compared on both. */
function wholeRows(shapes: readonly TableShape[]): ReadonlySet<string> {
  return new Set(shapes.filter(isWholeRow).map((shape) => shape.table));
}

async function compare(
  left: Side,
  right: Side,
  {showValues = false}: DiffOptions,
): Promise<DiffResult> {
  const tables: [string, ChangeCounts][] = []; // one may be called __proto__
  const changes: DiffChange[] = [];
  for (const [name, ours] of left) {
    const theirs = right.get(name);
    if (theirs === undefined) throw incomparable(name);
    const found: RowChange[] = [];
    const ranges = changedRegions(ours.chunks, theirs.chunks)
      .flatMap(segmentsOf)
      .map(({range}) => range);
    const rows = theirs.segments(ranges)[Symbol.asyncIterator]();
    for await (const old of ours.segments(ranges)) {
      const now = await rows.next();
      for (const change of diffRows(name, old, now.done === true ? [] : now.value))
        found.push(change);
    }
    const fewest = [...fewestChanges(ours.shape, found)];
    tables.push([name, countChanges(fewest)]);
    for (const change of fewest) changes.push(describeChange(ours.shape, change, showValues));
  }
  return {equal: changes.length === 0, tables: Object.fromEntries(tables), changes};
}
