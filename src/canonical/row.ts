/** Rows as text and back (snapshot/FORMAT.md, "Rows"). */
import {EngineError} from '../kernel/errors.ts';
import type {Cell, WireRow} from '../kernel/row.ts';
import {decodeCell, encodeCell} from './cell.ts';

export function encodeRow(cells: readonly Cell[]): WireRow {
  return cells.map(encodeCell);
}

/** The canonical text of a row. JSON gives reals in the shortest form that reads back to the same bits. */
export function rowText(row: WireRow): string {
  return JSON.stringify(row);
}

/**
 * Reads the text of a row that has `columns` cells.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` unless the text is exactly what `rowText` gives for these cells.
 */
export function parseRow(text: string, columns: number): WireRow {
  const row = parseJson(text);
  if (!Array.isArray(row) || row.length !== columns) {
    throw corrupt(`a row does not have its ${columns} cells`);
  }
  const wire = row as WireRow;
  for (const cell of wire) decodeCell(cell);
  if (rowText(wire) !== text) throw corrupt('a row is not in canonical form');
  return wire;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EngineError('SNAPSHOT_CORRUPT', 'a row is not valid JSON', {cause});
  }
}

function corrupt(message: string): EngineError {
  return new EngineError('SNAPSHOT_CORRUPT', message);
}
