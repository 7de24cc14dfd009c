/** Reads a SQLite schema through pragmas. */
import type BetterSqlite3 from 'better-sqlite3';
import type {Fold} from '../../canonical/key.ts';
import {compareNames} from '../../schema/names.ts';
import type {
  ColumnSchema,
  ForeignKey,
  ForeignKeyAction,
  KeyColumn,
  LogicalType,
  TableSchema,
  Trigger,
  UniqueIndex,
} from '../../schema/table-schema.ts';
import {tablesWritten} from './ddl.ts';

type Connection = BetterSqlite3.Database;

export type Encoding = 'UTF-8' | 'UTF-16le' | 'UTF-16be';

/** How SQLite treats values on their way into a column. */
export type Affinity = 'integer' | 'numeric' | 'real' | 'text' | 'none';

export type SqliteTable = TableSchema & {
  readonly affinities: ReadonlyMap<string, Affinity>;
};

export type SqliteSchema = {
  readonly encoding: Encoding;
  readonly tables: ReadonlyMap<string, SqliteTable>;
};

type TableRow = {readonly name: string; readonly wr: number; readonly strict: number};
type ColumnRow = {
  readonly name: string;
  readonly type: string;
  readonly notnull: number;
  readonly dflt_value: string | null;
  readonly pk: number;
  readonly hidden: number;
};
type IndexRow = {
  readonly name: string;
  readonly unique: number;
  readonly origin: string;
  readonly partial: number;
};
type IndexColumnRow = {readonly name: string | null; readonly coll: string; readonly key: number};
type ForeignKeyRow = {
  readonly id: number;
  readonly seq: number;
  readonly table: string;
  readonly from: string;
  readonly to: string | null;
  readonly on_update: ForeignKeyAction;
  readonly on_delete: ForeignKeyAction;
};

export function readSchema(connection: Connection): SqliteSchema {
  const encoding = connection.pragma('encoding', {simple: true}) as Encoding;
  const rows = connection
    .prepare<[], TableRow>(
      `SELECT name, wr, strict FROM pragma_table_list
      WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
    )
    .all();
  const names = rows.map((row) => row.name).sort(compareNames);
  const byName = new Map(rows.map((row) => [row.name, row]));
  const tables = new Map<string, SqliteTable>();
  for (const name of names) {
    const row = byName.get(name);
    if (row !== undefined) tables.set(name, readTable(connection, row, encoding, names));
  }
  return {encoding, tables};
}

function readTable(
  connection: Connection,
  row: TableRow,
  encoding: Encoding,
  names: readonly string[],
): SqliteTable {
  const columns = connection
    .prepare<[string], ColumnRow>('SELECT * FROM pragma_table_xinfo(?)')
    .all(row.name)
    .filter((column) => column.hidden !== 1);
  const indexes = connection
    .prepare<[string], IndexRow>('SELECT * FROM pragma_index_list(?)')
    .all(row.name);
  const keyIndex = indexes.find((index) => index.origin === 'pk');
  const keyColumns = columns.filter((column) => column.pk > 0).sort((a, b) => a.pk - b.pk);
  const keyIsRowid = keyColumns.length === 1 && keyIndex === undefined && row.wr === 0;
  const collations = keyIndex === undefined ? [] : indexColumns(connection, keyIndex.name);
  const primaryKey = keyColumns.map((column, at) =>
    keyColumn(column.name, collations[at]?.coll ?? 'BINARY'),
  );
  return {
    name: row.name,
    columns: columns.map(columnSchema),
    primaryKey,
    keyIsAssigned: keyIsRowid,
    keyIsOrdered:
      keyIsRowid || (encoding === 'UTF-8' && primaryKey.every((key) => key.fold === 'binary')),
    uniques: indexes
      .filter((index) => index.unique === 1 && index.origin !== 'pk')
      .map((index) => uniqueIndex(connection, index)),
    foreignKeys: foreignKeys(connection, row.name, names),
    triggers: triggers(connection, row.name),
    affinities: new Map(
      columns.map((column) => [column.name, affinityOf(column.type, row.strict === 1)]),
    ),
  };
}

function columnSchema(column: ColumnRow): ColumnSchema {
  return {
    name: column.name,
    type: logicalType(column.type),
    declared: column.type.trim().replace(/\s+/g, ' ').toUpperCase(),
    notNull: column.notnull === 1,
    default: column.dflt_value ?? undefined,
    generated: column.hidden === 2 || column.hidden === 3,
  };
}

const FOLDS: Readonly<Record<string, Fold>> = {BINARY: 'binary', NOCASE: 'nocase', RTRIM: 'rtrim'};

function keyColumn(name: string, collation: string): KeyColumn {
  return {name, collation, fold: FOLDS[collation.toUpperCase()]};
}

function indexColumns(connection: Connection, index: string): readonly IndexColumnRow[] {
  return connection
    .prepare<[string], IndexColumnRow>('SELECT * FROM pragma_index_xinfo(?)')
    .all(index)
    .filter((column) => column.key === 1);
}

function uniqueIndex(connection: Connection, index: IndexRow): UniqueIndex {
  const columns = indexColumns(connection, index.name).map((column) => ({
    column: column.name ?? undefined,
    collation: column.coll,
  }));
  const automatic = index.name.startsWith('sqlite_autoindex_');
  const name = automatic
    ? columns.map((column) => column.column ?? 'expression').join(', ')
    : index.name;
  return {name, columns, partial: index.partial === 1};
}

function foreignKeys(
  connection: Connection,
  table: string,
  names: readonly string[],
): readonly ForeignKey[] {
  const rows = connection
    .prepare<[string], ForeignKeyRow>('SELECT * FROM pragma_foreign_key_list(?) ORDER BY id, seq')
    .all(table);
  const groups = Map.groupBy(rows, (row) => row.id);
  return [...groups.values()].flatMap((group) => {
    const head = group[0];
    if (head === undefined) return [];
    const parent =
      names.find((name) => name.toLowerCase() === head.table.toLowerCase()) ?? head.table;
    const parentKey =
      head.to === null ? primaryKeyOf(connection, parent) : group.map((row) => row.to ?? '');
    return {
      table,
      columns: group.map((row) => row.from),
      parent,
      parentColumns: parentKey,
      onDelete: head.on_delete,
      onUpdate: head.on_update,
    };
  });
}

function primaryKeyOf(connection: Connection, table: string): readonly string[] {
  return connection
    .prepare<[string], string>('SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk')
    .pluck()
    .all(table) as unknown as string[];
}

function triggers(connection: Connection, table: string): readonly Trigger[] {
  return connection
    .prepare<[string], {name: string; sql: string | null}>(
      `SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE`,
    )
    .all(table)
    .map(({name, sql}) => ({
      name,
      writes:
        sql === null
          ? undefined
          : tablesWritten(sql).filter((other) => other !== table.toLowerCase()),
    }));
}

/** SQLite's own rules for a declared type (https://sqlite.org/datatype3.html, section 3.1). */
export function affinityOf(declared: string, strict: boolean): Affinity {
  const type = declared.toUpperCase();
  if (strict && type === 'ANY') return 'none';
  if (type.includes('INT')) return 'integer';
  if (/CHAR|CLOB|TEXT/.test(type)) return 'text';
  if (type === '' || type.includes('BLOB')) return 'none';
  if (/REAL|FLOA|DOUB/.test(type)) return 'real';
  return 'numeric';
}

/** What a declared type means to people, which SQLite itself does not enforce. */
export function logicalType(declared: string): LogicalType {
  const type = declared.toUpperCase();
  if (type.includes('BOOL')) return 'boolean';
  if (/DATETIME|TIMESTAMP/.test(type)) return 'datetime';
  if (/^DATE\b/.test(type)) return 'date';
  if (/^TIME\b/.test(type)) return 'time';
  if (/JSON/.test(type)) return 'json';
  if (/UUID/.test(type)) return 'uuid';
  if (/DECIMAL/.test(type)) return 'decimal';
  const affinity = affinityOf(declared, false);
  if (affinity === 'none') return type.includes('BLOB') ? 'blob' : 'any';
  return affinity === 'numeric' && type === 'ANY' ? 'any' : affinity;
}
