/** Reads one range of a table, in whichever thread. */
import type {Prints, View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {PRINT_BYTES_MAX} from '../kernel/read-limits.ts';
import type {CanonicalRow, KeyRange} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {cutRows, type ChunkSink, type CutRows} from '../snapshot/chunk.ts';
import type {Digest} from '../canonical/digest.ts';
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
  /** The same for rows that were found to be as they were. */
  readonly passed: (rows: number) => Promise<void>;
};

/**
 * The chunks of a range that begins where one does whatever stands before. Those of which the print is what it was are not read; behind
 * one that is read, chunks begin where they did as soon as one does.
 *
 * @returns Undefined where the first row of the range is gone: then the chunk before goes on into it.
 * @throws {EngineError} as `cutRows` does.
 */
export async function readRange(
  reader: RangeReader,
  asked: ExpectedRange,
): Promise<RangePart | undefined> {
  const {expected} = asked;
  const pieces: Piece[] = [];
  let [at, end] = [0, 1];
  while (at === 0 || at < expected.length) {
    const known = expected[at];
    if (end === at + 1 && known !== undefined && isUnchanged(reader, asked, at)) {
      await reader.passed(known.entry.rows);
      pieces.push({at, chunks: [at], last: known.entry.first});
      [at, end] = [end, end + 1];
      continue;
    }
    const cut = await cutPart(reader, rangeOf(asked, at, end));
    if (!beginsAsBefore(asked, at, cut)) {
      const before = pieces.pop();
      if (before === undefined) return undefined;
      at = before.at; // it goes on up to here
      continue;
    }
    const next = expected[end];
    if (next !== undefined && !cut.cutsAt(next.entry.first)) {
      end++;
      continue;
    }
    pieces.push({at, chunks: printed(reader, cut, rangeOf(asked, at, end)), last: cut.last});
    [at, end] = [end, end + 1];
  }
  const last = pieces.findLast((piece) => piece.last !== undefined)?.last;
  return {chunks: pieces.flatMap(({chunks}) => chunks), last};
}

/** Chunks from the place of one that was expected on. */
type Piece = RangePart & {readonly at: number};

type Cut = CutRows & {
  /** Chunks that shall have no print. */
  readonly unprinted: ReadonlySet<Digest>;
};

/** The keys between which chunks were expected, from one up to another one. */
function rangeOf({range, expected}: ExpectedRange, at: number, end: number): KeyRange {
  const from = at === 0 ? range.from : expected[at]?.entry.first;
  return {from, to: expected[end]?.entry.first ?? range.to};
}

function isUnchanged({prints, isKept}: RangeReader, asked: ExpectedRange, at: number): boolean {
  const {entry, print} = must(asked.expected[at], 'the place is one of those');
  return (
    print !== undefined &&
    isKept(entry.digest) &&
    prints?.of(rangeOf(asked, at, at + 1), entry.rows) === print
  );
}

/** Nothing is before the first row of a table. */
function beginsAsBefore({range, expected}: ExpectedRange, at: number, {chunks}: CutRows): boolean {
  if (at === 0 && (range.from === undefined || expected.length === 0)) return true;
  return chunks[0]?.first === expected[at]?.entry.first;
}

async function cutPart(
  {shape, view, prints, sink, watched}: RangeReader,
  range: KeyRange,
): Promise<Cut> {
  const unprinted = new Set<Digest>();
  const pages = watched(view.rows(shape, [range]));
  const cut = await cutRows(shape, pages, (entry, bytes) => {
    if (prints !== undefined && !mayHavePrint(bytes)) unprinted.add(entry.digest);
    return sink?.(entry, bytes);
  });
  return {...cut, unprinted};
}

/** A column that lost its type may hold -0.0 from before, which no print tells from 0.0. */
function mayHavePrint(bytes: Uint8Array): boolean {
  if (bytes.byteLength > PRINT_BYTES_MAX) return false;
  return !Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).includes('{"r":"-0"}');
}

function printed(
  {prints}: RangeReader,
  {chunks, unprinted}: Cut,
  range: KeyRange,
): readonly PrintedChunk[] {
  return chunks.map((entry, at) => {
    const from = at === 0 ? range.from : entry.first;
    const within = {from, to: chunks[at + 1]?.first ?? range.to};
    const print = unprinted.has(entry.digest) ? undefined : prints?.of(within, entry.rows);
    return {entry, print};
  });
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
