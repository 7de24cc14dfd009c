/** beat: a primary that has nothing to store says that it is alive. */
import {comparePositions, type Position} from '../kernel/position.ts';
import {claimNext} from './authority.ts';
import {isDoubtful, lastClaim} from './claims.ts';
import {withStore} from './open.ts';
import type {EngineOptions} from './options.ts';

/**
 * Stores a sign of life, which stands by the newest snapshot, and gives the position of that; undefined where it is not this instance's,
 * or not the one on its record: then it has to capture first.
 *
 * @throws {EngineError} `FENCED`, `POSITION_MISMATCH` where this instance is not the primary any more, or not the only one; those
 * of the store.
 */
export async function beat(options: EngineOptions): Promise<Position | undefined> {
  return withStore(
    options,
    async ({state, store}) => {
      const [position, author] = [await state?.position(), state?.instance.id];
      if (state === undefined || position === undefined || author === undefined) return undefined;
      if (isDoubtful(await lastClaim(state), [position])) return undefined;
      const {snapshots, alive} = await store.look();
      const {parent, lineage} = claimNext({refs: snapshots, position, author});
      // An older one: its list is late, or it was put back from a copy. Nobody else notices, so that is captured anew.
      if (parent?.author !== author || comparePositions(parent, position) !== 0) return undefined;
      const {epoch, sequence, digest} = position;
      const earlier = alive.filter((ref) => ref.lineage === lineage && ref.author === author);
      await store.beat({lineage, epoch, sequence, digest, author}, earlier);
      return {lineage, epoch, sequence, digest};
    },
    'known',
  );
}
