/** SQL texts for SQLite: Kysely compiles and quotes; values are always bound. */
import {
  DummyDriver,
  Kysely,
  sql,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  type RawBuilder,
} from 'kysely';
import type {Cell} from '../../kernel/row.ts';

const compiler = new Kysely<unknown>({
  dialect: {
    createAdapter: () => new SqliteAdapter(),
    createDriver: () => new DummyDriver(),
    createIntrospector: (db) => new SqliteIntrospector(db),
    createQueryCompiler: () => new SqliteQueryCompiler(),
  },
});

export type Sql = RawBuilder<unknown>;
export type Compiled = {readonly text: string; readonly parameters: readonly unknown[]};

export {sql};

export function compile(query: Sql): Compiled {
  const {sql: text, parameters} = query.compile(compiler);
  return {text, parameters};
}

/** A quoted identifier. Dots in a name are part of the name. */
export const id = (name: string): Sql => sql.id(name);

export const list = (parts: readonly Sql[]): Sql => sql.join(parts, sql`, `);
export const all = (parts: readonly Sql[]): Sql => sql.join(parts, sql` AND `);

/** A bound cell. Text that is not valid Unicode goes in as bytes and is cast back to text. */
export function bound(cell: Cell): Sql {
  if (cell !== null && typeof cell === 'object' && 'textBytes' in cell) {
    return sql`CAST(${Buffer.from(cell.textBytes)} AS TEXT)`;
  }
  return sql`${cell instanceof Uint8Array ? Buffer.from(cell) : cell}`;
}
