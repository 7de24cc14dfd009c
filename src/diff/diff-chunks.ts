/** Key ranges in which two lists of chunks differ: equal chunks are skipped unread. Pure. */
import {SEGMENT_CHUNKS_MAX} from '../kernel/read-limits.ts';
import type {KeyRange} from '../kernel/row.ts';
import type {ChunkEntry} from '../snapshot/content.ts';

/** A range whose rows may differ, with the chunks of either side that lie in it. */
export type Region = {
  readonly range: KeyRange;
  readonly ours: readonly ChunkEntry[];
  readonly theirs: readonly ChunkEntry[];
};

/** The ranges, in key order and disjoint, outside of which both sides hold the same rows. */
export function changedRegions(
  ours: readonly ChunkEntry[],
  theirs: readonly ChunkEntry[],
): readonly Region[] {
  const regions: Region[] = [];
  let open: {from: string | undefined; ours: ChunkEntry[]; theirs: ChunkEntry[]} | undefined;
  let i = 0;
  let j = 0;
  while (i < ours.length || j < theirs.length) {
    const our = ours[i];
    const their = theirs[j];
    if (our && their && our.first === their.first && our.digest === their.digest) {
      if (open) regions.push(close(open, our.first));
      open = undefined;
      i++;
      j++;
      continue;
    }
    const takeOur = our !== undefined && (their === undefined || our.first <= their.first);
    const takeTheir = their !== undefined && (our === undefined || their.first <= our.first);
    open ??= {
      from: i === 0 && j === 0 ? undefined : (takeOur ? our : their)?.first,
      ours: [],
      theirs: [],
    };
    if (takeOur) open.ours.push(our);
    if (takeTheir) open.theirs.push(their);
    if (takeOur) i++;
    if (takeTheir) j++;
  }
  if (open) regions.push(close(open, undefined));
  return regions;
}

/**
 * Splits a region wherever a chunk begins on both sides at once. No row has its like in another part, unless it is one of several
 * of a multiset.
 */
export function partsOf({range, ours, theirs}: Region): readonly Region[] {
  const [mine, others] = [placesOf(ours), placesOf(theirs)];
  const cuts = theirs.slice(1).filter(({first}) => mine.has(first));
  return [undefined, ...cuts].map((from, at) => {
    const to = cuts[at];
    const within = (chunks: readonly ChunkEntry[], places: ReadonlyMap<string, number>) =>
      chunks.slice(from && places.get(from.first), to && places.get(to.first));
    return {
      range: {from: from?.first ?? range.from, to: to?.first ?? range.to},
      ours: within(ours, mine),
      theirs: within(theirs, others),
    };
  });
}

function placesOf(chunks: readonly ChunkEntry[]): ReadonlyMap<string, number> {
  return new Map(chunks.map(({first}, at) => [first, at]));
}

/** One part of a region: at most one chunk of theirs, and the range in which ours compare with it. */
export type Segment = {
  readonly range: KeyRange;
  readonly theirs: ChunkEntry | undefined;
  /** Where that chunk ends, which may be beyond the range. */
  readonly to: string | undefined;
};

/** Splits a region so that one chunk of theirs, and no more than some of ours, are held at a time. */
export function segmentsOf({range, ours, theirs}: Region): readonly Segment[] {
  const cuts = ours
    .filter((_, at) => at > 0 && at % SEGMENT_CHUNKS_MAX === 0)
    .map(({first}) => first);
  const segments: Segment[] = [];
  let cut = 0;
  for (const [at, chunk] of (theirs.length === 0 ? [undefined] : theirs).entries()) {
    const to = theirs[at + 1]?.first ?? range.to;
    let from = at === 0 ? range.from : chunk?.first;
    for (let next = cuts[cut]; next !== undefined; next = cuts[++cut]) {
      if (to !== undefined && next >= to) break;
      if (from !== undefined && next <= from) continue;
      segments.push({range: {from, to: next}, theirs: chunk, to});
      from = next;
    }
    segments.push({range: {from, to}, theirs: chunk, to});
  }
  return segments;
}

function close(
  open: {from: string | undefined; ours: ChunkEntry[]; theirs: ChunkEntry[]},
  to: string | undefined,
): Region {
  return {range: {from: open.from, to}, ours: open.ours, theirs: open.theirs};
}
