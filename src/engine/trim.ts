/**
 * Large histories go before the plan does: the rows that refer to what the plan deletes, in short
 * transactions of their own, between which the application gets the lock.
 */
import {setTimeout as pause} from 'node:timers/promises';
import {checkPreconditions} from '../apply/apply-plan.ts';
import type {View} from '../database/port.ts';
import {counted} from '../kernel/counted.ts';
import {EngineError} from '../kernel/errors.ts';
import {TRIM_BATCH_ROWS, TRIM_PARENTS, TRIM_PAUSE_MS, TRIM_ROWS_MIN} from '../kernel/limits.ts';
import type {RowSet} from '../kernel/statement.ts';
import {cascadeSteps} from '../plan/lock-time.ts';
import {lostKeys} from '../plan/lost-keys.ts';
import type {CascadeStep, Plan, RowStep} from '../plan/plan.ts';
import {encodeReference, type Tables} from '../plan/references.ts';
import type {ApplyOptions} from './apply-snapshot.ts';
import type {HeldLocks} from './held-locks.ts';
import type {Opened} from './open.ts';
import type {EngineOptions} from './options.ts';
import {guardSource} from './plan-replicate.ts';
import {rehearse} from './rehearse.ts';
import type {Snapshot} from './snapshot-reader.ts';

/** One table to trim. */
export type Trim = {
  readonly table: string;
  /** Rows that the plan counted. */
  readonly rows: number;
  readonly parts: readonly TrimPart[];
};

/** Dependents of a few rows, and the steps that delete those. */
type TrimPart = {readonly among: RowSet; readonly parents: readonly RowStep[]};

/**
 * Tables with so many dependents that they go first. Only where the plan does nothing but delete them, because it deletes replicated
 * rows itself; where an index finds them, so that short stays short; and where nothing follows from them in turn.
 */
export async function findTrims(view: View, plan: Plan): Promise<readonly Trim[]> {
  const {tables} = await view.schema();
  const trims: Trim[] = [];
  for (const [table, steps] of Map.groupBy(cascadeSteps(plan), ({key}) => key.table)) {
    const rows = steps.reduce((sum, step) => sum + step.rows, 0);
    if (rows < TRIM_ROWS_MIN || plan.tables.has(table) || !isLeaf(tables, table)) continue;
    const parts = partsOf(tables, plan, steps);
    if (parts !== undefined && (await allDivisible(view, parts))) trims.push({table, rows, parts});
  }
  return trims;
}

async function allDivisible(view: View, parts: readonly TrimPart[]): Promise<boolean> {
  for (const {among} of parts) if (!(await view.mayDeleteSome(among))) return false;
  return true;
}

/** Deleting its rows means nothing to any other. */
function isLeaf(tables: Tables, name: string): boolean {
  const referred = [...tables.values()].some(({foreignKeys}) =>
    foreignKeys.some(({parent}) => parent === name),
  );
  return !referred && tables.get(name)?.triggers.length === 0;
}

/** The steps in parts of a few rows referred to; undefined where one follows from anything but deleted rows of the plan. */
function partsOf(
  tables: Tables,
  plan: Plan,
  steps: readonly CascadeStep[],
): readonly TrimPart[] | undefined {
  const parts = [...Map.groupBy(steps, (step) => step.key)].flatMap(([key, same]) => {
    const deleted = deletedBy(tables, plan, key);
    return same.flatMap(({statement}) =>
      inParts(statement.among).map((among) => ({
        among,
        parents: among.values.flatMap(
          (cells) => deleted.get(encodeReference(tables, key, cells)) ?? [],
        ),
      })),
    );
  });
  const known = parts.every(({among, parents}) => parents.length === among.values.length);
  return known && steps.every(({statement}) => statement.op === 'deleteSet') ? parts : undefined;
}

function inParts(among: RowSet): readonly RowSet[] {
  const count = Math.ceil(among.values.length / TRIM_PARENTS);
  return Array.from({length: count}, (_, at) => ({
    ...among,
    values: among.values.slice(at * TRIM_PARENTS, (at + 1) * TRIM_PARENTS),
  }));
}

/** Steps that delete a row referred to, by the values that are lost with it. */
function deletedBy(
  tables: Tables,
  plan: Plan,
  key: CascadeStep['key'],
): ReadonlyMap<string, RowStep> {
  const name = JSON.stringify(key);
  const steps = new Map<string, RowStep>();
  for (const step of plan.deletes) {
    if (step.shape.table !== key.parent) continue;
    for (const lost of lostKeys(tables, step.shape, [step.change])) {
      if (JSON.stringify(lost.key) !== name) continue;
      steps.set(encodeReference(tables, key, lost.values), step);
    }
  }
  return steps;
}

type Trimming = {
  readonly opened: Opened;
  readonly target: Snapshot;
  readonly held: HeldLocks;
  readonly options: Pick<EngineOptions, 'signal' | 'progress' | 'migrations'>;
  readonly how: ApplyOptions;
};

/**
 * Trims, once all that could stop the plan afterwards has been tried: what is trimmed does not come back.
 *
 * @throws {EngineError} What the plan itself would throw; `PLAN_STALE`, `INTERRUPTED` while trimming.
 */
export async function trimFirst(
  trimming: Trimming,
  {plan, trims}: {readonly plan: Plan; readonly trims: readonly Trim[]},
): Promise<void> {
  const {opened, target, how} = trimming;
  const without = new Set(trims.map(({table}) => table));
  await rehearse(opened.database, target, {plan, without, ...how});
  await trim(trimming, trims);
}

/**
 * Deletes the dependents, a bounded number a transaction. Each looks again, under its own lock, at the rows
 * referred to: they must be as the plan found them when it decided that they go. Rows that come meanwhile may stay for the plan.
 *
 * @throws {EngineError} `PLAN_STALE` where such a row changed; what the guard throws; `INTERRUPTED`.
 */
async function trim(trimming: Trimming, trims: readonly Trim[]): Promise<void> {
  for (const each of trims) {
    let done = 0;
    for (const part of each.parts) {
      let deleted = TRIM_BATCH_ROWS;
      while (deleted === TRIM_BATCH_ROWS && done < each.rows) {
        stopIfAsked(trimming, each.table);
        deleted = await trimSome(trimming, part);
        done += deleted;
        note(trimming, each, deleted, done);
        await pause(Math.max(TRIM_PAUSE_MS, trimming.held.heldMs.at(-1) ?? 0));
      }
    }
  }
}

async function trimSome({opened, target, options}: Trimming, part: TrimPart): Promise<number> {
  const {among, parents} = part;
  return opened.database.transact(async (view) => {
    await guardSource(view, target.manifest, {
      keyless: 'multiset',
      migrations: options.migrations,
    });
    const {tables} = await view.schema();
    if (!isLeaf(tables, among.table)) throw otherSchema(among.table);
    await checkPreconditions(view, parents);
    return view.deleteSome(among, TRIM_BATCH_ROWS);
  });
}

function note({held, options}: Trimming, {table, rows}: Trim, deleted: number, done: number): void {
  held.trimmed.set(table, (held.trimmed.get(table) ?? 0) + deleted);
  options.progress(`trimming ${table}`, done, Math.max(rows, done));
}

function stopIfAsked({options, held}: Trimming, table: string): void {
  if (options.signal?.aborted !== true) return;
  const done = counted(held.trimmed.get(table) ?? 0, 'row');
  throw new EngineError(
    'INTERRUPTED',
    `interrupted while trimming table "${table}": ${done} deleted`,
    {
      site: {table},
      hint: 'Run replicate again: it goes on.',
    },
  );
}

function otherSchema(table: string): EngineError {
  return new EngineError(
    'PLAN_STALE',
    `cannot trim table "${table}": a reference to it or a trigger was added after the plan was made`,
    {site: {table}, hint: 'Run replicate again: it plans afresh.', retryable: true},
  );
}
