/** What one SQLite transaction sees, and may write. */
import type BetterSqlite3 from 'better-sqlite3';
import {must} from '../../kernel/assert.ts';
import {EngineError} from '../../kernel/errors.ts';
import type {CanonicalRow, Cell, KeyRange} from '../../kernel/row.ts';
import type {Match, RowAddress, Statement, StatementResult} from '../../kernel/statement.ts';
import {columnKeys} from '../../schema/row-key.ts';
import type {ForeignKey} from '../../schema/table-schema.ts';
import type {TableShape} from '../../schema/table-shape.ts';
import type {View, WriteView} from '../port.ts';
import {translated} from './errors.ts';
import {
  exactCells,
  exactColumns,
  exactList,
  exactRow,
  selectionOf,
  type Selection,
} from './rows.ts';
import {runRaw, scanRows} from './scan.ts';
import {readSchema, type SqliteSchema} from './schema.ts';
import {all, bound, compile, id, list, sql, type Sql} from './sql.ts';

type Connection = BetterSqlite3.Database;

/** The schema is read once a transaction: nothing in it changes while that is open. */
export function sqliteView(connection: Connection): View {
  let schema: SqliteSchema | undefined;
  const known = (): SqliteSchema => (schema ??= readSchema(connection));
  const selection = (shape: TableShape): Selection => {
    const {encoding, tables} = known();
    return selectionOf(
      must(tables.get(shape.table), 'shapes are made from the schema'),
      shape,
      encoding,
    );
  };
  return {
    schema: async () => known(),
    rows: (shape, ranges) => pagesOf(connection, selection(shape), ranges),
    rowAt: async (shape, address) => rowAt(connection, selection(shape), address),
    select: async (table, columns, where = []) => {
      const query = sql`SELECT ${exactColumns(columns)} FROM ${id(table)}${filter(where)}`;
      return runRaw(connection, query, true).map((raw) => exactCells(raw, known().encoding, table));
    },
    distinct: async (table, columns, where) => {
      const query = sql`SELECT DISTINCT ${exactColumns(columns)} FROM ${id(table)}${filter(where)}`;
      return runRaw(connection, query, true).map((raw) => exactCells(raw, known().encoding, table));
    },
    count: async (table, where) =>
      Number(scalar(connection, sql`SELECT count(*) FROM ${id(table)}${filter(where)}`)),
    dangling: async (key, limit) => dangling(connection, key, limit, known()),
    counter: async (table) => counterOf(connection, table),
  };
}

export function sqliteWriteView(connection: Connection): WriteView {
  return {
    ...sqliteView(connection),
    run: async (statement) => runStatement(connection, statement),
    raiseCounter: async (table, atLeast) => raiseCounter(connection, table, atLeast),
  };
}

async function* pagesOf(
  connection: Connection,
  selection: Selection,
  ranges: readonly KeyRange[] | undefined,
): AsyncGenerator<readonly CanonicalRow[]> {
  try {
    yield* scanRows(connection, selection, ranges);
  } catch (error) {
    const table = selection.shape.table;
    throw translated(error, `cannot read table "${table}"`, {table});
  }
}

function rowAt(
  connection: Connection,
  selection: Selection,
  address: RowAddress,
): CanonicalRow | undefined {
  const {shape} = selection;
  const query = sql`SELECT ${exactList(selection)} FROM ${id(shape.table)}${filter(address)} LIMIT 2`;
  const [raw, second] = runRaw(connection, query, true);
  if (second !== undefined) {
    throw new EngineError(
      'KEY_UNUSABLE',
      `cannot tell rows of table "${shape.table}" apart by their key`,
      {
        site: {table: shape.table},
        hint: 'Run PRAGMA integrity_check on the database: an index may be damaged.',
      },
    );
  }
  if (raw === undefined) return undefined;
  const {cells, text, locator} = exactRow(selection, raw);
  return {key: columnKeys(shape)(cells), text, cells, locator};
}

function filter(where: readonly Match[]): Sql {
  if (where.length === 0) return sql``;
  const conditions = where.map(({column, is, collation}) => {
    const collate = collation === undefined ? sql`` : sql` COLLATE ${id(collation)}`;
    return sql`${id(column)} IS ${bound(is)}${collate}`;
  });
  return sql` WHERE ${all(conditions)}`;
}

function scalar(connection: Connection, query: Sql): unknown {
  return runRaw(connection, query, true)[0]?.[0];
}

/** The parent's column stands on the left: its collation decides, as in SQLite's own check. */
function dangling(
  connection: Connection,
  key: ForeignKey,
  limit: number,
  {tables, encoding}: SqliteSchema,
): readonly (readonly Cell[])[] {
  const child = (column: string): Sql => sql`c.${id(column)}`;
  const present = key.columns.map((column) => sql`${child(column)} IS NOT NULL`);
  const matches = key.columns.map(
    (column, at) => sql`p.${id(key.parentColumns[at] ?? '')} = ${child(column)}`,
  );
  const orphan = tables.has(key.parent)
    ? sql` AND NOT EXISTS (SELECT 1 FROM ${id(key.parent)} p WHERE ${all(matches)})`
    : sql``;
  const columns = list(
    key.columns.flatMap((column) => [
      sql`typeof(${child(column)})`,
      sql`CASE typeof(${child(column)}) WHEN 'text' THEN CAST(${child(column)} AS BLOB) ELSE ${child(column)} END`,
    ]),
  );
  const query = sql`SELECT DISTINCT ${columns} FROM ${id(key.table)} c WHERE ${all(present)}${orphan} LIMIT ${limit}`;
  return runRaw(connection, query, true).map((raw) => exactCells(raw, encoding, key.table));
}

function runStatement(connection: Connection, statement: Statement): StatementResult {
  const {table} = statement;
  const {text, parameters} = compile(statementSql(statement));
  try {
    if (statement.op === 'insert' && statement.returning !== undefined) {
      const raw = connection
        .prepare(text)
        .raw(true)
        .safeIntegers(true)
        .get(...parameters) as readonly Cell[] | undefined;
      return {changed: raw === undefined ? 0 : 1, returned: raw ?? []};
    }
    return {changed: connection.prepare(text).run(...parameters).changes, returned: []};
  } catch (error) {
    throw translated(error, `cannot ${statement.op} a row of table "${table}"`, {table});
  }
}

/** Always OR ABORT: a schema's own ON CONFLICT REPLACE would delete other rows. */
function statementSql(statement: Statement): Sql {
  const table = id(statement.table);
  switch (statement.op) {
    case 'insert': {
      const returning =
        statement.returning === undefined
          ? sql``
          : sql` RETURNING ${list(statement.returning.map(id))}`;
      const columns = list(statement.columns.map(id));
      return sql`INSERT OR ABORT INTO ${table} (${columns}) VALUES (${list(statement.cells.map(bound))})${returning}`;
    }
    case 'update': {
      const set = statement.columns.map(
        (column, at) => sql`${id(column)} = ${bound(statement.cells[at] ?? null)}`,
      );
      return sql`UPDATE OR ABORT ${table} SET ${list(set)}${filter(statement.where)}`;
    }
    case 'delete':
      return sql`DELETE FROM ${table}${filter(statement.where)}`;
  }
}

function hasCounters(connection: Connection): boolean {
  return (
    scalar(connection, sql`SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'`) ===
    1n
  );
}

function counterOf(connection: Connection, table: string): bigint | undefined {
  if (!hasCounters(connection)) return undefined;
  const value = scalar(connection, sql`SELECT seq FROM sqlite_sequence WHERE name = ${table}`);
  return typeof value === 'bigint' ? value : undefined;
}

function raiseCounter(connection: Connection, table: string, atLeast: bigint): void {
  if (!hasCounters(connection)) return;
  const known = counterOf(connection, table);
  const query =
    known === undefined
      ? sql`INSERT INTO sqlite_sequence (name, seq) VALUES (${table}, ${atLeast})`
      : sql`UPDATE sqlite_sequence SET seq = ${atLeast} WHERE name = ${table} AND seq < ${atLeast}`;
  const {text, parameters} = compile(query);
  connection.prepare(text).run(...parameters);
}
