/**
 * What the application's own declared actions (ON DELETE, ON UPDATE) do to tables that are not
 * replicated, spelled out as statements of the plan. Pure: the caller counts rows and asks on.
 */
import {encodeKey} from '../canonical/key.ts';
import {decodeCell} from '../canonical/cell.ts';
import {counted} from '../kernel/counted.ts';
import {EngineError} from '../kernel/errors.ts';
import {COMPOSITE_REFERENCES_PER_STATEMENT, REFERENCES_PER_STATEMENT} from '../kernel/limits.ts';
import type {CanonicalRow, Cell, RowChange} from '../kernel/row.ts';
import type {ReferenceComparison, RowSet, RowSetColumn, SetStatement} from '../kernel/statement.ts';
import type {ColumnSchema, ForeignKey, TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {foldOf} from './order.ts';

export type Tables = ReadonlyMap<string, TableSchema>;

/** Values of referenced columns that a row held before the plan and does not hold after it. */
export type LostKey = {
  readonly key: ForeignKey;
  readonly values: readonly Cell[];
  /** What replaces them, where the row stays and only its values change. */
  readonly replacement: readonly Cell[] | undefined;
  /** Another row holds these values afterwards: whoever refers to them would change parents. */
  readonly retaken: boolean;
};

/** Rows that follow lost keys of one foreign key in one way. */
export type Following = {
  readonly key: ForeignKey;
  readonly among: RowSet;
  readonly replacement: readonly Cell[] | undefined;
  readonly retaken: boolean;
};

/** Foreign keys of any table that refer to `table`. */
export function referencesTo(schema: Tables, table: string): readonly ForeignKey[] {
  return [...schema.values()].flatMap(({foreignKeys}) =>
    foreignKeys.filter(
      (key) => key.parent === table && key.columns.length === key.parentColumns.length,
    ),
  );
}

/** Referenced values that the changes of one replicated table take away from those who refer to them. */
export function lostKeys(
  schema: Tables,
  shape: TableShape,
  changes: readonly RowChange[],
): readonly LostKey[] {
  const parent = schema.get(shape.table);
  if (parent === undefined || changes.length === 0) return [];
  return referencesTo(schema, shape.table)
    .filter((key) => isReadable(parent, shape, key))
    .flatMap((key) => lostOf(schema, {table: parent, shape}, key, changes));
}

type Parent = {readonly table: TableSchema; readonly shape: TableShape};

function lostOf(
  schema: Tables,
  parent: Parent,
  key: ForeignKey,
  changes: readonly RowChange[],
): readonly LostKey[] {
  const encode = (values: readonly Cell[]): string => encodeReference(schema, key, values);
  const moves = changes
    .map((change) => moveOf(parent, key, change))
    .filter(({before, after}) => {
      return before === undefined || after === undefined || encode(before) !== encode(after);
    });
  const gained = new Set(moves.flatMap(({after}) => (after === undefined ? [] : [encode(after)])));
  return moves.flatMap(({before, after}) => {
    if (before === undefined || before.includes(null)) return [];
    return [{key, values: before, replacement: after, retaken: gained.has(encode(before))}];
  });
}

/** Referenced cells of a row before and after a change; undefined where the row is not there. */
type Move = {
  readonly before: readonly Cell[] | undefined;
  readonly after: readonly Cell[] | undefined;
};

/** An id that does not travel stays with its row. */
function moveOf(parent: Parent, key: ForeignKey, change: RowChange): Move {
  const locator = change.op === 'insert' ? undefined : change.before.locator;
  const read = (row: CanonicalRow): readonly Cell[] => referenced(parent, key, {...row, locator});
  return {
    before: change.op === 'insert' ? undefined : read(change.before),
    after: change.op === 'delete' ? undefined : read(change.after),
  };
}

function referenced({table, shape}: Parent, key: ForeignKey, row: CanonicalRow): readonly Cell[] {
  return key.parentColumns.map((name) => {
    const at = shape.columns.findIndex((column) => column.name === name);
    if (at >= 0) return decodeCell(row.cells[at]);
    return row.locator?.[table.primaryKey.findIndex((column) => column.name === name)] ?? null;
  });
}

/** True where rows of the plan carry every referenced column, or the id under which the database has them. */
function isReadable(parent: TableSchema, shape: TableShape, key: ForeignKey): boolean {
  return key.parentColumns.every(
    (name) =>
      shape.columns.some((column) => column.name === name) ||
      (shape.keyKind === 'multiset' && parent.primaryKey.some((column) => column.name === name)),
  );
}

/** References to columns that do not travel (computed or ignored ones): what the plan does to them is not known. */
export function unreadableReferences(
  schema: Tables,
  shape: TableShape,
  changes: readonly RowChange[],
): readonly ForeignKey[] {
  const parent = schema.get(shape.table);
  if (parent === undefined || changes.every((change) => change.op === 'insert')) return [];
  return referencesTo(schema, shape.table).filter((key) => !isReadable(parent, shape, key));
}

export function unreadable(key: ForeignKey): EngineError {
  const columns = key.parentColumns.join(', ');
  return new EngineError(
    'FOREIGN_KEY',
    `cannot change rows of table "${key.parent}": rows of "${key.table}" refer to its column ${columns}, which does not travel`,
    {
      site: {table: key.table, column: key.columns.join(', ')},
      hint: `Empty table "${key.table}" on this instance, or leave table "${key.parent}" out.`,
    },
  );
}

/** Values as the parent's unique index sees them. */
export function encodeReference(schema: Tables, key: ForeignKey, values: readonly Cell[]): string {
  const folds = key.parentColumns.map(
    (name) => foldOf(parentColumn(schema, key, name)?.collation ?? 'BINARY') ?? 'binary',
  );
  return encodeKey(values, folds);
}

function parentColumn(schema: Tables, key: ForeignKey, name: string): ColumnSchema | undefined {
  return schema.get(key.parent)?.columns.find((column) => column.name === name);
}

/** The rows that follow lost keys, a set for each foreign key and way of following. */
export function followers(schema: Tables, lost: readonly LostKey[]): readonly Following[] {
  const gone = lost.filter((item) => item.replacement === undefined && !item.retaken);
  const single = lost.filter((item) => item.replacement !== undefined || item.retaken);
  const together = [...Map.groupBy(gone, (item) => item.key)].flatMap(([key, items]) =>
    referringRows(
      schema,
      key,
      items.map((item) => item.values),
    ).map((among) => ({
      key,
      among,
      replacement: undefined,
      retaken: false,
    })),
  );
  const alone = single.flatMap(({key, values, replacement, retaken}) =>
    referringRows(schema, key, [values]).map((among) => ({key, among, replacement, retaken})),
  );
  return [...together, ...alone];
}

/** The rows that refer to any of these values, in sets that fit a statement. */
export function referringRows(
  schema: Tables,
  key: ForeignKey,
  values: readonly (readonly Cell[])[],
): readonly RowSet[] {
  const columns = key.columns.map((name, at) =>
    referringColumn(schema, key, name, key.parentColumns[at] ?? ''),
  );
  const size = columns.length === 1 ? REFERENCES_PER_STATEMENT : COMPOSITE_REFERENCES_PER_STATEMENT;
  const sets: RowSet[] = [];
  for (let at = 0; at < values.length; at += size) {
    sets.push({table: key.table, columns, values: values.slice(at, at + size)});
  }
  return sets;
}

/** References are compared under the collation and the affinity of the column referred to. */
function referringColumn(
  schema: Tables,
  key: ForeignKey,
  name: string,
  parentName: string,
): RowSetColumn {
  const parent = parentColumn(schema, key, parentName);
  const child = schema.get(key.table)?.columns.find((column) => column.name === name);
  const wanted = parent?.collation ?? 'BINARY';
  // Left out where it is the column's own, so that an index on it serves.
  const collation = wanted === (child?.collation ?? 'BINARY') ? undefined : wanted;
  return {name, collation, compare: comparison(parent?.stores ?? 'any', child?.stores ?? 'any')};
}

function comparison(
  parent: ColumnSchema['stores'],
  child: ColumnSchema['stores'],
): ReferenceComparison {
  if (parent === child) return 'plain';
  return parent === 'any' ? 'exact' : parent;
}

/**
 * The statement by which rows of a table that is not replicated follow.
 *
 * @param rows How many do; more than none.
 * @throws {EngineError} `FOREIGN_KEY` where the declared action forbids the change.
 */
export function cascadeStatement(
  {key, among, replacement, retaken}: Following,
  rows: number,
): SetStatement {
  if (retaken) throw moved(key, rows);
  const action = replacement === undefined ? key.onDelete : key.onUpdate;
  const {columns} = key;
  switch (action) {
    case 'CASCADE':
      if (replacement === undefined) return {op: 'deleteSet', among};
      return {op: 'updateSet', among, columns, cells: replacement};
    case 'SET NULL':
      return {op: 'updateSet', among, columns, cells: columns.map(() => null)};
    case 'SET DEFAULT':
    case 'NO ACTION':
    case 'RESTRICT':
      throw forbidden(key, action, rows);
  }
}

function forbidden(key: ForeignKey, action: string, rows: number): EngineError {
  const columns = key.columns.join(', ');
  return new EngineError(
    'FOREIGN_KEY',
    `cannot delete or re-key rows of table "${key.parent}": ${counted(rows, 'row')} of "${key.table}" refer to them by ${columns} (${action})`,
    {
      site: {table: key.table, column: columns},
      hint: `Table "${key.table}" is not replicated; change or delete those rows in the application first.`,
    },
  );
}

function moved(key: ForeignKey, rows: number): EngineError {
  const columns = key.columns.join(', ');
  return new EngineError(
    'FOREIGN_KEY',
    `cannot move values of "${key.parent}" (${key.parentColumns.join(', ')}) from one row to another: ${counted(rows, 'row')} of "${key.table}" refer to them by ${columns}`,
    {
      site: {table: key.table, column: columns},
      hint: 'Replicate in two steps: let the primary free the value first, and give it to the other row afterwards.',
    },
  );
}

/**
 * What rows changed by a cascade take away from others in turn.
 *
 * @param values Distinct values of the columns that `key` references, among the rows that change.
 */
export function lostByCascade(
  statement: SetStatement,
  key: ForeignKey,
  values: readonly (readonly Cell[])[],
): readonly LostKey[] {
  const whole = values.filter((cells) => !cells.includes(null));
  if (statement.op === 'deleteSet') {
    return whole.map((cells) => ({key, values: cells, replacement: undefined, retaken: false}));
  }
  if (!key.parentColumns.some((column) => statement.columns.includes(column))) return [];
  return whole.map((cells) => ({
    key,
    values: cells,
    replacement: replaced(statement, key, cells),
    retaken: false,
  }));
}

function replaced(
  statement: SetStatement & {readonly op: 'updateSet'},
  key: ForeignKey,
  cells: readonly Cell[],
): readonly Cell[] {
  return key.parentColumns.map((column, at) => {
    const changed = statement.columns.indexOf(column);
    return (changed < 0 ? cells[at] : statement.cells[changed]) ?? null;
  });
}
