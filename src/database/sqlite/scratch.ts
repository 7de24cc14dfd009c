/** Databases of our own making: for the demo. Never a host's. */
import BetterSqlite3 from 'better-sqlite3';

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
