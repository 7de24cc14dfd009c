/** Applies a plan so that a crash at any instant leaves a database whose rows tell what happened. */
import {applyPlan, type Applied, type ApplyRequest} from '../apply/apply-plan.ts';
import {decodeCell} from '../canonical/cell.ts';
import {isEngineError} from '../kernel/errors.ts';
import type {Plan} from '../plan/plan.ts';
import {shapeOf, type Manifest, type ManifestTable} from '../snapshot/manifest.ts';
import type {StoredConflict} from '../state/conflicts.ts';
import type {Ways} from './followed.ts';
import {encodeIntent, type Dangling, type PlanRows} from './intent.ts';
import type {Opened} from './open.ts';
import {guardSource, type GuardOptions} from './plan-replicate.ts';
import {violationsOf} from './read-source.ts';
import {groupsAfter} from './rows-now.ts';
import type {Snapshot} from './snapshot-reader.ts';

/** Intent first, then the transaction, then the record that it happened. */
export async function applyDurably(
  {database, state}: Opened,
  target: Snapshot,
  plan: Plan,
  {trimmed, domains, conflicts, ...how}: DurableOptions,
): Promise<Applied> {
  const position = {...target.ref, manifest: target.bytes, domains};
  const dangling = how.full ? await danglingNow(database, target.manifest) : [];
  const groups = await database.view((view) => groupsAfter(view, plan));
  const intent = await state.intend(
    position,
    await encodeIntent(plan, {dangling, groups, trimmed, conflicts, source: how.source}),
  );
  let applied: Applied;
  try {
    applied = await applyPlan(database, applyRequest(plan, target.manifest, how));
  } catch (error) {
    // Without an answer, the record stays: the next run finds out from the rows.
    if (!isEngineError(error, 'COMMIT_UNKNOWN')) await state.drop(intent);
    throw error;
  }
  await state.applied(intent, position, {conflicts});
  return applied;
}

export type ApplyOptions = Pick<GuardOptions, 'migrations'> & {
  /** Reads every table before COMMIT. */
  readonly full: boolean;
  readonly ways: Ways;
  /** Reads the rows of tables that the plan fills or sweeps. */
  readonly source: PlanRows;
  /** Tables' own counters, beside the snapshot's. */
  readonly counters: ReadonlyMap<string, bigint>;
};

type DurableOptions = ApplyOptions & {
  readonly trimmed: ReadonlyMap<string, number>;
  /** Which rows are followed, for the record. */
  readonly domains: string;
  /** All conflicts that there are afterwards. */
  readonly conflicts: readonly StoredConflict[];
};

/** All that `applyPlan` is told of a plan that leads to a snapshot. */
export function applyRequest(
  plan: Plan,
  manifest: Manifest,
  {full, migrations, ways, source, counters: more}: ApplyOptions,
): ApplyRequest {
  const prove = ways.exact.map((table) => ({
    shape: shapeOf(table),
    digest: table.digest,
    rows: table.rows,
  }));
  const counters = new Map<string, bigint>();
  for (const {name, counter} of manifest.tables) {
    const value = counter === undefined ? null : decodeCell(counter);
    if (typeof value === 'bigint') counters.set(name, value);
  }
  for (const [name, value] of more) counters.set(name, max(value, counters.get(name) ?? 0n));
  // Whether whole rows may be compared here was decided when the plan was made.
  const guard: ApplyRequest['guard'] = (view) =>
    guardSource(view, manifest, {keyless: 'multiset', migrations});
  return {
    plan,
    guard,
    source,
    prove: full ? prove : undefined,
    untouched: full ? ways.merged.map(({shape}) => shape) : [],
    counters,
    isCarried: carriedBy(manifest.tables),
  };
}

/** Raises tables' own counters where nothing else is to be written. */
export async function raiseCounters(
  {database}: Opened,
  {manifest}: Snapshot,
  {counters, migrations}: Pick<ApplyOptions, 'counters' | 'migrations'>,
): Promise<void> {
  if (counters.size === 0) return;
  await database.transact(async (view) => {
    await guardSource(view, manifest, {keyless: 'multiset', migrations});
    for (const [table, counter] of counters) await view.raiseCounter(table, counter);
  });
}

const max = (a: bigint, b: bigint): bigint => (a > b ? a : b);

/** An undo brings back what dangled before. Looked for where all rows are read anyway. */
async function danglingNow(
  database: Opened['database'],
  manifest: Manifest,
): Promise<readonly Dangling[]> {
  return database.view(async (view) => {
    const schema = await view.schema();
    const found: Dangling[] = [];
    for (const {name} of manifest.tables) {
      const table = schema.tables.get(name);
      const violations = table && (await violationsOf(view, schema, table));
      if (violations !== undefined) found.push({name, violations});
    }
    return found;
  });
}

/** References that dangle elsewhere too: on the primary, or here before. */
export function carriedBy(
  tables: readonly Pick<ManifestTable, 'name' | 'violations'>[],
): ApplyRequest['isCarried'] {
  return (key, encoded) =>
    tables
      .filter(({name}) => name === key.table)
      .flatMap(({violations = []}) => violations)
      .filter(
        ({columns, parent}) =>
          parent === key.parent && columns.join('\n') === key.columns.join('\n'),
      )
      .some(({values}) => values === undefined || values.includes(encoded));
}
