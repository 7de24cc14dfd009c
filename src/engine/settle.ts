/**
 * Rows that were merged one by one have to stand side by side: unique values, references, rows that belong to others. Where they cannot,
 * the policy of the table says which one gives way.
 */
import {EngineError} from '../kernel/errors.ts';
import {KEYS_SHOWN_MAX, SETTLE_ROUNDS_MAX} from '../kernel/limits.ts';
import {settleChildren} from './settle-children.ts';
import {settleParents} from './settle-parents.ts';
import {settleTogether} from './settle-together.ts';
import {settleUnique} from './settle-unique.ts';
import {labelOf, type Settling} from './settling.ts';

/**
 * Changes the draft until its rows can stand side by side.
 *
 * @throws {EngineError} `KEY_TAKEN` where keys of the primary are those of rows that are left alone; `FOREIGN_KEY`, `CONSTRAINT`
 * where no row may give way.
 */
export async function settle(settling: Settling): Promise<void> {
  await refuseTakenKeys(settling);
  for (let round = 0; round < SETTLE_ROUNDS_MAX; round++) {
    // Each only once the one before has come to rest: what follows from a row that goes is not done where it stays after all.
    const changed =
      (await settleTogether(settling)) ||
      (await settleParents(settling)) ||
      (await settleChildren(settling)) ||
      (await settleUnique(settling));
    if (!changed) return;
  }
  throw new EngineError(
    'CONSTRAINT',
    'rows of this instance and of the primary cannot stand side by side',
    {
      hint: 'Let one side win in the tables concerned (onConflict), or change the rows by hand.',
    },
  );
}

/** A key that the primary gives to a new row must not be one of the replica's own. */
async function refuseTakenKeys({draft}: Settling): Promise<void> {
  const taken: string[] = [];
  let site: string | undefined;
  for (const table of draft.tables.values()) {
    const {merged, shape} = table;
    if (merged === undefined || shape.keyKind !== 'primary' || merged.filters.length === 0)
      continue;
    for (const row of table.rows.values()) {
      const their = row.row ?? (row.conflict && row.theirs);
      if (row.ours !== undefined || their === undefined) continue;
      if ((await draft.occupant(table, their)) === undefined) continue;
      // A row that was followed, and was made one that is left alone, is left alone from then on.
      if (row.base !== undefined) draft.leave(row);
      else taken.push(labelOf(row));
      site ??= row.base === undefined ? shape.table : undefined;
    }
  }
  if (taken.length > 0) throw keyTaken(taken, site);
}

function keyTaken(labels: readonly string[], table: string | undefined): EngineError {
  const shown = labels.slice(0, KEYS_SHOWN_MAX).join(', ');
  const more = labels.length > KEYS_SHOWN_MAX ? ` and ${labels.length - KEYS_SHOWN_MAX} more` : '';
  return new EngineError(
    'KEY_TAKEN',
    `new rows of the primary have keys of rows that are this instance's own: ${shown}${more}`,
    {
      site: {table},
      hint: 'Give the rows of this instance other keys, and reserve a range for them with ownKeys (docs/policies.md).',
    },
  );
}
