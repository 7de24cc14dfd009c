/** What a table holds, as lists of chunks and digests over them. */
import stringify from 'fast-json-stable-stringify';
import {digestOf, type Digest} from '../canonical/digest.ts';
import type {TableShape} from '../schema/table-shape.ts';

/** Consecutive rows of one table. `first` is the encoded key of the first of them. */
export type ChunkEntry = {readonly digest: Digest; readonly first: string; readonly rows: number};

/** Consecutive chunks of one table, listed in an object of their own. */
export type PageEntry = ChunkEntry & {readonly chunks: number};

/** The content of one table at one moment: a function of its rows alone. */
export type TableContent = {
  readonly rows: number;
  readonly digest: Digest;
  readonly chunks: readonly ChunkEntry[];
};

export function tableContent(shape: TableShape, chunks: readonly ChunkEntry[]): TableContent {
  const rows = chunks.reduce((sum, chunk) => sum + chunk.rows, 0);
  const digest = digestOf(
    stringify({
      chunks: chunks.map((chunk) => chunk.digest),
      columns: shape.columns.map((column) => column.name),
      key: shape.key.map((column) => column.name),
      rows,
    }),
  );
  return {rows, digest, chunks};
}

/** One digest over all tables. Equal roots mean equal rows in equal tables. */
export function rootDigest(
  tables: readonly {readonly name: string; readonly digest: Digest}[],
): Digest {
  return digestOf(stringify(tables.map(({name, digest}) => [name, digest])));
}
