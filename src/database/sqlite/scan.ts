/** Rows of a table in key order: by index where one gives that order, else by one sorted cursor. */
import type BetterSqlite3 from 'better-sqlite3';
import {decodeKey, encodeKey, type Fold} from '../../canonical/key.ts';
import {EngineError} from '../../kernel/errors.ts';
import {PAGE_ROWS} from '../../kernel/limits.ts';
import type {CanonicalRow, Cell, KeyRange, WireRow} from '../../kernel/row.ts';
import {columnKeys, rowKeys} from '../../schema/row-key.ts';
import {keyIndexes, type TableShape} from '../../schema/table-shape.ts';
import {
  exactCells,
  exactList,
  exactRow,
  exactValue,
  fastReader,
  plainList,
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
    let after: readonly Cell[] | undefined;
    for (;;) {
      const page = readPage(connection, {selection, range, after, fast});
      const rows = keyed(page);
      if (rows.length > 0) yield rows;
      if (rows.length < PAGE_ROWS) break;
      after = decodeKey(rows.at(-1)?.key ?? '');
    }
  }
}

type PageRequest = {
  readonly selection: Selection;
  readonly range: KeyRange;
  readonly after: readonly Cell[] | undefined;
  readonly fast: (page: readonly (readonly unknown[])[]) => readonly ReadRow[] | undefined;
};

function readPage(connection: Connection, request: PageRequest): readonly ReadRow[] {
  const {selection, fast} = request;
  const raw = runRaw(connection, pageQuery(request, plainList(selection)), false);
  const exact = (): readonly ReadRow[] =>
    runRaw(connection, pageQuery(request, exactList(selection)), true).map((row) =>
      exactRow(selection, row),
    );
  return fast(raw) ?? exact();
}

function pageQuery({selection, range, after}: PageRequest, columns: Sql): Sql {
  const {shape} = selection;
  const key = list(shape.key.map((column) => id(column.name)));
  const conditions: Sql[] = [];
  const compare = (operator: Sql, cells: readonly Cell[]): void => {
    conditions.push(sql`(${key}) ${operator} (${list(cells.map(bound))})`);
  };
  if (after !== undefined) compare(sql`>`, after);
  else if (range.from !== undefined) compare(sql`>=`, decodeKey(range.from));
  if (range.to !== undefined) compare(sql`<`, decodeKey(range.to));
  const where = conditions.length === 0 ? sql`` : sql` WHERE ${all(conditions)}`;
  return sql`SELECT ${columns} FROM ${id(shape.table)}${where} ORDER BY ${key} LIMIT ${sql.lit(PAGE_ROWS)}`;
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

function rangeFilter(ranges: readonly KeyRange[]): (key: string) => boolean {
  return (key) =>
    ranges.some(
      ({from, to}) => (from === undefined || key >= from) && (to === undefined || key < to),
    );
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
