/** Small SQLite files of our own (the state folder), through Kysely and its migrator. */
import BetterSqlite3 from 'better-sqlite3';
import {Kysely, SqliteDialect} from 'kysely';
import {Migrator, type Migration} from 'kysely/migration';
import {EngineError} from '../../kernel/errors.ts';
import {translated} from './errors.ts';

export {sql, type Generated, type Kysely} from 'kysely';
export type {Migration} from 'kysely/migration';

export type LocalOptions = {
  readonly path: string;
  /** By name, in the order of the names; a released one never changes. */
  readonly migrations: Readonly<Record<string, Migration>>;
};

/**
 * Opens or makes a file and moves it forward to the newest migration.
 *
 * @throws {EngineError} `STATE_NEWER` where a later release has moved it beyond what is known here.
 */
export async function openLocal<Tables>(options: LocalOptions): Promise<Kysely<Tables>> {
  const {path, migrations} = options;
  const connection = openFile(path);
  const db = new Kysely<Tables>({dialect: new SqliteDialect({database: connection})});
  const migrator = new Migrator({db, provider: {getMigrations: async () => migrations}});
  const {error} = await migrator.migrateToLatest();
  if (error === undefined) return db;
  await db.destroy();
  throw migrationError(path, error);
}

/**
 * Takes a lock that ends with the process, however it ends.
 *
 * @returns how to release it, or undefined where another process holds it.
 */
export function tryLock(path: string): (() => void) | undefined {
  const connection = new BetterSqlite3(path, {timeout: 0});
  try {
    connection.exec('BEGIN EXCLUSIVE');
    return () => connection.close();
  } catch (error) {
    connection.close();
    if (error instanceof BetterSqlite3.SqliteError && error.code.startsWith('SQLITE_BUSY'))
      return undefined;
    throw translated(error, `cannot lock ${path}`, {path});
  }
}

function openFile(path: string): BetterSqlite3.Database {
  try {
    const connection = new BetterSqlite3(path);
    connection.pragma('journal_mode = DELETE');
    connection.pragma('synchronous = FULL');
    return connection;
  } catch (error) {
    throw translated(error, `cannot open ${path}`, {path});
  }
}

function migrationError(path: string, cause: unknown): unknown {
  const message = cause instanceof Error ? cause.message : '';
  if (!message.includes('previously executed migration'))
    return translated(cause, `cannot open ${path}`, {path});
  return new EngineError('STATE_NEWER', `the state in ${path} was written by a newer Rowplica`, {
    site: {path},
    hint: 'Upgrade Rowplica, or move the state folder away: it is rebuilt by comparing.',
    cause,
  });
}
