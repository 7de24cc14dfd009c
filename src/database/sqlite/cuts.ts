/** Where a large table is parted, so that several can read it at a time. */
import type BetterSqlite3 from 'better-sqlite3';
import {decodeKey, encodeKey} from '../../canonical/key.ts';
import {PAGE_ROWS} from '../../kernel/read-limits.ts';
import {keyIndexes, type TableShape} from '../../schema/table-shape.ts';
import {exactCells, exactList, selectionOf, type Selection} from './rows.ts';
import {inRange, isIndexed, keyList} from './scan.ts';
import {all, id, sql, type Sql} from './sql.ts';
import {runRaw} from './statements.ts';

type Connection = BetterSqlite3.Database;

/** See `Beside.hasMore`. */
export function hasMoreRows(
  connection: Connection,
  selection: Selection,
  rows: number,
  from?: string,
): boolean {
  return (
    isParted(selection) && keyBeyond(connection, keysOnly(selection), from, rows) !== undefined
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

/** True where ranges of keys hold all rows of a table. */
export function isParted(selection: Selection): boolean {
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

function keysOnly({table, shape, encoding}: Selection): Selection {
  const columns = keyIndexes(shape).flatMap((at) => shape.columns[at] ?? []);
  return selectionOf(table, {...shape, columns}, encoding, 'exact');
}

/** The key that many rows after another one, or after the beginning. */
function keyBeyond(
  connection: Connection,
  selection: Selection,
  from: string | undefined,
  rows: number,
): string | undefined {
  const where = inRange({selection, range: {from, to: undefined}, after: undefined});
  return keysOf(connection, selection, where, sql`LIMIT 1 OFFSET ${sql.lit(rows)}`)[0];
}

function firstCut(
  connection: Connection,
  selection: Selection,
  start: string,
  isCut: (key: string) => boolean,
): string | undefined {
  const range = {from: undefined, to: undefined};
  const page = sql`LIMIT ${sql.lit(PAGE_ROWS)}`;
  for (let keys: readonly string[] = [start]; ;) {
    const found = keys.find(isCut);
    const last = keys.at(-1);
    if (found !== undefined || last === undefined) return found;
    const where = inRange({selection, range, after: decodeKey(last)});
    keys = keysOf(connection, selection, where, page);
  }
}

/** Encoded keys of rows, read in the exact way. */
function keysOf(
  connection: Connection,
  selection: Selection,
  where: readonly Sql[],
  some: Sql,
): readonly string[] {
  const {shape, encoding} = selection;
  const filter = where.length === 0 ? sql`` : sql` WHERE ${all(where)}`;
  const query = sql`SELECT ${exactList(selection)} FROM ${id(shape.table)}${filter} ORDER BY ${keyList(shape)} ${some}`;
  const folds = shape.key.map(({fold}) => fold);
  return runRaw(connection, query, true).map((raw) =>
    encodeKey(exactCells(raw, encoding, shape.table), folds),
  );
}
