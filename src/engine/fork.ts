/** Two primaries that went on from one snapshot, each by itself. Nobody but a person can tell whose rows count. */
import type {Digest} from '../canonical/digest.ts';
import {EngineError} from '../kernel/errors.ts';
import {comparePositions} from '../kernel/position.ts';
import type {SnapshotRef} from '../store/port.ts';
import {shortId} from './short-id.ts';

export type Fork = {
  /** What both went on from; undefined where both began. */
  readonly parent: Digest | undefined;
  /** Of each author the newest that follows it, or all that stand at one position. */
  readonly rivals: readonly SnapshotRef[];
};

/**
 * The fork of a lineage that is open: snapshots of different authors that follow one, or stand at one position. It is settled once
 * there is one of a higher epoch than theirs, which a person has asked for (`capture --take-over`). What one author stored twice
 * after one snapshot, as it did not know of the first, is no fork: it never gives out a position twice, unless it runs twice. Nor is
 * a copy.
 *
 * @param refs Of one lineage.
 */
export function openFork(refs: readonly SnapshotRef[]): Fork | undefined {
  const epoch = Math.max(...refs.map((ref) => ref.epoch));
  const children = Map.groupBy(refs, ({parent}) => parent);
  for (const [parent, siblings] of children) {
    const rivals = newestOfEach(siblings);
    if (rivals.length > 1 && rivals.some((ref) => ref.epoch === epoch)) return {parent, rivals};
  }
  const places = Map.groupBy(refs, (ref) => `${ref.epoch}.${ref.sequence}`);
  for (const sharers of places.values()) {
    const rivals = [...new Map(sharers.map((ref) => [ref.digest, ref])).values()];
    if (rivals.length > 1 && rivals[0]?.epoch === epoch) return {parent: rivals[0].parent, rivals};
  }
  return undefined;
}

function newestOfEach(refs: readonly SnapshotRef[]): readonly SnapshotRef[] {
  const byAuthor = Map.groupBy(refs, ({author}) => author);
  return [...byAuthor.values()].flatMap(
    (own) => [...own].sort((a, b) => comparePositions(b, a))[0] ?? [],
  );
}

export function forked({parent, rivals}: Fork): EngineError {
  const named = rivals.map(
    ({author, epoch, sequence}) => `${shortId(author)} (epoch ${epoch} sequence ${sequence})`,
  );
  const from = parent === undefined ? 'began one history' : `went on from ${shortId(parent)}`;
  return new EngineError('FORKED', `two primaries ${from}: ${named.join(' and ')}`, {
    site: {snapshot: shortId(rivals[0]?.digest ?? '')},
    hint: 'Stop one of the two, and run capture --take-over on the one whose rows shall count; the other then has to replicate.',
  });
}
