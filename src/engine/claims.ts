/** The position that a primary sets out to write, noted before it asks the store to keep a snapshot there. */
import {z} from 'zod';
import {comparePositions} from '../kernel/position.ts';
import type {State} from '../state/state.ts';
import type {Claimed} from './authority.ts';

const FACT = 'claimed';

const claimedSchema = z.object({
  lineage: z.string(),
  epoch: z.int().positive(),
  sequence: z.int().positive(),
});

/** Undefined where nothing was noted, or what was cannot be read. */
export async function lastClaim(state: State): Promise<Claimed | undefined> {
  return claimedSchema.safeParse(await state.fact(FACT)).data;
}

/**
 * True where it may be in the store, and is neither on record nor shown: then nobody knows which snapshot replicas will find there,
 * whatever the rows are by now.
 *
 * @param known Where this database stands, and the newest snapshot shown.
 */
export function isDoubtful(
  claimed: Claimed | undefined,
  known: readonly (Claimed | undefined)[],
): claimed is Claimed {
  if (claimed === undefined) return false;
  const reached = known.filter((one) => one?.lineage === claimed.lineage);
  return reached.every((one) => one === undefined || comparePositions(claimed, one) > 0);
}

/** Whatever becomes of it, no other snapshot gets this position. */
export async function noteClaim(state: State, {lineage, epoch, sequence}: Claimed): Promise<void> {
  await state.keepFact(FACT, {lineage, epoch, sequence});
}
