/** poll: what a replica has to know before it does anything, at the cost of one look into the store. */
import {createHash} from 'node:crypto';
import {comparePositions, type Position} from '../kernel/position.ts';
import type {AliveRef, Looked, SnapshotRef} from '../store/port.ts';
import {newestSnapshot} from './choose-snapshot.ts';
import {withStore} from './open.ts';
import type {EngineOptions} from './options.ts';

export type PollResult = {
  readonly store: string;
  /** Where this database stands, by its records; null before its first snapshot. */
  readonly position: (Position & {readonly trusted: boolean}) | null;
  /** Null where the store holds no snapshot of its history yet. */
  readonly newest: (Position & {readonly author: string; readonly time: string}) | null;
  /** Another text whenever the primary gave a sign of life: it stored a snapshot, or said that it is alive. */
  readonly signs: string;
  /** When it gave the last one, by its own clock, ISO 8601; null where it gave none. For people, and for suspicion. */
  readonly lastSign: string | null;
  readonly held: 'undone' | null;
  /** Number of the last apply on record that was not undone; 0 for none. */
  readonly applied: number;
  /** Conflicts that wait for a decision. */
  readonly conflicts: number;
  /** True where a decision waits to be carried out, or a run ended in the middle of writing. */
  readonly isUnfinished: boolean;
};

/**
 * Reads neither rows nor snapshots, takes no lock.
 *
 * @throws {EngineError} `STORE_MISSING` before the first capture, and those of the store; `POSITION_MISMATCH` where two primaries
 * wrote one position.
 */
export async function poll(options: EngineOptions): Promise<PollResult> {
  return withStore(
    options,
    async ({state, store}) => {
      const looked = await store.look();
      const position = await state?.position();
      const newest = newestSnapshot(looked.snapshots, position?.lineage);
      const conflicts = (await state?.conflicts()) ?? [];
      const signs = newest === undefined ? [] : signsOf(looked, newest);
      return {
        store: store.name,
        position: position === undefined ? null : {...here(position), trusted: position.trusted},
        newest:
          newest === undefined ? null : {...here(newest), author: newest.author, time: newest.time},
        signs: createHash('sha256')
          .update(signs.map(({storeId}) => storeId).join())
          .digest('base64'),
        lastSign:
          signs
            .map(({time}) => time)
            .sort()
            .at(-1) ?? null,
        held: (await state?.undos.held()) === undefined ? null : 'undone',
        applied: (await state?.undos.lastUpTo()) ?? 0,
        conflicts: conflicts.filter(({take}) => take === null).length,
        isUnfinished:
          conflicts.some(({take}) => take !== null) || (await state?.pending()) !== undefined,
      };
    },
    'known',
  );
}

/** The newest snapshot, and what its author, or one that took over since, said of itself. */
function signsOf(
  {alive}: Looked,
  newest: SnapshotRef,
): readonly Pick<AliveRef, 'storeId' | 'time'>[] {
  const said = alive.filter(
    (ref) => ref.lineage === newest.lineage && comparePositions(ref, newest) >= 0,
  );
  return [newest, ...said];
}

const here = ({lineage, epoch, sequence, digest}: Position): Position => ({
  lineage,
  epoch,
  sequence,
  digest,
});
