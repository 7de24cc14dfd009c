/** Many rows into one table: the statement is looked up once, and nothing is built for a row but its cells. */
import type BetterSqlite3 from 'better-sqlite3';
import {decodeCell} from '../../canonical/cell.ts';
import type {WireCell, WireRow} from '../../kernel/row.ts';
import type {InsertStatement} from '../../kernel/statement.ts';
import type {TableShape} from '../../schema/table-shape.ts';
import {translated} from './errors.ts';
import {parameterOf} from './sql.ts';
import {preparedWrite, writeParameters} from './statements.ts';

/** @throws {EngineError} `CONSTRAINT` for the row that was taken last. */
export function fillTable(
  connection: BetterSqlite3.Database,
  shape: TableShape,
  rows: Iterable<WireRow>,
): void {
  const {table} = shape;
  const columns = shape.columns.map(({name}) => name);
  const plain = columns.map(() => null);
  const insert = preparedWrite(connection, {op: 'insert', table, columns, cells: plain});
  const places: unknown[] = [...plain];
  try {
    for (const cells of rows) {
      if (place(cells, places)) insert.run(places);
      else runOdd(connection, {op: 'insert', table, columns, cells: cells.map(decodeCell)});
    }
  } catch (error) {
    throw translated(error, `cannot insert a row of table "${table}"`, {table});
  }
}

/** Puts the cells where they are bound from; false where one needs another statement than most rows. */
function place(cells: WireRow, places: unknown[]): boolean {
  for (let at = 0; at < places.length; at++) {
    const cell = cells[at] ?? null;
    if (typeof cell === 'object' && cell !== null && 't' in cell) return false;
    places[at] = boundAs(cell);
  }
  return true;
}

/** As decoding the cell would give it, without the checks: the table is proved. */
function boundAs(cell: WireCell): unknown {
  if (typeof cell === 'number') return Number.isInteger(cell) ? BigInt(cell) : cell;
  return cell === null || typeof cell === 'string' ? cell : parameterOf(decodeCell(cell));
}

function runOdd(connection: BetterSqlite3.Database, statement: InsertStatement): void {
  preparedWrite(connection, statement).run(...writeParameters(statement));
}
