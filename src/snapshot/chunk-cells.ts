/** The cells of a chunk's rows without all that `decodeChunk` checks: for rows that are proved where they end up. */
import {utf8Text} from '../canonical/utf8.ts';
import {ROW_CHARS_UNCHECKED_MAX} from '../kernel/limits.ts';
import type {WireRow} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from './content.ts';
import {chunkRowsMax} from './mix.ts';

/**
 * Takes a third of the time of `decodeChunk`. Whoever uses the cells has to digest what became of them: a faulty program may have
 * written anything under a digest that is right.
 *
 * @returns Undefined where that is for `decodeChunk` to look at.
 */
export function chunkCells(
  {columns}: TableShape,
  {rows}: ChunkEntry,
  bytes: Uint8Array,
): readonly WireRow[] | undefined {
  const lines = utf8Text(bytes)?.split('\n', chunkRowsMax(columns.length) + 1);
  if (lines?.pop() !== '' || lines.length !== rows) return undefined;
  const cells: WireRow[] = [];
  for (const line of lines) {
    const row = line.length > ROW_CHARS_UNCHECKED_MAX ? undefined : parsed(line);
    if (!Array.isArray(row) || row.length !== columns.length) return undefined;
    cells.push(row as WireRow);
  }
  return cells;
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined; // its error would quote the row
  }
}
