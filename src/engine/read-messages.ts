/** What a read and the threads that share it say to each other. */
import type {Digest} from '../canonical/digest.ts';
import type {DatabaseSource} from '../database/port.ts';
import type {KeyRange} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {PrintedChunk} from '../state/print-file.ts';

export type ReaderData = {
  readonly source: DatabaseSource;
  /** Chunks whose bytes nobody needs; undefined where nobody needs any. */
  readonly known: ReadonlySet<Digest> | undefined;
};

/** A range of a table, and the chunks that it held when it was read before; none where that is not known. */
export type ExpectedRange = {
  readonly range: KeyRange;
  readonly expected: readonly PrintedChunk[];
};

/** A range of a table, from an anchor to the next. Answered in the order of asking. */
export type RangeRequest = ExpectedRange & {
  readonly shape: TableShape;
  /** Whether prints of chunks are asked for. */
  readonly prints: boolean;
};

export type ReaderRequest =
  | RangeRequest
  /** So many bytes of chunks have been kept. */
  | {readonly kept: number}
  | {readonly end: true};

export type ReaderAnswer =
  /** The view has begun. */
  | {readonly begun: true}
  | {readonly entry: ChunkEntry; readonly bytes: Uint8Array<ArrayBuffer>}
  | RangePart
  | {readonly failed: true};

/** What a range holds. */
export type RangePart = {
  /** A number is the place of one that was expected, and is there. */
  readonly chunks: readonly (number | PrintedChunk)[];
  /** Key of its last row, or one before it; undefined where it has none. */
  readonly last: string | undefined;
};
