/** Which columns of a table are compared, in which order, and what identifies a row. */
import type {Fold} from '../canonical/key.ts';
import {EngineError} from '../kernel/errors.ts';
import {compareNames} from './names.ts';
import type {RowFilter} from './row-filter.ts';
import type {ColumnSchema, LogicalType, TableSchema} from './table-schema.ts';

type ShapeColumn = {readonly name: string; readonly type: LogicalType};
export type ShapeKeyColumn = {readonly name: string; readonly fold: Fold};

/**
 * `primary`: the declared key identifies a row. `multiset`: rows are matched by the named columns,
 * equal ones by an occurrence number; the table's own ids are not compared.
 */
export type KeyKind = 'primary' | 'multiset';

export type TableShape = {
  readonly table: string;
  /** Compared columns, in byte order of their names: the order of the cells of a row. */
  readonly columns: readonly ShapeColumn[];
  readonly keyKind: KeyKind;
  readonly key: readonly ShapeKeyColumn[];
  /** Only rows that meet these conditions are read, and counted among rows of equal key. */
  readonly only?: readonly RowFilter[] | undefined;
};

/** What is asked of one table: by a profile, or by naming it. */
export type TableRequest = {
  readonly table: string;
  /** Multiset key of a link table whose own ids are remade at each save. */
  readonly key?: readonly string[] | undefined;
  /** Nothing but all its cells identifies a row: the table is a multiset of whole rows. */
  readonly wholeRows?: boolean | undefined;
  /** Columns that the application writes on its own: never captured. */
  readonly ignore?: readonly string[] | undefined;
};

/**
 * Decides the shape of a table.
 *
 * @throws {EngineError} `NO_KEY` where nothing identifies or addresses a row, `KEY_UNUSABLE` for a collation whose
 * order is unknown, `CONFIG_INVALID` where the request names a column that is not there or may not be
 * ignored.
 */
export function shapeTable(schema: TableSchema, request: TableRequest): TableShape {
  const ignored = new Set(request.ignore ?? []);
  checkIgnored(schema, ignored);
  if (request.key !== undefined && schema.primaryKey.length === 0) throw noKey(schema.name);
  const surrogate = request.key === undefined ? [] : schema.primaryKey.map((column) => column.name);
  const columns = schema.columns
    .filter((column) => !column.generated && !ignored.has(column.name))
    .filter((column) => !surrogate.includes(column.name))
    .map(({name, type}) => ({name, type}))
    .sort((a, b) => compareNames(a.name, b.name));
  const {keyKind, key} = keyOf(schema, columns, request);
  return {table: schema.name, columns, keyKind, key};
}

function keyOf(
  schema: TableSchema,
  columns: readonly ShapeColumn[],
  request: TableRequest,
): Pick<TableShape, 'keyKind' | 'key'> {
  if (request.key !== undefined)
    return {keyKind: 'multiset', key: multisetKey(schema, columns, request.key)};
  if (request.wholeRows !== true) return {keyKind: 'primary', key: primaryKey(schema)};
  if (schema.hiddenId === undefined) throw noId(schema.name);
  return {keyKind: 'multiset', key: columns.map(({name}) => ({name, fold: 'binary'}))};
}

/** Where the key columns stand in a row. */
export function keyIndexes(shape: TableShape): readonly number[] {
  return shape.key.map(({name}) => shape.columns.findIndex((column) => column.name === name));
}

function checkIgnored(schema: TableSchema, ignored: ReadonlySet<string>): void {
  for (const name of ignored) {
    const column = schema.columns.find((candidate) => candidate.name === name);
    if (column !== undefined) refuseMandatory(schema.name, column);
    if (schema.primaryKey.some((key) => key.name === name)) {
      throw cannotIgnore(schema.name, name, 'it is part of the key');
    }
  }
}

function refuseMandatory(table: string, column: ColumnSchema): void {
  if (column.notNull && column.default === undefined) {
    throw cannotIgnore(
      table,
      column.name,
      'it is NOT NULL and has no default, so an insert needs it',
    );
  }
}

function cannotIgnore(table: string, column: string, why: string): EngineError {
  return new EngineError('CONFIG_INVALID', `cannot ignore ${table}.${column}: ${why}`, {
    site: {table, column},
    hint: 'Take the column out of the list of ignored ones.',
  });
}

function primaryKey(schema: TableSchema): readonly ShapeKeyColumn[] {
  if (schema.primaryKey.length === 0) throw noKey(schema.name);
  return schema.primaryKey.map(({name, fold, collation}) => {
    if (fold !== undefined) return {name, fold};
    throw new EngineError(
      'KEY_UNUSABLE',
      `cannot replicate table "${schema.name}": key column "${name}" has collation ${collation}, whose equality is not known`,
      {
        site: {table: schema.name, column: name},
        hint: 'Leave the table out, use BINARY, NOCASE or RTRIM, or compare whole rows with --keyless multiset.',
      },
    );
  });
}

function noKey(table: string): EngineError {
  return new EngineError('NO_KEY', `cannot replicate table "${table}": it has no primary key`, {
    site: {table},
    hint: 'Give it a primary key, leave the table out, or compare whole rows with --keyless multiset.',
  });
}

function noId(table: string): EngineError {
  return new EngineError(
    'NO_KEY',
    `cannot compare table "${table}" by whole rows: nothing addresses one of several equal rows`,
    {
      site: {table},
      hint: 'It is WITHOUT ROWID, or has columns named rowid, _rowid_ and oid: rename one, give it a usable key, or leave it out.',
    },
  );
}

function multisetKey(
  schema: TableSchema,
  columns: readonly ShapeColumn[],
  names: readonly string[],
): readonly ShapeKeyColumn[] {
  for (const name of names) {
    if (columns.some((column) => column.name === name)) continue;
    throw new EngineError(
      'SCHEMA_MISMATCH',
      `table "${schema.name}" has no column "${name}" to match its rows by`,
      {
        site: {table: schema.name, column: name},
        hint: 'This release of the application is not known to the profile.',
      },
    );
  }
  return names.map((name) => ({name, fold: 'binary'}));
}
