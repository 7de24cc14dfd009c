/**
 * SQLite behind the database port, on a file that the application has open too.
 *
 * Our connections never checkpoint (`wal_autocheckpoint=0`), and a read-only one is held until the
 * end, so that the writer is never the last to close: the last one checkpoints and deletes the WAL.
 * The file is opened by SQLite alone; closing it through the file system would drop SQLite's locks.
 */
import {existsSync, statSync} from 'node:fs';
import BetterSqlite3 from 'better-sqlite3';
import {EngineError, isEngineError} from '../../kernel/errors.ts';
import {DATABASE_BUSY_MS} from '../../kernel/limits.ts';
import {PARALLEL_BYTES_MIN, READER_CACHE_KIB} from '../../kernel/read-limits.ts';
import type {Beside, Database, Reading} from '../port.ts';
import {translated} from './errors.ts';
import {readSchema, type SqliteSchema} from './schema.ts';
import {sqliteView, sqliteWriteView, type SchemaSource} from './view.ts';

export type SqliteOptions = {
  readonly path: string;
  /** Milliseconds to wait for another process's lock. Default 5000. */
  readonly busyMs?: number | undefined;
  /** How rows are read first. Default `fast`; tests force the others. */
  readonly reading?: Reading | undefined;
  /** Bytes of the file from which on several threads may read it. Default 8 MiB. */
  readonly parallelBytesMin?: number | undefined;
  /** Whether SQLite may roll back what a program that died left half written, which needs a file that may be written. */
  readonly mayRollBack?: boolean | undefined;
};

/**
 * Opens an existing SQLite database. Nothing is written before `transact`.
 *
 * @throws {EngineError} `DATABASE_NOT_FOUND`, `NOT_A_DATABASE`, `DATABASE_BUSY`, `DATABASE_IO`.
 */
export function openSqlite(options: SqliteOptions): Database {
  const {path, busyMs = DATABASE_BUSY_MS, reading = 'fast'} = options;
  checkFile(path);
  const opened = fileAt(path);
  const reader = openReaderOf(options, busyMs);
  const schemaOf = cachedSchema();
  let probed: BetterSqlite3.Database | undefined;
  const probe = (): BetterSqlite3.Database => (probed ??= openReader(path, busyMs));
  const version = reader.prepare('SELECT sqlite_version()').pluck().get() as string;
  return {
    capabilities: {engine: 'sqlite', version},
    name: path,
    view: async (work) => {
      const shared = besideOf(options, probe);
      return inTransaction({connection: reader, begin: 'BEGIN', path}, () =>
        work(sqliteView(reader, schemaOf, reading, shared)),
      );
    },
    transact: async (work, onReleased) => {
      const writer = openWriter(path, busyMs);
      try {
        return await inTransaction(
          {connection: writer, begin: 'BEGIN IMMEDIATE', path, onReleased},
          () => work(sqliteWriteView(writer, schemaOf, reading)),
        );
      } finally {
        writer.close();
      }
    },
    commits: async () => dataVersion(reader, path),
    isCurrent: () => opened !== undefined && fileAt(path) === opened,
    close: async () => {
      probed?.close();
      reader.close();
    },
  };
}

/** How other threads read a large file beside a view that begins now. `probe` is a connection outside of that view. */
function besideOf(
  {path, reading = 'fast', parallelBytesMin = PARALLEL_BYTES_MIN}: SqliteOptions,
  probe: () => BetterSqlite3.Database,
): Pick<Beside, 'source' | 'isLatest'> | undefined {
  const size = statSync(path, {throwIfNoEntry: false})?.size ?? 0;
  if (size < parallelBytesMin) return undefined;
  const before = dataVersion(probe(), path);
  return {source: {path, reading}, isLatest: () => dataVersion(probe(), path) === before};
}

/** Which file a name leads to. */
function fileAt(path: string): string | undefined {
  const stat = statSync(path, {throwIfNoEntry: false, bigint: true});
  return stat === undefined ? undefined : `${stat.dev}:${stat.ino}`;
}

function dataVersion(connection: BetterSqlite3.Database, path: string): number {
  try {
    return connection.pragma('data_version', {simple: true}) as number;
  } catch (error) {
    throw translated(error, `cannot read ${path}`, {path});
  }
}

/** SQLite numbers the versions of a schema; it is read again only when the number has moved. */
function cachedSchema(): SchemaSource {
  let known: {readonly version: unknown; readonly schema: SqliteSchema} | undefined;
  return (connection) => {
    const version = connection.pragma('schema_version', {simple: true});
    if (known === undefined || known.version !== version) {
      known = {version, schema: readSchema(connection)};
    }
    return known.schema;
  };
}

function checkFile(path: string): void {
  if (!existsSync(path)) {
    throw new EngineError('DATABASE_NOT_FOUND', `there is no database at ${path}`, {
      site: {path},
      hint: 'Check the path given with --database.',
    });
  }
  const stat = statSync(path);
  if (!stat.isFile()) throw notADatabase(path, 'it is not a file');
  if (stat.size === 0) throw notADatabase(path, 'the file is empty');
}

function notADatabase(path: string, why: string): EngineError {
  return new EngineError('NOT_A_DATABASE', `${path} is not a database: ${why}`, {
    site: {path},
    hint: 'Check the path given with --database.',
  });
}

/**
 * A rollback journal whose writer died is rolled back by whoever opens the file next, unless it may only read. The
 * application does that when it starts; an instance that is written to need not wait for it.
 */
function openReaderOf(
  {path, mayRollBack = false}: SqliteOptions,
  busyMs: number,
): BetterSqlite3.Database {
  try {
    return openReader(path, busyMs);
  } catch (error) {
    if (!mayRollBack || !isEngineError(error, 'DATABASE_UNFINISHED')) throw error;
  }
  openWriter(path, busyMs, (writer) => writer.prepare(FIRST_READ).get()).close();
  return openReader(path, busyMs);
}

const FIRST_READ = 'SELECT count(*) FROM sqlite_master';

/** What rolling back failed with, if it did: nothing was committed all the same, but the disk is at fault. */
function rolledBack(connection: BetterSqlite3.Database): unknown {
  try {
    if (connection.inTransaction) connection.exec('ROLLBACK');
    return undefined;
  } catch (error) {
    return error;
  }
}

function openReader(path: string, busyMs: number): BetterSqlite3.Database {
  return opened(path, () => {
    const connection = new BetterSqlite3(path, {
      readonly: true,
      fileMustExist: true,
      timeout: busyMs,
    });
    return prepared(connection, () => {
      connection.pragma('query_only = ON');
      connection.pragma(`cache_size = -${READER_CACHE_KIB}`);
      connection.prepare(FIRST_READ).get();
    });
  });
}

function openWriter(
  path: string,
  busyMs: number,
  setUp: (connection: BetterSqlite3.Database) => void = () => {},
): BetterSqlite3.Database {
  return opened(path, () => {
    const connection = new BetterSqlite3(path, {fileMustExist: true, timeout: busyMs});
    return prepared(connection, () => {
      connection.pragma('wal_autocheckpoint = 0');
      connection.pragma('synchronous = EXTRA'); // FULL leaves it open whether a journal's removal lasts
      connection.pragma('foreign_keys = OFF'); // no effect inside a transaction; the plan spells actions out
      connection.pragma('recursive_triggers = OFF');
      setUp(connection);
    });
  });
}

/** Closes a connection that cannot be set up, so that no lock stays behind. */
function prepared(connection: BetterSqlite3.Database, setUp: () => void): BetterSqlite3.Database {
  try {
    setUp();
    return connection;
  } catch (error) {
    connection.close();
    throw error;
  }
}

function opened<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (error) {
    throw translated(error, `cannot open ${path}`, {path});
  }
}

/**
 * A COMMIT that met a lock or a constraint did not happen. One whose file could not be written or synced may have: what of
 * it is on disk is found out by whoever opens the database next.
 */
function commit(connection: BetterSqlite3.Database, path: string): void {
  try {
    connection.exec('COMMIT');
  } catch (error) {
    const failed = translated(rolledBack(connection) ?? error, `cannot commit to ${path}`, {path});
    if (isEngineError(failed, 'DATABASE_BUSY', 'CONSTRAINT')) throw failed;
    const why = failed instanceof EngineError ? failed.message : `cannot commit to ${path}`;
    throw new EngineError(
      'COMMIT_UNKNOWN',
      `${why}; whether it kept what was written shows when it is opened next`,
      {
        site: {path},
        hint: 'Check the disk and its space, then run this again: it finds out from the rows.',
        retryable: true,
        cause: failed,
      },
    );
  }
}

type Transaction = {
  readonly connection: BetterSqlite3.Database;
  readonly begin: string;
  readonly path: string;
  readonly onReleased?: ((heldMs: number) => void) | undefined;
};

async function inTransaction<T>(
  {connection, begin, path, onReleased}: Transaction,
  work: () => Promise<T>,
): Promise<T> {
  let begun: number | undefined;
  try {
    connection.exec(begin);
    begun = performance.now();
    const result = await work();
    commit(connection, path);
    return result;
  } catch (error) {
    throw translated(rolledBack(connection) ?? error, `cannot use ${path}`, {path});
  } finally {
    if (begun !== undefined) onReleased?.(performance.now() - begun);
  }
}
