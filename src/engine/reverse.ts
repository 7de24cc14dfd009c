/** The changes that take an apply back, and the plan of them. */
import type {View} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow, RowChange} from '../kernel/row.ts';
import {checkTriggers, type TableChanges} from '../plan/make-plan.ts';
import {cascadeCounts, type Plan} from '../plan/plan.ts';
import {encodeKeyCell} from '../canonical/key.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {planChanges} from './plan-changes.ts';
import type {GroupSize, IntendedRow} from './intent.ts';
import {claimRows, groupOf, groupsNow, recordedRow, rowNow} from './rows-now.ts';

/**
 * The opposite of what a record says, for every table in `shapes`.
 *
 * @throws {EngineError} `UNDO_STALE` naming the first row that is not as the apply left it.
 */
export async function reverseChanges(
  view: View,
  shapes: readonly TableShape[],
  {rows, groups}: {readonly rows: readonly IntendedRow[]; readonly groups: readonly GroupSize[]},
): Promise<TableChanges> {
  const byTable = Map.groupBy(rows, (row) => row.table);
  const tables = new Map<string, {shape: TableShape; changes: readonly RowChange[]}>();
  for (const shape of shapes) {
    const touched = byTable.get(shape.table) ?? [];
    const own = groups.filter(({table}) => table === shape.table);
    const changes =
      shape.keyKind === 'multiset'
        ? await reversedLinks(view, shape, touched, own)
        : await reversedRows(view, shape, touched);
    tables.set(shape.table, {shape, changes});
  }
  return tables;
}

async function reversedRows(
  view: View,
  shape: TableShape,
  touched: readonly IntendedRow[],
): Promise<readonly RowChange[]> {
  const changes: RowChange[] = [];
  for (const row of touched) {
    const now = await rowNow(view, shape, row);
    if ((now?.text ?? null) !== row.after) throw stale(shape, row.key);
    changes.push(reversed(shape, row, now, row.key));
  }
  return changes;
}

/** Rows that were taken away are numbered on from those that are there now. */
async function reversedLinks(
  view: View,
  shape: TableShape,
  touched: readonly IntendedRow[],
  sizes: readonly GroupSize[],
): Promise<readonly RowChange[]> {
  if (touched.length === 0) return [];
  const live = await groupsNow(view, shape, touched);
  const claim = claimRows(live);
  const next = new Map([...live].map(([group, rows]) => [group, rows.length]));
  const byGroup = Map.groupBy(touched, ({key}) => groupOf(key));
  for (const {group, rows} of sizes) {
    const first = byGroup.get(group)?.[0];
    if (first !== undefined && rows !== (next.get(group) ?? 0)) throw stale(shape, first.key);
  }
  return touched.map((row) => {
    const now = row.after === null ? undefined : claim(row, row.after);
    if (row.after !== null && now === undefined) throw stale(shape, row.key);
    if (now !== undefined) return reversed(shape, row, now, now.key);
    const group = groupOf(row.key);
    const number = next.get(group) ?? 0;
    next.set(group, number + 1);
    return reversed(shape, row, now, `${group},${encodeKeyCell(BigInt(number))}`);
  });
}

function reversed(
  shape: TableShape,
  {key, before}: IntendedRow,
  now: CanonicalRow | undefined,
  keyNow: string,
): RowChange {
  const back = before === null ? undefined : recordedRow(shape, keyNow, before);
  if (back === undefined && now !== undefined) return {op: 'delete', key: keyNow, before: now};
  if (back !== undefined && now === undefined) return {op: 'insert', key: keyNow, after: back};
  if (back === undefined || now === undefined) throw stale(shape, key);
  return {op: 'update', key: keyNow, before: now, after: back};
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
  /** Some table that is written has triggers, which may write other rows too. */
  readonly hasTriggers: boolean;
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
  const all = new Set([...written, ...cascades.keys()]);
  if (!allowTriggers) checkTriggers(schema, all);
  const hasTriggers = [...all].some((name) => schema.get(name)?.triggers.length !== 0);
  return {plan, cascades, hasTriggers};
}
