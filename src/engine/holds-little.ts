/** Whether a database could spare next to nothing of a snapshot from being fetched. */
import type {Database, View} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import {PROOF_CELLS_MAX} from '../kernel/limits.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {EngineOptions} from './options.ts';
import {selectTables} from './read-tables.ts';

/**
 * True where the tables that are followed are empty or small: a snapshot is as small then, or holds what is not here. False where it cannot
 * be told which tables those are: the snapshot will say.
 */
export async function holdsLittle(database: Database, options: EngineOptions): Promise<boolean> {
  return database.view(async (view) => {
    let cells = 0;
    const shapes = await followedTables(view, options);
    for (const {table, columns} of shapes) {
      cells += (await view.count(table, [])) * columns.length;
      if (cells > PROOF_CELLS_MAX) return false;
    }
    return shapes.length > 0;
  });
}

async function followedTables(view: View, options: EngineOptions): Promise<readonly TableShape[]> {
  try {
    return (await selectTables(view, options)).shapes;
  } catch (error) {
    if (error instanceof EngineError && !error.retryable) return [];
    throw error;
  }
}
