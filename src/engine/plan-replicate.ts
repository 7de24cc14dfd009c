/** The plan that brings a database to a snapshot: which rows to read, which chunks to fetch, what to write. */
import type {Database, View} from '../database/port.ts';
import {changedRegions, segmentsOf, type Region, type Segment} from '../diff/diff-chunks.ts';
import {diffRows} from '../diff/diff-rows.ts';
import {fewestChanges} from '../diff/fewest-changes.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import {PROOF_CELLS_MAX} from '../kernel/limits.ts';
import type {CanonicalRow, ChangeCounts, RowChange} from '../kernel/row.ts';
import type {Plan} from '../plan/plan.ts';
import {applicationNamed} from '../profiles/find-profile.ts';
import {refuseRecords} from '../profiles/migration-records.ts';
import {shapeOf, type Manifest} from '../snapshot/manifest.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {StoredConflict} from '../state/conflicts.ts';
import type {Ways} from './followed.ts';
import type {ConflictReport} from './inbox.ts';
import type {Bases} from './merge-base.ts';
import {planMerge} from './plan-merge.ts';
import {planChanges} from './plan-changes.ts';
import {guard} from './guard.ts';
import type {Keyless} from './keyless.ts';
import type {EngineOptions} from './options.ts';
import {refuseOutdated} from './own-columns.ts';
import {interrupted, readTables} from './read-tables.ts';
import {liveSegments} from './segments.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {appliedMigrations, settled} from './source-version.ts';

export type PlanRequest = {
  readonly database: Database;
  readonly reader: SnapshotReader;
  /** Without the tables that are not followed here. */
  readonly target: Snapshot;
  readonly ways: Ways;
  readonly bases: Bases;
  /** Conflicts from before. */
  readonly conflicts: readonly StoredConflict[];
  /** What the live rows can be taken to be; undefined compares every row. */
  readonly base: Snapshot | undefined;
  readonly options: EngineOptions;
};

export type Planned = {
  readonly plan: Plan;
  /** Rows of each table before the plan. */
  readonly rowsBefore: ReadonlyMap<string, number>;
  /** How many live rows were read to make it, and how many objects were fetched. */
  readonly rowsRead: number;
  readonly objectsFetched: number;
  /** Conflicts of this run, and those still open. */
  readonly conflicts: readonly ConflictReport[];
  /** All conflicts that are on record once it has run. */
  readonly inbox: readonly StoredConflict[];
  /** Tables' own counters that have to be raised, so that the application gives reserved keys to its own rows. */
  readonly counters: ReadonlyMap<string, bigint>;
};

/** Compares every live row, or where a base is given only those in chunks that changed since. */
export async function planReplicate(request: PlanRequest): Promise<Planned> {
  const {database, reader, target, ways, base, options} = request;
  await settled(database, options);
  const exact: Snapshot = {...target, manifest: {...target.manifest, tables: ways.exact}};
  const ours = await database.view(async (view) => {
    await guardSource(view, target.manifest, options);
    return base === undefined ? scannedTables(view, exact.manifest, options) : undefined;
  });
  const tables = await compareTables(
    reader,
    exact,
    ours ?? (await listedTables(reader, must(base, 'base'))),
  );
  const wanted = [
    ...tables.flatMap(({regions}) =>
      regions.flatMap((region) => region.theirs.map((chunk) => chunk.digest)),
    ),
    ...(await keptChunks(reader, target, ways)).map(({digest}) => digest),
  ];
  options.progress('fetching', 0, wanted.length);
  const objectsFetched = await reader.fetch(target, wanted);
  const planned = await database.view((view) => planFrom(view, request, tables));
  const {plan} = planned;
  const differed = tables.some(({regions}) => regions.length > 0);
  if (ours !== undefined && differed && ways.exact.every(({name}) => isUntouched(plan, name)))
    throw changedMeanwhile();
  const scanned = ours === undefined ? 0 : tables.reduce((sum, table) => sum + table.rows, 0);
  const before = ways.exact.map(
    ({name, rows}) => [name, rowsBefore(rows, plan.tables.get(name))] as const,
  );
  return {
    ...planned,
    objectsFetched,
    rowsRead: scanned + planned.rowsRead,
    rowsBefore: new Map([...before, ...planned.rowsBefore]),
  };
}

/** What is fetched beside: all rows of tables that are merged, and of a small snapshot all there are, as the base of what comes. */
async function keptChunks(
  reader: SnapshotReader,
  target: Snapshot,
  {merged}: Ways,
): Promise<readonly ChunkEntry[]> {
  const tables = proofFits(target.manifest)
    ? target.manifest.tables
    : merged.map(({table}) => table);
  const chunks: ChunkEntry[] = [];
  for (const table of tables)
    for (const entry of await reader.chunks(target, table)) chunks.push(entry);
  return chunks;
}

function isUntouched({tables}: Plan, name: string): boolean {
  const counts = tables.get(name);
  return counts === undefined || counts.inserted + counts.updated + counts.deleted === 0;
}

/** As many as the plan was made for, which may be others than were scanned a moment before. */
function rowsBefore(target: number, changes: ChangeCounts | undefined): number {
  return target - (changes?.inserted ?? 0) + (changes?.deleted ?? 0);
}

/** What differed when all rows were read is gone; something else may differ since. */
function changedMeanwhile(): EngineError {
  return new EngineError('PLAN_STALE', 'cannot plan: rows changed while they were compared', {
    hint: 'Run replicate again: it plans afresh.',
    retryable: true,
  });
}

export type GuardOptions = Pick<EngineOptions, 'migrations'> & {readonly keyless?: Keyless};

/** Refuses a snapshot that means something else in this database. */
export async function guardSource(
  view: View,
  manifest: Manifest,
  {keyless, migrations}: GuardOptions,
): Promise<void> {
  const schema = await view.schema();
  const {application} = manifest.source;
  const profile = application === null ? undefined : applicationNamed(application);
  if (profile !== undefined && !profile.recognises(schema)) {
    throw new EngineError(
      'SCHEMA_MISMATCH',
      `the snapshot is of a ${profile.name} database, and this is not one`,
      {
        hint: 'Check --database and --store.',
      },
    );
  }
  refuseRecords(
    manifest.tables.map(({name}) => name),
    schema,
    migrations,
  );
  const version = await appliedMigrations(view, profile, migrations);
  guard(manifest, schema, {version, requests: profile?.tables ?? [], keyless});
}

type Listed = ReadonlyMap<string, {readonly rows: number; readonly chunks: readonly ChunkEntry[]}>;

async function scannedTables(
  view: View,
  manifest: Manifest,
  options: EngineOptions,
): Promise<Listed> {
  return readTables(view, manifest.tables.map(shapeOf), options);
}

async function listedTables(reader: SnapshotReader, snapshot: Snapshot): Promise<Listed> {
  const listed = new Map<string, {rows: number; chunks: readonly ChunkEntry[]}>();
  for (const table of snapshot.manifest.tables) {
    listed.set(table.name, {rows: table.rows, chunks: await reader.chunks(snapshot, table)});
  }
  return listed;
}

/** One table on its way: its shape, how many rows it holds, and where they differ from the target. */
type Compared = {
  readonly shape: TableShape;
  readonly rows: number;
  readonly regions: readonly Region[];
};

async function compareTables(
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

async function planFrom(
  view: View,
  request: PlanRequest,
  tables: readonly Compared[],
): Promise<Omit<Planned, 'objectsFetched'>> {
  const {ways, target} = request;
  const {changed, rowsRead} = await exactChanges(view, request, tables);
  for (const table of ways.resting) changed.set(table.name, {shape: shapeOf(table), changes: []});
  if (ways.merged.length === 0) {
    const plan = await planChanges(view, changed);
    const nothing = {conflicts: [], inbox: request.conflicts, counters: new Map<string, bigint>()};
    return {plan, rowsRead, rowsBefore: new Map(), ...nothing};
  }
  const merge = await planMerge(view, {...request, exact: changed, position: target.ref});
  const plan = await planChanges(view, merge.changes);
  return {plan, ...merge, rowsRead: rowsRead + merge.rowsRead};
}

async function exactChanges(
  view: View,
  {reader, target, options}: PlanRequest,
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
      const theirs = segments[at++]?.theirs;
      const wanted =
        theirs === undefined ? [] : wantedRows(reader, shape, theirs, segments[at - 1]);
      for (const change of diffRows(shape.table, ours, wanted)) changes.push(change);
      rowsRead += ours.length;
    }
    const fewest = [...fewestChanges(shape, changes)];
    refuseOutdated(shape, target.own?.get(shape.table) ?? new Map(), fewest);
    changed.set(shape.table, {shape, changes: fewest});
  }
  return {changed, rowsRead};
}

/** Rows of a stored chunk, which must not reach into the next one: the table would be put together wrongly. */
function wantedRows(
  reader: SnapshotReader,
  shape: TableShape,
  theirs: ChunkEntry,
  segment: Segment | undefined,
): readonly CanonicalRow[] {
  const rows = reader.rows(shape, theirs);
  const to = segment?.range.to;
  if (to === undefined || (rows.at(-1)?.key ?? '') < to) return rows;
  throw new EngineError('SNAPSHOT_CORRUPT', `chunks of table "${shape.table}" overlap`, {
    site: {table: shape.table},
    hint: 'Take another snapshot; this one was written by a faulty program or altered.',
  });
}

/** Cells that a full proof of this snapshot digests; decides whether one fits the lock budget. */
export function proofFits({tables}: Manifest): boolean {
  const cells = tables.reduce((sum, table) => sum + table.rows * table.columns.length, 0);
  return cells <= PROOF_CELLS_MAX;
}
