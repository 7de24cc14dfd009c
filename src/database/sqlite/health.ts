/** Whether a whole database file is sound. */
import BetterSqlite3 from 'better-sqlite3';
import {DATABASE_BUSY_MS} from '../../kernel/limits.ts';
import {translated} from './errors.ts';

export type Health = {
  /** What SQLite's own check finds; empty where all is well. */
  readonly integrity: readonly string[];
  /** References to rows that are not there: the two tables and the row of the first, as one text. */
  readonly dangling: ReadonlyMap<string, {readonly table: string; readonly parent: string}>;
  readonly bytes: number;
};

/** Looks at a whole file; takes time in proportion to its size. */
export function examineHealth(path: string): Health {
  const connection = new BetterSqlite3(path, {readonly: true, timeout: DATABASE_BUSY_MS});
  try {
    const found = connection.prepare('PRAGMA integrity_check(20)').pluck().all() as string[];
    const pages = connection.pragma('page_count', {simple: true}) as number;
    const pageBytes = connection.pragma('page_size', {simple: true}) as number;
    return {
      integrity: found.filter((line) => line !== 'ok'),
      dangling: danglingIn(connection),
      bytes: pages * pageBytes,
    };
  } catch (error) {
    throw translated(error, `cannot check ${path}`, {path});
  } finally {
    connection.close();
  }
}

type Violation = {
  readonly table: string;
  readonly rowid: number | null;
  readonly parent: string;
  readonly fkid: number;
};

/** A reference to columns that are not unique cannot be checked, by SQLite's rules; it is no row that dangles. */
function danglingIn(connection: BetterSqlite3.Database): Health['dangling'] {
  const found = new Map<string, {table: string; parent: string}>();
  const tables = connection
    .prepare(`SELECT name FROM sqlite_master WHERE type = 'table'`)
    .pluck()
    .all() as string[];
  for (const name of tables) {
    try {
      const check = connection.prepare<[string], Violation>(
        'SELECT "table", rowid, parent, fkid FROM pragma_foreign_key_check(?)',
      );
      let number = 0;
      for (const {table, rowid, parent, fkid} of check.iterate(name))
        found.set(JSON.stringify([table, parent, fkid, rowid ?? `#${number++}`]), {table, parent});
    } catch (error) {
      if (!(error instanceof BetterSqlite3.SqliteError)) throw error;
      if (!error.message.startsWith('foreign key mismatch')) throw error;
    }
  }
  return found;
}
