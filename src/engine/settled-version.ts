/** Tells whether an application that was just started is still making, or migrating, its database. */
import {statSync} from 'node:fs';
import type {View} from '../database/port.ts';
import {openSqlite} from '../database/sqlite/database.ts';
import {isEngineError} from '../kernel/errors.ts';
import {APPLICATION_BUSY_MS} from '../kernel/limits.ts';
import {recognise} from '../profiles/find-profile.ts';
import {databasePath} from './open.ts';
import type {EngineOptions} from './options.ts';
import {appliedMigrations} from './source-version.ts';

/**
 * A text that changes whenever a migration is recorded, or a table or column comes or goes; undefined where there are none yet, nor the
 * record of migrations that is configured. What is locked by migrations, and where their names are, is the profile's to know.
 *
 * @throws {EngineError} `DATABASE_NOT_FOUND`, `MIGRATION_RUNNING`, and what keeps the database from being read.
 */
export async function versionMark(options: EngineOptions): Promise<string | undefined> {
  const path = databasePath(options.database);
  if (statSync(path, {throwIfNoEntry: false})?.size === 0) return undefined;
  const database = openSqlite({path, busyMs: APPLICATION_BUSY_MS});
  try {
    return await database.view((view) => markIn(view, options));
  } finally {
    await database.close();
  }
}

async function markIn(view: View, options: EngineOptions): Promise<string | undefined> {
  const schema = await view.schema();
  if (schema.tables.size === 0) return undefined;
  try {
    const migrations = await appliedMigrations(view, recognise(schema), options.migrations);
    const columns = [...schema.tables].map(([table, declared]) => [
      table,
      declared.columns.map(({name}) => name),
    ]);
    return JSON.stringify({migrations, columns});
  } catch (error) {
    if (isEngineError(error, 'TABLE_NOT_FOUND')) return undefined;
    throw error;
  }
}
