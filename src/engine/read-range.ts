/** Reads one range of a table, in whichever thread. */
import type {Digest} from '../canonical/digest.ts';
import type {Prints, View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {PRINT_BYTES_MAX} from '../kernel/read-limits.ts';
import type {CanonicalRow, KeyRange} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {RowCutter, type ChunkSink} from '../snapshot/chunk.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {PrintedChunk} from '../state/print-file.ts';
import type {ExpectedRange, RangePart} from './read-messages.ts';

type Pages = AsyncIterable<readonly CanonicalRow[]>;

/** What reads ranges of one table. */
export type RangeReader = {
  readonly shape: TableShape;
  readonly view: View;
  /** Undefined where nobody asks for prints, or the table has none. */
  readonly prints: Prints | undefined;
  readonly sink: ChunkSink | undefined;
  /** Whether nobody needs the bytes of a chunk. */
  readonly isKept: (digest: Digest) => boolean;
  /** Lets other work in after each page, and reports it. What it throws ends the read. */
  readonly watched: (pages: Pages) => Pages;
  /** The same for rows that were found to be as they were, or that were looked at again (0). */
  readonly passed: (rows: number) => Promise<void>;
};

/**
 * The chunks of a range that begins where one does whatever stands before. Those of which the print is what it was are not read; behind
 * rows that are read, chunks begin where they did as soon as one does.
 *
 * @returns Undefined where the first row of the range is gone: then the chunk before goes on into it.
 * @throws {EngineError} as `RowCutter` does.
 */
export async function readRange(
  reader: RangeReader,
  {range, expected}: ExpectedRange,
): Promise<RangePart | undefined> {
  const found = new Found(reader);
  if (expected.length === 0 && !(await found.read(range))) return undefined;
  for (const [at, {entry}] of expected.entries()) {
    const from = at === 0 ? range.from : entry.first;
    const within = {from, to: expected[at + 1]?.entry.first ?? range.to};
    if (found.mayBegin(entry.first) && isUnchanged(reader, within, expected[at])) {
      await found.keep(at, within, entry);
    } else if (!(await found.read(within))) {
      return undefined;
    }
  }
  return found.end(range.to);
}

function isUnchanged(
  {prints, isKept}: RangeReader,
  range: KeyRange,
  known: PrintedChunk | undefined,
): boolean {
  if (known?.print === undefined || !isKept(known.entry.digest)) return false;
  return prints?.of(range, known.entry.rows) === known.print;
}

/** What was found up to some key. */
class Found {
  readonly #reader: RangeReader;
  readonly #chunks: (number | PrintedChunk)[] = [];
  /** Undefined where no row was read since a chunk was kept. */
  #cutting: Cutting | undefined;
  /** The range of the chunk kept last. */
  #kept: KeyRange | undefined;
  #last: string | undefined;

  constructor(reader: RangeReader) {
    this.#reader = reader;
  }

  /** Whether a chunk may begin with a row of this key, if it is there. */
  mayBegin(key: string): boolean {
    return this.#cutting?.cutter.beginsAt(key) ?? true;
  }

  /** A chunk that was expected, and is there. */
  async keep(at: number, range: KeyRange, {first, rows}: ChunkEntry): Promise<void> {
    await this.#endCutting(first);
    await this.#reader.passed(rows);
    this.#chunks.push(at);
    this.#kept = range;
    this.#last = first;
  }

  /** Reads the rows of a range; false where nobody knows to which chunk the first of them belongs. */
  async read(range: KeyRange): Promise<boolean> {
    let mayGoOn = true;
    for await (const page of this.#rows(range)) {
      if (this.#cutting === undefined) mayGoOn = await this.#begin(range, page[0]?.key);
      if (!mayGoOn) return false;
      await this.#cutting?.cutter.add(page);
    }
    return this.#cutting !== undefined || this.#begin(range, undefined);
  }

  async end(to: string | undefined): Promise<RangePart> {
    await this.#endCutting(to);
    return {chunks: this.#chunks, last: this.#last};
  }

  /** A chunk begins with the row that it began with. Where that is gone, the one before goes on up to here. */
  async #begin(range: KeyRange, first: string | undefined): Promise<boolean> {
    const kept = this.#kept;
    if (range.from === undefined || range.from === first) {
      this.#cutting = cuttingFrom(this.#reader, range.from);
      return true;
    }
    if (kept === undefined) return false;
    this.#chunks.pop();
    const {cutter} = (this.#cutting = cuttingFrom(this.#reader, kept.from));
    for await (const page of this.#rows(kept)) await cutter.add(page);
    return true;
  }

  async #endCutting(to: string | undefined): Promise<void> {
    const cutting = this.#cutting;
    if (cutting === undefined) return;
    this.#cutting = undefined;
    const chunks = await cutting.cutter.finish();
    this.#last = cutting.cutter.last ?? this.#last;
    this.#chunks.push(...(await printed(this.#reader, cutting, chunks, to)));
  }

  #rows(range: KeyRange): Pages {
    const {shape, view, watched} = this.#reader;
    return watched(view.rows(shape, [range]));
  }
}

type Cutting = {
  readonly from: string | undefined;
  readonly cutter: RowCutter;
  /** Those that are too long to have a print. */
  readonly unprinted: ReadonlySet<Digest>;
};

function cuttingFrom({shape, sink}: RangeReader, from: string | undefined): Cutting {
  const unprinted = new Set<Digest>();
  const cutter = new RowCutter(shape, (entry, bytes) => {
    if (bytes.byteLength > PRINT_BYTES_MAX) unprinted.add(entry.digest);
    return sink?.(entry, bytes);
  });
  return {from, cutter, unprinted};
}

async function printed(
  {prints, passed}: RangeReader,
  {from, unprinted}: Cutting,
  chunks: readonly ChunkEntry[],
  to: string | undefined,
): Promise<readonly PrintedChunk[]> {
  if (prints === undefined) return chunks.map((entry) => ({entry, print: undefined}));
  const all: PrintedChunk[] = [];
  for (const [at, entry] of chunks.entries()) {
    const within = {from: at === 0 ? from : entry.first, to: chunks[at + 1]?.first ?? to};
    const print = unprinted.has(entry.digest) ? undefined : prints.of(within, entry.rows);
    all.push({entry, print});
    await passed(0);
  }
  return all;
}

/** As `RangePart`, with those that were expected in their places. */
export type WholePart = Pick<RangePart, 'last'> & {readonly chunks: readonly PrintedChunk[]};

export function wholePart({chunks, last}: RangePart, {expected}: ExpectedRange): WholePart {
  const whole = chunks.map((chunk) =>
    typeof chunk === 'number' ? must(expected[chunk], 'it was asked with them') : chunk,
  );
  return {chunks: whole, last};
}

/** Undefined where chunks do not follow each other: an index may be damaged, and whoever reads all rows says so. */
export function chunksInOrder(parts: readonly WholePart[]): readonly PrintedChunk[] | undefined {
  let last: string | undefined;
  for (const part of parts) {
    for (const {entry} of part.chunks) {
      if (last !== undefined && last >= entry.first) return undefined;
      last = entry.first;
    }
    last = part.last ?? last;
  }
  return parts.flatMap(({chunks}) => chunks);
}
