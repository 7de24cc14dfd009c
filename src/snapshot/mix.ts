/** Where lists are cut: a cheap hash of encoded keys (FORMAT.md, "Chunks" and "Index pages"). */
import {
  CHUNK_ANCHOR_FACTOR,
  CHUNK_CELLS_MEAN,
  CHUNK_EVEN_FACTOR_MAX,
  CHUNK_EVEN_PART_MIN,
  CHUNK_EVEN_ROWS_MIN,
  CHUNK_ROWS_FACTOR_MAX,
  PAGE_CHUNKS_FACTOR_MAX,
  PAGE_CHUNKS_MEAN,
} from '../kernel/format-limits.ts';

/** FNV-1a over an ASCII key, finished as MurmurHash3 does: 32 well-mixed bits, unsigned. */
export function mix(key: string): number {
  let h = 2166136261;
  for (let at = 0; at < key.length; at++) h = Math.imul(h ^ key.charCodeAt(at), 16777619);
  h = Math.imul(h ^ (h >>> 16), 2246822507);
  h = Math.imul(h ^ (h >>> 13), 3266489909);
  return (h ^ (h >>> 16)) >>> 0;
}

/** Rows a chunk holds, about: the power of two nearest to 8192 / columns, at least 1. */
export function chunkRowsMean(columns: number): number {
  const wanted = CHUNK_CELLS_MEAN / Math.max(columns, 1);
  const low = 2 ** Math.max(0, Math.floor(Math.log2(wanted)));
  return wanted - low < 2 * low - wanted ? low : 2 * low;
}

/** Rows of one chunk at most, however it was cut. */
export function chunkRowsMax(columns: number): number {
  return chunkRowsMean(columns) * CHUNK_ROWS_FACTOR_MAX;
}

/** Entries of one index page at most. */
export const PAGE_CHUNKS_MAX: number = PAGE_CHUNKS_MEAN * PAGE_CHUNKS_FACTOR_MAX;

/** Tells whether a row of this key begins a chunk behind so many rows of the one before; 0 where there are none. */
export function chunkRule(columns: number): (key: string, rows: number) => boolean {
  const mean = chunkRowsMean(columns);
  const {least, among, most} = chunkSize(mean);
  const anchors = mean * CHUNK_ANCHOR_FACTOR;
  return (key, rows) => {
    if (rows === 0 || rows === most) return true;
    const mixed = mix(key);
    return isOneOf(anchors, mixed) || (rows >= least && isOneOf(among, mixed));
  };
}

type ChunkSize = {
  readonly least: number;
  /** One of so many rows is a place to cut. */
  readonly among: number;
  readonly most: number;
};

/**
 * Chunks are of even size, as a change more often hits a long one: cut wherever the mix alone says so, the chunk that it hits
 * would be twice as long as the others.
 */
function chunkSize(mean: number): ChunkSize {
  if (mean < CHUNK_EVEN_ROWS_MIN)
    return {least: 1, among: mean, most: mean * CHUNK_ROWS_FACTOR_MAX};
  const least = mean * CHUNK_EVEN_PART_MIN;
  return {least, among: mean - least, most: mean * CHUNK_EVEN_FACTOR_MAX};
}

/** Tells whether a row of this key begins a chunk whatever stands before it. */
export function chunkAnchor(columns: number): (key: string) => boolean {
  const anchors = chunkRowsMean(columns) * CHUNK_ANCHOR_FACTOR;
  return (key) => isOneOf(anchors, mix(key));
}

/** @param every A power of two. */
function isOneOf(every: number, mixed: number): boolean {
  return (mixed & (every - 1)) === 0;
}

/** A new page where the mix says so, and after as many entries as a page may have. */
export function pageCutter(): (key: string) => boolean {
  let since = -1;
  return (key) => {
    since = isOneOf(PAGE_CHUNKS_MEAN, mix(key) >>> 16) ? 0 : since + 1;
    return since % PAGE_CHUNKS_MAX === 0;
  };
}
