/** Reads one range of a table, in whichever thread. */
import type {CanonicalRow} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {readContent, type ChunkSink} from '../snapshot/chunk.ts';
import type {RangePart} from './read-messages.ts';

/** @param pages Rows of the range, in key order. Throws what `readContent` does. */
export async function readRange(
  shape: TableShape,
  pages: AsyncIterable<readonly CanonicalRow[]>,
  sink?: ChunkSink,
): Promise<RangePart> {
  let last: string | undefined;
  async function* noting(): AsyncGenerator<readonly CanonicalRow[]> {
    for await (const page of pages) {
      last = page.at(-1)?.key ?? last;
      yield page;
    }
  }
  const {chunks} = await readContent(shape, noting(), sink);
  return {chunks, last};
}
