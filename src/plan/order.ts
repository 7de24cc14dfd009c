/** In which order tables and rows are written. */
import {encodeKey, type Fold} from '../canonical/key.ts';
import {decodeCell} from '../canonical/cell.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow, RowChange} from '../kernel/row.ts';
import {compareNames} from '../schema/names.ts';
import type {TableSchema, UniqueIndex} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';

/**
 * Parents before the tables that refer to them. Within a cycle of references, by name: the database
 * is written with enforcement off, so that this order serves readers and other engines.
 */
export function parentsFirst(tables: readonly TableSchema[]): readonly string[] {
  const names = new Set(tables.map((table) => table.name));
  const parents = new Map(
    tables.map((table) => [
      table.name,
      new Set(
        table.foreignKeys
          .map((key) => key.parent)
          .filter((name) => name !== table.name && names.has(name)),
      ),
    ]),
  );
  const order: string[] = [];
  const remaining = [...names].sort(compareNames);
  while (remaining.length > 0) {
    const free = remaining.findIndex((name) =>
      [...(parents.get(name) ?? [])].every((parent) => order.includes(parent)),
    );
    order.push(...remaining.splice(Math.max(free, 0), 1));
  }
  return order;
}

/** Rows of one table that refer to rows of the same table come after those they refer to. */
export function selfReferencesFirst(
  schema: TableSchema,
  shape: TableShape,
  rows: readonly CanonicalRow[],
): readonly CanonicalRow[] {
  const keys = schema.foreignKeys.filter((key) => key.parent === schema.name);
  if (keys.length === 0) return rows;
  const edges = keys.map((key) => {
    const byParent = new Map(rows.map((row) => [tuple(shape, key.parentColumns, row), row]));
    return (row: CanonicalRow): CanonicalRow | undefined => {
      const value = tuple(shape, key.columns, row);
      return value === undefined ? undefined : byParent.get(value);
    };
  });
  const requires = (row: CanonicalRow): readonly CanonicalRow[] =>
    edges.map((edge) => edge(row)).filter((parent) => parent !== undefined);
  return requiredFirst(rows, requires, () => {});
}

/**
 * Updates and inserts of one table such that a unique value is free before another row takes it.
 *
 * @throws {EngineError} `UNIQUE_CYCLE` where rows swap or rotate their values.
 */
export function freeingFirst<T extends RowChange>(
  schema: TableSchema,
  shape: TableShape,
  changes: readonly T[],
): readonly T[] {
  const indexes = schema.uniques
    .map((index) => uniqueColumns(shape, index))
    .filter((index) => index !== undefined);
  if (indexes.length === 0) return changes;
  const holders = indexes.map(({columns, folds}) => {
    const before = new Map<string, T>();
    for (const change of changes) {
      const value =
        change.op === 'update' ? tuple(shape, columns, change.before, folds) : undefined;
      if (value !== undefined) before.set(value, change);
    }
    return before;
  });
  const requires = (change: T): readonly T[] =>
    indexes.flatMap(({columns, folds}, at) => {
      const value = change.op === 'delete' ? undefined : tuple(shape, columns, change.after, folds);
      const holder = value === undefined ? undefined : holders[at]?.get(value);
      return holder === undefined || holder === change ? [] : [holder];
    });
  return requiredFirst(changes, requires, () => {
    throw uniqueCycle(
      schema.name,
      indexes.map(({name}) => name),
    );
  });
}

function uniqueCycle(table: string, names: readonly string[]): EngineError {
  return new EngineError(
    'UNIQUE_CYCLE',
    `cannot apply table "${table}": rows exchange values that must stay unique (${names.join('; ')})`,
    {
      site: {table, constraint: names.join('; ')},
      hint: 'Give one of these rows another value on the primary first, replicate, then set the wanted one.',
    },
  );
}

type UniqueColumns = {
  readonly name: string;
  readonly columns: readonly string[];
  readonly folds: readonly Fold[];
};

/** The index in terms of compared columns; undefined where its values cannot be known from rows alone. */
function uniqueColumns(shape: TableShape, index: UniqueIndex): UniqueColumns | undefined {
  if (index.partial) return undefined;
  const columns: string[] = [];
  const folds: Fold[] = [];
  for (const {column, collation} of index.columns) {
    const fold = foldOf(collation);
    if (column === undefined || fold === undefined) return undefined;
    if (!shape.columns.some(({name}) => name === column)) return undefined;
    columns.push(column);
    folds.push(fold);
  }
  return {name: index.name, columns, folds};
}

export function foldOf(collation: string): Fold | undefined {
  const folds: Readonly<Record<string, Fold>> = {
    BINARY: 'binary',
    NOCASE: 'nocase',
    RTRIM: 'rtrim',
  };
  return folds[collation.toUpperCase()];
}

/** Encoded cells of some columns; undefined where one is NULL or not compared. */
export function tuple(
  shape: TableShape,
  columns: readonly string[],
  row: CanonicalRow,
  folds: readonly Fold[] = columns.map(() => 'binary' as const),
): string | undefined {
  const wires = columns.map(
    (name) => row.cells[shape.columns.findIndex((column) => column.name === name)],
  );
  if (wires.some((wire) => wire === null || wire === undefined)) return undefined;
  return encodeKey(wires.map(decodeCell), folds);
}

/**
 * A stable order in which each item comes after those it requires; `onCycle` is told when that is
 * impossible, and may throw. Depth-first without recursion; linear in items and requirements.
 */
function requiredFirst<T>(
  items: readonly T[],
  requires: (item: T) => readonly T[],
  onCycle: () => void,
): readonly T[] {
  const state = new Map<T, 'open' | 'done'>();
  const order: T[] = [];

  const enter = (item: T, stack: T[]): void => {
    state.set(item, 'open');
    for (const required of requires(item)) {
      if (state.get(required) === undefined) stack.push(required);
      else if (state.get(required) === 'open' && required !== item) onCycle();
    }
  };
  const leave = (item: T): void => {
    if (state.get(item) === 'open') order.push(item);
    state.set(item, 'done');
  };

  for (const start of items) {
    const stack = [start];
    for (let item = stack.at(-1); item !== undefined; item = stack.at(-1)) {
      if (state.get(item) === undefined) {
        enter(item, stack);
      } else {
        stack.pop();
        leave(item);
      }
    }
  }
  return order;
}
