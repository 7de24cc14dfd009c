/** One service at a time looks after a database. */
import {existsSync} from 'node:fs';
import {dirname} from 'node:path';
import {EngineError} from '../kernel/errors.ts';
import {lockService} from '../state/lock.ts';
import {databasePath, stateFolder} from './open.ts';
import type {EngineOptions} from './options.ts';

/**
 * Keeps a second service away while `work` runs. The database itself need not be there yet, but the place where it will be.
 *
 * @throws {EngineError} `STATE_IN_USE`, `STATE_UNWRITABLE`, and `DATABASE_NOT_FOUND` where there is no such folder.
 */
export async function withServiceLock<T>(
  options: EngineOptions,
  work: () => Promise<T>,
): Promise<T> {
  const database = databasePath(options.database);
  if (!existsSync(dirname(database)))
    throw new EngineError('DATABASE_NOT_FOUND', `there is no folder ${dirname(database)}`, {
      site: {path: database},
      hint: 'Check the path given with --database.',
    });
  const release = lockService({folder: stateFolder(options), database});
  try {
    return await work();
  } finally {
    release();
  }
}
