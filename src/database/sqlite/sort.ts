/** Rows of a table by one sorted cursor, where no index gives the order of keys. */
import type BetterSqlite3 from 'better-sqlite3';
import {encodeKey} from '../../canonical/key.ts';
import {encodeRow, rowText} from '../../canonical/row.ts';
import {SORT_COLUMNS_MAX} from '../../kernel/read-limits.ts';
import type {Cell, WireRow} from '../../kernel/row.ts';
import {isWholeRow} from '../../schema/locator.ts';
import {columnKeys} from '../../schema/row-key.ts';
import type {TableShape} from '../../schema/table-shape.ts';
import {
  exactCells,
  exactColumns,
  exactList,
  exactRow,
  exactTerm,
  type ReadRow,
  type Selection,
} from './rows.ts';
import {compile, id, list, sql, type Sql} from './sql.ts';

type Connection = BetterSqlite3.Database;

/** All rows in order of their encoded key; rows of equal key by the bytes of their text, equal ones by their ids. */
export function* sortedRows(connection: Connection, selection: Selection): Generator<ReadRow> {
  const {shape} = selection;
  if (isWholeRow(shape)) {
    yield* wholeRows(connection, selection);
    return;
  }
  const folds = shape.key.map((column) => column.fold);
  const names = shape.key.map((column) => column.name);
  const key = call(connection, selection, {
    name: 'rowplica_key',
    names,
    encode: (cells) => encodeKey(cells, folds),
  });
  const query = sql`SELECT ${exactList(selection)} FROM ${id(shape.table)} ORDER BY ${key}`;
  for (const group of equalKeys(exactRows(connection, selection, query), shape)) yield* group;
}

function* exactRows(connection: Connection, selection: Selection, query: Sql): Generator<ReadRow> {
  for (const raw of iterate(connection, query)) yield exactRow(selection, raw);
}

function iterate(connection: Connection, query: Sql): IterableIterator<readonly unknown[]> {
  const {text, parameters} = compile(query);
  const statement = connection.prepare(text).raw(true).safeIntegers(true);
  return statement.iterate(...parameters) as IterableIterator<readonly unknown[]>;
}

/**
 * Any number of whole rows may be equal, so SQLite puts those in order too: none are gathered here. What they are
 * sorted by, key and text, is also what is read.
 */
function* wholeRows(connection: Connection, selection: Selection): Generator<ReadRow> {
  const {shape, encoding, locator} = selection;
  const row = keyAndText(connection, selection);
  const ids = locator.map((name) => sql`${id(name)} COLLATE BINARY`);
  const query = sql`SELECT ${row} AS r, ${exactColumns(locator)} FROM ${id(shape.table)} ORDER BY ${list([sql`1`, ...ids])}`;
  for (const raw of iterate(connection, query)) {
    const text = textAfterKey(raw[0] as string);
    const cells = JSON.parse(text) as WireRow;
    yield {cells, text, locator: exactCells(raw.slice(1), encoding, shape.table)};
  }
}

/** Sorts before all that an encoded key holds, and is in no row's text. */
const BETWEEN = '\n';

const textAfterKey = (both: string): string => both.slice(both.indexOf(BETWEEN) + 1);

/** The encoded key of a whole row and its text, put together of as many calls as SQLite's limit on arguments demands. */
function keyAndText(connection: Connection, selection: Selection): Sql {
  const names = selection.shape.columns.map((column) => column.name);
  const folds = names.map(() => 'binary' as const);
  const calls = slices(names).map((part) =>
    call(connection, selection, {
      name: 'rowplica_row',
      names: part,
      encode: (cells) => encodeKey(cells, folds) + BETWEEN + rowText(encodeRow(cells)),
    }),
  );
  const [only] = calls;
  if (only !== undefined && calls.length === 1) return only;
  const joined = (...parts: readonly string[]): string => {
    const keys = parts.map((part) => part.slice(0, part.indexOf(BETWEEN)));
    const texts = parts.map((part) => textAfterKey(part).slice(1, -1));
    return `${keys.join(',')}${BETWEEN}[${texts.join(',')}]`;
  };
  connection.function('rowplica_join', {deterministic: true, varargs: true}, joined);
  return sql`rowplica_join(${list(calls)})`;
}

type Encoder = {
  readonly name: string;
  readonly names: readonly string[];
  readonly encode: (cells: readonly Cell[]) => string;
};

/** A call of a function that this connection is given, with each column's type and exact value. */
function call(
  connection: Connection,
  {shape, encoding}: Selection,
  {name, names, encode}: Encoder,
): Sql {
  const given = (...raw: unknown[]): string => encode(exactCells(raw, encoding, shape.table));
  connection.function(name, {deterministic: true, safeIntegers: true, varargs: true}, given);
  const typed = names.map((column) => exactTerm(id(column)));
  return sql`${sql.raw(name)}(${list(typed)})`;
}

function slices<T>(columns: readonly T[]): readonly (readonly T[])[] {
  const parts: (readonly T[])[] = [];
  for (let at = 0; at < columns.length; at += SORT_COLUMNS_MAX)
    parts.push(columns.slice(at, at + SORT_COLUMNS_MAX));
  return parts;
}

/** Groups of rows whose key columns are equal, ordered within by the bytes of their text. */
function* equalKeys(rows: Iterable<ReadRow>, shape: TableShape): Generator<readonly ReadRow[]> {
  const keyOf = columnKeys(shape);
  let group: ReadRow[] = [];
  let groupKey: string | undefined;
  for (const row of rows) {
    const key = keyOf(row.cells);
    if (key !== groupKey && group.length > 0) {
      yield group.sort(byText);
      group = [];
    }
    groupKey = key;
    group.push(row);
  }
  if (group.length > 0) yield group.sort(byText);
}

function byText(a: ReadRow, b: ReadRow): number {
  return Buffer.compare(Buffer.from(a.text), Buffer.from(b.text)) || compareLocators(a, b);
}

/** Equal rows are interchangeable; a fixed order among them keeps plans the same from run to run. */
function compareLocators(a: ReadRow, b: ReadRow): number {
  const [left, right] = [a.locator?.[0], b.locator?.[0]];
  if (typeof left !== 'bigint' || typeof right !== 'bigint') return 0;
  return left < right ? -1 : 1;
}
