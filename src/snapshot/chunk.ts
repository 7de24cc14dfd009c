/** Rows ⇄ chunks (FORMAT.md, "Chunks"). */
import {digestOf} from '../canonical/digest.ts';
import {parseRow} from '../canonical/row.ts';
import {countLines, utf8Text} from '../canonical/utf8.ts';
import {EngineError} from '../kernel/errors.ts';
import {CHUNK_BYTES_MAX} from '../kernel/format-limits.ts';
import type {CanonicalRow} from '../kernel/row.ts';
import {occurrenceOf, rowKeys} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {tableContent, type ChunkEntry, type TableContent} from './content.ts';
import {chunkRowsMax, chunkRule} from './mix.ts';

/** Receives each finished chunk; may write it somewhere. */
export type ChunkSink = (entry: ChunkEntry, bytes: Uint8Array) => void | Promise<void>;

/** The content of a table, as a `RowCutter` cuts it; throws what that does. */
export async function readContent(
  shape: TableShape,
  pages: AsyncIterable<readonly CanonicalRow[]>,
  sink?: ChunkSink,
): Promise<TableContent> {
  const cutter = new RowCutter(shape, sink);
  for await (const page of pages) await cutter.add(page);
  return tableContent(shape, await cutter.finish());
}

/**
 * Cuts rows, in key order, of which the first begins a chunk, into chunks, and digests them. Holds one chunk in memory.
 *
 * @throws {EngineError} `ROWS_UNSORTED` if keys do not strictly increase; `VALUE_UNSUPPORTED` if the
 * rows of one chunk exceed 256 MiB.
 */
export class RowCutter {
  readonly #shape: TableShape;
  readonly #sink: ChunkSink | undefined;
  readonly #begins: ReturnType<typeof chunkRule>;
  readonly #chunks: ChunkEntry[] = [];
  #texts: string[] = [];
  #size = 0;
  #first = '';
  #last: string | undefined;

  constructor(shape: TableShape, sink?: ChunkSink) {
    this.#shape = shape;
    this.#sink = sink;
    this.#begins = chunkRule(shape.columns.length);
  }

  /** Key of the row added last. */
  get last(): string | undefined {
    return this.#last;
  }

  async add(rows: readonly CanonicalRow[]): Promise<void> {
    const {table} = this.#shape;
    for (const {key, text} of rows) {
      checkOrder(table, this.#last, key);
      if (this.beginsAt(key)) {
        await this.#end();
        this.#first = key;
      }
      this.#texts.push(text);
      this.#size += text.length + 1;
      if (this.#size > CHUNK_BYTES_MAX) throw tooLarge(table);
      this.#last = key;
    }
  }

  /** Whether a row of this key, were it the next, would begin a chunk. */
  beginsAt(key: string): boolean {
    return this.#begins(key, this.#texts.length);
  }

  /** All chunks: no row comes any more. */
  async finish(): Promise<readonly ChunkEntry[]> {
    await this.#end();
    return this.#chunks;
  }

  async #end(): Promise<void> {
    if (this.#texts.length === 0) return;
    const bytes = Buffer.from(this.#texts.join('\n') + '\n', 'utf8');
    if (bytes.byteLength > CHUNK_BYTES_MAX) throw tooLarge(this.#shape.table);
    const entry = {digest: digestOf(bytes), first: this.#first, rows: this.#texts.length};
    this.#chunks.push(entry);
    this.#texts = [];
    this.#size = 0;
    await this.#sink?.(entry, bytes);
  }
}

/**
 * The rows of a chunk, checked against its entry: digest, count, order, form and number of cells.
 *
 * @param alike Rows of this shape in key order, most of which may be in the chunk too. A line with the text of one of them is that
 * row, and is not parsed: what `decodeChunk` gives does not depend on them, only how soon.
 * @throws {EngineError} `SNAPSHOT_CORRUPT` naming the table.
 */
export function decodeChunk(
  shape: TableShape,
  entry: ChunkEntry,
  bytes: Uint8Array,
  alike: readonly CanonicalRow[] = [],
): readonly CanonicalRow[] {
  if (bytes.byteLength > CHUNK_BYTES_MAX)
    throw corrupt(shape, entry, 'it is larger than any chunk can be');
  if (digestOf(bytes) !== entry.digest)
    throw corrupt(shape, entry, 'its bytes do not match its digest');
  return decodeKnown(shape, entry, bytes, alike);
}

/** As `decodeChunk`, for bytes that were found to have the digest of the entry, and the size that a chunk may have. */
export function decodeKnown(
  shape: TableShape,
  entry: ChunkEntry,
  bytes: Uint8Array,
  alike: readonly CanonicalRow[] = [],
): readonly CanonicalRow[] {
  checkRowCount(shape, entry, bytes);
  try {
    const rows = decodeRows(shape, entry, bytes, alike);
    if (rows[0]?.key !== entry.first)
      throw corrupt(shape, entry, 'it does not begin where its entry says');
    return rows;
  } catch (cause) {
    if (cause instanceof EngineError && cause.site.table !== undefined) throw cause;
    // Other errors may quote what they stumbled over.
    const why = cause instanceof EngineError ? cause.message : 'it cannot be read';
    throw corrupt(shape, entry, why);
  }
}

/** Before they are taken apart: every line costs memory of its own. */
function checkRowCount(shape: TableShape, entry: ChunkEntry, bytes: Uint8Array): void {
  const most = chunkRowsMax(shape.columns.length);
  const rows = countLines(bytes, most);
  if (rows > most) throw corrupt(shape, entry, `it has more than the ${most} rows of any chunk`);
  if (rows !== entry.rows) throw corrupt(shape, entry, `it has ${rows} rows, not ${entry.rows}`);
}

/**
 * The lines of a chunk whose bytes have its digest, each the text of a row in no way checked.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` where they are not as many as its entry says.
 */
export function chunkLines(
  shape: TableShape,
  entry: ChunkEntry,
  bytes: Uint8Array,
): readonly string[] {
  checkRowCount(shape, entry, bytes);
  return splitLines(shape, entry, bytes);
}

function splitLines(shape: TableShape, entry: ChunkEntry, bytes: Uint8Array): readonly string[] {
  const text = utf8Text(bytes);
  if (text === undefined) throw corrupt(shape, entry, 'it is not valid UTF-8');
  const lines = text.split('\n');
  if (lines.pop() !== '') throw corrupt(shape, entry, 'its last line is cut');
  return lines;
}

function decodeRows(
  shape: TableShape,
  entry: ChunkEntry,
  bytes: Uint8Array,
  alike: readonly CanonicalRow[],
): readonly CanonicalRow[] {
  const lines = splitLines(shape, entry, bytes);
  const read = rowReader(shape, occurrenceOf(entry.first), alike);
  let last: string | undefined;
  return lines.map((line) => {
    const row = read(line);
    if (last !== undefined && last >= row.key)
      throw corrupt(shape, entry, 'its rows are out of order');
    last = row.key;
    return row;
  });
}

/** Canonical rows of equal text have equal cells, and so equal keys but for their numbers among rows of equal key. */
function rowReader(
  shape: TableShape,
  startAt: number,
  alike: readonly CanonicalRow[],
): (line: string) => CanonicalRow {
  const keyOf = rowKeys(shape, startAt);
  let at = 0;
  return (line) => {
    const like = alike[at];
    if (like?.text === line) {
      at++;
      return shape.keyKind === 'primary'
        ? like
        : {key: keyOf(like.cells), text: line, cells: like.cells};
    }
    const cells = parseRow(line, shape.columns.length);
    const key = keyOf(cells);
    while ((alike[at]?.key ?? key) < key) at++;
    if (alike[at]?.key === key) at++;
    return {key, text: line, cells};
  };
}

function tooLarge(table: string): EngineError {
  return new EngineError(
    'VALUE_UNSUPPORTED',
    `cannot snapshot table "${table}": its cells are too large`,
    {
      site: {table},
      hint: `Rows of one chunk may hold ${CHUNK_BYTES_MAX / 2 ** 20} MiB in all; leave the table out.`,
    },
  );
}

function checkOrder(table: string, last: string | undefined, key: string): void {
  if (last === undefined || last < key) return;
  throw new EngineError(
    'ROWS_UNSORTED',
    `cannot read table "${table}": two of its rows are out of order or share one key`,
    {
      site: {table},
      hint: 'Run PRAGMA integrity_check on the database: an index may be damaged.',
    },
  );
}

function corrupt(shape: TableShape, entry: ChunkEntry, why: string): EngineError {
  return new EngineError(
    'SNAPSHOT_CORRUPT',
    `chunk ${entry.digest.slice(0, 12)} of table "${shape.table}" is damaged: ${why}`,
    {
      site: {table: shape.table},
      hint: 'Check the store (restic check --read-data), or replicate another snapshot with --snapshot.',
    },
  );
}
