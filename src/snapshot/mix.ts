/** Where lists are cut: a cheap hash of encoded keys (FORMAT.md, "Chunks" and "Index pages"). */
import {
  CHUNK_CELLS_MEAN,
  CHUNK_ROWS_FACTOR_MAX,
  PAGE_CHUNKS_FACTOR_MAX,
  PAGE_CHUNKS_MEAN,
} from '../kernel/limits.ts';

/** FNV-1a over an ASCII key, finished as MurmurHash3 does: 32 well-mixed bits, unsigned. */
export function mix(key: string): number {
  let h = 2166136261;
  for (let at = 0; at < key.length; at++) h = Math.imul(h ^ key.charCodeAt(at), 16777619);
  h = Math.imul(h ^ (h >>> 16), 2246822507);
  h = Math.imul(h ^ (h >>> 13), 3266489909);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Rows a chunk holds on average: the power of two nearest to 8192 / columns, at least 1. */
export function chunkRowsMean(columns: number): number {
  const wanted = CHUNK_CELLS_MEAN / Math.max(columns, 1);
  const low = 2 ** Math.max(0, Math.floor(Math.log2(wanted)));
  return wanted - low < 2 * low - wanted ? low : 2 * low;
}

/** Rows of one chunk at most, as every writer cuts them. */
export function chunkRowsMax(columns: number): number {
  return chunkRowsMean(columns) * CHUNK_ROWS_FACTOR_MAX;
}

/** Entries of one index page at most. */
export const PAGE_CHUNKS_MAX: number = PAGE_CHUNKS_MEAN * PAGE_CHUNKS_FACTOR_MAX;

/** Tells, key by key in order, which entry begins a new run. The first always does. */
export type Cutter = (key: string) => boolean;

export function chunkCutter(columns: number): Cutter {
  return cutter(naturalChunk(columns), chunkRowsMax(columns));
}

/** Tells whether a row of this key begins a chunk whatever stands before it. */
export function naturalChunk(columns: number): (key: string) => boolean {
  const mean = chunkRowsMean(columns);
  return (key) => (mix(key) & (mean - 1)) === 0;
}

export function pageCutter(): Cutter {
  const natural = (key: string): boolean => ((mix(key) >>> 16) & (PAGE_CHUNKS_MEAN - 1)) === 0;
  return cutter(natural, PAGE_CHUNKS_MAX);
}

function cutter(isNatural: (key: string) => boolean, forcedEvery: number): Cutter {
  let since = -1;
  return (key) => {
    since = isNatural(key) ? 0 : since + 1;
    return since % forcedEvery === 0;
  };
}
