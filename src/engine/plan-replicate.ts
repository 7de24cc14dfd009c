/** The plan that brings a database to a snapshot: which rows to read, which chunks to fetch, what to write. */
import type {Database, View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import {PROOF_CELLS_MAX} from '../kernel/limits.ts';
import type {ChangeCounts} from '../kernel/row.ts';
import {sizeOf, withFills, withSweeps, type Plan} from '../plan/plan.ts';
import {applicationNamed} from '../profiles/find-profile.ts';
import {refuseRecords} from '../profiles/migration-records.ts';
import {shapeOf, type Manifest} from '../snapshot/manifest.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {StoredConflict} from '../state/conflicts.ts';
import type {Ways} from './followed.ts';
import type {ConflictReport} from './inbox.ts';
import type {Bases} from './merge-base.ts';
import {planMerge} from './plan-merge.ts';
import {planChanges} from './plan-changes.ts';
import {
  compareTables,
  exactChanges,
  listedTables,
  scannedTables,
  type Compared,
} from './exact-changes.ts';
import {findFills} from './fills.ts';
import {guard} from './guard.ts';
import type {Keyless} from './keyless.ts';
import type {EngineOptions} from './options.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {appliedMigrations, settled} from './source-version.ts';
import {sweepingOf} from './sweeps.ts';

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
  /** Tables that are no copies of the snapshot's. */
  readonly merged: readonly string[];
  /** Tables that are kept empty. */
  readonly muted: readonly string[];
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
  const wanted = tables.flatMap(({regions}) =>
    regions.flatMap((region) => region.theirs.map((chunk) => chunk.digest)),
  );
  const kept = (await keptChunks(reader, target, ways)).map(({digest}) => digest);
  options.progress('fetching', 0, wanted.length);
  const missing = kept.filter((digest) => !reader.has(digest));
  const objectsFetched = await reader.fetch(target, [...wanted, ...missing]);
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
    merged: ways.merged.map(({table}) => table.name),
    muted: [...ways.muted],
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
  return counts === undefined || sizeOf(counts) === 0;
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

async function planFrom(
  view: View,
  request: PlanRequest,
  tables: readonly Compared[],
): Promise<Omit<Planned, 'objectsFetched' | 'merged' | 'muted'>> {
  const {ways, target} = request;
  const fills = await findFills(view, request, tables);
  const others = tables.filter(({shape}) => !fills.has(shape.table));
  const {tables: schema} = await view.schema();
  const sweeping = sweepingOf(schema, request, request.options);
  const {changed, rowsRead} = await exactChanges(view, request, others, sweeping);
  const sweeps = [...changed.values()].flatMap(({sweep}) => sweep ?? []);
  for (const {shape} of fills.values()) changed.set(shape.table, {shape, changes: []});
  for (const table of ways.resting) changed.set(table.name, {shape: shapeOf(table), changes: []});
  if (ways.merged.length === 0) {
    const plan = withSweeps(
      withFills(await planChanges(view, changed), [...fills.values()]),
      sweeps,
    );
    const copies = new Set([...ways.exact, ...ways.resting].map(({name}) => name)); // nothing is in conflict any more there
    const inbox = request.conflicts.filter(({table}) => !copies.has(table));
    const nothing = {conflicts: [], inbox, counters: new Map<string, bigint>()};
    return {plan, rowsRead, rowsBefore: new Map(), ...nothing};
  }
  const merge = await planMerge(view, {...request, exact: changed, position: target.ref});
  const plan = await planChanges(view, merge.changes);
  return {plan, ...merge, rowsRead: rowsRead + merge.rowsRead};
}

/** Cells that a full proof of this snapshot digests; decides whether one fits the lock budget. */
export function proofFits({tables}: Manifest): boolean {
  const cells = tables.reduce((sum, table) => sum + table.rows * table.columns.length, 0);
  return cells <= PROOF_CELLS_MAX;
}
