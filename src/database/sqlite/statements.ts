/**
 * Prepared statements, made once a connection for each form of statement: compiling the text of a wide
 * table costs more than running it, and the write lock is held meanwhile.
 */
import type BetterSqlite3 from 'better-sqlite3';
import {PLACES_MAX} from '../../kernel/limits.ts';
import type {Cell} from '../../kernel/row.ts';
import type {Match, RowSet, RowSetColumn, SetStatement, Statement} from '../../kernel/statement.ts';
import {all, bound, compile, id, isTextBytes, list, parameterOf, sql, type Sql} from './sql.ts';

type Connection = BetterSqlite3.Database;
type Prepared = BetterSqlite3.Statement;

const cache = new WeakMap<Connection, Map<string, Prepared>>();

/** The statement of this form, made by `make` the first time. */
function prepared(connection: Connection, form: string, make: () => Prepared): Prepared {
  const known = cache.get(connection) ?? new Map<string, Prepared>();
  cache.set(connection, known);
  const statement = known.get(form) ?? make();
  known.set(form, statement);
  return statement;
}

/** A statement whose rows come as arrays; `exact` gives integers as bigint. `form` names its text, which is built once. */
export function preparedRead(
  connection: Connection,
  form: string,
  exact: boolean,
  text: () => string,
): Prepared {
  const make = (): Prepared => connection.prepare(text()).raw(true).safeIntegers(exact);
  return prepared(connection, (exact ? 'exact ' : 'plain ') + form, make);
}

export function runRaw(connection: Connection, query: Sql, exact: boolean): readonly unknown[][] {
  const {text, parameters} = compile(query);
  return rawRows(
    preparedRead(connection, text, exact, () => text),
    parameters,
  );
}

export function rawRows(statement: Prepared, parameters: readonly unknown[]): readonly unknown[][] {
  return statement.all(...parameters) as unknown as readonly unknown[][];
}

export function filter(where: readonly Match[]): Sql {
  if (where.length === 0) return sql``;
  const conditions = where.map(({column, is, collation}) => {
    const collate = collation === undefined ? sql`` : sql` COLLATE ${id(collation)}`;
    return sql`${id(column)} IS ${bound(is)}${collate}`;
  });
  return sql` WHERE ${all(conditions)}`;
}

/** Names all that decides the text of a filter; its values are not part of it. */
export function filterForm(where: readonly Match[]): string {
  return JSON.stringify(
    where.map(({column, is, collation}) => [column, collation ?? '', isTextBytes(is)]),
  );
}

export function filterParameters(where: readonly Match[]): readonly unknown[] {
  return where.map(({is}) => parameterOf(is));
}

export function preparedWrite(connection: Connection, statement: Statement): Prepared {
  return prepared(connection, writeForm(statement), () => {
    const write = connection.prepare(compile(writeSql(statement)).text);
    return write.reader ? write.raw(true).safeIntegers(true) : write;
  });
}

export function writeParameters(statement: Statement): readonly unknown[] {
  const cells = statement.op === 'delete' ? [] : statement.cells.map(parameterOf);
  return statement.op === 'insert' ? cells : [...cells, ...filterParameters(statement.where)];
}

function writeForm(statement: Statement): string {
  const {op, table} = statement;
  const written = op === 'delete' ? [] : [statement.columns, textBytesAt(statement.cells)];
  const rest = op === 'insert' ? statement.returning : filterForm(statement.where);
  return JSON.stringify([op, table, written, rest]);
}

function textBytesAt(cells: readonly Cell[]): readonly number[] {
  return cells.flatMap((cell, at) => (isTextBytes(cell) ? [at] : []));
}

/** Always OR ABORT: a schema's own ON CONFLICT REPLACE would delete other rows. */
function writeSql(statement: Statement): Sql {
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

/** The rows of a set, and in none of the others. */
export function setFilter(among: RowSet, except: readonly RowSet[] = []): Sql {
  const conditions = [inSet(among), ...except.map((other) => sql`${inSet(other)} IS NOT TRUE`)];
  return sql` WHERE ${all(conditions)}`;
}

/** A list where the set is of a single column; else a term a tuple. */
function inSet({columns, values}: RowSet): Sql {
  const [column] = columns;
  if (column !== undefined && columns.length === 1)
    return inList(
      column,
      values.map((cells) => cells[0] ?? null),
    );
  const tuples = values.map((cells) =>
    all(columns.map((each, at) => inList(each, [cells[at] ?? null]))),
  );
  return sql`(${sql.join(tuples, sql` OR `)})`;
}

/** As SQLite compares references: the referenced column's affinity is applied to the referring value. */
function inList(column: RowSetColumn, cells: readonly Cell[]): Sql {
  const name = id(column.name);
  switch (column.compare) {
    case 'plain':
      return sql`(${collated(name, column)} IN (${members(cells)}))`;
    case 'exact':
      return sql`(${collated(sql`(+${name})`, column)} IN (${members(cells)}))`;
    case 'text': {
      const text = sql`CASE typeof(${name}) WHEN 'blob' THEN ${name} ELSE CAST(${name} AS TEXT) END`;
      return sql`(${collated(sql`(${text})`, column)} IN (${members(cells)}))`;
    }
    case 'number':
      return inNumbers(collated(name, column), cells);
  }
}

/**
 * A place for each cell; of many integers or texts one JSON list, as statements have a limited number of
 * places, and thousands of them take longer to compile than to run.
 */
function members(cells: readonly Cell[]): Sql {
  const plain = cells.filter(
    (cell) => typeof cell === 'bigint' || (typeof cell === 'string' && !cell.includes('\0')),
  );
  if (cells.length <= PLACES_MAX || plain.length < cells.length) return list(cells.map(bound));
  const items = plain.map((cell) =>
    typeof cell === 'bigint' ? String(cell) : JSON.stringify(cell),
  );
  return sql`SELECT value FROM json_each(${`[${items.join(',')}]`})`;
}

/** Against a column of numbers SQLite reads texts as numbers; texts that are none are compared as they are. */
function inNumbers(name: Sql, cells: readonly Cell[]): Sql {
  const ofType = (type: Sql, some: readonly Cell[]): Sql[] => {
    const rows = sql.join(
      some.map((cell) => sql`(${bound(cell)})`),
      sql`, `,
    );
    return some.length === 0
      ? []
      : [sql`${name} IN (SELECT CAST(column1 AS ${type}) FROM (VALUES ${rows}))`];
  };
  const others = cells.filter((cell) => typeof cell !== 'bigint' && typeof cell !== 'number');
  const terms = [
    ...ofType(
      sql`INTEGER`,
      cells.filter((cell) => typeof cell === 'bigint'),
    ),
    ...ofType(
      sql`REAL`,
      cells.filter((cell) => typeof cell === 'number'),
    ),
    ...(others.length === 0 ? [] : [sql`${name} IN (${list(others.map(bound))})`]),
  ];
  return sql`(${sql.join(terms, sql` OR `)})`;
}

function collated(expression: Sql, {collation}: RowSetColumn): Sql {
  return collation === undefined ? expression : sql`${expression} COLLATE ${id(collation)}`;
}

export function setWrite(statement: SetStatement): Sql {
  const table = id(statement.among.table);
  if (statement.op === 'deleteSet') return sql`DELETE FROM ${table}${setFilter(statement.among)}`;
  const set = statement.columns.map(
    (column, at) => sql`${id(column)} = ${newValue(statement, at)}`,
  );
  return sql`UPDATE OR ABORT ${table} SET ${list(set)}${setFilter(statement.among)}`;
}

function newValue(statement: Exclude<SetStatement, {readonly op: 'deleteSet'}>, at: number): Sql {
  if (statement.op === 'updateSet') return bound(statement.cells[at] ?? null);
  const {among, cells} = statement;
  const cases = among.values.map((tuple, pair) => {
    const old = inSet({...among, values: [tuple]});
    return sql`WHEN ${old} THEN ${bound(cells[pair]?.[at] ?? null)}`;
  });
  return sql`CASE ${sql.join(cases, sql` `)} END`;
}
