/** Where a large table is parted, so that several can read it at a time. */
import type BetterSqlite3 from 'better-sqlite3';
import {encodeKey} from '../../canonical/key.ts';
import type {Cell} from '../../kernel/row.ts';
import {keyIndexes, type TableShape} from '../../schema/table-shape.ts';
import {exactCells, exactList, selectionOf, type Selection} from './rows.ts';
import {inRange, isIndexed, keyList, scanRows} from './scan.ts';
import {all, id, sql, type Sql} from './sql.ts';
import {runRaw} from './statements.ts';

type Connection = BetterSqlite3.Database;

/** See `Beside.hasMore`. */
export function hasMoreRows(connection: Connection, selection: Selection, rows: number): boolean {
  return (
    isParted(selection) && keyBeyond(connection, keysOnly(selection), undefined, rows) !== undefined
  );
}

/** See `Beside.cuts`. SQLite steps over the rows between in its own code, some 30 ns each. */
export function* cutKeys(
  connection: Connection,
  selection: Selection,
  rows: number,
  isCut: (key: string) => boolean,
): Generator<string> {
  if (!isParted(selection)) return;
  const keys = keysOnly(selection);
  for (let from: string | undefined; ;) {
    const start = keyBeyond(connection, keys, from, rows);
    from = start === undefined ? undefined : firstCut(connection, keys, start, isCut);
    if (from === undefined) return;
    yield from;
  }
}

function isParted(selection: Selection): boolean {
  return isIndexed(selection) && !mayBeNull(selection) && !isPartial(selection.shape);
}

/** SQLite lets NULL into a declared key, and no range would find it. */
function mayBeNull({table, shape}: Selection): boolean {
  if (table.keyIsAssigned) return false;
  const notNull = new Map(table.columns.map((column) => [column.name, column.notNull]));
  return !shape.key.every(({name}) => notNull.get(name) === true);
}

/** Where a chunk begins depends on the rows that are wanted, which the keys alone do not tell. */
const isPartial = ({only = []}: TableShape): boolean => only.length > 0;

/** Not the fast way, which looks through all that follows before it trusts it. */
function keysOnly({table, shape, encoding}: Selection): Selection {
  const columns = keyIndexes(shape).flatMap((at) => shape.columns[at] ?? []);
  return selectionOf(table, {...shape, columns}, encoding, 'typed');
}

/** The key that many rows after another one, or after the beginning. */
function keyBeyond(
  connection: Connection,
  selection: Selection,
  from: string | undefined,
  rows: number,
): string | undefined {
  const {shape, encoding} = selection;
  const conditions = inRange({selection, range: {from, to: undefined}, after: undefined});
  const where: Sql = conditions.length === 0 ? sql`` : sql` WHERE ${all(conditions)}`;
  const query = sql`SELECT ${exactList(selection)} FROM ${id(shape.table)}${where} ORDER BY ${keyList(shape)} LIMIT 1 OFFSET ${sql.lit(rows)}`;
  const [raw] = runRaw(connection, query, true);
  return raw && encodedKey(shape, exactCells(raw, encoding, shape.table));
}

function encodedKey(shape: TableShape, cells: readonly Cell[]): string {
  return encodeKey(
    cells,
    shape.key.map(({fold}) => fold),
  );
}

function firstCut(
  connection: Connection,
  selection: Selection,
  start: string,
  isCut: (key: string) => boolean,
): string | undefined {
  for (const page of scanRows(connection, selection, [{from: start, to: undefined}])) {
    const found = page.find(({key}) => isCut(key));
    if (found !== undefined) return found.key;
  }
  return undefined;
}
