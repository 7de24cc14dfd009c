/** What a plan leaves behind refers to rows that are there. */
import type {WriteView} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CascadeStep, Plan} from '../plan/plan.ts';
import {encodeReference} from '../plan/references.ts';
import type {ForeignKey} from '../schema/table-schema.ts';

/** True for a dangling reference that the primary has as well. */
export type IsCarried = (key: ForeignKey, encoded: string) => boolean;

/** Values that refer to nothing, encoded, by foreign key. */
export type DanglingValues = ReadonlyMap<ForeignKey, ReadonlySet<string>>;

/**
 * What dangles by other references of local rows whose columns a cascade writes: a column may refer to several
 * tables. Nearly always there is no such reference, and nothing is asked.
 */
export async function danglingBeside(view: WriteView, plan: Plan): Promise<DanglingValues> {
  const {tables} = await view.schema();
  const found = new Map<ForeignKey, ReadonlySet<string>>();
  for (const {key, statement} of [...plan.before, ...plan.after]) {
    if (statement.op === 'deleteSet') continue;
    for (const other of tables.get(key.table)?.foreignKeys ?? []) {
      const isWritten = other.columns.some((column) => statement.columns.includes(column));
      if (!isWritten || isSameKey(other, key) || found.has(other)) continue;
      const values = await view.dangling(other, Number.MAX_SAFE_INTEGER);
      found.set(other, new Set(values.map((cells) => encodeReference(tables, other, cells))));
    }
  }
  return found;
}

function isSameKey(a: ForeignKey, b: ForeignKey): boolean {
  return (
    a.parent === b.parent &&
    a.columns.join('\n') === b.columns.join('\n') &&
    a.parentColumns.join('\n') === b.parentColumns.join('\n')
  );
}

/** @throws {EngineError} `FOREIGN_KEY` where a value dangles beside that did not before. */
export async function checkBeside(
  view: WriteView,
  plan: Plan,
  before: DanglingValues,
): Promise<void> {
  for (const [key, values] of await danglingBeside(view, plan)) {
    const isNew = [...values].some((encoded) => before.get(key)?.has(encoded) !== true);
    if (isNew) throw withoutParent(key);
  }
}

/** References to what the plan wrote, deleted or re-keyed: none may dangle that did not, but for the primary's own. */
export async function checkReferences(
  view: WriteView,
  plan: Plan,
  isCarried: IsCarried,
): Promise<void> {
  for (const step of [...plan.before, ...plan.after]) await checkArrival(view, step);
  const {tables} = await view.schema();
  for (const {key, where, encoded} of plan.parents) {
    const found = tables.has(key.parent) ? await view.count(key.parent, where) : 0;
    if (found === 0 && !isCarried(key, encoded)) throw withoutParent(key);
  }
  for (const {key, among} of plan.children) {
    if ((await view.countSet(among)) === 0) continue;
    if (!plan.tables.has(key.table)) throw staleCascade(key);
    for (const cells of await view.distinctInSet(among, key.columns)) {
      if (!isCarried(key, encodeReference(tables, key, cells))) throw withoutParent(key);
    }
  }
}

/**
 * Rows that follow come to rows that are there: by another action, those may be gone. And columns of another affinity
 * may store what they are given as something that refers to nothing.
 */
async function checkArrival(
  view: WriteView,
  {key, statement: {among}, arrivals: values, rows}: CascadeStep,
): Promise<void> {
  if (values === undefined) return;
  for (const cells of values) {
    if (cells.includes(null)) continue;
    const where = key.parentColumns.map((column, at) => ({column, is: cells[at] ?? null}));
    if ((await view.count(key.parent, where)) === 0) throw withoutParent(key);
  }
  const alike = among.columns.every(({compare}) => compare === 'plain');
  if (alike || values.some((cells) => cells.includes(null))) return;
  if ((await view.countSet({...among, values})) < rows) throw withoutParent(key);
}

export function withoutParent(key: ForeignKey): EngineError {
  const columns = key.columns.join(', ');
  return new EngineError(
    'FOREIGN_KEY',
    `cannot apply table "${key.table}": a row would refer by ${columns} to a row of "${key.parent}" that is not there`,
    {
      site: {table: key.table, column: columns},
      hint: `Replicate table "${key.parent}" too, or add the missing row on this instance.`,
    },
  );
}

/** The application wrote rows that refer to what the plan takes away, after they were counted. */
export function staleCascade(key: ForeignKey): EngineError {
  return new EngineError(
    'PLAN_STALE',
    `cannot apply table "${key.parent}": rows of "${key.table}" that refer to it changed after the plan was made`,
    {
      site: {table: key.table, column: key.columns.join(', ')},
      hint: 'Run replicate again: it plans afresh.',
      retryable: true,
    },
  );
}
