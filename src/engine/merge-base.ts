/** The base of a merge: the snapshot that was last merged into this database, told by its record, or by the rows themselves. */
import {isEngineError} from '../kernel/errors.ts';
import {BASE_SEARCH_MAX} from '../kernel/limits.ts';
import {comparePositions} from '../kernel/position.ts';
import type {RowFilter} from '../schema/row-filter.ts';
import {shapeOf, type ManifestTable} from '../snapshot/manifest.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {SnapshotRef} from '../store/port.ts';
import type {StoredPosition} from '../state/state.ts';
import {adapt, type AdaptRequest} from './adapt.ts';
import {decodeDomains, mutedThen, type Domains} from './base-domains.ts';
import {evidence} from './evidence.ts';
import {isToldIn, type MergedTable, type Ways} from './followed.ts';
import {likeness} from './likeness.ts';
import type {Opened} from './open.ts';
import type {Snapshot} from './snapshot-reader.ts';

/** What one table held when it was last merged. */
export type BaseTable = {
  readonly snapshot: Snapshot;
  readonly table: ManifestTable;
  /** Fetched. */
  readonly chunks: readonly ChunkEntry[];
  /** Of its rows, those that were followed then; undefined for all. */
  readonly only: readonly RowFilter[] | undefined;
  /** True where nothing but the rows told that it was this one: rows that are not here may never have been. */
  readonly isGuessed: boolean;
};

/** By table; a table that is missing was never merged, as far as can be told. */
export type Bases = ReadonlyMap<string, BaseTable>;

export type BaseRequest = AdaptRequest & {
  readonly opened: Opened;
  readonly target: Snapshot;
  readonly ways: Ways;
  readonly refs: readonly SnapshotRef[];
};

/** Finds the base of each table that needs one. */
export async function findBases(request: BaseRequest): Promise<Bases> {
  const {opened, ways, options} = request;
  const position = await opened.state.position();
  const wereMuted = mutedThen(position?.domains); // what is missing there was deleted by nobody
  const wanted = ways.merged.filter(
    ({needsBase, table}) => needsBase && !wereMuted.includes(table.name),
  );
  if (wanted.length === 0) return new Map();
  if (position !== undefined && (await isKnown(opened, position, ways))) {
    const found = await recordedBase(request, position, wanted);
    if (found !== undefined) return found;
  }
  options.log.info('what was last applied is not on record; looking for it among the snapshots');
  return searchBases(request, wanted);
}

/** A database that was put back from an older copy holds something else than what is on record. */
async function isKnown(
  {database, state}: Opened,
  position: StoredPosition,
  ways: Ways,
): Promise<boolean> {
  if (!position.isBase) return false;
  const {isRestored} = await database.view((view) =>
    evidence(view, state.undos, position, isToldIn(ways)),
  );
  return !isRestored;
}

async function recordedBase(
  request: BaseRequest,
  position: StoredPosition,
  wanted: readonly MergedTable[],
): Promise<Bases | undefined> {
  const {reader, refs, opened} = request;
  const ref = refs.find(({digest}) => digest === position.digest);
  const domains = decodeDomains(position.domains);
  try {
    const made = reader.reopen(position);
    const known = await tablesOf(request, made, wanted, domains);
    if (known !== undefined) return known;
  } catch (error) {
    if (!isEngineError(error, ...NOT_AT_HAND)) throw error;
  }
  try {
    const bytes = opened.state.objects.read(position.digest);
    const original =
      ref === undefined && bytes !== undefined
        ? reader.reopen({digest: position.digest, manifest: bytes})
        : ref && (await reader.open(ref, position));
    if (original === undefined) return undefined;
    return await tablesOf(request, await adapt(request, original), wanted, domains);
  } catch (error) {
    if (isEngineError(error, ...NOT_AT_HAND, ...UNFIT)) return undefined;
    throw error;
  }
}

const NOT_AT_HAND = [
  'SNAPSHOT_CORRUPT',
  'SNAPSHOT_INCOMPLETE',
  'SNAPSHOT_UNKNOWN',
  'STORE_FAILED',
] as const;
const UNFIT = ['UPGRADE_FIRST', 'VERSION_MISMATCH', 'SCHEMA_MISMATCH'] as const;

/** Undefined where one of the tables is compared otherwise than today, or rows of it are not at hand. */
async function tablesOf(
  {reader}: BaseRequest,
  snapshot: Snapshot,
  wanted: readonly MergedTable[],
  domains: Domains | undefined,
): Promise<Bases | undefined> {
  const bases = new Map<string, BaseTable>();
  for (const {table: target, shape} of wanted) {
    const table = snapshot.manifest.tables.find(({name}) => name === target.name);
    const only = domains?.(target.name);
    if (table === undefined || only === 'off') continue; // it was not followed
    if (JSON.stringify(shapeOf(table)) !== JSON.stringify(shape)) return undefined;
    const chunks = await reader.chunks(snapshot, table);
    const missing = chunks.filter(({digest}) => !reader.isWhole(digest));
    if (missing.length > 0 && snapshot.ref.storeId === '') return undefined;
    await reader.fetch(
      snapshot,
      missing.map(({digest}) => digest),
    );
    bases.set(target.name, {snapshot, table, chunks, only, isGuessed: domains === undefined});
  }
  return bases;
}

/**
 * Looks for what the rows say was last applied: for each table the snapshot from which the live rows differ least. Of several, the
 * oldest: what the primary changed since is then never taken for a local edit.
 */
async function searchBases(request: BaseRequest, wanted: readonly MergedTable[]): Promise<Bases> {
  const {opened, reader, refs, target, options} = request;
  const all = refs
    .filter(({lineage}) => lineage === target.ref.lineage)
    .filter((ref) => comparePositions(ref, target.ref) <= 0)
    .sort((a, b) => comparePositions(b, a));
  const candidates = all.slice(0, BASE_SEARCH_MAX);
  const best = new Map<string, {readonly differing: number; readonly base: BaseTable}>();
  const live = await opened.database.view((view) => likeness(view, wanted));
  for (const [at, ref] of candidates.entries()) {
    options.progress('looking for what was last applied', at, candidates.length);
    const bases = await candidate(request, ref, wanted);
    for (const [name, base] of bases ?? []) {
      const differing = live(name, base, reader);
      const known = best.get(name);
      if (differing !== undefined && (known === undefined || differing <= known.differing))
        best.set(name, {differing, base});
    }
    const isFound = wanted.every(({table}) => best.get(table.name)?.differing === 0);
    if (isFound) break;
  }
  const oldest = all.length > candidates.length ? candidates.at(-1)?.digest : undefined;
  const unsure = [...best].filter(
    ([, {differing, base}]) => differing > 0 && base.snapshot.ref.digest === oldest,
  );
  if (unsure.length > 0)
    options.log.warn(
      'what was last applied may be older than the snapshots looked at: rows that the primary changed before them count as local edits',
      {tables: unsure.map(([name]) => name).join(), snapshots: candidates.length},
    );
  return new Map([...best].map(([name, {base}]) => [name, base]));
}

async function candidate(
  request: BaseRequest,
  ref: SnapshotRef,
  wanted: readonly MergedTable[],
): Promise<Bases | undefined> {
  try {
    const snapshot = await adapt(request, await request.reader.open(ref));
    return await tablesOf(request, snapshot, wanted, undefined);
  } catch (error) {
    if (isEngineError(error, ...NOT_AT_HAND, ...UNFIT)) return undefined;
    throw error;
  }
}
