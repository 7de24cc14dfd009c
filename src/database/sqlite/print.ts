/** A quick word for what a table holds, for whoever only wants to know whether it still holds that. */
import {createHash} from 'node:crypto';
import type BetterSqlite3 from 'better-sqlite3';
import {PRINT_ROWS} from '../../kernel/read-limits.ts';
import {compile, fixedPart, id, sql, type Sql} from './sql.ts';

/** See `View.print`. Made of the bytes that are stored, in the order in which SQLite comes across them: that is several times as quick as canonical rows. */
export async function* printOf(
  connection: BetterSqlite3.Database,
  table: string,
  columns: readonly string[],
): AsyncGenerator<string> {
  const cells = fixedPart('print', columns, () => sql.join(columns.map(stored), sql` || ',' || `));
  const {text} = compile(sql`SELECT ${cells} FROM ${id(table)}`);
  const rows = connection.prepare(text).pluck().iterate() as IterableIterator<string>;
  let hash = createHash('sha256');
  let count = 0;
  for (const row of rows) {
    hash.update(row).update('\n');
    if (++count % PRINT_ROWS !== 0) continue;
    yield hash.digest('base64');
    hash = createHash('sha256');
  }
  yield hash.digest('base64');
}

/** `quote` gives each real in as many digits as it takes, and text only up to its first NUL. */
function stored(column: string): Sql {
  const cell = id(column);
  return sql`CASE typeof(${cell}) WHEN 'text' THEN 't' || hex(${cell}) WHEN 'blob' THEN 'b' || hex(${cell}) ELSE quote(${cell}) END`;
}
