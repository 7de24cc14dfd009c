/** Runs asynchronous work on many items, a bounded number at a time. */
import {STORE_FILES_AT_ONCE} from '../kernel/limits.ts';

/**
 * The results of `work`, in the order of `items`. At most STORE_FILES_AT_ONCE run together; the
 * first failure is thrown and no further batch begins.
 */
export async function inBatches<Item, Result>(
  items: readonly Item[],
  work: (item: Item) => Promise<Result>,
): Promise<readonly Result[]> {
  const results: Result[] = [];
  for (let start = 0; start < items.length; start += STORE_FILES_AT_ONCE) {
    const batch = items.slice(start, start + STORE_FILES_AT_ONCE);
    results.push(...(await Promise.all(batch.map(work))));
  }
  return results;
}
