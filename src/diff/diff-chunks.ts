/** Key ranges in which two lists of chunks differ: equal chunks are skipped unread. Pure. */
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
export type Segment = {readonly range: KeyRange; readonly theirs: ChunkEntry | undefined};

/** Splits a region so that one chunk of theirs is held at a time. */
export function segmentsOf(region: Region): readonly Segment[] {
  const {from, to} = region.range;
  if (region.theirs.length === 0) return [{range: region.range, theirs: undefined}];
  return region.theirs.map((theirs, at) => ({
    theirs,
    range: {from: at === 0 ? from : theirs.first, to: region.theirs[at + 1]?.first ?? to},
  }));
}

function close(
  open: {from: string | undefined; ours: ChunkEntry[]; theirs: ChunkEntry[]},
  to: string | undefined,
): Region {
  return {range: {from: open.from, to}, ours: open.ours, theirs: open.theirs};
}
