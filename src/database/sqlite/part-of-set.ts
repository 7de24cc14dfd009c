/** Sets of rows taken away in parts. */
import type BetterSqlite3 from 'better-sqlite3';
import {must} from '../../kernel/assert.ts';
import type {RowSet} from '../../kernel/statement.ts';
import {translated} from './errors.ts';
import type {SqliteSchema, SqliteTable} from './schema.ts';
import {compile, id, list, sql} from './sql.ts';
import {setFilter} from './statements.ts';

type Connection = BetterSqlite3.Database;

/** SQLite's own plan tells whether an index finds the rows: a table without a fitting one is scanned. */
export function mayDeleteSome(
  connection: Connection,
  {tables}: SqliteSchema,
  among: RowSet,
): boolean {
  if (addressOf(must(tables.get(among.table), 'sets are of tables of the schema')).length === 0)
    return false;
  const query = sql`EXPLAIN QUERY PLAN SELECT 1 FROM ${id(among.table)}${setFilter(among)}`;
  const {text, parameters} = compile(query);
  const steps = connection.prepare<unknown[], {detail: string}>(text).all(...parameters);
  return !steps.some(({detail}) => detail.startsWith(`SCAN ${among.table}`));
}

/** Deletes at most `limit` rows of a set; gives how many. */
export function deleteSome(
  connection: Connection,
  {tables}: SqliteSchema,
  among: RowSet,
  limit: number,
): number {
  const {table} = among;
  const address = addressOf(must(tables.get(table), 'sets are of tables of the schema'));
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

/** Names that tell any two rows apart: the rowid's, or those of a key without NULL. Empty where there are none. */
function addressOf({hiddenId, primaryKey, columns}: SqliteTable): readonly string[] {
  if (hiddenId !== undefined) return [hiddenId];
  const names = primaryKey.map(({name}) => name);
  const notNull = columns.filter((column) => column.notNull).map(({name}) => name);
  return names.every((name) => notNull.includes(name)) ? names : [];
}
