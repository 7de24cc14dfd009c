/** What an undo holds back, and resume: let it go on. */
import {EngineError} from '../kernel/errors.ts';
import {comparePositions, type Position} from '../kernel/position.ts';
import type {Hold} from '../state/undo-records.ts';
import {peekAtState, withState} from './open.ts';
import type {EngineOptions} from './options.ts';
import {recover} from './recover.ts';

export type ResumeResult = {
  /** True where the replica was held; false where there was nothing to release. */
  readonly resumed: boolean;
  /** What was held back: this snapshot and those before it. */
  readonly undone: Hold | null;
  readonly held: null;
};

/** Releases a replica that an undo holds: the next replicate applies the newest snapshot again. */
export async function resume(options: EngineOptions): Promise<ResumeResult> {
  const hasState = await peekAtState(options, async (state) => state !== undefined);
  if (!hasState) return {resumed: false, undone: null, held: null};
  return withState(options, async ({database, state}) => {
    await recover(database, state, options.log);
    const hold = await state.undos.held();
    if (hold !== undefined) await state.undos.release();
    return {resumed: hold !== undefined, undone: hold ?? null, held: null};
  });
}

/**
 * True for a snapshot that is not newer than what was undone. Another history counts as newer only where the
 * database stands in it.
 */
export function isHeld(
  hold: Hold | undefined,
  target: Position,
  position: Position | undefined,
): hold is Hold {
  if (hold === undefined) return false;
  if (target.lineage === hold.lineage) return comparePositions(target, hold) <= 0;
  return target.lineage !== position?.lineage;
}

export function heldBack({epoch, sequence}: Hold): EngineError {
  return new EngineError(
    'HELD',
    `nothing was applied: epoch ${epoch} sequence ${sequence} was undone here, and the store holds no newer snapshot`,
    {
      hint: 'To apply it again, run rowplica resume first; a newer snapshot, or one named with --snapshot, is applied as it is.',
    },
  );
}
