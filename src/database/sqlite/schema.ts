/** Reads a SQLite schema through pragmas. */
import type BetterSqlite3 from 'better-sqlite3';
import type {Fold} from '../../canonical/key.ts';
import {asciiLower, asciiUpper, compareNames} from '../../schema/names.ts';
import type {
  ColumnSchema,
  ForeignKey,
  ForeignKeyAction,
  KeyColumn,
  TableSchema,
  Trigger,
  UniqueIndex,
  UniqueTerm,
} from '../../schema/table-schema.ts';
import {SCHEMAS_KEPT_MAX} from '../../kernel/limits.ts';
import type {Affinity} from '../../schema/affinity.ts';
import {affinityIn, logicalType} from './column-types.ts';
import {indexTexts, tableTexts, tablesWritten, type TableTexts} from './ddl.ts';
import {canonicalDefault, canonicalExpression, canonicalType} from './expression.ts';

type Connection = BetterSqlite3.Database;

export type Encoding = 'UTF-8' | 'UTF-16le' | 'UTF-16be';

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

/** By the texts that they were read from, the one used last at the end. */
const known = new Map<string, SqliteSchema>();

/**
 * The schema as the connection sees it. SQLite makes it of the texts in `sqlite_master` and nothing else, so the same texts are not
 * taken apart again: a cycle of a service opens the same two databases several times.
 */
export function readSchema(connection: Connection): SqliteSchema {
  const encoding = connection.pragma('encoding', {simple: true}) as Encoding;
  const texts = connection
    .prepare('SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY rowid')
    .raw(true)
    .all();
  const key = JSON.stringify([encoding, texts]);
  const schema = known.get(key) ?? readAnew(connection, encoding);
  known.delete(key);
  known.set(key, schema);
  const [oldest] = known.keys();
  if (known.size > SCHEMAS_KEPT_MAX && oldest !== undefined) known.delete(oldest);
  return schema;
}

function readAnew(connection: Connection, encoding: Encoding): SqliteSchema {
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
  const known = new Set(columns.map((column) => asciiLower(column.name)));
  const texts = tableTexts(ddlOf(connection, 'table', row.name), known);
  const collationOf = (column: string): string =>
    texts.collations.get(asciiLower(column)) ?? 'BINARY';
  const inKey = keyIndex === undefined ? [] : indexColumns(connection, keyIndex.name);
  const primaryKey = keyColumns.map(({name}, at) =>
    keyColumn(name, collationOf(name), inKey[at]?.coll),
  );
  return {
    name: row.name,
    columns: columns.map((column) => columnSchema(column, texts, row.strict === 1)),
    primaryKey,
    keyIsAssigned: keyIsRowid,
    keyIsOrdered:
      keyIsRowid || (encoding === 'UTF-8' && primaryKey.every((key) => key.fold === 'binary')),
    hiddenId: row.wr === 1 ? undefined : hiddenId(columns.map((column) => column.name)),
    uniques: indexes
      .filter((index) => index.unique === 1 && index.origin !== 'pk')
      .map((index) => uniqueIndex(connection, index, known)),
    foreignKeys: foreignKeys(connection, row.name, names),
    checks: texts.checks,
    triggers: triggers(connection, row.name),
    affinities: new Map(
      columns.map((column) => [column.name, affinityIn(column.type, row.strict === 1)]),
    ),
  };
}

/** A column may take a name of the rowid; the other names go on to mean it. */
function hiddenId(columns: readonly string[]): string | undefined {
  const taken = new Set(columns.map(asciiLower));
  return ['rowid', '_rowid_', 'oid'].find((name) => !taken.has(name));
}

function ddlOf(connection: Connection, type: 'table' | 'index', name: string): string {
  const query = `SELECT sql FROM sqlite_master WHERE type = ? AND name = ?`;
  return (connection.prepare(query).pluck().get(type, name) as string | null | undefined) ?? '';
}

const STORES: Readonly<Record<Affinity, ColumnSchema['stores']>> = {
  integer: 'number',
  numeric: 'number',
  real: 'number',
  text: 'text',
  none: 'any',
};

function columnSchema(column: ColumnRow, texts: TableTexts, strict: boolean): ColumnSchema {
  const name = asciiLower(column.name);
  return {
    name: column.name,
    type: logicalType(column.type),
    declared: canonicalType(column.type),
    notNull: column.notnull === 1,
    default: canonicalDefault(column.dflt_value),
    generated: column.hidden === 2 || column.hidden === 3,
    expression: texts.generated.get(name),
    collation: asciiUpper(texts.collations.get(name) ?? 'BINARY'),
    stores: STORES[affinityIn(column.type, strict)],
  };
}

const FOLDS: Readonly<Record<string, Fold>> = {BINARY: 'binary', NOCASE: 'nocase', RTRIM: 'rtrim'};

/** SQLite compares by the column's collation and keeps unique by the index's: a key needs both to be one. */
function keyColumn(name: string, declared: string, inKey = declared): KeyColumn {
  if (asciiUpper(inKey) === asciiUpper(declared)) {
    return {name, collation: asciiUpper(declared), fold: FOLDS[asciiUpper(declared)]};
  }
  return {name, collation: `${inKey} in the key and ${declared} in the table`, fold: undefined};
}

function indexColumns(connection: Connection, index: string): readonly IndexColumnRow[] {
  return connection
    .prepare<[string], IndexColumnRow>('SELECT * FROM pragma_index_xinfo(?)')
    .all(index)
    .filter((column) => column.key === 1);
}

function uniqueIndex(
  connection: Connection,
  index: IndexRow,
  known: ReadonlySet<string>,
): UniqueIndex {
  const {terms, where} = indexTexts(ddlOf(connection, 'index', index.name));
  const columns = indexColumns(connection, index.name).map(({name, coll}, at): UniqueTerm => {
    const collation = coll;
    if (name !== null) return {column: name, collation};
    return {
      column: undefined,
      expression: canonicalExpression(terms[at] ?? '', known),
      collation,
    };
  });
  const automatic = index.name.startsWith('sqlite_autoindex_');
  const name = automatic
    ? columns.map(({column}) => column ?? 'expression').join(', ')
    : index.name;
  const partial = index.partial === 1;
  return {
    name,
    columns,
    partial,
    ...(partial ? {where: canonicalExpression(where ?? '', known)} : {}),
  };
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
    const parent = sameName(names, head.table);
    const parentKey =
      head.to === null ? primaryKeyOf(connection, parent) : group.map((row) => row.to ?? '');
    const there = columnNames(connection, parent);
    const here = columnNames(connection, table);
    const parentColumns = parentKey.map((column) => sameName(there, column));
    // SQLite itself cannot enforce a reference to columns that are not there.
    const usable =
      parentColumns.length === group.length && parentColumns.every((name) => there.includes(name));
    if (names.includes(parent) && !usable) return [];
    return {
      table,
      columns: group.map((row) => sameName(here, row.from)),
      parent,
      parentColumns,
      onDelete: head.on_delete,
      onUpdate: head.on_update,
    };
  });
}

/** The name as it is declared where SQLite, which ignores the case of ASCII letters, would find it. */
function sameName(names: readonly string[], name: string): string {
  return names.find((candidate) => asciiLower(candidate) === asciiLower(name)) ?? name;
}

function columnNames(connection: Connection, table: string): readonly string[] {
  return connection
    .prepare<[string], string>('SELECT name FROM pragma_table_xinfo(?)')
    .pluck()
    .all(table) as unknown as string[];
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
          : tablesWritten(sql).filter((other) => other !== asciiLower(table)),
    }));
}
