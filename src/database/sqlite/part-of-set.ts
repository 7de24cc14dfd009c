/** Sets of rows taken away in parts, and whether finding them costs more than they are. */
import type BetterSqlite3 from 'better-sqlite3';
import {must} from '../../kernel/assert.ts';
import type {RowSet} from '../../kernel/statement.ts';
import {translated} from './errors.ts';
import type {SqliteSchema} from './schema.ts';
import {compile, id, list, sql} from './sql.ts';
import {setFilter} from './statements.ts';

type Connection = BetterSqlite3.Database;

/** Deletes at most `limit` rows of a set; gives how many. None where the table's rows cannot be told apart. */
export function deleteSome(
  connection: Connection,
  {tables}: SqliteSchema,
  among: RowSet,
  limit: number,
): number {
  const {table} = among;
  const {hiddenId, primaryKey} = must(tables.get(table), 'sets are of tables of the schema');
  const address = hiddenId === undefined ? primaryKey.map(({name}) => name) : [hiddenId];
  if (address.length === 0) return 0;
  const columns = list(address.map(id));
  const some = sql`SELECT ${columns} FROM ${id(table)}${setFilter(among)} LIMIT ${limit}`;
  const query = sql`DELETE FROM ${id(table)} WHERE (${columns}) IN (${some})`;
  try {
    const {text, parameters} = compile(query);
    return connection.prepare(text).run(...parameters).changes;
  } catch (error) {
    throw translated(error, `cannot delete rows of table "${table}"`, {table});
  }
}

/** SQLite's own plan tells: a table without a fitting index is scanned. */
export function isIndexed(connection: Connection, among: RowSet): boolean {
  const query = sql`EXPLAIN QUERY PLAN SELECT 1 FROM ${id(among.table)}${setFilter(among)}`;
  const {text, parameters} = compile(query);
  const steps = connection.prepare<unknown[], {detail: string}>(text).all(...parameters);
  return !steps.some(({detail}) => detail.startsWith(`SCAN ${among.table}`));
}
