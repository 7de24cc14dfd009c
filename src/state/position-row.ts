/** The one row that says where the database stands. */
import type {Kysely} from '../database/sqlite/local.ts';
import {comparePositions, type Position} from '../kernel/position.ts';
import type {StateTables} from './schema.ts';

export type NewPosition = Position & {
  readonly author: string;
  readonly manifest: Uint8Array;
  /** JSON: which rows of which tables are followed; null for all of every table. */
  readonly domains?: string | null | undefined;
};

/**
 * Moves the position to a snapshot that the database was brought to. What was undone is held back no longer, unless this
 * leads to a place before it.
 */
export async function movePosition(
  tx: Kysely<StateTables>,
  position: NewPosition,
  trusted = true,
): Promise<void> {
  const hold = await tx.selectFrom('hold').selectAll().executeTakeFirst();
  const isBefore = hold?.lineage === position.lineage && comparePositions(position, hold) < 0;
  if (!isBefore) await tx.deleteFrom('hold').execute();
  await placePosition(tx, position, trusted);
}

/** Puts the position to a snapshot, trusted or to be compared. */
export async function placePosition(
  tx: Kysely<StateTables>,
  position: NewPosition,
  trusted: boolean,
): Promise<void> {
  await tx.deleteFrom('position').execute();
  const values = {...reached(position), one: 1, trusted: trusted ? 1 : 0};
  await tx.insertInto('position').values(values).execute();
}

/**
 * The rows may have moved away from those of the position: the next run compares all of them.
 *
 * @param isBase False where they may also have been brought to another snapshot since.
 */
export async function distrustPosition(tx: Kysely<StateTables>, isBase = true): Promise<void> {
  await tx.updateTable('position').set({trusted: 0}).execute();
  if (!isBase) await tx.updateTable('position').set({is_base: 0}).execute();
}

type Reached = Omit<StateTables['position'], 'one' | 'trusted' | 'is_base'>;

/** A position as it is stored, with the time of now. */
export function reached(position: NewPosition): Reached {
  const {lineage, epoch, sequence, digest, author, domains = null} = position;
  const manifest = Buffer.from(position.manifest);
  return {lineage, epoch, sequence, digest, author, manifest, at: now(), domains};
}

export const now = (): string => new Date().toISOString();
