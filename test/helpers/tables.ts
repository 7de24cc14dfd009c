/** Tables that exist in memory alone: shapes, schemas, canonical rows, and a model of applying changes. */
import {applyPlan} from '../../src/apply/apply-plan.ts';
import {encodeRow, rowText} from '../../src/canonical/row.ts';
import type {Fold} from '../../src/canonical/key.ts';
import type {View} from '../../src/database/port.ts';
import {openSqlite} from '../../src/database/sqlite/database.ts';
import {diffRows} from '../../src/diff/diff-rows.ts';
import {planChanges} from '../../src/engine/plan-changes.ts';
import {fewestChanges} from '../../src/diff/fewest-changes.ts';
import type {CanonicalRow, Cell, RowChange} from '../../src/kernel/row.ts';
import {type Tables} from '../../src/plan/references.ts';
import {makePlan, type TableChanges} from '../../src/plan/make-plan.ts';
import {writesParentsFirst} from '../../src/plan/order.ts';
import type {Plan} from '../../src/plan/plan.ts';
import {entryReader, orderWrites} from '../../src/plan/unique.ts';
import {rowKeys} from '../../src/schema/row-key.ts';
import type {TableSchema} from '../../src/schema/table-schema.ts';
import {shapeTable, type TableRequest, type TableShape} from '../../src/schema/table-shape.ts';
import {readContent} from '../../src/snapshot/chunk.ts';
import type {ChunkEntry} from '../../src/snapshot/content.ts';

/** A shape with these columns, in byte order; the first is the key unless others are named. */
export function shapeWith(
  names: readonly string[],
  key: readonly string[] = names.slice(0, 1),
  fold: Fold = 'binary',
): TableShape {
  return {
    table: 't',
    columns: names.map((name) => ({name, type: 'any'})),
    keyKind: 'primary',
    key: key.map((name) => ({name, fold})),
  };
}

/** A shape of so many columns; `c0000` is the key. Rows of it may be synthetic. */
export function wideShape(columns: number): TableShape {
  return shapeWith(Array.from({length: columns}, (_, at) => `c${String(at).padStart(4, '0')}`));
}

export function rowsOf(shape: TableShape, list: readonly (readonly Cell[])[]): CanonicalRow[] {
  const keyOf = rowKeys(shape);
  return list
    .map((cells) => encodeRow(cells))
    .map((cells) => ({key: keyOf(cells), text: rowText(cells), cells}))
    .sort((a, b) => (a.key < b.key ? -1 : 1));
}

export async function* inPages<T>(rows: readonly T[], size: number): AsyncGenerator<readonly T[]> {
  for (let at = 0; at < rows.length; at += size) yield rows.slice(at, at + size);
}

export type Chunk = {readonly entry: ChunkEntry; readonly bytes: Uint8Array};

/** All chunks of rows, with their bytes. */
export async function chunksOf(
  shape: TableShape,
  rows: readonly CanonicalRow[],
  pageSize = 512,
): Promise<{readonly chunks: readonly Chunk[]; readonly digest: string}> {
  const chunks: Chunk[] = [];
  const {digest} = await readContent(shape, inPages(rows, pageSize), (entry, bytes) => {
    chunks.push({entry, bytes});
  });
  return {chunks, digest};
}

/** Applies changes to rows as the words say, failing where a change does not fit. */
export function applyTo(
  rows: readonly CanonicalRow[],
  changes: Iterable<RowChange>,
): CanonicalRow[] {
  const byKey = new Map(rows.map((row) => [row.key, row]));
  for (const change of changes) {
    const before = change.op === 'insert' ? undefined : change.before.text;
    if (byKey.get(change.key)?.text !== before) throw new Error(`${change.op} does not fit`);
    if (change.op === 'delete') byKey.delete(change.key);
    else byKey.set(change.key, change.after);
  }
  return [...byKey.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
}

export async function allRows(
  view: View,
  request: TableRequest,
): Promise<{readonly shape: TableShape; readonly rows: readonly CanonicalRow[]}> {
  const {tables} = await view.schema();
  const shape = shapeTable(known(tables.get(request.table)), request);
  const rows: CanonicalRow[] = [];
  for await (const page of view.rows(shape)) rows.push(...page);
  return {shape, rows};
}

export type Replication = {
  readonly from: string;
  readonly to: string;
  readonly request: TableRequest;
};

/** Brings the rows of one table from file to file through diff, plan and apply, proved in full; gives the changes. */
export async function replicateRows({
  from,
  to,
  request,
}: Replication): Promise<readonly RowChange[]> {
  const [primary, replica] = [openSqlite({path: from}), openSqlite({path: to})];
  try {
    const {shape, rows} = await primary.view((view) => allRows(view, request));
    const ours = await replica.view((view) => allRows(view, request));
    const changes = [...fewestChanges(shape, diffRows(shape.table, ours.rows, rows))];
    const {digest} = await chunksOf(shape, rows);
    const changed = new Map([[shape.table, {shape, changes}]]);
    await applyPlan(replica, {
      plan: await replica.view((view) => planChanges(view, changed)),
      guard: async () => {},
      prove: [{shape, digest, rows: rows.length}],
      counters: new Map(),
      isCarried: () => false,
    });
    return changes;
  } finally {
    await primary.close();
    await replica.close();
  }
}

/** A plan made without asking a database: no cascades, and rows that exchange values are parked on NULL. */
export function planOf(schema: Tables, tables: TableChanges): Plan {
  const ordered = new Map(
    [...tables].map(([name, {shape, changes}]) => {
      const table = known(schema.get(name));
      const writes = writesParentsFirst(
        table,
        shape,
        changes.filter((change) => change.op !== 'delete'),
      );
      const order = orderWrites(writes, entryReader(table, shape));
      const parks = [...order.exchanged].map(([change, indexes]) => ({
        change,
        columns: [known(table.uniques[known([...indexes][0])]?.columns[0]?.column)],
        cells: [null],
      }));
      return [name, {writes: order.writes, parks}] as const;
    }),
  );
  return makePlan(schema, tables, {steps: [], lost: [], needed: [], strangers: [], ordered});
}

/** A value that the test put there itself. */
export function known<T>(value: T | null | undefined): T {
  if (value === null || value === undefined) throw new Error('the test expected a value');
  return value;
}

/** The schema of a table without anything but columns and key, to be completed. */
export function schemaWith(
  name: string,
  columns: readonly string[],
  more: Partial<TableSchema> = {},
): TableSchema {
  return {
    name,
    columns: columns.map((column) => ({
      name: column,
      type: 'any',
      declared: '',
      notNull: false,
      default: undefined,
      generated: false,
      collation: 'BINARY',
      stores: 'any',
    })),
    primaryKey: columns.slice(0, 1).map((column) => ({
      name: column,
      fold: 'binary' as const,
      collation: 'BINARY',
    })),
    keyIsAssigned: true,
    keyIsOrdered: true,
    uniques: [],
    foreignKeys: [],
    checks: [],
    triggers: [],
    ...more,
  };
}
