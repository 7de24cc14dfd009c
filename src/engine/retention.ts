/** Which snapshots may go. Pure: what is in the store, and what shall stay. */
import {KEEP_NEWEST_MIN, KEEP_YOUNG_MS} from '../kernel/limits.ts';
import {comparePositions} from '../kernel/position.ts';
import type {AliveRef, Looked, SnapshotRef} from '../store/port.ts';

/** How many stay: the newest ones, and the newest of each hour, day and so on that has one. UTC; weeks begin on Monday. */
export type Keep = {readonly [rule in 'last' | Period]?: number | undefined};

type Period = 'hourly' | 'daily' | 'weekly' | 'monthly' | 'yearly';

export type RetentionRequest = {
  /** The history of the one who asks: of others nothing goes. */
  readonly lineage: string;
  readonly keep: Keep;
  readonly now: Date;
};

/**
 * Snapshots and signs of life that may go.
 *
 * Positions say which is newer, as clocks jump; the time in a snapshot only says to which hour or day it belongs. Whatever the policy,
 * these stay: the newest ones, which replicas read or follow; what the newest one followed; the end of each epoch, by author; and where
 * two snapshots follow one, or share a position, all of them, as that shows that there were two primaries.
 */
export function expired(looked: Looked, request: RetentionRequest): Looked {
  const mine = looked.snapshots
    .filter(({lineage}) => lineage === request.lineage)
    .sort((a, b) => comparePositions(b, a));
  const staying = new Set([
    ...needed(mine),
    ...young(mine, request.now),
    ...chosen(mine, request.keep),
  ]);
  return {
    snapshots: mine.filter(({digest}) => !staying.has(digest)),
    alive: olderSigns(looked.alive.filter(({lineage}) => lineage === request.lineage)),
  };
}

type Digests = readonly string[];

/** @param mine The newest first, as everywhere here. */
function needed(mine: readonly SnapshotRef[]): Digests {
  const ends = groups(mine, ({epoch, author}) => JSON.stringify([epoch, author])).flatMap((refs) =>
    refs.slice(0, 1),
  );
  const forks = [
    ...groups(mine, ({epoch, sequence}) => `${epoch}.${sequence}`),
    ...groups(mine, ({parent}) => parent ?? ''),
  ].filter((refs) => new Set(digestsOf(refs)).size > 1);
  const parents = [...mine.slice(0, 1), ...forks.flat()].flatMap(({parent}) => parent ?? []);
  return [...newest(mine, KEEP_NEWEST_MIN), ...digestsOf([...ends, ...forks.flat()]), ...parents];
}

/** One that was stored in the future, by this clock, may be of any age. */
function young(mine: readonly SnapshotRef[], now: Date): Digests {
  const ageOf = ({time}: SnapshotRef): number => now.getTime() - Date.parse(time);
  return digestsOf(mine.filter((ref) => ageOf(ref) >= 0 && ageOf(ref) < KEEP_YOUNG_MS));
}

function chosen(mine: readonly SnapshotRef[], keep: Keep): Digests {
  const periods = Object.keys(PERIODS) as Period[];
  const byPeriod = periods.flatMap((period) =>
    groups(mine, ({time}) => PERIODS[period](new Date(time)))
      .slice(0, keep[period] ?? 0)
      .flatMap((refs) => refs.slice(0, 1)),
  );
  return [...newest(mine, keep.last ?? 0), ...digestsOf(byPeriod)];
}

const DAY_MS = 24 * 60 * 60 * 1000;

const PERIODS: Readonly<Record<Period, (time: Date) => string>> = {
  hourly: (time) => time.toISOString().slice(0, 'yyyy-mm-ddThh'.length),
  daily: (time) => time.toISOString().slice(0, 'yyyy-mm-dd'.length),
  // 1970 began on a Thursday.
  weekly: (time) => String(Math.floor((time.getTime() / DAY_MS + 3) / 7)),
  monthly: (time) => time.toISOString().slice(0, 'yyyy-mm'.length),
  yearly: (time) => time.toISOString().slice(0, 'yyyy'.length),
};

/** One snapshot may be stored several times. */
function newest(mine: readonly SnapshotRef[], count: number): Digests {
  return [...new Set(digestsOf(mine))].slice(0, count);
}

/** In the order of the first of each. */
function groups(
  refs: readonly SnapshotRef[],
  of: (ref: SnapshotRef) => string,
): readonly (readonly SnapshotRef[])[] {
  return [...Map.groupBy(refs, of).values()];
}

const digestsOf = (refs: readonly SnapshotRef[]): Digests => refs.map(({digest}) => digest);

/** Of each author the newest sign stays: replicas measure the silence since then. */
function olderSigns(alive: readonly AliveRef[]): readonly AliveRef[] {
  const byAge = alive.toSorted((a, b) => comparePositions(b, a) || b.time.localeCompare(a.time));
  return [...Map.groupBy(byAge, ({author}) => author).values()].flatMap((signs) => signs.slice(1));
}
