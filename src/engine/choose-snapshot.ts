/** Which snapshot counts: by lineage, epoch and sequence, never by a clock. */
import {EngineError} from '../kernel/errors.ts';
import {comparePositions, type Position} from '../kernel/position.ts';
import type {SnapshotRef} from '../store/port.ts';
import {forked, openFork} from './fork.ts';
import {shortId} from './short-id.ts';

/**
 * The newest snapshot of a lineage, or of the only one there is.
 *
 * @throws {EngineError} `POSITION_MISMATCH` where several lineages could be meant, `FORKED` where two primaries went on by themselves.
 */
export function newestSnapshot(
  refs: readonly SnapshotRef[],
  lineage: string | undefined,
): SnapshotRef | undefined {
  const mine = ofLineage(refs, lineage);
  const fork = openFork(mine);
  if (fork !== undefined) throw forked(fork);
  return mine[0];
}

/** The same where a person has decided that a fork is to end. */
export function newestOfAll(
  refs: readonly SnapshotRef[],
  lineage: string | undefined,
): SnapshotRef | undefined {
  return ofLineage(refs, lineage)[0];
}

/** Newest first. */
function ofLineage(
  refs: readonly SnapshotRef[],
  lineage: string | undefined,
): readonly SnapshotRef[] {
  const wanted = lineage ?? onlyLineage(refs);
  return refs.filter((ref) => ref.lineage === wanted).sort((a, b) => comparePositions(b, a));
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
