/**
 * One transaction: look again, write, look at the references, read back, prove, commit.
 *
 * Everything that was assumed when the plan was made is checked under the write lock before, and
 * everything that was wanted is read back after. What does not hold rolls all of it back.
 */
import {setImmediate} from 'node:timers/promises';
import type {Database, View, WriteView} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {EngineError, isEngineError} from '../kernel/errors.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {readContent} from '../snapshot/chunk.ts';
import {rowSteps, type ParkStep, type Plan, type RowStep} from '../plan/plan.ts';
import {checkUntouched, contentSums} from './untouched.ts';
import {
  checkBeside,
  checkReferences,
  danglingBeside,
  staleCascade,
  type IsCarried,
} from './check-references.ts';
import {
  checkFilledReferences,
  checkStillEmpty,
  findMiswritten,
  runFill,
  type FillSource,
} from './fill.ts';
import {ignored, readBack, runRows} from './run-rows.ts';
import {runSweep, type SweepSource} from './sweep.ts';

export type ApplyRequest = {
  readonly plan: Plan;
  /** Looks once more at what must hold of the database as a whole, such as its version; throws where it does not. */
  readonly guard: (view: View) => Promise<void>;
  /** Rows of the tables that the plan fills or sweeps; not needed where there are none. */
  readonly source?: (FillSource & SweepSource) | undefined;
  /** What every table must hold in the end, to be digested under the lock; undefined proves touched rows, and tables filled, only. */
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
    const source = request.source ?? noSource;
    await checkPreconditions(view, rowSteps(plan));
    await checkStillEmpty(view, plan.fills);
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
    for (const sweep of plan.sweeps) await runSweep(view, sweep, source);
    for (const fill of plan.fills) await runFill(view, fill, source);
    await runCascades(view, plan.after, cascades);
    await checkReferences(view, plan, request.isCarried);
    await checkFilledReferences(view, plan.fills, request.isCarried);
    await checkBeside(view, plan, beside);
    await readBack(view, rowSteps(plan), inserted);
    await checkUntouched(view, untouched, sums, rowSteps(plan));
    await proveAll(view, request, source);
    for (const [table, counter] of request.counters) await view.raiseCounter(table, counter);
    return {cascades, proof: request.prove === undefined ? 'touched' : 'full'};
  });
}

const nothing = (): never => {
  throw new Error('nothing gives the rows of tables that are filled or swept');
};
const noSource: FillSource & SweepSource = {
  cells: nothing,
  rows: nothing,
  swept: nothing,
  listen: async () => setImmediate(),
};

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

/** Tables to prove, and those that were filled, each once. */
async function proveAll(
  view: WriteView,
  {plan: {fills}, prove = []}: ApplyRequest,
  source: FillSource,
): Promise<void> {
  const filled = new Map(fills.map((fill) => [fill.shape.table, fill]));
  const others = prove.filter(({shape}) => !filled.has(shape.table));
  for (const {shape, digest, rows} of [...others, ...fills]) {
    const content = await readContent(shape, listening(view.rows(shape), source));
    if (content.digest === digest) continue;
    const fill = filled.get(shape.table);
    if (fill !== undefined) await findMiswritten(view, fill, source);
    throw unequal(shape, content.rows, rows);
  }
}

/** Reading SQLite yields to nothing else, and what a large table leaves behind is not all collected before something does. */
async function* listening<T>(pages: AsyncIterable<T>, {listen}: FillSource): AsyncGenerator<T> {
  for await (const page of pages) {
    await listen();
    yield page;
  }
}

function unequal({table}: TableShape, found: number, wanted: number): EngineError {
  const counts = found === wanted ? '' : ` (${found} rows instead of ${wanted})`;
  return new EngineError('PROOF_FAILED', `table "${table}" would not equal the snapshot${counts}`, {
    site: {table},
    hint: 'A row changed meanwhile or a trigger interfered; nothing was changed.',
    retryable: true,
  });
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
