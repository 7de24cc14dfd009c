/** Rows as text and back (snapshot/FORMAT.md, "Rows"). */
import {EngineError} from '../kernel/errors.ts';
import {ROW_CHARS_UNCHECKED_MAX} from '../kernel/format-limits.ts';
import type {Cell, WireRow} from '../kernel/row.ts';
import {decodeCell, encodeCell} from './cell.ts';
import {parseJson, type JsonBounds} from './json.ts';

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
  const row = parseJson(text, boundsOf(text, columns));
  if (!Array.isArray(row) || row.length !== columns) {
    throw corrupt(`a row does not have its ${columns} cells`);
  }
  const wire = row as WireRow;
  for (const cell of wire) decodeCell(cell);
  if (rowText(wire) !== text) throw corrupt('a row is not in canonical form');
  return wire;
}

/** A long row may not turn out to be a list of millions; each cell is a value, or an object of one member. */
function boundsOf(text: string, columns: number): JsonBounds | undefined {
  return text.length > ROW_CHARS_UNCHECKED_MAX ? {depth: 2, values: 2 * columns + 2} : undefined;
}

function corrupt(message: string): EngineError {
  return new EngineError('SNAPSHOT_CORRUPT', message);
}
