/** The statement of each changed row. */
import {decodeCell} from '../canonical/cell.ts';
import {assert, must} from '../kernel/assert.ts';
import type {CanonicalRow, Cell, RowChange} from '../kernel/row.ts';
import type {Match, RowAddress, Statement} from '../kernel/statement.ts';
import {isKeyless, locatorColumns} from '../schema/locator.ts';
import {occurrenceOf} from '../schema/row-key.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import {keyIndexes, type TableShape} from '../schema/table-shape.ts';
import type {Park} from './parking.ts';
import type {RowStep} from './plan.ts';

/**
 * Turns one change into the one statement that makes it.
 *
 * @param parked Columns that hold passing values when the statement runs, and are written for that reason.
 */
export function rowStep(
  schema: TableSchema,
  shape: TableShape,
  change: RowChange,
  parked?: readonly string[],
): RowStep {
  switch (change.op) {
    case 'insert':
      return insertStep(schema, shape, change);
    case 'update':
      return updateStep(schema, shape, change, parked);
    case 'delete':
      return deleteStep(schema, shape, change);
  }
}

function insertStep(
  schema: TableSchema,
  shape: TableShape,
  change: RowChange & {op: 'insert'},
): RowStep {
  const columns = shape.columns.map((column) => column.name);
  const cells = change.after.cells.map(decodeCell);
  if (shape.keyKind === 'primary') {
    const statement = {op: 'insert', table: shape.table, columns, cells} as const;
    return {change, shape, statement, address: keyMatches(shape, change.after)};
  }
  const returning = locatorColumns(schema, shape);
  const rows = occurrenceOf(change.key);
  return {
    change,
    shape,
    statement: {op: 'insert', table: shape.table, columns, cells, returning},
    address: undefined,
    // Equal rows of a keyless table are found by no index: to count them would read it whole for each insert. Where not
    // all rows are replicated, those that are not would be counted too.
    expected:
      isKeyless(schema, shape) || shape.only !== undefined
        ? undefined
        : {where: keyMatches(shape, change.after), rows},
  };
}

function updateStep(
  schema: TableSchema,
  shape: TableShape,
  change: RowChange & {op: 'update'},
  parked: readonly string[] = [],
): RowStep {
  const address = addressOf(schema, shape, change.before);
  const different = new Set(changedColumns(shape, change));
  const changed = shape.columns
    .map((_, at) => at)
    .filter((at) => different.has(at) || parked.includes(shape.columns[at]?.name ?? ''));
  const columns = changed.map((at) => must(shape.columns[at], 'column').name);
  const cells = changed.map((at) => decodeCell(change.after.cells[at]));
  return {
    change,
    shape,
    statement: {op: 'update', table: shape.table, columns, cells, where: address},
    address,
  };
}

/** Gives a row its passing value, before any other row is written. */
export function parkStatement(
  schema: TableSchema,
  shape: TableShape,
  {change, columns, cells}: Park,
): Statement {
  const where = addressOf(schema, shape, change.before);
  return {op: 'update', table: shape.table, columns, cells, where};
}

function deleteStep(
  schema: TableSchema,
  shape: TableShape,
  change: RowChange & {op: 'delete'},
): RowStep {
  const address = addressOf(schema, shape, change.before);
  return {change, shape, statement: {op: 'delete', table: shape.table, where: address}, address};
}

/** Positions of the cells that an update changes. */
export function changedColumns(
  shape: TableShape,
  change: RowChange & {op: 'update'},
): readonly number[] {
  const {before, after} = change;
  return shape.columns
    .map((_, at) => at)
    .filter((at) => JSON.stringify(before.cells[at]) !== JSON.stringify(after.cells[at]));
}

/** How the database finds this row: by its key, or by the id that the row has there. */
function addressOf(schema: TableSchema, shape: TableShape, row: CanonicalRow): RowAddress {
  if (shape.keyKind === 'primary') return keyMatches(shape, row);
  const locator = must(row.locator, 'live rows of multisets carry their id');
  assert(locator.length > 0, 'tables keyed as multisets have an id');
  return locatorColumns(schema, shape).map((column, at) => ({column, is: locator[at] ?? null}));
}

/** Equality with the key columns of a row. Columns that a multiset is matched by are compared exactly. */
export function keyMatches(shape: TableShape, row: CanonicalRow): readonly Match[] {
  return keyIndexes(shape).map((at) => {
    const column = must(shape.columns[at], 'key columns are compared').name;
    const is: Cell = decodeCell(row.cells[at]);
    return shape.keyKind === 'multiset' ? {column, is, collation: 'BINARY'} : {column, is};
  });
}
