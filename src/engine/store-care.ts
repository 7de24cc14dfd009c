/** What a primary does for its store: old snapshots go, space is freed, everything is checked, dead locks are removed. */
import {EngineError} from '../kernel/errors.ts';
import type {CheckPart} from '../store/port.ts';
import {claimNext} from './authority.ts';
import {isDoubtful, lastClaim} from './claims.ts';
import {withStore, type ReadOpened} from './open.ts';
import type {EngineOptions} from './options.ts';
import {expired, type Keep} from './retention.ts';
import {shortId} from './short-id.ts';

export type PruneResult = {
  /** Snapshots of this history that went, and that stayed. */
  readonly forgotten: number;
  readonly kept: number;
};

/**
 * Forgets what the policy does not keep, and frees the space.
 *
 * @throws {EngineError} `FENCED`, `POSITION_MISMATCH` where this instance is not the primary, or the only one; those of the store.
 */
export async function pruneStore(
  options: EngineOptions,
  {keep, now}: {readonly keep: Keep; readonly now: Date},
): Promise<PruneResult> {
  return withStore(options, async (opened) => {
    const {store} = opened;
    const looked = await store.look();
    const lineage = await mustBePrimary(opened, looked.snapshots);
    const {snapshots, alive} = expired(looked, {lineage, keep, now});
    const ids = [...snapshots, ...alive].map(({storeId}) => storeId);
    if (ids.length > 0) await store.forget(ids);
    await store.prune();
    const mine = looked.snapshots.filter((ref) => ref.lineage === lineage);
    return {forgotten: snapshots.length, kept: mine.length - snapshots.length};
  });
}

/** @throws {EngineError} `STORE_DAMAGED`, and those of the store. */
export async function checkStore(options: EngineOptions, part: CheckPart): Promise<void> {
  await withStore(options, ({store}) => store.check(part));
}

/** Removes locks of processes that died. @throws {EngineError} those of the store. */
export async function unlockStore(options: EngineOptions): Promise<void> {
  await withStore(options, ({store}) => store.unlock());
}

/** What this instance last stored has to be the newest there is: else others know better what is needed. */
async function mustBePrimary(
  {state, store}: ReadOpened,
  refs: Parameters<typeof claimNext>[0]['refs'],
): Promise<string> {
  const [position, author] = [await state?.position(), state?.instance.id ?? ''];
  const claimed = state === undefined ? undefined : await lastClaim(state);
  const {parent} = claimNext({refs, position, author, claimed});
  const isDoubted = state === undefined || isDoubtful(claimed, [position]);
  if (parent?.author === author && parent.digest === position?.digest && !isDoubted)
    return parent.lineage;
  throw new EngineError(
    'POSITION_MISMATCH',
    `the newest snapshot that ${store.name} shows is not the last one captured here`,
    {
      site: {snapshot: shortId(parent?.digest ?? '')},
      hint: 'Only the primary cares for its store, once what it captured is shown there.',
      retryable: true,
    },
  );
}
