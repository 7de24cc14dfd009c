/** Who may write the next snapshot: one primary at a time (fencing by epoch). */
import {randomUUID} from 'node:crypto';
import {EngineError} from '../kernel/errors.ts';
import {comparePositions, type Position} from '../kernel/position.ts';
import type {Digest} from '../canonical/digest.ts';
import type {SnapshotRef} from '../store/port.ts';
import {newestOfAll, newestSnapshot} from './choose-snapshot.ts';
import {shortId} from './short-id.ts';

export type Authority = {
  readonly lineage: string;
  readonly epoch: number;
  readonly sequence: number;
  /** The newest snapshot that the store shows. */
  readonly parent: SnapshotRef | undefined;
  /** Digest of the snapshot that the next one follows: where the store does not show the last one of this instance, that one. */
  readonly follows: Digest | null;
};

export type Claim = {
  readonly refs: readonly SnapshotRef[];
  /** Where this database stands, as far as its state tells. */
  readonly position: Position | undefined;
  /** Id of this instance. */
  readonly author: string;
  /** What this instance set out to write last, as far as it knows: it may be in the store, and not be shown yet. */
  readonly claimed?: Claimed | undefined;
  /** A person wants this instance to be the primary, whatever others stored. */
  readonly takesOver?: boolean | undefined;
};

export type Claimed = Pick<Position, 'lineage' | 'epoch' | 'sequence'>;

/**
 * The position of the next snapshot that this instance may write.
 *
 * The author of the newest one goes on. Another instance takes over by raising the epoch, if it has seen
 * the newest snapshot, or has no history at all. One that wrote or applied an older snapshot was
 * replaced, and is fenced; so is the author of the newest where it never set out to write that: its machine was
 * copied with all that is on it, or put back.
 *
 * A store may have lost the newest snapshot, or be slow to show it, or have kept one that it said it could not keep: no position
 * is given out twice.
 *
 * @throws {EngineError} `FENCED`; `FORKED` where two primaries went on by themselves; `POSITION_MISMATCH` where no higher position is
 * left.
 */
export function claimNext(claim: Claim): Authority {
  const next = beyondClaimed(nextOf(claim), claim.claimed);
  if (Number.isSafeInteger(next.epoch) && Number.isSafeInteger(next.sequence)) return next;
  throw new EngineError(
    'POSITION_MISMATCH',
    'the newest snapshot of the store has the highest position there is: its label is a lie',
    {
      site: {snapshot: shortId(next.parent?.digest ?? '')},
      hint: 'Remove that snapshot from the store (rowplica snapshots lists it).',
    },
  );
}

/** A sequence may leave numbers out; it may not name two snapshots by one. */
function beyondClaimed(next: Authority, claimed: Claimed | undefined): Authority {
  if (claimed?.lineage !== next.lineage || claimed.sequence < next.sequence) return next;
  return {...next, sequence: claimed.sequence + 1};
}

function nextOf({refs, position, author, claimed, takesOver = false}: Claim): Authority {
  const parent = (takesOver ? newestOfAll : newestSnapshot)(refs, position?.lineage);
  if (parent === undefined)
    return {
      lineage: position?.lineage ?? claimed?.lineage ?? randomUUID(),
      ...first(position),
      parent,
      follows: null,
    };
  const isBeyond = position !== undefined && comparePositions(position, parent) > 0;
  const last = isBeyond ? position : parent;
  const next = {
    lineage: parent.lineage,
    sequence: last.sequence + 1,
    parent,
    follows: last.digest,
  };
  if (takesOver) return {...next, ...aboveAll(refs, last)};
  if (isOwn(parent, {author, position, claimed})) return {...next, epoch: last.epoch};
  if (position !== undefined && !hasReached(position, parent)) throw fenced(parent, author);
  return {...next, epoch: last.epoch + 1};
}

/**
 * Whether this instance knows that it wrote a snapshot: its name is on it, and it came as far, or set out to. False for what a twin
 * of it wrote, and for what it wrote itself before it was put back from a copy.
 */
export function isOwn(
  ref: SnapshotRef,
  {author, position, claimed}: Pick<Claim, 'author' | 'position' | 'claimed'>,
): boolean {
  if (ref.author !== author) return false;
  return position === undefined || hasReached(position, ref) || hasReached(claimed, ref);
}

function hasReached(at: Claimed | undefined, ref: SnapshotRef): boolean {
  return at?.lineage === ref.lineage && comparePositions(at, ref) >= 0;
}

/** Whoever forked may have come further in an older epoch. */
function aboveAll(
  refs: readonly SnapshotRef[],
  last: Position,
): Pick<Authority, 'epoch' | 'sequence'> {
  const all = [last, ...refs.filter(({lineage}) => lineage === last.lineage)];
  return {
    epoch: Math.max(...all.map(({epoch}) => epoch)) + 1,
    sequence: Math.max(...all.map(({sequence}) => sequence)) + 1,
  };
}

/** A lineage whose snapshots are all gone goes on above where this database stands. */
function first(position: Position | undefined): {epoch: number; sequence: number} {
  return position === undefined
    ? {epoch: 1, sequence: 1}
    : {epoch: position.epoch, sequence: position.sequence + 1};
}

function fenced(newest: SnapshotRef, author: string): EngineError {
  const where = `the store is at epoch ${newest.epoch} sequence ${newest.sequence}`;
  const site = {snapshot: shortId(newest.digest)};
  if (newest.author === author)
    return new EngineError(
      'FENCED',
      `${where}, which another one wrote under this instance's own name (${shortId(newest.author)}): this machine was copied, or put back from a copy`,
      {
        site,
        hint: 'Let only one of them run as primary. If the rows here shall count: capture --take-over; if those of the store: replicate.',
      },
    );
  return new EngineError(
    'FENCED',
    `another primary (${shortId(newest.author)}) has taken over: ${where}, which this instance has not seen`,
    {
      site,
      hint: 'Run replicate here to follow it; a capture after that takes over again. If the rows of this instance shall count instead: capture --take-over.',
    },
  );
}
