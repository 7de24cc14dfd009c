/** Which migrations a database has seen, and waiting while another one runs. */
import pRetry from 'p-retry';
import type {Database, View} from '../database/port.ts';
import {isEngineError} from '../kernel/errors.ts';
import {MIGRATION_POLL_MS, MIGRATION_WAIT_MS} from '../kernel/limits.ts';
import {recognise} from '../profiles/find-profile.ts';
import {namesInConfigured, recordedMigrations, sorted} from '../profiles/migration-records.ts';
import type {Profile} from '../profiles/profile.ts';
import type {EngineOptions} from './options.ts';
import {interrupted} from './read-tables.ts';

type Configured = EngineOptions['migrations'];

/**
 * Names as the profile reads them, else as the tools known record them; and those of a configured record. Sorted.
 *
 * @throws {EngineError} `MIGRATION_RUNNING`; `TABLE_NOT_FOUND`, `CONFIG_INVALID` where the configured record is not there.
 */
export async function appliedMigrations(
  view: View,
  profile: Profile | undefined,
  configured: Configured,
): Promise<readonly string[]> {
  const known = await (profile === undefined ? recordedMigrations(view) : profile.version(view));
  return sorted([...known, ...(await namesInConfigured(view, configured))]);
}

/**
 * Waits while the application migrates its database, for some seconds at most. Each look is a transaction of its own:
 * within one, the lock would stay as it was.
 *
 * @throws {EngineError} `MIGRATION_RUNNING` where it goes on; `INTERRUPTED`; those of `appliedMigrations`.
 */
export async function settled(
  database: Database,
  {migrations, log, signal}: Pick<EngineOptions, 'migrations' | 'log' | 'signal'>,
): Promise<void> {
  const look = (view: View): Promise<unknown> =>
    view.schema().then((schema) => appliedMigrations(view, recognise(schema), migrations));
  const retries = MIGRATION_WAIT_MS / MIGRATION_POLL_MS;
  try {
    await pRetry(() => database.view(look), {
      retries,
      factor: 1,
      minTimeout: MIGRATION_POLL_MS,
      shouldRetry: ({error}) => isEngineError(error, 'MIGRATION_RUNNING'),
      onFailedAttempt: ({error, attemptNumber}) => {
        if (attemptNumber === 1 && isEngineError(error, 'MIGRATION_RUNNING'))
          log.warn('the application is migrating its database, waiting', {
            table: error.site.table,
            forMs: MIGRATION_WAIT_MS,
          });
      },
      ...(signal === undefined ? {} : {signal}),
    });
  } catch (error) {
    if (signal?.aborted) throw interrupted();
    throw error;
  }
}
