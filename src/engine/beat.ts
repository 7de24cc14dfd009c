/** beat: a primary that has nothing to store says that it is alive. */
import {claimNext} from './authority.ts';
import {withStore} from './open.ts';
import type {EngineOptions} from './options.ts';

/**
 * Stores a sign of life, which stands by the newest snapshot; false where that is not this instance's, which then has to capture
 * first.
 *
 * @throws {EngineError} `FENCED`, `POSITION_MISMATCH` where this instance is not the primary any more, or not the only one; those
 * of the store.
 */
export async function beat(options: EngineOptions): Promise<boolean> {
  return withStore(options, async ({state, store}) => {
    const [position, author] = [await state?.position(), state?.instance.id];
    if (position === undefined || author === undefined) return false;
    const {snapshots, alive} = await store.look();
    const {parent, lineage} = claimNext({refs: snapshots, position, author});
    if (parent?.author !== author) return false;
    const {epoch, sequence, digest} = parent;
    const earlier = alive.filter((ref) => ref.lineage === lineage && ref.author === author);
    await store.beat({lineage, epoch, sequence, digest, author}, earlier);
    return true;
  });
}
