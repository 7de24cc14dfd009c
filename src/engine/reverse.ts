/** The changes that take an apply back, and the plan of them. */
import type {Database, View} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import {HELD_CHARACTERS_MAX} from '../kernel/read-limits.ts';
import type {CanonicalRow, RowChange} from '../kernel/row.ts';
import {checkTriggers} from '../plan/make-plan.ts';
import {cascadeCounts, withSweeps, type Plan} from '../plan/plan.ts';
import {encodeKeyCell} from '../canonical/key.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {planChanges} from './plan-changes.ts';
import type {GroupSize, IntendedRow} from './intent.ts';
import {claimRows, groupOf, groupsNow, recordedRow, rowNow} from './rows-now.ts';
import {
  sweptOrHeld,
  type Difference,
  type Sweeping,
  type SweepReader,
  type TableChange,
} from './sweeps.ts';

/** The rows that an apply touched, from the first, as often as they are asked for: some at a time, as they are kept. */
export type RecordedRows = () =>
  AsyncIterable<readonly IntendedRow[]> | Iterable<readonly IntendedRow[]>;

/**
 * The opposite of what a record says, for every table in `shapes`.
 *
 * @throws {EngineError} `UNDO_STALE` naming the first row that is not as the apply left it.
 */
export async function reverseChanges(
  view: View,
  shapes: readonly TableShape[],
  {rows, groups}: {readonly rows: RecordedRows; readonly groups: readonly GroupSize[]},
  sweeping?: Sweeping,
): Promise<ReadonlyMap<string, TableChange>> {
  const keyed = new Set(
    shapes.filter(({keyKind}) => keyKind === 'primary').map(({table}) => table),
  );
  const mayBeMany = (table: string): boolean => keyed.has(table) && sweeping !== undefined;
  const touched = await groupRows(rows, mayBeMany, sweeping?.heldRows ?? 0);
  const tables = new Map<string, TableChange>();
  for (const shape of shapes) {
    const {table} = shape;
    const own = groups.filter((group) => group.table === table);
    const some = touched.get(table) ?? [];
    const differences = (): AsyncGenerator<Difference> =>
      reversedAgain(view, shape, some === 'many' ? rows : () => [some]);
    const change = keyed.has(table)
      ? await sweptOrHeld(shape, differences, sweeping)
      : {shape, changes: await reversedLinks(view, shape, some === 'many' ? [] : some, own)};
    tables.set(table, change);
  }
  return tables;
}

/** The rows of each table, or that they are too many to be held. */
async function groupRows(
  rows: RecordedRows,
  mayBeMany: (table: string) => boolean,
  heldRows: number,
): Promise<ReadonlyMap<string, IntendedRow[] | 'many'>> {
  const byTable = new Map<string, IntendedRow[] | 'many'>();
  const characters = new Map<string, number>();
  for await (const some of rows())
    for (const row of some) {
      const {table, before, after} = row;
      const held = byTable.get(table) ?? [];
      if (held === 'many') continue;
      held.push(row);
      const size = (characters.get(table) ?? 0) + (before?.length ?? 0) + (after?.length ?? 0);
      characters.set(table, size);
      const areMany = held.length > heldRows || size > HELD_CHARACTERS_MAX;
      byTable.set(table, areMany && mayBeMany(table) ? 'many' : held);
    }
  return byTable;
}

/** The reverse of what was done in one table, as many rows at a time as the record gives. */
async function* reversedAgain(
  view: View,
  shape: TableShape,
  rows: RecordedRows,
): AsyncGenerator<Difference> {
  for await (const some of rows()) {
    const touched = some.filter(({table}) => table === shape.table);
    if (touched.length > 0) yield {changes: await reversedRows(view, shape, touched)};
  }
}

/** Looks once more whether the rows are as the apply left them, and takes it back: for what is not held. */
export function reverseReader(database: Database, rows: RecordedRows): SweepReader {
  return {
    swept: async function* (view, {shape}) {
      for await (const {changes} of reversedAgain(view, shape, rows)) yield {changes};
    },
    changes: async function* ({shape}) {
      for await (const some of rows()) {
        const touched = some.filter(({table}) => table === shape.table);
        yield await database.view((view) => reversedRows(view, shape, touched));
      }
    },
  };
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
  tables: ReadonlyMap<string, TableChange>,
  allowTriggers: boolean,
): Promise<Reverse> {
  const {tables: schema} = await view.schema();
  const sweeps = [...tables.values()].flatMap(({sweep}) => sweep ?? []);
  const plan = withSweeps(await planChanges(view, tables), sweeps);
  const cascades = cascadeCounts(plan);
  const written = [...tables].filter(([, {changes}]) => changes.length > 0).map(([name]) => name);
  const all = new Set([...written, ...cascades.keys()]);
  if (!allowTriggers) checkTriggers(schema, all);
  const hasTriggers = [...all].some((name) => schema.get(name)?.triggers.length !== 0);
  return {plan, cascades, hasTriggers};
}
