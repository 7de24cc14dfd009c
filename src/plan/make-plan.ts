/** Changes → plan. Pure: the same changes and schema give the same plan. */
import {decodeCell} from '../canonical/cell.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow, Cell, ChangeCounts, RowChange} from '../kernel/row.ts';
import type {ForeignKey} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {type LostKey} from './lost-keys.ts';
import {
  encodeReference,
  referenceFolds,
  referenceName,
  referringRows,
  type Tables,
} from './references.ts';
import {parentsFirst, selfReferencesFirst, tuple} from './order.ts';
import type {Park} from './parking.ts';
import {
  runsBefore,
  type CascadeStep,
  type ChildrenCheck,
  type ParentCheck,
  type ParkStep,
  type Plan,
  type RowStep,
} from './plan.ts';
import {parkStatement, rowStep} from './rows.ts';
import type {Write} from './unique.ts';

/** The replicated tables with what changes in each; tables without a change have an empty list. */
export type TableChanges = ReadonlyMap<
  string,
  {readonly shape: TableShape; readonly changes: readonly RowChange[]}
>;

/** What was found out about the changes by asking the database. */
export type Findings = Cascades & {
  /** For each table its updates and inserts in the order in which they run, and the rows parked before. */
  readonly ordered: ReadonlyMap<string, TableOrder>;
};

/** What tables outside the replicated ones do: statements in the order in which they run, all values lost, parents needed. */
export type Cascades = {
  readonly steps: readonly CascadeStep[];
  readonly lost: readonly LostKey[];
  readonly needed: readonly ParentCheck[];
  readonly strangers: readonly ChildrenCheck[];
};

export type TableOrder = {readonly writes: readonly Write[]; readonly parks: readonly Park[]};

/**
 * Turns each change into a statement: deletes from children to parents, then updates and inserts from
 * parents to children, unique values freed before they are taken.
 */
export function makePlan(schema: Tables, tables: TableChanges, findings: Findings): Plan {
  const {steps, lost, needed, strangers, ordered} = findings;
  const order = parentsFirst(
    [...tables.keys()].map((name) => must(schema.get(name), 'replicated tables exist')),
  );
  const changed = order.map((name) => must(tables.get(name), name));
  const orderOf = ({shape}: Changed): TableOrder => must(ordered.get(shape.table), shape.table);
  return {
    before: steps.filter(runsBefore),
    deletes: changed.toReversed().flatMap((table) => deletesOf(schema, table)),
    parks: changed.flatMap((table) => parksOf(schema, table.shape, orderOf(table))),
    writes: changed.flatMap((table) => writesOf(schema, table.shape, orderOf(table))),
    sweeps: [],
    fills: [],
    after: steps.filter((step) => !runsBefore(step)),
    parents: [...parentChecks(schema, tables), ...needed],
    children: childrenChecks(schema, lost),
    strangers,
    tables: new Map([...tables].map(([name, {changes}]) => [name, countChanges(changes)])),
  };
}

export function countChanges(changes: Iterable<RowChange>): ChangeCounts {
  const counts = {inserted: 0, updated: 0, deleted: 0};
  for (const {op} of changes) {
    if (op === 'insert') counts.inserted++;
    else if (op === 'update') counts.updated++;
    else counts.deleted++;
  }
  return counts;
}

type Changed = {readonly shape: TableShape; readonly changes: readonly RowChange[]};

function deletesOf(schema: Tables, {shape, changes}: Changed): readonly RowStep[] {
  const table = must(schema.get(shape.table), 'replicated tables exist');
  const deletes = changes.filter((change) => change.op === 'delete');
  const byRow = new Map(deletes.map((change) => [change.before, change]));
  return selfReferencesFirst(table, shape, [...byRow.keys()])
    .toReversed()
    .map((row) => rowStep(table, shape, must(byRow.get(row), 'order keeps rows')));
}

function parksOf(schema: Tables, shape: TableShape, {parks}: TableOrder): readonly ParkStep[] {
  const table = must(schema.get(shape.table), 'replicated tables exist');
  return parks.map((park) => ({shape, statement: parkStatement(table, shape, park)}));
}

function writesOf(
  schema: Tables,
  shape: TableShape,
  {writes, parks}: TableOrder,
): readonly RowStep[] {
  const table = must(schema.get(shape.table), 'replicated tables exist');
  const parked = new Map<RowChange, readonly string[]>(
    parks.map(({change, columns}) => [change, columns]),
  );
  return writes.map((write) => rowStep(table, shape, write, parked.get(write)));
}

function childrenChecks(schema: Tables, lost: readonly LostKey[]): readonly ChildrenCheck[] {
  const gone = lost.filter((item) => !item.retaken);
  return [...Map.groupBy(gone, (item) => item.key)].flatMap(([key, items]) =>
    referringRows(
      schema,
      key,
      items.map((item) => item.values),
    ).map((among) => ({key, among})),
  );
}

/** Parents that must be there for the rows that are written, each once. */
export function parentChecks(schema: Tables, tables: TableChanges): readonly ParentCheck[] {
  const checks = new Map<string, ParentCheck>();
  for (const {shape, changes} of tables.values()) {
    for (const key of must(schema.get(shape.table), 'replicated tables exist').foreignKeys) {
      for (const row of rowsWithNewReference(schema, shape, key, changes)) {
        const values = referenceCells(shape, key, row);
        const encoded = encodeReference(schema, key, values);
        checks.set(referenceName(key, encoded), {key, where: parentRows(key, values), encoded});
      }
    }
  }
  return [...checks.values()];
}

function parentRows(key: ForeignKey, values: readonly Cell[]): ParentCheck['where'] {
  return key.parentColumns.map((column, at) => ({column, is: values[at] ?? null}));
}

/** Rows that refer to something after the plan which they did not refer to before it. A value respelled refers to the same. */
function rowsWithNewReference(
  schema: Tables,
  shape: TableShape,
  key: ForeignKey,
  changes: readonly RowChange[],
): readonly CanonicalRow[] {
  const folds = referenceFolds(schema, key);
  const reference = (row: CanonicalRow): string | undefined =>
    tuple(shape, key.columns, row, folds);
  return changes.flatMap((change) => {
    if (change.op === 'delete') return [];
    const now = reference(change.after);
    const before = change.op === 'update' ? reference(change.before) : undefined;
    return now === undefined || now === before ? [] : [change.after];
  });
}

function referenceCells(shape: TableShape, key: ForeignKey, row: CanonicalRow): readonly Cell[] {
  return key.columns.map((name) => {
    const at = shape.columns.findIndex((column) => column.name === name);
    return decodeCell(row.cells[at]);
  });
}

/**
 * Refuses tables whose triggers write elsewhere: what they write is nobody's plan.
 *
 * @throws {EngineError} `TRIGGER` naming table and trigger.
 */
export function checkTriggers(schema: Tables, written: Iterable<string>): void {
  for (const table of written) {
    const trigger = schema
      .get(table)
      ?.triggers.find(({writes}) => writes === undefined || writes.length > 0);
    if (trigger === undefined) continue;
    throw new EngineError(
      'TRIGGER',
      `cannot write table "${table}": its trigger "${trigger.name}" writes other tables`,
      {
        site: {table, constraint: trigger.name},
        hint: 'If that is wanted on this instance, allow it with --allow-triggers; what the trigger changes is not part of the plan.',
      },
    );
  }
}
