/** Rows of a table by one sorted cursor, where no index gives the order of keys. */
import type BetterSqlite3 from 'better-sqlite3';
import {encodeKey} from '../../canonical/key.ts';
import {encodeRow, rowText} from '../../canonical/row.ts';
import {SORT_COLUMNS_MAX} from '../../kernel/limits.ts';
import type {Cell} from '../../kernel/row.ts';
import {isWholeRow} from '../../schema/locator.ts';
import {columnKeys} from '../../schema/row-key.ts';
import type {TableShape} from '../../schema/table-shape.ts';
import {exactCells, exactList, exactRow, exactValue, type ReadRow, type Selection} from './rows.ts';
import {compile, id, list, sql, type Sql} from './sql.ts';

type Connection = BetterSqlite3.Database;

/** All rows in order of their encoded key; rows of equal key by the bytes of their text, equal ones by their ids. */
export function* sortedRows(connection: Connection, selection: Selection): Generator<ReadRow> {
  const {shape} = selection;
  const byKey = keyTerms(connection, selection);
  if (isWholeRow(shape)) {
    // Any number of rows may be equal: SQLite orders them too, so that none are gathered here.
    yield* cursor(connection, selection, [...byKey, ...restTerms(connection, selection)]);
    return;
  }
  for (const group of equalKeys(cursor(connection, selection, byKey), shape)) yield* group;
}

function* cursor(
  connection: Connection,
  selection: Selection,
  order: readonly Sql[],
): Generator<ReadRow> {
  const query = sql`SELECT ${exactList(selection)} FROM ${id(selection.shape.table)} ORDER BY ${list(order)}`;
  const {text, parameters} = compile(query);
  const rows = connection
    .prepare(text)
    .raw(true)
    .safeIntegers(true)
    .iterate(...parameters);
  for (const raw of rows as IterableIterator<readonly unknown[]>) yield exactRow(selection, raw);
}

/** The encoded key, in as many parts as SQLite's limit on arguments demands: parts sort as the whole does. */
function keyTerms(connection: Connection, selection: Selection): readonly Sql[] {
  return slices(selection.shape.key).map((part, at) => {
    const folds = part.map((column) => column.fold);
    const names = part.map((column) => column.name);
    return call(connection, selection, {
      name: `rowplica_key_${at}`,
      names,
      encode: (cells) => encodeKey(cells, folds),
    });
  });
}

/** What orders whole rows of equal key: storage classes, as they show in the text, and then the id. */
function restTerms(connection: Connection, selection: Selection): readonly Sql[] {
  const texts = slices(selection.shape.columns).map((part, at) =>
    call(connection, selection, {
      name: `rowplica_text_${at}`,
      names: part.map((column) => column.name),
      encode: (cells) => rowText(encodeRow(cells)),
    }),
  );
  return [...texts, ...selection.locator.map((name) => sql`${id(name)} COLLATE BINARY`)];
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
  connection.function(
    name,
    {deterministic: true, safeIntegers: true, varargs: true},
    (...raw: unknown[]) => encode(exactCells(raw, encoding, shape.table)),
  );
  const typed = names.map((column) => sql`typeof(${id(column)}), ${exactValue(column)}`);
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
