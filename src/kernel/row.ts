/**
 * Cells and rows, in the two forms they take.
 *
 * A *cell* is typed as the database types it. A *wire cell* is the same value as JSON carries it:
 * the form that is stored, hashed and compared (see snapshot/FORMAT.md).
 */

/** Text whose bytes are not valid UTF-8. The bytes are kept, because the database kept them. */
export type TextBytes = {readonly textBytes: Uint8Array};

/** One typed value: NULL, integer (bigint), real (number), text (string or bytes) or blob. */
export type Cell = null | bigint | number | string | TextBytes | Uint8Array;

/** Integer beyond ±(2^53-1), in decimal. */
type WireInteger = {readonly i: string};
/** Real that a plain JSON number would not keep apart from an integer: 1.0, -0.0, ±Infinity. */
type WireReal = {readonly r: string};
/** Blob, in base64 with padding. */
type WireBlob = {readonly b: string};
/** Text that is not valid UTF-8: its bytes, in base64 with padding. */
type WireTextBytes = {readonly t: string};

export type WireCell = null | number | string | WireInteger | WireReal | WireBlob | WireTextBytes;

/** Wire cells in the column order of the manifest. */
export type WireRow = readonly WireCell[];

/** One row of a table, ready to be compared: `key` orders and pairs rows, `text` decides equality. */
export type CanonicalRow = {
  readonly key: string;
  readonly text: string;
  readonly cells: WireRow;
  /**
   * How the database that was read addresses this row, where `key` cannot: the surrogate id of a row
   * in a table that is keyed by what it links. Absent in rows of snapshots.
   */
  readonly locator?: readonly Cell[] | undefined;
};

/** One row that differs, with what was and what shall be. */
export type RowChange =
  | {readonly op: 'insert'; readonly key: string; readonly after: CanonicalRow}
  | {
      readonly op: 'update';
      readonly key: string;
      readonly before: CanonicalRow;
      readonly after: CanonicalRow;
    }
  | {readonly op: 'delete'; readonly key: string; readonly before: CanonicalRow};

/** How many rows of one table a step inserts, updates and deletes. */
export type ChangeCounts = {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
};

/** Encoded keys: from `from` (included) up to `to` (excluded); undefined is without bound. */
export type KeyRange = {readonly from: string | undefined; readonly to: string | undefined};
