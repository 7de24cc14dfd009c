/**
 * One transaction: look again, write, look at the references, read back, prove, commit.
 *
 * Everything that was assumed when the plan was made is checked under the write lock before, and
 * everything that was wanted is read back after. What does not hold rolls all of it back.
 */
import type {Database, View, WriteView} from '../database/port.ts';
import {encodeKey} from '../canonical/key.ts';
import {must} from '../kernel/assert.ts';
import {EngineError, isEngineError} from '../kernel/errors.ts';
import type {Cell, CanonicalRow} from '../kernel/row.ts';
import type {RowAddress, StatementResult} from '../kernel/statement.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {readContent} from '../snapshot/chunk.ts';
import {rowSteps, type ParkStep, type Plan, type RowStep} from '../plan/plan.ts';
import {keyMatches} from '../plan/rows.ts';
import {checkUntouched, contentSums} from './untouched.ts';
import {
  checkBeside,
  checkReferences,
  danglingBeside,
  staleCascade,
  type IsCarried,
} from './check-references.ts';

export type ApplyRequest = {
  readonly plan: Plan;
  /** Looks once more at what must hold of the database as a whole, such as its version; throws where it does not. */
  readonly guard: (view: View) => Promise<void>;
  /** What every table must hold in the end, to be digested under the lock; undefined proves touched rows only. */
  readonly prove?:
    | readonly {readonly shape: TableShape; readonly digest: string; readonly rows: number}[]
    | undefined;
  /** Tables that are read whole before and after: of their rows, only those that the plan names may change. */
  readonly untouched?: readonly TableShape[] | undefined;
  /** Tables' own counters are raised to at least these. */
  readonly counters: ReadonlyMap<string, bigint>;
  readonly isCarried: IsCarried;
};

export type Applied = {
  /** Rows changed by cascades, by table. */
  readonly cascades: ReadonlyMap<string, number>;
  readonly proof: 'full' | 'touched';
};

/**
 * Applies a plan, or changes nothing.
 *
 * @throws {EngineError} `PLAN_STALE` where a row is not as planned; `CONSTRAINT`, `FOREIGN_KEY` where
 * the database forbids the result; `PROOF_FAILED` where it is not what was wanted.
 */
export async function applyPlan(database: Database, request: ApplyRequest): Promise<Applied> {
  return database.transact(async (view) => {
    const {plan} = request;
    await request.guard(view);
    await checkPreconditions(view, rowSteps(plan));
    for (const {key, among} of plan.strangers) {
      if ((await view.countSet(among)) > 0) throw staleCascade(key);
    }
    const beside = await danglingBeside(view, plan);
    const {untouched = []} = request;
    const sums = await contentSums(view, untouched);
    const cascades = new Map<string, number>();
    await runCascades(view, plan.before, cascades);
    await runRows(view, plan.deletes);
    for (const step of plan.parks) await park(view, step);
    const inserted = await runRows(view, plan.writes);
    await runCascades(view, plan.after, cascades);
    await checkReferences(view, plan, request.isCarried);
    await checkBeside(view, plan, beside);
    await readBack(view, rowSteps(plan), inserted);
    await checkUntouched(view, untouched, sums, rowSteps(plan));
    for (const {shape, digest, rows} of request.prove ?? [])
      await proveTable(view, shape, digest, rows);
    for (const [table, counter] of request.counters) await view.raiseCounter(table, counter);
    return {cascades, proof: request.prove === undefined ? 'touched' : 'full'};
  });
}

/** @throws {EngineError} `PLAN_STALE` naming the first row that is not as the plan found it. */
export async function checkPreconditions(
  view: WriteView,
  steps: readonly RowStep[],
): Promise<void> {
  await checkGroups(view, steps);
  for (const {change, shape, address} of steps) {
    if (address === undefined) continue;
    const now = await view.rowAt(shape, address);
    const before = change.op === 'insert' ? undefined : change.before.text;
    if (now?.text !== before) throw stale(shape, change.key);
  }
}

/** Rows added to a group of equal ones are numbered on from those there: the lowest number tells how many. */
async function checkGroups(view: WriteView, steps: readonly RowStep[]): Promise<void> {
  const lowest = new Map<string, RowStep>();
  for (const step of steps) {
    if (step.expected === undefined) continue;
    const group = `${step.shape.table}\n${step.change.key.slice(0, step.change.key.lastIndexOf(','))}`;
    const known = lowest.get(group)?.expected?.rows ?? Infinity;
    if (step.expected.rows < known) lowest.set(group, step);
  }
  for (const {expected, shape, change} of lowest.values()) {
    const {where, rows} = must(expected, 'only such steps are kept');
    if ((await view.count(shape.table, where)) !== rows) throw stale(shape, change.key);
  }
}

async function runCascades(
  view: WriteView,
  steps: Plan['before'],
  counts: Map<string, number>,
): Promise<void> {
  for (const {key, statement, rows} of steps) {
    const changed = await view.runSet(statement);
    if (changed !== rows) throw staleCascade(key);
    counts.set(key.table, (counts.get(key.table) ?? 0) + changed);
  }
}

/** Runs the row statements and returns where rows went whose id the database chose. */
async function runRows(
  view: WriteView,
  steps: readonly RowStep[],
): Promise<ReadonlyMap<RowStep, RowAddress>> {
  const addresses = new Map<RowStep, RowAddress>();
  for (const step of steps) {
    const {changed, returned} = await runOne(view, step);
    if (changed !== 1) throw ignored(step);
    if (step.statement.op === 'insert' && step.statement.returning !== undefined) {
      addresses.set(step, addressFrom(step.statement.returning, returned));
    }
  }
  return addresses;
}

/** Names the row that a constraint forbids. */
async function runOne(
  view: WriteView,
  {statement, shape, change}: RowStep,
): Promise<StatementResult> {
  try {
    return await view.run(statement);
  } catch (cause) {
    if (!isEngineError(cause, 'CONSTRAINT')) throw cause;
    const {site, hint} = cause;
    const key = keyLabel(shape, change.key);
    const message = `cannot ${statement.op} ${shape.table}[${key}]: ${site.constraint ?? 'a constraint'} forbids it`;
    throw new EngineError('CONSTRAINT', message, {site: {...site, key}, hint, cause});
  }
}

/** The value was free when the plan was made; if it is not, the application took it meanwhile. */
async function park(view: WriteView, {shape, statement}: ParkStep): Promise<void> {
  try {
    const {changed} = await view.run(statement);
    if (changed !== 1) throw ignored({shape, statement});
  } catch (cause) {
    const taken = isEngineError(cause, 'CONSTRAINT') && cause.site.constraint?.startsWith('UNIQUE');
    throw taken === true ? takenMeanwhile(shape, cause) : cause;
  }
}

function takenMeanwhile({table}: TableShape, cause: unknown): EngineError {
  return new EngineError(
    'PLAN_STALE',
    `cannot apply table "${table}": a row cannot give up its unique value as planned`,
    {
      site: {table},
      hint: 'Run replicate again: it plans afresh.',
      retryable: true,
      cause,
    },
  );
}

/** The row was as planned a moment ago, under the same lock: only a trigger can keep it from being written. */
function ignored({shape, statement}: ParkStep): EngineError {
  return new EngineError(
    'TRIGGER',
    `cannot ${statement.op} a row of table "${shape.table}": a trigger of this database prevents it`,
    {
      site: {table: shape.table},
      hint: 'Remove the trigger on this instance, or leave the table out; nothing was changed.',
    },
  );
}

function addressFrom(columns: readonly string[], cells: readonly Cell[]): RowAddress {
  return columns.map((column, at) => ({column, is: cells[at] ?? null}));
}

async function readBack(
  view: WriteView,
  steps: readonly RowStep[],
  inserted: ReadonlyMap<RowStep, RowAddress>,
): Promise<void> {
  const taken = new Set([...inserted].map(([step, address]) => placeOf(step.shape, address)));
  for (const step of steps) {
    const {change, shape} = step;
    if (change.op === 'delete' && taken.has(placeOf(shape, step.address ?? []))) continue;
    const wanted = change.op === 'delete' ? undefined : change.after;
    const address = inserted.get(step) ?? addressAfter(step, wanted);
    const now = await view.rowAt(shape, address);
    if (now?.text === wanted?.text) continue;
    const label = keyLabel(shape, change.key);
    throw new EngineError(
      'PROOF_FAILED',
      `cannot apply ${shape.table}[${label}]: after writing it, the row is not what was written${differing(shape, now, wanted)}`,
      {
        site: {table: shape.table, key: label},
        hint: 'A trigger or a conversion of this database changes the value; nothing was changed.',
      },
    );
  }
}

/** An id that a delete set free may have been given to an inserted row, which is read back as such. */
function placeOf({table}: TableShape, address: RowAddress): string {
  return `${table}\n${encodeKey(
    address.map(({is}) => is),
    address.map(() => 'binary'),
  )}`;
}

/** A respelled key is found under its new spelling. */
function addressAfter({shape, address}: RowStep, after: CanonicalRow | undefined): RowAddress {
  if (after !== undefined && shape.keyKind === 'primary') return keyMatches(shape, after);
  return must(address, 'rows without address were inserted');
}

function differing(
  shape: TableShape,
  now: CanonicalRow | undefined,
  wanted: CanonicalRow | undefined,
): string {
  if (now === undefined || wanted === undefined) return '';
  const at = shape.columns.findIndex(
    (_, column) => JSON.stringify(now.cells[column]) !== JSON.stringify(wanted.cells[column]),
  );
  return at < 0 ? '' : ` (column "${shape.columns[at]?.name}")`;
}

async function proveTable(
  view: WriteView,
  shape: TableShape,
  digest: string,
  rows: number,
): Promise<void> {
  const content = await readContent(shape, view.rows(shape));
  if (content.digest === digest) return;
  const counts = content.rows === rows ? '' : ` (${content.rows} rows instead of ${rows})`;
  throw new EngineError(
    'PROOF_FAILED',
    `table "${shape.table}" would not equal the snapshot${counts}`,
    {
      site: {table: shape.table},
      hint: 'A row changed meanwhile or a trigger interfered; nothing was changed.',
      retryable: true,
    },
  );
}

function stale(shape: TableShape, key: string): EngineError {
  const label = keyLabel(shape, key);
  return new EngineError(
    'PLAN_STALE',
    `cannot apply ${shape.table}[${label}]: the row changed after the plan was made`,
    {
      site: {table: shape.table, key: label},
      hint: 'Run replicate again: it plans afresh.',
      retryable: true,
    },
  );
}
