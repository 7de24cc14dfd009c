/** What a read and the threads that share it say to each other. */
import type {Digest} from '../canonical/digest.ts';
import type {DatabaseSource} from '../database/port.ts';
import type {KeyRange} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';

export type ReaderData = {
  readonly source: DatabaseSource;
  /** Chunks whose bytes nobody needs; undefined where nobody needs any. */
  readonly known: ReadonlySet<Digest> | undefined;
};

/** A range of a table, from an anchor to the next. Answered in the order of asking. */
export type RangeRequest = {readonly shape: TableShape; readonly range: KeyRange};

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
  readonly chunks: readonly ChunkEntry[];
  /** Key of its last row; undefined where it has none. */
  readonly last: string | undefined;
};
