/** The cells of a chunk's rows without all that `decodeChunk` checks: for rows that are proved where they end up. */
import {parseRow} from '../canonical/row.ts';
import {utf8Text} from '../canonical/utf8.ts';
import {EngineError} from '../kernel/errors.ts';
import {ROW_CHARS_UNCHECKED_MAX} from '../kernel/format-limits.ts';
import type {WireRow} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from './content.ts';

/**
 * Takes a third of the time of `decodeChunk`, and of memory one row at a time. Whoever uses the cells has to digest what became of
 * them: a faulty program may have written anything under a digest that is right.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` for what are no rows; `decodeChunk` says what they are instead.
 */
export function* chunkCells(
  {table, columns}: TableShape,
  {rows}: ChunkEntry,
  bytes: Uint8Array,
): Generator<WireRow> {
  const text = utf8Text(bytes) ?? '';
  let count = 0;
  for (let from = 0, to; from < text.length; from = to + 1) {
    to = text.indexOf('\n', from);
    if (to < 0 || ++count > rows) throw corrupt(table);
    const line = text.slice(from, to);
    const row =
      line.length > ROW_CHARS_UNCHECKED_MAX ? parseRow(line, columns.length) : plain(line);
    if (row?.length !== columns.length) throw corrupt(table);
    yield row;
  }
  if (count !== rows) throw corrupt(table);
}

function plain(line: string): WireRow | undefined {
  try {
    const row: unknown = JSON.parse(line);
    return Array.isArray(row) ? (row as WireRow) : undefined;
  } catch {
    return undefined; // its error would quote the row
  }
}

function corrupt(table: string): EngineError {
  return new EngineError('SNAPSHOT_CORRUPT', `a chunk of table "${table}" does not hold rows`, {
    site: {table},
  });
}
