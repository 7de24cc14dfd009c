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

const written = new Map<string, Sql>();

/**
 * A part of a query that holds names alone, compiled once a process: for a table of a hundred columns that
 * costs more than to run it. `kind` and `names` tell parts apart; tables are few.
 */
export function fixedPart(kind: string, names: readonly string[], build: () => Sql): Sql {
  const form = JSON.stringify([kind, names]);
  const known = written.get(form) ?? sql.raw(compile(build()).text);
  written.set(form, known);
  return known;
}

/** What is bound for a cell, in the place that `bound` leaves for it. */
export function parameterOf(cell: Cell): unknown {
  if (cell === null || typeof cell !== 'object') return cell;
  return Buffer.from(cell instanceof Uint8Array ? cell : cell.textBytes);
}

/** True where `bound` needs more than a plain place: statements are shared between cells that agree in this. */
export function isTextBytes(cell: Cell): boolean {
  return cell !== null && typeof cell === 'object' && 'textBytes' in cell;
}

/** A bound cell. Text that is not valid Unicode goes in as bytes and is cast back to text. */
export function bound(cell: Cell): Sql {
  return isTextBytes(cell) ? sql`CAST(${parameterOf(cell)} AS TEXT)` : sql`${parameterOf(cell)}`;
}
