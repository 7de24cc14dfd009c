/** How many rows two short lists of lines differ by. Pure. */
import type {ChangeCounts} from '../kernel/row.ts';

/** One side: texts of rows, each with a key that no other has, and how to find that key. */
export type Lines = {
  readonly texts: readonly string[];
  readonly keyOf: (text: string) => string;
};

/** Counts what `diffRows` would find. Only lines that one side alone has are taken apart: most have a like on the other. */
export function countChangedLines(before: Lines, after: Lines): ChangeCounts {
  const gone = new Set(before.texts);
  const come = after.texts.filter((text) => !gone.delete(text));
  const goneKeys = new Set([...gone].map((text) => before.keyOf(text)));
  const updated = come.filter((text) => goneKeys.has(after.keyOf(text))).length;
  return {updated, inserted: come.length - updated, deleted: gone.size - updated};
}
