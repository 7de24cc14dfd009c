/** Which snapshot counts: by lineage, epoch and sequence, never by a clock. */
import {EngineError} from '../kernel/errors.ts';
import {comparePositions, type Position} from '../kernel/position.ts';
import type {SnapshotRef} from '../store/port.ts';

/**
 * The newest snapshot of a lineage, or of the only one there is.
 *
 * @throws {EngineError} `POSITION_MISMATCH` where several lineages could be meant, or where two primaries
 * wrote the same position.
 */
export function newestSnapshot(
  refs: readonly SnapshotRef[],
  lineage: string | undefined,
): SnapshotRef | undefined {
  const wanted = lineage ?? onlyLineage(refs);
  const mine = refs.filter((ref) => ref.lineage === wanted).sort((a, b) => comparePositions(b, a));
  const newest = mine[0];
  const rival = mine.find(
    (ref) => newest && comparePositions(ref, newest) === 0 && ref.digest !== newest.digest,
  );
  if (newest !== undefined && rival !== undefined) throw forked(newest, rival);
  return newest;
}

function onlyLineage(refs: readonly SnapshotRef[]): string | undefined {
  const lineages = [...new Set(refs.map((ref) => ref.lineage))];
  if (lineages.length <= 1) return lineages[0];
  throw new EngineError(
    'POSITION_MISMATCH',
    `the store holds ${lineages.length} histories, and this database follows none of them yet`,
    {
      hint: 'Choose one: replicate a snapshot of it by name, with --snapshot (rowplica snapshots lists them).',
    },
  );
}

function forked(a: SnapshotRef, b: SnapshotRef): EngineError {
  const authors = [a.author, b.author].map(shortId).join(' and ');
  return new EngineError(
    'POSITION_MISMATCH',
    `two primaries (${authors}) both wrote sequence ${a.sequence} of epoch ${a.epoch}`,
    {
      site: {snapshot: shortId(a.digest)},
      hint: 'Stop one of the two; then name the snapshot to go on from with --snapshot.',
    },
  );
}

/**
 * The snapshot of this id: a digest, the beginning of one, or the store's own id.
 *
 * @throws {EngineError} `SNAPSHOT_UNKNOWN`.
 */
export function snapshotById(refs: readonly SnapshotRef[], id: string): SnapshotRef {
  const found = refs.filter((ref) => ref.digest.startsWith(id) || ref.storeId.startsWith(id));
  const digests = new Set(found.map((ref) => ref.digest));
  const [ref] = found;
  if (ref !== undefined && digests.size === 1 && id.length >= ID_LENGTH_MIN) return ref;
  const why = whyNot(id, digests.size);
  throw new EngineError('SNAPSHOT_UNKNOWN', why, {
    site: {snapshot: id},
    hint: 'rowplica snapshots lists them; the first 8 characters of an id are enough.',
  });
}

const ID_LENGTH_MIN = 4;

function whyNot(id: string, found: number): string {
  if (id.length < ID_LENGTH_MIN) return `"${id}" is too short for the id of a snapshot`;
  return found > 1 ? `several snapshots begin with "${id}"` : `there is no snapshot "${id}"`;
}

/**
 * P8: a replica never goes back, nor to another lineage, unless a snapshot is named.
 *
 * @throws {EngineError} `POSITION_MISMATCH`.
 */
export function checkMonotone(position: Position | undefined, ref: SnapshotRef): void {
  if (position === undefined) return;
  const order = comparePositions(ref, position);
  if (order > 0 || (order === 0 && ref.digest === position.digest)) return;
  const here = `epoch ${position.epoch} sequence ${position.sequence}`;
  const message =
    order < 0
      ? `the store is at epoch ${ref.epoch} sequence ${ref.sequence}, behind this database (${here})`
      : `the store has another snapshot at ${here} than the one this database was brought to`;
  throw new EngineError('POSITION_MISMATCH', message, {
    site: {snapshot: shortId(ref.digest)},
    hint: 'If going back is meant, name the snapshot with --snapshot.',
  });
}

export function shortId(id: string): string {
  return id.slice(0, 12);
}
