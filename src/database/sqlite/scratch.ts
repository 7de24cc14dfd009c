/** Databases of our own making: for the demo, and copies on which an upgrade is rehearsed. A host's is only copied. */
import BetterSqlite3 from 'better-sqlite3';
import {COPY_PAGES, DATABASE_BUSY_MS} from '../../kernel/limits.ts';
import type {Progress} from '../../kernel/log.ts';
import {translated} from './errors.ts';

export type ScratchStatement = readonly [
  sql: string,
  ...parameters: readonly (string | number | null)[],
];

/** Runs statements in one transaction on a file that is made where it is missing, in WAL mode. */
export function runOnScratch(path: string, statements: readonly ScratchStatement[]): void {
  const connection = new BetterSqlite3(path);
  try {
    connection.pragma('journal_mode = WAL');
    connection.transaction(() => {
      for (const [sql, ...parameters] of statements) connection.prepare(sql).run(...parameters);
    })();
  } finally {
    connection.close();
  }
}

export type CopyOptions = {
  readonly from: string;
  /** A file that is not there yet. */
  readonly to: string;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
};

/**
 * Copies a database that others may be writing to, by SQLite's own backup within one read transaction: the copy is what
 * that transaction sees.
 *
 * @throws {EngineError} `DATABASE_FULL`, `DATABASE_BUSY`, and what the signal was aborted with.
 */
export async function copyDatabase({from, to, progress, signal}: CopyOptions): Promise<void> {
  try {
    const connection = new BetterSqlite3(from, {readonly: true, timeout: DATABASE_BUSY_MS});
    try {
      connection.exec('BEGIN');
      connection.prepare('SELECT count(*) FROM sqlite_master').get();
      await connection.backup(to, {
        progress: ({totalPages, remainingPages}) => {
          signal?.throwIfAborted();
          progress('copying the database', totalPages - remainingPages, totalPages);
          return COPY_PAGES;
        },
      });
    } finally {
      connection.close();
    }
  } catch (error) {
    throw translated(error, `cannot copy ${from} to ${to}`, {path: to});
  }
}

/** Runs texts of SQL one after the other; gives the place of the first that fails, and what SQLite says of it. */
export function runTexts(
  path: string,
  texts: readonly string[],
): {readonly at: number; readonly why: string} | undefined {
  const connection = new BetterSqlite3(path, {fileMustExist: true});
  let at = 0;
  try {
    for (; at < texts.length; at++) connection.exec(texts[at] ?? '');
    return undefined;
  } catch (error) {
    if (error instanceof BetterSqlite3.SqliteError) return {at, why: error.message};
    throw error;
  } finally {
    connection.close();
  }
}
