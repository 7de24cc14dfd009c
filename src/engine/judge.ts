/** What would come of a snapshot in a database, and all that stands in the way. Nothing is written. */
import type {Chain} from '../compat/chain.ts';
import {compileSteps} from '../compat/lift.ts';
import type {LiftedTable} from '../compat/table-draft.ts';
import {EngineError, isEngineError} from '../kernel/errors.ts';
import type {View} from '../database/port.ts';
import {schemaDifferences, type SchemaDifference} from '../schema/differences.ts';
import type {DatabaseSchema, TableSchema} from '../schema/table-schema.ts';
import type {Manifest} from '../snapshot/manifest.ts';
import {adapt, chainHere, shapeHere, sourceTable, type AdaptRequest} from './adapt.ts';
import {columnFaults} from './adapted-columns.ts';
import {manifestDifferences} from './manifest-differences.ts';
import type {EngineOptions} from './options.ts';
import {guardSource} from './plan-replicate.ts';
import type {Snapshot} from './snapshot-reader.ts';

/** `held`: it waits for this database to be upgraded. `refused`: no reviewed steps lead here. */
export type Verdict = 'identical' | 'compatible' | 'held' | 'refused';

export type Judgement = {
  readonly verdict: Verdict;
  readonly migrations: {
    readonly missingHere: readonly string[];
    readonly missingThere: readonly string[];
  };
  /** Compat steps that rows go through. */
  readonly steps: readonly string[];
  /** What is declared otherwise, of tables that both have; `here` is this database. */
  readonly differences: readonly SchemaDifference[];
  readonly blocking: readonly Blocking[];
};

/** What stands in the way: a migration, a table, or a column of it. */
export type Blocking = {
  readonly migration: string | null;
  readonly table: string | null;
  readonly column: string | null;
  readonly why: string;
};

/**
 * @param there How the other database declares its tables; a manifest knows less.
 * @throws {EngineError} what has nothing to do with schemas: a damaged snapshot, a database that is busy.
 */
export async function judge(
  request: AdaptRequest,
  snapshot: Snapshot,
  there?: ReadonlyMap<string, TableSchema>,
): Promise<Judgement> {
  const {database, options} = request;
  const known = await database.view(async (view) => {
    const {chain, ours} = await chainHere(view, snapshot.manifest, options);
    const {tables: here} = await view.schema();
    const faults = await declaredFaults(view, snapshot, {chain, ours, options});
    return {chain, ours, differences: differencesOf(snapshot.manifest, here, there), faults};
  });
  const {chain, ours, differences, faults} = known;
  const theirs = snapshot.manifest.source.version;
  const tried = await attempt(request, snapshot);
  return {
    verdict: tried === undefined ? fittingVerdict(chain) : tried.verdict,
    migrations: {
      missingHere: theirs.filter((name) => !ours.includes(name)),
      missingThere: ours.filter((name) => !theirs.includes(name)),
    },
    steps: chain.kind === 'lift' || chain.kind === 'lower' ? chain.steps.map(({name}) => name) : [],
    differences,
    blocking: tried === undefined ? [] : blockingOf(chain, faults, tried.blocking),
  };
}

function fittingVerdict({kind}: Chain): Verdict {
  return kind === 'identical' ? 'identical' : 'compatible';
}

/** What adapting and guarding it ends with; undefined where it fits. */
async function attempt(
  request: AdaptRequest,
  snapshot: Snapshot,
): Promise<{readonly verdict: Verdict; readonly blocking: Blocking} | undefined> {
  const {database, options} = request;
  try {
    const {manifest} = await adapt(request, snapshot);
    await database.view((view) => guardSource(view, manifest, options));
    return undefined;
  } catch (error) {
    if (!isEngineError(error, ...ABOUT_SCHEMAS)) throw error;
    const verdict = isEngineError(error, 'UPGRADE_FIRST') ? 'held' : 'refused';
    return {verdict, blocking: blockingError(error)};
  }
}

const ABOUT_SCHEMAS = [
  'UPGRADE_FIRST',
  'VERSION_MISMATCH',
  'SCHEMA_MISMATCH',
  'NO_KEY',
  'KEY_UNUSABLE',
  'VALUE_UNSUPPORTED',
] as const;

function blockingError({message, site}: EngineError): Blocking {
  return {
    migration: null,
    table: site.table ?? null,
    column: site.column ?? null,
    why: message.replace(
      /^(?:the snapshot cannot be applied|the snapshot is newer than this database): /,
      '',
    ),
  };
}

/** The first error says one of them; it is told only where it is about something else. */
function blockingOf(
  chain: Chain,
  faults: readonly Blocking[],
  first: Blocking,
): readonly Blocking[] {
  if (chain.kind === 'held' || chain.kind === 'refused')
    return chain.migrations.map((migration) => ({
      migration,
      table: null,
      column: null,
      why: chain.why,
    }));
  const isAmong = faults.some(
    ({table, column}) => table === first.table && column === first.column,
  );
  return isAmong ? faults : [first, ...faults];
}

type Known = {
  readonly chain: Chain;
  readonly ours: readonly string[];
  readonly options: EngineOptions;
};

/** All that is declared otherwise than steps, or a snapshot of the same version, say. */
async function declaredFaults(
  view: View,
  {manifest}: Snapshot,
  {chain, ours, options}: Known,
): Promise<readonly Blocking[]> {
  if (chain.kind === 'identical') return guardFaults(view, manifest, options);
  if (chain.kind !== 'lift' && chain.kind !== 'lower') return [];
  const schema = await view.schema();
  try {
    const lifted = compileSteps(chain.steps, chain.kind, manifest.tables.map(sourceTable));
    const touched = lifted.filter((table) => table.touched);
    const others = manifest.tables.filter(({name}) =>
      lifted.some((table) => table.source === name && !table.touched),
    );
    const source = {...manifest.source, version: ours};
    const untouched = await guardFaults(view, {...manifest, source, tables: others}, options);
    const covered = touched.flatMap((table) => steppedFaults(table, {schema, manifest, options}));
    return [...covered, ...untouched];
  } catch (error) {
    if (isEngineError(error, ...ABOUT_SCHEMAS)) return []; // trying it says the same
    throw error;
  }
}

type Here = {
  readonly schema: DatabaseSchema;
  readonly manifest: Manifest;
  readonly options: EngineOptions;
};

function steppedFaults(table: LiftedTable, {schema, manifest, options}: Here): readonly Blocking[] {
  const source = manifest.tables.find(({name}) => name === table.source);
  if (source === undefined || !schema.tables.has(table.name)) return [];
  const {ours, shape} = shapeHere(table, source, {schema, snapshot: {manifest}, options});
  return [...columnFaults(table, ours, shape)].map(({column = null, why}) => ({
    migration: null,
    table: table.name,
    column,
    why,
  }));
}

/** The guard stops at the first; here each table has its say. */
async function guardFaults(
  view: View,
  manifest: Manifest,
  options: EngineOptions,
): Promise<readonly Blocking[]> {
  const found: Blocking[] = [];
  for (const table of manifest.tables) {
    try {
      await guardSource(view, {...manifest, tables: [table]}, options);
    } catch (error) {
      if (!isEngineError(error, 'SCHEMA_MISMATCH', 'NO_KEY', 'KEY_UNUSABLE')) return found;
      if (error.site.table !== undefined) found.push(blockingError(error));
    }
  }
  return found;
}

function differencesOf(
  {tables}: Manifest,
  here: ReadonlyMap<string, TableSchema>,
  there: ReadonlyMap<string, TableSchema> | undefined,
): readonly SchemaDifference[] {
  return tables.flatMap((table) => {
    const ours = here.get(table.name);
    const theirs = there?.get(table.name);
    if (ours === undefined) return [];
    return theirs === undefined
      ? manifestDifferences(ours, table)
      : schemaDifferences(ours, theirs);
  });
}
