/** In which order tables and rows are written. */
import {encodeKey, type Fold} from '../canonical/key.ts';
import {decodeCell} from '../canonical/cell.ts';
import {must} from '../kernel/assert.ts';
import type {CanonicalRow} from '../kernel/row.ts';
import {compareNames} from '../schema/names.ts';
import type {TableSchema} from '../schema/table-schema.ts';
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

export function foldOf(collation: string): Fold | undefined {
  const folds: Readonly<Record<string, Fold>> = {
    BINARY: 'binary',
    NOCASE: 'nocase',
    RTRIM: 'rtrim',
  };
  return folds[collation.toUpperCase()];
}

/** The same for updates and inserts, by what they write. */
export function writesParentsFirst<T extends {readonly after: CanonicalRow}>(
  schema: TableSchema,
  shape: TableShape,
  writes: readonly T[],
): readonly T[] {
  const byRow = new Map(writes.map((write) => [write.after, write]));
  return selfReferencesFirst(schema, shape, [...byRow.keys()]).map((row) =>
    must(byRow.get(row), 'order keeps rows'),
  );
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
 * A stable order in which each item comes after those it requires; `onCycle` is told of each
 * requirement that cannot be kept. Depth-first without recursion; linear in items and requirements.
 */
export function requiredFirst<T>(
  items: readonly T[],
  requires: (item: T) => readonly T[],
  onCycle: (item: T, required: T) => void,
): readonly T[] {
  const state = new Map<T, 'open' | 'done'>();
  const order: T[] = [];

  const enter = (item: T, stack: T[]): void => {
    state.set(item, 'open');
    for (const required of requires(item)) {
      if (state.get(required) === undefined) stack.push(required);
      else if (state.get(required) === 'open' && required !== item) onCycle(item, required);
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
