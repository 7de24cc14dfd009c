/** Which snapshot a replicate is about, and whether it may be. */
import {EngineError} from '../kernel/errors.ts';
import type {Position} from '../kernel/position.ts';
import type {Manifest} from '../snapshot/manifest.ts';
import type {SnapshotRef} from '../store/port.ts';
import {checkMonotone, newestSnapshot, snapshotById} from './choose-snapshot.ts';

/**
 * The snapshot named, or the newest one of the history that this database follows.
 *
 * @throws {EngineError} `NO_SNAPSHOT`, `SNAPSHOT_UNKNOWN`, and `POSITION_MISMATCH` where it would lead back.
 */
export function chooseTarget(
  refs: readonly SnapshotRef[],
  position: Position | undefined,
  named: string | undefined,
): SnapshotRef {
  if (named !== undefined && named !== 'latest') return snapshotById(refs, named);
  const newest = newestSnapshot(refs, position?.lineage);
  if (newest !== undefined) {
    checkMonotone(position, newest);
    return newest;
  }
  if (refs.length === 0) throw noSnapshot();
  throw new EngineError(
    'POSITION_MISMATCH',
    'the store holds no snapshot of the history that this database follows',
    {hint: 'If it shall follow another one from now on, name a snapshot of it with --snapshot.'},
  );
}

export function noSnapshot(): EngineError {
  return new EngineError('NO_SNAPSHOT', 'the store holds no snapshot yet', {
    hint: 'Run capture on the primary first.',
    retryable: true,
  });
}

/** Tables named on the command line must be those of the snapshot: half a snapshot is no position. */
export function checkTables(manifest: Manifest, tables: readonly string[] | undefined): void {
  if (tables === undefined) return;
  const held = manifest.tables.map((table) => table.name);
  const unknown = tables.find((table) => !held.includes(table));
  const left = held.find((table) => !tables.includes(table));
  if (unknown === undefined && left === undefined) return;
  const why = unknown === undefined ? `it also holds "${left}"` : `it does not hold "${unknown}"`;
  throw new EngineError(
    'TABLE_NOT_FOUND',
    `the snapshot does not hold exactly the tables named: ${why}`,
    {
      site: {table: unknown ?? left},
      hint: `It holds: ${held.join(', ')}. Leave --tables out to take them all.`,
    },
  );
}

/** A table that is allowed to lose rows has to be one of the snapshot's: a slip of the pen allows nothing. */
export function checkAllowed(manifest: Manifest, tables: readonly string[] | undefined): void {
  const unknown = tables?.find((name) => manifest.tables.every((table) => table.name !== name));
  if (unknown === undefined) return;
  throw new EngineError(
    'TABLE_NOT_FOUND',
    `--allow-deletes names "${unknown}", which the snapshot does not hold`,
    {
      site: {table: unknown},
      hint: `It holds: ${manifest.tables.map((table) => table.name).join(', ')}.`,
    },
  );
}

/** The primary's own newest snapshot says nothing new to it: writing it back would undo its edits. */
export function ownSnapshot(): EngineError {
  return new EngineError(
    'POSITION_MISMATCH',
    'this database was edited after its own newest snapshot, which would undo the edits',
    {
      hint: 'Capture them; or, to go back to a snapshot of its own, name it with --snapshot.',
    },
  );
}
