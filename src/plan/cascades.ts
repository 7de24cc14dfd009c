/**
 * What the application's own declared actions (ON DELETE, ON UPDATE) do to tables that are not
 * replicated, spelled out as statements of the plan. Pure: the caller counts rows and asks on.
 */
import {encodeKey} from '../canonical/key.ts';
import {decodeCell} from '../canonical/cell.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow, Cell, RowChange} from '../kernel/row.ts';
import type {Match} from '../kernel/statement.ts';
import type {ForeignKey, TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {foldOf} from './order.ts';
import type {CascadeStep} from './plan.ts';

/** Values of referenced columns that no row has any more, or that a row has exchanged for others. */
export type LostKey = {
  readonly key: ForeignKey;
  readonly values: readonly Cell[];
  /** What replaces them, where the row stays and only its values change. */
  readonly replacement: readonly Cell[] | undefined;
};

export type Tables = ReadonlyMap<string, TableSchema>;

/** Foreign keys of any table that refer to `table`. */
export function referencesTo(schema: Tables, table: string): readonly ForeignKey[] {
  return [...schema.values()].flatMap(({foreignKeys}) =>
    foreignKeys.filter(({parent}) => parent === table),
  );
}

/** Referenced values that the changes of one replicated table take away from those who refer to them. */
export function lostKeys(
  schema: Tables,
  shape: TableShape,
  changes: readonly RowChange[],
): readonly LostKey[] {
  const parent = schema.get(shape.table);
  if (parent === undefined) return [];
  return referencesTo(schema, shape.table).flatMap((key) => {
    const encode = (values: readonly Cell[]): string => encodeReference(schema, key, values);
    const kept = new Set<string>();
    for (const change of changes) {
      const values =
        change.op === 'delete' ? undefined : referenced(parent, shape, key, change.after);
      if (values !== undefined) kept.add(encode(values));
    }
    return changes.flatMap((change) => {
      const values =
        change.op === 'insert' ? undefined : referenced(parent, shape, key, change.before);
      if (values === undefined || kept.has(encode(values))) return [];
      const replacement =
        change.op === 'update' ? referenced(parent, shape, key, change.after) : undefined;
      return [{key, values, replacement}];
    });
  });
}

/** Cells of the referenced columns; undefined where one is NULL or the row does not carry it. */
function referenced(
  parent: TableSchema,
  shape: TableShape,
  key: ForeignKey,
  row: CanonicalRow,
): readonly Cell[] | undefined {
  const cells: Cell[] = [];
  for (const name of key.parentColumns) {
    const at = shape.columns.findIndex((column) => column.name === name);
    const keyAt = parent.primaryKey.findIndex((column) => column.name === name);
    const cell = at >= 0 ? decodeCell(row.cells[at]) : (row.locator?.[keyAt] ?? null);
    if (cell === null) return undefined;
    cells.push(cell);
  }
  return cells;
}

/** Values as the parent's unique index sees them. */
export function encodeReference(schema: Tables, key: ForeignKey, values: readonly Cell[]): string {
  const collations = parentCollations(schema, key);
  return encodeKey(
    values,
    collations.map((collation) => foldOf(collation) ?? 'binary'),
  );
}

/** Collations of the referenced columns: SQLite compares references by those of the parent. */
function parentCollations(schema: Tables, key: ForeignKey): readonly string[] {
  const parent = schema.get(key.parent);
  return key.parentColumns.map((name) => {
    const own = parent?.primaryKey.find((column) => column.name === name)?.collation;
    const unique = parent?.uniques
      .flatMap(({columns}) => columns)
      .find(({column}) => column === name)?.collation;
    return own ?? unique ?? 'BINARY';
  });
}

/** The rows that refer to these values. */
export function referringRows(
  schema: Tables,
  key: ForeignKey,
  values: readonly Cell[],
): readonly Match[] {
  const collations = parentCollations(schema, key);
  return key.columns.map((column, at) => ({
    column,
    is: values[at] ?? null,
    collation: collations[at] === 'BINARY' ? undefined : collations[at],
  }));
}

/**
 * The statement by which rows of a table that is not replicated follow a lost key.
 *
 * @param rows How many refer to it; more than none.
 * @throws {EngineError} `FOREIGN_KEY` where the declared action forbids the change.
 */
export function cascadeStep(schema: Tables, lost: LostKey, rows: number): CascadeStep {
  const {key, replacement, values} = lost;
  const where = referringRows(schema, key, values);
  const action = replacement === undefined ? key.onDelete : key.onUpdate;
  const update = (cells: readonly Cell[]): CascadeStep => ({
    key,
    rows,
    statement: {op: 'update', table: key.table, columns: key.columns, cells, where},
  });
  switch (action) {
    case 'CASCADE':
      return replacement === undefined
        ? {key, rows, statement: {op: 'delete', table: key.table, where}}
        : update(replacement);
    case 'SET NULL':
      return update(key.columns.map(() => null));
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
    `cannot delete or re-key rows of table "${key.parent}": ${rows} rows of "${key.table}" refer to them by ${columns} (${action})`,
    {
      site: {table: key.table, column: columns},
      hint: `Table "${key.table}" is not replicated; change or delete those rows in the application first.`,
    },
  );
}

/**
 * What the rows changed by a cascade take away from others in turn.
 *
 * @param values Distinct values of the columns that `key` references, among the rows that the cascade
 * changes.
 */
export function lostByCascade(
  step: CascadeStep,
  key: ForeignKey,
  values: readonly (readonly Cell[])[],
): readonly LostKey[] {
  const {statement} = step;
  const whole = values.filter((cells) => !cells.includes(null));
  if (statement.op === 'delete')
    return whole.map((cells) => ({key, values: cells, replacement: undefined}));
  if (!key.parentColumns.some((column) => statement.columns.includes(column))) return [];
  return whole.map((cells) => ({
    key,
    values: cells,
    replacement: key.parentColumns.map((column, at) => {
      const changed = statement.columns.indexOf(column);
      return (changed < 0 ? cells[at] : statement.cells[changed]) ?? null;
    }),
  }));
}
