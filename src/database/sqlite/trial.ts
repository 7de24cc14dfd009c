/**
 * Tries rows on an empty copy of their table in memory: whether its constraints accept a row by itself,
 * and what the row would hold in each unique index, whatever expressions, conditions and generated
 * columns are behind it. SQLite itself evaluates them, with the table's own affinities.
 */
import BetterSqlite3 from 'better-sqlite3';
import {decodeCell} from '../../canonical/cell.ts';
import type {Cell, WireRow} from '../../kernel/row.ts';
import type {UniqueIndex} from '../../schema/table-schema.ts';
import type {TableShape} from '../../schema/table-shape.ts';
import type {Trial} from '../port.ts';
import {indexTexts} from './ddl.ts';
import {exactCells, exactTerm} from './rows.ts';
import type {Encoding, SqliteTable} from './schema.ts';
import {all, bound, compile, id, list, sql, type Sql} from './sql.ts';
import {preparedWrite, writeParameters} from './statements.ts';

type Connection = BetterSqlite3.Database;

/** Gives what a row would be, or undefined where the table cannot be made outside of its database. */
export type TryRow = (shape: TableShape, row: WireRow) => Trial | undefined;

/** Prepares a table for trials. The copy lives as long as the function that is returned. */
export function trialOf(host: Connection, table: SqliteTable, encoding: Encoding): TryRow {
  const copy = copyOf(host, table, encoding);
  if (copy === undefined) return () => undefined;
  const select = compile(entriesQuery(host, table)).text;
  let read: BetterSqlite3.Statement;
  try {
    read = copy.prepare(select).raw(true).safeIntegers(true);
  } catch {
    return () => undefined;
  }
  return (shape, row) => {
    const accepted = insert(copy, shape, row, 'checked');
    if (!accepted && !insert(copy, shape, row, 'anyway')) return {accepted, entries: []};
    try {
      return {accepted, entries: entriesOf(table, read.get() as readonly unknown[], encoding)};
    } catch (error) {
      // An expression may not take the value: text that is no JSON, or an overflow.
      if (error instanceof BetterSqlite3.SqliteError) return {accepted: false, entries: []};
      throw error;
    } finally {
      copy.exec('ROLLBACK');
    }
  };
}

/** The table alone, without indexes, triggers and rows. The application's own functions are not known there. */
function copyOf(host: Connection, table: SqliteTable, encoding: Encoding): Connection | undefined {
  const ddl = ddlOf(host, 'table', table.name);
  if (ddl === undefined) return undefined;
  const copy = new BetterSqlite3(':memory:');
  try {
    copy.pragma(`encoding = '${encoding}'`);
    copy.pragma('foreign_keys = OFF');
    copy.exec(ddl);
    return copy;
  } catch {
    copy.close();
    return undefined;
  }
}

function ddlOf(host: Connection, type: 'table' | 'index', name: string): string | undefined {
  const query = 'SELECT sql FROM sqlite_master WHERE type = ? AND name = ?';
  return (host.prepare(query).pluck().get(type, name) as string | null | undefined) ?? undefined;
}

/** Leaves a transaction open around the row where it went in. `anyway` leaves CHECKs aside. */
function insert(
  copy: Connection,
  shape: TableShape,
  row: WireRow,
  how: 'checked' | 'anyway',
): boolean {
  const columns = shape.columns.map(({name}) => name);
  const cells = row.map(decodeCell);
  const statement = {op: 'insert', table: shape.table, columns, cells} as const;
  if (how === 'anyway') copy.pragma('ignore_check_constraints = ON');
  copy.exec('BEGIN');
  try {
    preparedWrite(copy, statement).run(...writeParameters(statement));
    return true;
  } catch (error) {
    copy.exec('ROLLBACK');
    if (error instanceof BetterSqlite3.SqliteError) return false;
    throw error;
  } finally {
    if (how === 'anyway') copy.pragma('ignore_check_constraints = OFF');
  }
}

/** For each unique index whether the row is in it, then type and value of each of its terms. */
function entriesQuery(host: Connection, table: SqliteTable): Sql {
  const parts = table.uniques.flatMap((index) => {
    const {condition, terms} = partsOf(host, index);
    if (condition === undefined) return [sql`1`, ...terms.map(exactTerm)];
    // A condition may guard terms that fail for rows outside of the index.
    const guarded = terms.map((term) => sql`(CASE WHEN ${condition} THEN ${term} END)`);
    return [sql`(${condition} IS TRUE)`, ...guarded.map(exactTerm)];
  });
  return sql`SELECT ${list(parts)} FROM ${id(table.name)}`;
}

/** `condition` is that of a partial index. */
type Parts = {readonly condition: Sql | undefined; readonly terms: readonly Sql[]};

/**
 * Condition and terms of a unique index as SQL. Expressions are the schema's own text. An index of columns alone is
 * not looked up: those that a constraint makes have no name of their own.
 */
function partsOf(host: Connection, index: UniqueIndex): Parts {
  const isPlain = !index.partial && index.columns.every(({column}) => column !== undefined);
  const ddl = isPlain ? undefined : ddlOf(host, 'index', index.name);
  const written = ddl === undefined ? undefined : indexTexts(ddl);
  const terms = index.columns.map(({column}, at) =>
    column === undefined ? sql`(${sql.raw(written?.terms[at] ?? 'NULL')}\n)` : id(column),
  );
  const where = written?.where;
  return {terms, condition: where === undefined ? undefined : sql`(${sql.raw(where)}\n)`};
}

function entriesOf(
  table: SqliteTable,
  raw: readonly unknown[],
  encoding: Encoding,
): Trial['entries'] {
  let at = 0;
  return table.uniques.map(({columns}) => {
    const inIndex = raw[at] === 1n;
    const cells = exactCells(raw.slice(at + 1, at + 1 + columns.length * 2), encoding, table.name);
    at += 1 + columns.length * 2;
    return inIndex && !cells.includes(null) ? cells : undefined;
  });
}

/** The rows of the table itself that hold these cells in an index. */
export function holdersQuery(
  host: Connection,
  table: SqliteTable,
  index: UniqueIndex,
  cells: readonly Cell[],
): Sql {
  const {condition, terms} = partsOf(host, index);
  const equal = terms.map((term, at) => {
    const collation = id(index.columns[at]?.collation ?? 'BINARY');
    return sql`${term} = ${bound(cells[at] ?? null)} COLLATE ${collation}`;
  });
  // As it is written: SQLite uses a partial index only for a query that says the same.
  const held = condition === undefined ? equal : [condition, ...equal];
  return sql`SELECT 1 FROM ${id(table.name)} WHERE ${all(held)} LIMIT 1`;
}
