/** Who may use the state of one database: one command at a time, and one service for as long as it runs. */
import {basename, join} from 'node:path';
import {tryLock} from '../database/sqlite/local.ts';
import {EngineError} from '../kernel/errors.ts';
import {STATE_LOCK_MS} from '../kernel/limits.ts';
import {makeEmptyFile, makeFolder} from './files.ts';

export type StateOptions = {
  /** The state folder; made where it is missing. */
  readonly folder: string;
  /** Path of the database it is about. */
  readonly database: string;
};

/** Where the state of one database is kept inside a state folder, which several may share. */
export function instanceFolder({folder, database}: StateOptions): string {
  return join(folder, 'instances', basename(database));
}

/** Ends with the process, however that ends: what is left of it in the folder locks nobody out. */
export function takeLock(folder: string, name: 'lock' | 'service-lock' = 'lock'): () => void {
  const lock = join(folder, name);
  makeEmptyFile(lock);
  const release = tryLock(lock, STATE_LOCK_MS);
  if (release === undefined) throw inUse(folder);
  return release;
}

/**
 * For a service, beside the lock that each of its commands takes for itself; gives what releases it.
 *
 * @throws {EngineError} `STATE_IN_USE`, `STATE_UNWRITABLE`.
 */
export function lockService(options: StateOptions): () => void {
  const folder = instanceFolder(options);
  makeFolder(folder);
  return takeLock(folder, 'service-lock');
}

function inUse(folder: string): EngineError {
  return new EngineError(
    'STATE_IN_USE',
    `another Rowplica process is using the state in ${folder}`,
    {
      site: {path: folder},
      hint: 'Wait until it has finished, or stop it.',
      retryable: true,
    },
  );
}
