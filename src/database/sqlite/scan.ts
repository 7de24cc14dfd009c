/** Rows of a table in key order: by index where one gives that order, else by one sorted cursor. */
import type BetterSqlite3 from 'better-sqlite3';
import {decodeKey} from '../../canonical/key.ts';
import {EngineError} from '../../kernel/errors.ts';
import {PAGE_ROWS} from '../../kernel/read-limits.ts';
import type {CanonicalRow, Cell, KeyRange, WireRow} from '../../kernel/row.ts';
import {rowTest} from '../../schema/row-filter.ts';
import {rowKeys} from '../../schema/row-key.ts';
import {keyIndexes, type TableShape} from '../../schema/table-shape.ts';
import {
  doubtfulReals,
  exactList,
  exactRow,
  fastReader,
  plainList,
  typedList,
  typedRow,
  type ReadRow,
  type Selection,
} from './rows.ts';
import {sortedRows} from './sort.ts';
import {all, bound, id, list, sql, type Sql} from './sql.ts';
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
  return isIndexed(selection)
    ? indexedPages(connection, selection, ranges)
    : sortedPages(connection, selection, ranges);
}

/** True where an index gives the order of keys, and ranges cost what they hold. */
export function isIndexed({table, shape, reading}: Selection): boolean {
  return shape.keyKind === 'primary' && table.keyIsOrdered && reading !== 'sorted';
}

// --- by index: keyset paging, so that a doubtful page can be read again the exact way -------------

function* indexedPages(
  connection: Connection,
  selection: Selection,
  ranges: readonly KeyRange[],
): Generator<Page> {
  const fast = fastReader(selection);
  const keyed = keyedRow(selection.shape);
  const isWanted = wantedRow(selection.shape);
  for (const range of ranges) {
    const isFast = selection.reading === 'fast';
    const trusted = isFast && !hasDoubtfulReals(connection, selection, range);
    let after: readonly Cell[] | undefined;
    for (;;) {
      const query = {selection, range, after};
      const page =
        (trusted ? fastPage(connection, query, fast) : undefined) ?? exactPage(connection, query);
      const rows = (isWanted === undefined ? page : page.filter(isWanted)).map(keyed);
      if (rows.length > 0) yield rows;
      const last = page.at(-1);
      if (last === undefined || page.length < PAGE_ROWS) break;
      after = decodeKey(keyed(last).key);
    }
  }
}

export type PageQuery = {
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

export function inRange({selection, range, after}: PageQuery): readonly Sql[] {
  const key = keyList(selection.shape);
  const compared = (operator: Sql, cells: readonly Cell[]): Sql =>
    sql`(${key}) ${operator} (${list(cells.map(bound))})`;
  const from = range.from === undefined ? [] : [compared(sql`>=`, decodeKey(range.from))];
  const start = after === undefined ? from : [compared(sql`>`, after)];
  return range.to === undefined ? start : [...start, compared(sql`<`, decodeKey(range.to))];
}

export function keyList(shape: TableShape): Sql {
  return list(shape.key.map((column) => id(column.name)));
}

// --- sorted: one cursor ordered by our own encoding of the key (sort.ts) -----------------------------

function* sortedPages(
  connection: Connection,
  selection: Selection,
  ranges: readonly KeyRange[],
): Generator<Page> {
  const keyed = keyedRow(selection.shape);
  const inRanges = rangeFilter(ranges);
  let page: CanonicalRow[] = [];
  const isWanted = wantedRow(selection.shape);
  for (const read of sortedRows(connection, selection)) {
    if (isWanted?.(read) === false) continue;
    const row = keyed(read);
    if (inRanges(row.key)) page.push(row);
    if (page.length < PAGE_ROWS) continue;
    yield page;
    page = [];
  }
  if (page.length > 0) yield page;
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

/** Adds the encoded key to each of the rows, which come in key order, and refuses NULL in a declared key. */
function keyedRow(shape: TableShape): (row: ReadRow) => CanonicalRow {
  const keyOf = rowKeys(shape);
  const indexes = keyIndexes(shape);
  return ({cells, text, locator}) => {
    if (shape.keyKind === 'primary') refuseNullKey(shape, indexes, cells);
    return {key: keyOf(cells), text, cells, locator};
  };
}

/** Undefined where every row is wanted. */
function wantedRow({
  table,
  columns,
  only = [],
}: TableShape): ((row: ReadRow) => boolean) | undefined {
  if (only.length === 0) return undefined;
  const test = rowTest(table, columns, only);
  return ({cells}) => test(cells);
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
      hint: 'SQLite allows NULL in such a key, but it identifies nothing; give these rows a key, or capture with --keyless multiset where the primary has such rows.',
    },
  );
}
