/** Which tables of a snapshot are followed here, and in which way. */
import {must} from '../kernel/assert.ts';
import {needsBase, rulesOf, type EffectivePolicy} from '../merge/policy.ts';
import type {MergeRules} from '../merge/rules.ts';
import {referencesTo, type Tables} from '../plan/references.ts';
import {applicationNamed} from '../profiles/find-profile.ts';
import type {Profile, RowKinds} from '../profiles/profile.ts';
import type {RowFilter} from '../schema/row-filter.ts';
import type {ForeignKey, TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {shapeOf, type Manifest, type ManifestTable} from '../snapshot/manifest.ts';
import {emptied, keptEmpty, mutedTables} from './muted.ts';
import {policiesOf, rowsAsked, type Policies, type PolicyOptions} from './policies.ts';
import {tableNotFound} from './read-tables.ts';
import type {Snapshot} from './snapshot-reader.ts';

/** The profile of a snapshot's application. */
function profileOf({source}: Pick<Manifest, 'source'>): Profile | undefined {
  return source.application === null ? undefined : applicationNamed(source.application);
}

/** Tables of which a handful of rows goes as a whole on any day. */
export function mayBecomeEmpty(manifest: Pick<Manifest, 'source'>): ReadonlySet<string> {
  const tables = profileOf(manifest)?.tables ?? [];
  return new Set(tables.flatMap(({table, mayEmpty}) => (mayEmpty === true ? [table] : [])));
}

/** The policies of a snapshot's tables. @throws {EngineError} `CONFIG_INVALID`. */
export function policiesFor(
  manifest: Pick<Manifest, 'source' | 'tables'>,
  options: PolicyOptions,
): Policies {
  const policies = policiesOf(profileOf(manifest), {...options, tables: undefined});
  const muted = mutedIn(manifest, options);
  return (table) => (muted.has(table) ? keptEmpty(table, policies(table)) : policies(table));
}

function mutedIn(
  manifest: Pick<Manifest, 'source' | 'tables'>,
  {muted}: PolicyOptions,
): ReadonlySet<string> {
  return mutedTables(profileOf(manifest), manifest, muted);
}

/**
 * The snapshot without the tables that are off here, and without rows in those that are kept empty; its bytes and its digest stay what
 * they are. A table that the primary captured although the profile leaves it off by itself is followed.
 */
export function followed(snapshot: Snapshot, options: PolicyOptions): Snapshot {
  return {...snapshot, manifest: followedManifest(snapshot.manifest, options)};
}

export function followedManifest(manifest: Manifest, options: PolicyOptions): Manifest {
  const policies = policiesFor(manifest, options);
  const muted = mutedIn(manifest, options);
  const tables = manifest.tables.filter(
    ({name}) => policies(name).policy !== 'off' || isOffByProfileAlone(manifest, name, options),
  );
  if (muted.size === 0 && tables.length === manifest.tables.length) return manifest;
  return {...manifest, tables: tables.map((one) => (muted.has(one.name) ? emptied(one) : one))};
}

function isOffByProfileAlone(manifest: Manifest, name: string, options: PolicyOptions): boolean {
  if (options.preset !== undefined || options.policies?.get(name)?.policy !== undefined)
    return false;
  const known = profileOf(manifest)?.tables.find(({table}) => table === name);
  return known?.defaults?.policy === 'off';
}

/** A table whose rows are not simply those of the snapshot. */
export type MergedTable = {
  readonly table: ManifestTable;
  /** All rows of the live table, also those that are left alone. */
  readonly shape: TableShape;
  readonly policy: EffectivePolicy;
  readonly rules: MergeRules;
  /** Conditions of the replica and of the primary on rows that are replicated. */
  readonly filters: readonly RowFilter[];
  readonly needsBase: boolean;
  /** What the profile knows of single rows. */
  readonly rows: RowKinds | undefined;
};

export type Ways = {
  /** Tables that shall equal the snapshot's. */
  readonly exact: readonly ManifestTable[];
  readonly merged: readonly MergedTable[];
  /** Tables that wait for a new snapshot. */
  readonly resting: readonly ManifestTable[];
  /** Names of tables in which local edits stay, be it until there is a new snapshot. */
  readonly edited: ReadonlySet<string>;
  /** Names of tables that are kept empty, so that the application alerts nobody. */
  readonly muted: ReadonlySet<string>;
};

/** True for tables whose rows tell where a database stands: in the others, local edits stay. */
export function isToldIn({edited}: Ways): (table: string) => boolean {
  return (table) => !edited.has(table);
}

export type WaysRequest = {
  readonly schema: Tables;
  /** What is followed. */
  readonly snapshot: Pick<Snapshot, 'manifest' | 'own'>;
  readonly options: PolicyOptions & {readonly repair?: boolean | undefined};
  /** True where the database stands on this very snapshot already. */
  readonly isOnRecord: boolean;
  /** Tables that were empty until now because alerts were muted: what is missing there is no local edit. */
  readonly wereMuted?: readonly string[] | undefined;
};

/** Sorts the tables of a snapshot by what their policies make of them. @throws {EngineError} `CONFIG_INVALID`. */
export function waysOf(request: WaysRequest): Ways {
  const {schema, snapshot, options, isOnRecord, wereMuted = []} = request;
  const {tables} = snapshot.manifest;
  checkSpoken(snapshot.manifest, options, schema);
  const policies = policiesFor(snapshot.manifest, options);
  const conditions = new Map(
    tables.map((table) => {
      const own = rowsAskedHere(policies(table.name), table, schema.get(table.name));
      return [table.name, [...own, ...(table.where ?? [])]] as const;
    }),
  );
  const rules = new Map(
    tables.map(({name}) => {
      const own = [...(snapshot.own?.get(name)?.keys() ?? [])];
      return [name, rulesOf(policies(name), own)] as const;
    }),
  );
  const isResting = (name: string): boolean =>
    isOnRecord && options.repair !== true && !wereMuted.includes(name) && isAtRest(policies(name));
  const open = openTables(
    schema,
    [...rules.keys()],
    (name) =>
      isResting(name) ||
      (conditions.get(name) ?? []).length > 0 ||
      rules.get(name)?.rows !== 'theirs',
  );
  const known = profileOf(snapshot.manifest)?.tables ?? [];
  const kinds = new Map(known.map(({table, rows}) => [table, rows]));
  const [exact, merged, resting]: [ManifestTable[], MergedTable[], ManifestTable[]] = [[], [], []];
  for (const table of tables) {
    const policy = policies(table.name);
    const rule = must(rules.get(table.name), table.name);
    if (isResting(table.name)) resting.push(table);
    else if (!open.has(table.name) && isCopy(rule, policy)) exact.push(table);
    else {
      const filters = conditions.get(table.name) ?? [];
      merged.push(mergedTable(table, {policy, rules: rule, filters, rows: kinds.get(table.name)}));
    }
  }
  const atRest = tables.filter(({name}) => isAtRest(policies(name)));
  const edited = new Set([...merged.map(({table}) => table), ...atRest].map(({name}) => name));
  const muted = mutedIn(snapshot.manifest, options);
  return {exact, merged, resting, edited, muted};
}

/** A table that neither this database nor the profile has is a slip of the pen. @throws {EngineError} `TABLE_NOT_FOUND`. */
function checkSpoken(manifest: Manifest, {policies}: PolicyOptions, schema: Tables): void {
  const ofProfile = (profileOf(manifest)?.tables ?? []).map(({table}) => table);
  const known = new Set([...schema.keys(), ...ofProfile]);
  const slip = [...(policies?.keys() ?? [])].find((table) => !known.has(table));
  if (slip !== undefined) throw tableNotFound(slip, [...schema.keys()]);
}

function mergedTable(
  table: ManifestTable,
  {policy, rules, filters, rows}: Pick<MergedTable, 'policy' | 'rules' | 'filters' | 'rows'>,
): MergedTable {
  // What is left alone is told from what the primary never had by what was last applied.
  const hasBase = needsBase(policy) || filters.length > 0;
  return {table, shape: shapeOf(table), policy, rules, filters, needsBase: hasBase, rows};
}

/** A table that this database lacks is for the guard to refuse. */
function rowsAskedHere(
  policy: EffectivePolicy,
  {key}: ManifestTable,
  table: TableSchema | undefined,
): readonly RowFilter[] {
  return table === undefined ? [] : rowsAsked(policy, table, key.columns);
}

/** Only a new snapshot overwrites local edits. */
function isAtRest({policy, drift}: EffectivePolicy): boolean {
  return policy !== 'merge' && drift === 'report';
}

/** True where local edits stay in some table until there is a new snapshot. */
export function leavesEdits(manifest: Manifest, options: PolicyOptions): boolean {
  const policies = policiesFor(manifest, options);
  return manifest.tables.some(({name}) => isAtRest(policies(name)));
}

/** Columns that only this database has are filled in already where a snapshot was adapted. */
function isCopy({rows, cells}: MergeRules, {local}: EffectivePolicy): boolean {
  return rows === 'theirs' && cells === 'theirs' && local.length === 0;
}

/** Tables that may hold other rows than the snapshot, by themselves or because their rows belong to such rows. */
function openTables(
  schema: Tables,
  names: readonly string[],
  isOpen: (name: string) => boolean,
): ReadonlySet<string> {
  const open = new Set(names.filter(isOpen));
  for (const parent of open) {
    for (const key of referencesTo(schema, parent))
      if (belongs(key) && names.includes(key.table)) open.add(key.table);
  }
  return open;
}

/** True where rows belong to those they refer to: they go with them. */
export function belongs({onDelete}: ForeignKey): boolean {
  return onDelete === 'CASCADE';
}
