/** The changes that take an apply back, and the plan of them. */
import type {View} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow, RowChange} from '../kernel/row.ts';
import {checkTriggers, type TableChanges} from '../plan/make-plan.ts';
import {cascadeCounts, type Plan} from '../plan/plan.ts';
import {keyLabel, occurrenceOf} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {planChanges} from './plan-changes.ts';
import type {IntendedRow} from './intent.ts';
import {groupOf, recordedRow, rowsNow} from './rows-now.ts';

/**
 * The opposite of what a record says, for every table in `shapes`.
 *
 * @throws {EngineError} `UNDO_STALE` naming the first row that is not as the apply left it.
 */
export async function reverseChanges(
  view: View,
  shapes: readonly TableShape[],
  rows: readonly IntendedRow[],
): Promise<TableChanges> {
  const byTable = Map.groupBy(rows, (row) => row.table);
  const tables = new Map<string, {shape: TableShape; changes: readonly RowChange[]}>();
  for (const shape of shapes) {
    const touched = byTable.get(shape.table) ?? [];
    const live = touched.length === 0 ? new Map() : await rowsNow(view, shape, touched);
    const changes = touched.map((row) => reversed(shape, row, live.get(row.key)));
    if (shape.keyKind === 'multiset') checkGroups(shape, touched, [...live.keys()]);
    tables.set(shape.table, {shape, changes});
  }
  return tables;
}

function reversed(
  shape: TableShape,
  {key, before, after}: IntendedRow,
  now: CanonicalRow | undefined,
): RowChange {
  if ((now?.text ?? null) !== after) throw stale(shape, key);
  const back = before === null ? undefined : recordedRow(shape, key, before);
  if (back === undefined && now !== undefined) return {op: 'delete', key, before: now};
  if (back !== undefined && now === undefined) return {op: 'insert', key, after: back};
  if (back === undefined || now === undefined) throw stale(shape, key);
  return {op: 'update', key, before: now, after: back};
}

/**
 * Rows of a group are told apart by their number alone. Where the apply added or took rows, the record tells how
 * many it left; one more or less since then, and the numbers may mean other rows.
 */
function checkGroups(
  shape: TableShape,
  touched: readonly IntendedRow[],
  live: readonly string[],
): void {
  const sizes = Map.groupBy(live, groupOf);
  for (const [group, rows] of Map.groupBy(touched, ({key}) => groupOf(key))) {
    const left = rowsLeft(rows);
    const now = sizes.get(group)?.length ?? 0;
    const [first] = rows;
    if (first !== undefined && left !== undefined && now !== left) throw stale(shape, first.key);
  }
}

function rowsLeft(rows: readonly IntendedRow[]): number | undefined {
  const numbers = (list: readonly IntendedRow[]): readonly number[] =>
    list.map(({key}) => occurrenceOf(key));
  const inserted = numbers(rows.filter(({before}) => before === null));
  const deleted = numbers(rows.filter(({after}) => after === null));
  if (inserted.length > 0) return Math.max(...inserted) + 1;
  return deleted.length > 0 ? Math.min(...deleted) : undefined;
}

function stale(shape: TableShape, key: string): EngineError {
  const label = keyLabel(shape, key);
  return new EngineError(
    'UNDO_STALE',
    `cannot undo: ${shape.table}[${label}] is not as the apply left it`,
    {
      site: {table: shape.table, key: label},
      hint: 'Undo would overwrite what was changed since; put that row back first, or name an older snapshot with replicate --snapshot.',
    },
  );
}

export type Reverse = {
  readonly plan: Plan;
  /** Rows of tables that are not replicated, by table. */
  readonly cascades: ReadonlyMap<string, number>;
};

/**
 * Plans the reverse changes as any others are planned.
 *
 * @throws {EngineError} `TRIGGER`, `FOREIGN_KEY`, `UNIQUE_CYCLE` where this database forbids them.
 */
export async function planReverse(
  view: View,
  tables: TableChanges,
  allowTriggers: boolean,
): Promise<Reverse> {
  const {tables: schema} = await view.schema();
  const plan = await planChanges(view, tables);
  const cascades = cascadeCounts(plan);
  const written = [...tables].filter(([, {changes}]) => changes.length > 0).map(([name]) => name);
  if (!allowTriggers) checkTriggers(schema, new Set([...written, ...cascades.keys()]));
  return {plan, cascades};
}
