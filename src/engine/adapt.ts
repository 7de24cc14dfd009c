/**
 * A snapshot of another schema version → one for this database: its rows lifted or lowered by compat steps. From then on it
 * is a snapshot like any other: compared, planned, applied and proved as such.
 */
import type {Digest} from '../canonical/digest.ts';
import {findChain, type Chain} from '../compat/chain.ts';
import {compileSteps, liftOrder} from '../compat/lift.ts';
import type {Step} from '../compat/step.ts';
import type {LiftedTable, SourceTable} from '../compat/table-draft.ts';
import type {Database, View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {applicationNamed} from '../profiles/find-profile.ts';
import type {DatabaseSchema, TableSchema} from '../schema/table-schema.ts';
import {shapeTable, type TableRequest, type TableShape} from '../schema/table-shape.ts';
import {compareNames} from '../schema/names.ts';
import {rootDigest} from '../snapshot/content.ts';
import {encodeManifest} from '../snapshot/manifest-text.ts';
import {shapeOf, type Manifest, type ManifestTable} from '../snapshot/manifest.ts';
import {adaptRows, type Adapting} from './adapt-rows.ts';
import {loadSteps} from './compat-files.ts';
import {upgradeFirst, versionMismatch} from '../compat/errors.ts';
import {checkColumns} from './adapted-columns.ts';
import {mismatch} from './guard.ts';
import {followKeyless} from './keyless.ts';
import {listTable, type CapturedTable} from './make-manifest.ts';
import type {EngineOptions} from './options.ts';
import {ownColumns} from './own-columns.ts';
import {adaptedManifest} from './recorded.ts';
import type {OwnColumns, Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {appliedMigrations, settled} from './source-version.ts';

/** What makes a snapshot fit, and in which way. */
type Version =
  | {readonly verdict: 'identical'}
  | {
      readonly verdict: 'compatible';
      readonly ours: readonly string[];
      readonly direction: 'lift' | 'lower';
      readonly steps: readonly Step[];
    };

export type AdaptRequest = {
  readonly database: Database;
  readonly reader: SnapshotReader;
  /** Keeps the chunks of what is made. */
  readonly keep: (digest: Digest, bytes: Uint8Array) => void;
  readonly options: EngineOptions;
};

/**
 * The snapshot as this database can take it: itself where the versions are the same.
 *
 * @throws {EngineError} `UPGRADE_FIRST` where it is newer and cannot be lowered, `VERSION_MISMATCH` where no reviewed steps
 * lead here, `SCHEMA_MISMATCH` where they lead elsewhere, naming migration, table and column.
 */
export async function adapt(request: AdaptRequest, snapshot: Snapshot): Promise<Snapshot> {
  const {database, options} = request;
  await settled(database, options);
  const version = await database.view((view) => versionOf(view, snapshot, options));
  if (version.verdict === 'identical') return snapshot;
  const {reader} = request;
  const wanted: Digest[] = [];
  for (const table of snapshot.manifest.tables)
    for (const {digest} of await reader.chunks(snapshot, table)) wanted.push(digest);
  options.progress('fetching', 0, wanted.length);
  await reader.fetch(snapshot, wanted);
  const adapted = await database.view((view) => adaptTables(view, request, snapshot, version));
  return assembled(request, snapshot, adapted);
}

/** @throws {EngineError} `UPGRADE_FIRST`, `VERSION_MISMATCH`. */
async function versionOf(
  view: View,
  {manifest}: Pick<Snapshot, 'manifest'>,
  options: Pick<EngineOptions, 'compat' | 'migrations'>,
): Promise<Version> {
  const {chain, ours} = await chainHere(view, manifest, options);
  switch (chain.kind) {
    case 'identical':
      return {verdict: 'identical'};
    case 'lift':
    case 'lower':
      return {verdict: 'compatible', ours, direction: chain.kind, steps: chain.steps};
    default:
      throw chain.kind === 'held' ? upgradeFirst(chain.why) : versionMismatch(chain.why);
  }
}

/** Which steps lead from a snapshot to this database, and the migrations that are applied here. Without a profile there are no steps. */
export async function chainHere(
  view: View,
  {source}: Pick<Manifest, 'source'>,
  options: Pick<EngineOptions, 'compat' | 'migrations'>,
): Promise<{readonly chain: Chain; readonly ours: readonly string[]}> {
  const {application, version: theirs} = source;
  const profile = application === null ? undefined : applicationNamed(application);
  const guarded: Chain = {kind: 'identical'}; // the guard has the last word
  if (profile?.recognises(await view.schema()) === false) return {chain: guarded, ours: []};
  const ours = await appliedMigrations(view, profile, options.migrations);
  if (profile === undefined) return {chain: guarded, ours};
  return {chain: findChain(loadSteps(application, options.compat), theirs, ours), ours};
}

type Adapted = {
  readonly version: readonly string[];
  readonly tables: ReadonlyMap<string, CapturedTable | ManifestTable>;
  readonly own: ReadonlyMap<string, OwnColumns>;
};

type Compatible = Extract<Version, {verdict: 'compatible'}>;

/** Tables as the snapshot knows them, for compat steps. */
export function sourceTable(table: ManifestTable): SourceTable {
  const {name, columns, omitted, key} = table;
  return {name, columns, omitted, key: key.columns.map((column) => column.name)};
}

async function adaptTables(
  view: View,
  request: AdaptRequest,
  snapshot: Snapshot,
  {direction, steps, ours: version}: Compatible,
): Promise<Adapted> {
  const schema = await view.schema();
  const {tables} = snapshot.manifest;
  const lifted = compileSteps(steps, direction, tables.map(sourceTable));
  refuseLostTables(tables, lifted, direction);
  const back = direction === 'lower' ? compileSteps(steps, 'lift', lifted) : [];
  const done = new Map<string, CapturedTable | ManifestTable>();
  const own = new Map<string, OwnColumns>();
  const here = {schema, snapshot, options: request.options};
  const sourceOf = (name: string): ManifestTable =>
    must(
      tables.find((table) => table.name === name),
      name,
    );
  const find = (name: string): {source: ManifestTable; shape: TableShape} | undefined => {
    const parent = lifted.find((table) => table.name === name);
    const source = parent && sourceOf(parent.source);
    return source && {source, shape: shapeHere(parent, source, here).shape};
  };
  for (const table of liftOrder(lifted)) {
    const source = sourceOf(table.source);
    if (!table.touched) {
      done.set(table.name, {...source, violations: violationsHere(source, table, lifted)});
      continue;
    }
    const {ours, shape} = shapeHere(table, source, here);
    checkColumns(table, ours, shape);
    const {reader} = request;
    const kept = await ownColumns(table.own, ours.foreignKeys, {view, reader, snapshot, find});
    own.set(table.name, kept);
    const adapting: Adapting = {
      view,
      snapshot,
      reader,
      source,
      table,
      back: back.find((one) => one.source === table.name),
      shape,
      own: kept,
    };
    const content = await adaptRows(adapting, (entry, bytes) => request.keep(entry.digest, bytes));
    const violations = violationsHere(source, table, lifted);
    const {counter} = source;
    const only = conditionsHere(source, table);
    const listed = only === undefined ? shape : {...shape, only};
    done.set(table.name, {shape: listed, schema: ours, content, counter, violations});
  }
  return {version, tables: done, own};
}

/** A table that the steps leave aside goes with its rows: to lower it, there must be none. */
function refuseLostTables(
  tables: readonly ManifestTable[],
  lifted: readonly LiftedTable[],
  direction: 'lift' | 'lower',
): void {
  if (direction === 'lift') return;
  const kept = new Set(lifted.map(({source}) => source));
  const lost = tables.find(({name, rows}) => !kept.has(name) && rows > 0);
  if (lost === undefined) return;
  throw upgradeFirst(`this database has no table "${lost.name}" for its rows`, lost.name);
}

/** What dangles on the primary, by the names of tables and columns here. */
function violationsHere(
  {violations}: ManifestTable,
  {names}: LiftedTable,
  lifted: readonly LiftedTable[],
): ManifestTable['violations'] {
  return violations?.flatMap((one) => {
    const columns = one.columns.flatMap((column) => names.get(column) ?? []);
    const parent = lifted.find(({source}) => source === one.parent)?.name ?? one.parent;
    return columns.length === one.columns.length ? [{...one, columns, parent}] : [];
  });
}

/** Which rows the snapshot is about, by the names of columns here. */
function conditionsHere(
  {name, where}: ManifestTable,
  {names}: LiftedTable,
): ManifestTable['where'] {
  return where?.map((condition) => {
    const column = names.get(condition.column);
    if (column !== undefined) return {...condition, column};
    throw upgradeFirst(
      `the snapshot's rows are chosen by a column that is not here`,
      name,
      condition.column,
    );
  });
}

type Here = {
  readonly schema: DatabaseSchema;
  readonly snapshot: Pick<Snapshot, 'manifest'>;
  readonly options: Pick<EngineOptions, 'keyless'>;
};

/** How this database declares and compares the table. */
export function shapeHere(
  table: LiftedTable,
  source: ManifestTable,
  {schema, snapshot, options}: Here,
): {readonly ours: TableSchema; readonly shape: TableShape} {
  const ours = schema.tables.get(table.name);
  if (ours === undefined) throw mismatch(table.name, undefined, 'this database does not have it');
  const asked = requestOf(snapshot, table.name);
  const here = followKeyless(shapeOf(source), ours, asked, options.keyless);
  if (here.wholeRows === true)
    throw mismatch(table.name, undefined, 'rows that no key identifies cannot be lifted');
  const shape = shapeTable(ours, here);
  return {ours, shape};
}

function requestOf({manifest}: Pick<Snapshot, 'manifest'>, table: string): TableRequest {
  const {application} = manifest.source;
  const requests = application === null ? [] : applicationNamed(application).tables;
  return requests.find((request) => request.table === table) ?? {table};
}

/** The snapshot with other tables, under the same position. Lists of its chunks that are too long are cut into pages, as ever. */
function assembled(
  {keep, options}: AdaptRequest,
  {ref, manifest}: Snapshot,
  {version, tables, own}: Adapted,
): Snapshot {
  const listed = [...tables.entries()]
    .toSorted(([a], [b]) => compareNames(a, b))
    .map(([, table]) => {
      if (!('content' in table)) return table;
      const {entry, pages} = listTable(table);
      for (const page of pages) keep(page.entry.digest, page.bytes);
      return entry;
    });
  options.log.debug('the snapshot was adapted to the schema here', {tables: listed.length});
  const source = {...manifest.source, version};
  const made = {...manifest, source, tables: listed, root: rootDigest(listed)};
  const adapted = adaptedManifest(made, ref.digest);
  return {ref, manifest: adapted, bytes: encodeManifest(adapted), own};
}
