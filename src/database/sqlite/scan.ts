/** Rows of a table in key order: by index where one gives that order, else by one sorted cursor. */
import type BetterSqlite3 from 'better-sqlite3';
import {decodeKey, encodeKey, type Fold} from '../../canonical/key.ts';
import {EngineError} from '../../kernel/errors.ts';
import {PAGE_ROWS} from '../../kernel/limits.ts';
import type {CanonicalRow, Cell, KeyRange, WireRow} from '../../kernel/row.ts';
import {columnKeys, rowKeys} from '../../schema/row-key.ts';
import {keyIndexes, type TableShape} from '../../schema/table-shape.ts';
import {
  doubtfulReals,
  exactCells,
  exactList,
  exactRow,
  exactValue,
  fastReader,
  plainList,
  typedList,
  typedRow,
  type ReadRow,
  type Selection,
} from './rows.ts';
import {all, bound, compile, id, list, sql, type Sql} from './sql.ts';
import {runRaw} from './statements.ts';

type Connection = BetterSqlite3.Database;
type Page = readonly CanonicalRow[];

const EVERYTHING: readonly KeyRange[] = [{from: undefined, to: undefined}];

/** See `View.rows`. */
export function scanRows(
  connection: Connection,
  selection: Selection,
  ranges: readonly KeyRange[] = EVERYTHING,
): Iterable<Page> {
  const {table, shape} = selection;
  const indexed = shape.keyKind === 'primary' && table.keyIsOrdered;
  return indexed
    ? indexedPages(connection, selection, ranges)
    : sortedPages(connection, selection, ranges);
}

// --- by index: keyset paging, so that a doubtful page can be read again the exact way -------------

function* indexedPages(
  connection: Connection,
  selection: Selection,
  ranges: readonly KeyRange[],
): Generator<Page> {
  const fast = fastReader(selection);
  const keyed = keyedRows(selection.shape);
  for (const range of ranges) {
    const trusted = !hasDoubtfulReals(connection, selection, range);
    let after: readonly Cell[] | undefined;
    for (;;) {
      const query = {selection, range, after};
      const page =
        (trusted ? fastPage(connection, query, fast) : undefined) ?? exactPage(connection, query);
      const rows = keyed(page);
      if (rows.length > 0) yield rows;
      if (rows.length < PAGE_ROWS) break;
      after = decodeKey(rows.at(-1)?.key ?? '');
    }
  }
}

type PageQuery = {
  readonly selection: Selection;
  readonly range: KeyRange;
  readonly after: readonly Cell[] | undefined;
};

function fastPage(
  connection: Connection,
  query: PageQuery,
  fast: ReturnType<typeof fastReader>,
): readonly ReadRow[] | undefined {
  return fast(runRaw(connection, pageSql(query, plainList(query.selection)), false));
}

function exactPage(connection: Connection, query: PageQuery): readonly ReadRow[] {
  const {selection} = query;
  const typed = runRaw(connection, pageSql(query, typedList(selection)), true).map((row) =>
    typedRow(selection, row),
  );
  if (typed.every((row) => row !== undefined)) return typed;
  return runRaw(connection, pageSql(query, exactList(selection)), true).map((row) =>
    exactRow(selection, row),
  );
}

function hasDoubtfulReals(connection: Connection, selection: Selection, range: KeyRange): boolean {
  const doubtful = doubtfulReals(selection);
  if (doubtful === undefined) return false;
  const {shape} = selection;
  const where = all([doubtful, ...inRange({selection, range, after: undefined})]);
  const query = sql`SELECT 1 FROM ${id(shape.table)} WHERE ${where} LIMIT 1`;
  return runRaw(connection, query, false).length > 0;
}

function pageSql(query: PageQuery, columns: Sql): Sql {
  const {shape} = query.selection;
  const conditions = inRange(query);
  const where = conditions.length === 0 ? sql`` : sql` WHERE ${all(conditions)}`;
  return sql`SELECT ${columns} FROM ${id(shape.table)}${where} ORDER BY ${keyList(shape)} LIMIT ${sql.lit(PAGE_ROWS)}`;
}

function inRange({selection, range, after}: PageQuery): readonly Sql[] {
  const key = keyList(selection.shape);
  const compared = (operator: Sql, cells: readonly Cell[]): Sql =>
    sql`(${key}) ${operator} (${list(cells.map(bound))})`;
  const from = range.from === undefined ? [] : [compared(sql`>=`, decodeKey(range.from))];
  const start = after === undefined ? from : [compared(sql`>`, after)];
  return range.to === undefined ? start : [...start, compared(sql`<`, decodeKey(range.to))];
}

function keyList(shape: TableShape): Sql {
  return list(shape.key.map((column) => id(column.name)));
}

// --- sorted: one cursor ordered by our own encoding of the key ------------------------------------

function* sortedPages(
  connection: Connection,
  selection: Selection,
  ranges: readonly KeyRange[],
): Generator<Page> {
  const {shape} = selection;
  const keyed = keyedRows(shape);
  const inRanges = rangeFilter(ranges);
  let page: CanonicalRow[] = [];
  for (const group of equalKeys(sortedRows(connection, selection), shape)) {
    for (const row of keyed(group)) if (inRanges(row.key)) page.push(row);
    if (page.length < PAGE_ROWS) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
}

function* sortedRows(connection: Connection, selection: Selection): Generator<ReadRow> {
  const {shape} = selection;
  const order = orderFunction(connection, selection);
  const typed = shape.key.map(({name}) => sql`typeof(${id(name)}), ${exactValue(name)}`);
  const query = sql`SELECT ${exactList(selection)} FROM ${id(shape.table)} ORDER BY ${sql.raw(order)}(${list(typed)})`;
  const {text, parameters} = compile(query);
  const cursor = connection
    .prepare(text)
    .raw(true)
    .safeIntegers(true)
    .iterate(...parameters);
  for (const raw of cursor as IterableIterator<readonly unknown[]>) yield exactRow(selection, raw);
}

/** A function of this connection that gives SQLite the encoded key to sort by. */
function orderFunction(connection: Connection, {shape, encoding}: Selection): string {
  const folds: readonly Fold[] = shape.key.map((column) => column.fold);
  const name = `rowplica_key_${folds.join('_')}`;
  const encode = (...raw: unknown[]): string =>
    encodeKey(exactCells(raw, encoding, shape.table), folds);
  connection.function(name, {deterministic: true, safeIntegers: true, varargs: true}, encode);
  return name;
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

/** Keys come in order, and so do the ranges: one of them is looked at at a time. */
function rangeFilter(ranges: readonly KeyRange[]): (key: string) => boolean {
  let at = 0;
  return (key) => {
    for (let to = ranges[at]?.to; to !== undefined && key >= to; to = ranges[at]?.to) at++;
    const range = ranges[at];
    return range !== undefined && (range.from === undefined || key >= range.from);
  };
}

// --- both ----------------------------------------------------------------------------------------

/** Adds encoded keys to rows that come in key order, and refuses NULL in a declared key. */
function keyedRows(shape: TableShape): (page: readonly ReadRow[]) => readonly CanonicalRow[] {
  const keyOf = rowKeys(shape);
  const indexes = keyIndexes(shape);
  return (page) =>
    page.map(({cells, text, locator}) => {
      if (shape.keyKind === 'primary') refuseNullKey(shape, indexes, cells);
      return {key: keyOf(cells), text, cells, locator};
    });
}

function refuseNullKey(shape: TableShape, indexes: readonly number[], cells: WireRow): void {
  const at = indexes.find((index) => cells[index] === null);
  if (at === undefined) return;
  const column = shape.columns[at]?.name;
  throw new EngineError(
    'KEY_UNUSABLE',
    `cannot read table "${shape.table}": key column "${column}" is NULL in a row`,
    {
      site: {table: shape.table, column},
      hint: 'SQLite allows NULL in such a key, but it identifies nothing; give these rows a key.',
    },
  );
}
