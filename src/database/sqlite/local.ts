/** Small SQLite files of our own (the state folder), through Kysely and its migrator. */
import BetterSqlite3 from 'better-sqlite3';
import {Kysely, SqliteDialect} from 'kysely';
import {Migrator, type Migration} from 'kysely/migration';
import {EngineError} from '../../kernel/errors.ts';

export {sql, type Generated, type Insertable, type Kysely} from 'kysely';
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
  const {path} = options;
  const {db, migrator, connection} = await openMigrator<Tables>(options);
  try {
    await onLocal(path, async () => {
      if (!isCurrent(connection, options)) await moveForward(migrator, connection);
    });
    return db;
  } catch (error) {
    await db.destroy();
    throw migrationError(path, error);
  }
}

/** One small read, where the migrator looks at all tables and takes the lock. It has the last word where anything is missing or unknown. */
function isCurrent(connection: BetterSqlite3.Database, {migrations}: LocalOptions): boolean {
  const tables =
    "SELECT count(*) FROM sqlite_master WHERE type = 'table' AND name = 'kysely_migration'";
  if (connection.prepare(tables).pluck().get() !== 1) return false;
  const done = connection.prepare('SELECT name FROM kysely_migration ORDER BY name').pluck().all();
  return done.join('\n') === Object.keys(migrations).toSorted().join('\n');
}

/** All migrations or none: whoever dies between two statements leaves the file as it was. Kysely does not see to that on SQLite. */
async function moveForward(migrator: Migrator, connection: BetterSqlite3.Database): Promise<void> {
  const known = await migrator.getMigrations();
  const pending = known.some(({executedAt}) => executedAt === undefined);
  if (pending) connection.exec('BEGIN IMMEDIATE');
  const {error} = await migrator.migrateToLatest();
  if (error !== undefined) {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    throw error as Error;
  }
  if (pending) connection.exec('COMMIT');
}

/**
 * How far a file has been moved forward; nothing is written.
 *
 * @returns 'new' where it holds nothing yet, 'older' where some of the migrations are missing, else 'current'.
 */
export async function localAge({
  path,
  migrations,
}: LocalOptions): Promise<'new' | 'older' | 'current'> {
  const {db, migrator, connection} = await openMigrator({path, migrations});
  try {
    if (await onLocal(path, async () => isCurrent(connection, {path, migrations})))
      return 'current';
    const known = await onLocal(path, () => migrator.getMigrations());
    const done = known.filter(({executedAt}) => executedAt !== undefined).length;
    if (done === 0) return 'new';
    return done < known.length ? 'older' : 'current';
  } finally {
    await db.destroy();
  }
}

async function openMigrator<Tables>({path, migrations}: LocalOptions): Promise<{
  readonly db: Kysely<Tables>;
  readonly migrator: Migrator;
  readonly connection: BetterSqlite3.Database;
}> {
  const connection = await onLocal(path, async () => openFile(path));
  const db = new Kysely<Tables>({dialect: new SqliteDialect({database: connection})});
  const migrator = new Migrator({db, provider: {getMigrations: async () => migrations}});
  return {db, migrator, connection};
}

/**
 * Takes a lock that ends with the process, however it ends.
 *
 * @param waitMs Milliseconds to stand back for others who try at the same moment: without it all of them may be refused, as each
 * meets the half-taken lock of another.
 * @returns how to release it, or undefined where another process holds it.
 * @throws {EngineError} `STATE_UNWRITABLE`, `STATE_DAMAGED`.
 */
export function tryLock(path: string, waitMs = 0): (() => void) | undefined {
  let connection: BetterSqlite3.Database | undefined;
  try {
    connection = new BetterSqlite3(path, {timeout: waitMs});
    connection.exec('BEGIN EXCLUSIVE');
    const locked = connection;
    return () => locked.close();
  } catch (error) {
    connection?.close();
    if (!(error instanceof BetterSqlite3.SqliteError)) throw error;
    if (error.code.startsWith('SQLITE_BUSY')) return undefined;
    throw DAMAGED.test(error.code) ? noLock(path, error) : unwritable(path, error);
  }
}

function noLock(path: string, cause: unknown): EngineError {
  return new EngineError('STATE_DAMAGED', `cannot lock ${path}: it is another kind of file`, {
    site: {path},
    hint: 'Remove that file while no Rowplica runs: it is made anew, and holds nothing.',
    cause,
  });
}

/**
 * Runs work on a file of our own. Whatever SQLite says of it, the way out is the same: room, access, another
 * place. (When a write fails for lack of space SQLite has rolled back by itself, and Kysely's own rollback
 * is what fails last.)
 */
export async function onLocal<T>(path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof BetterSqlite3.SqliteError)) throw error;
    if (DAMAGED.test(error.code) || OTHER_TABLES.test(error.message)) throw damaged(path, error);
    throw unwritable(path, error);
  }
}

type SqliteError = InstanceType<typeof BetterSqlite3.SqliteError>;

function unwritable(path: string, cause: SqliteError): EngineError {
  return new EngineError(
    'STATE_UNWRITABLE',
    `cannot keep state in ${path}: ${reasonOf(cause.code)}`,
    {
      site: {path},
      hint: 'Make room or access for the state folder, or choose another with --state; then run it again.',
      retryable: true,
      cause,
    },
  );
}

const DAMAGED = /^SQLITE_(?:CORRUPT|NOTADB)/;
/** What SQLite says where tables are not those that the migrations made: all of it has one code with lack of space. */
const OTHER_TABLES =
  /^(?:no such (?:table|column)|table .+ has no column|duplicate column)|already exists/;

function damaged(path: string, cause: SqliteError): EngineError {
  return new EngineError(
    'STATE_DAMAGED',
    `the state in ${path} is damaged: SQLite reports ${cause.code}`,
    {
      site: {path},
      hint: 'Move its file state.db away (nothing else: a repository may be beside it), and run again: rows are compared anew. A primary goes on as a new instance.',
      cause,
    },
  );
}

function reasonOf(code: string): string {
  if (code === 'SQLITE_FULL' || code === 'SQLITE_ERROR') return 'the disk is full';
  if (code.startsWith('SQLITE_CANTOPEN'))
    return 'SQLite cannot open it (access is denied, or its path has more than 500 characters)';
  return code.startsWith('SQLITE_READONLY') ? 'it may only be read' : `SQLite reports ${code}`;
}

function openFile(path: string): BetterSqlite3.Database {
  const connection = new BetterSqlite3(path);
  try {
    connection.pragma('journal_mode = DELETE');
    connection.pragma('synchronous = EXTRA'); // a journal that came back would take an intent back
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function migrationError(path: string, cause: unknown): unknown {
  const message = cause instanceof Error ? cause.message : '';
  if (!message.includes('previously executed migration')) return cause;
  return new EngineError('STATE_NEWER', `the state in ${path} was written by a newer Rowplica`, {
    site: {path},
    hint: 'Upgrade Rowplica; or move that file away (nothing else: a repository may be beside it): rows are compared anew.',
    cause,
  });
}
