/** Whether a database could spare next to nothing of a snapshot from being fetched. */
import type {Database, View} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import {PROOF_CELLS_MAX} from '../kernel/limits.ts';
import type {EngineOptions} from './options.ts';
import {selectTables} from './read-tables.ts';

/**
 * True where the tables that are followed are empty or small: a snapshot is as small then, or holds what is not here. False where tables of
 * it may not be wanted here, and where it cannot be told which are, or how many rows they have: what follows says why.
 */
export async function holdsLittle(database: Database, options: EngineOptions): Promise<boolean> {
  try {
    return await database.view((view) => isLittle(view, options));
  } catch (error) {
    if (error instanceof EngineError && !error.retryable) return false;
    throw error;
  }
}

async function isLittle(view: View, options: EngineOptions): Promise<boolean> {
  if ([...(options.policies?.values() ?? [])].some(({policy}) => policy === 'off')) return false;
  let cells = 0;
  for (const {table, columns} of (await selectTables(view, options)).shapes) {
    cells += (await view.count(table, [])) * columns.length;
    if (cells > PROOF_CELLS_MAX) return false;
  }
  return true;
}
