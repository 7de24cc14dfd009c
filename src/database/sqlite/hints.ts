/** What a column's rows and declaration suggest to a planner that needs a value nobody holds. */
import type BetterSqlite3 from 'better-sqlite3';
import {PARK_GAPS_MAX} from '../../kernel/limits.ts';
import type {Cell} from '../../kernel/row.ts';
import type {ParkingHints, ReferenceDefault} from '../../kernel/statement.ts';
import type {ColumnSchema, ForeignKey} from '../../schema/table-schema.ts';
import {constantsIn} from './ddl.ts';
import {exactCells, exactTerm} from './rows.ts';
import type {SqliteSchema} from './schema.ts';
import {id, list, sql, type Sql} from './sql.ts';
import {runRaw} from './statements.ts';

type Connection = BetterSqlite3.Database;

/** See `View.parkingHints`. One pass over the column, or its index. */
export function parkingHints(connection: Connection, table: string, column: string): ParkingHints {
  const name = id(column);
  const integer = sql`typeof(${name}) = 'integer'`;
  const bounds = sql`SELECT min(${name}), max(${name}) FROM ${id(table)} WHERE ${integer}`;
  const [low, high] = runRaw(connection, bounds, true)[0] ?? [];
  const lowest = typeof low === 'bigint' ? low : 0n;
  const highest = typeof high === 'bigint' ? high : 0n;
  const ddl = connection
    .prepare<[string], string | null>(`SELECT sql FROM sqlite_master WHERE name = ?`)
    .pluck()
    .get(table);
  return {
    above: highest + 1n,
    below: lowest - 1n,
    between: gaps(connection, table, column),
    constants: constantsIn(String(ddl ?? '')).map(cellOf),
  };
}

function cellOf(constant: string | number): Cell {
  return Number.isSafeInteger(constant) ? BigInt(constant) : constant;
}

/** Integers that follow one of the column's own and are not in it, lowest first. */
function gaps(connection: Connection, table: string, column: string): readonly bigint[] {
  const name = id(column);
  const query = sql`SELECT before + 1 FROM (
      SELECT ${name} AS before, lead(${name}) OVER (ORDER BY ${name}) AS after
      FROM ${id(table)} WHERE typeof(${name}) = 'integer'
    ) WHERE after > before + 1 ORDER BY 1 LIMIT ${PARK_GAPS_MAX}`;
  return runRaw(connection, query, true)
    .map(([value]) => value)
    .filter((value) => typeof value === 'bigint');
}

/** See `View.referenceDefault`. Defaults are the schema's own text. */
export function referenceDefault(
  connection: Connection,
  {tables, encoding}: SqliteSchema,
  key: ForeignKey,
): ReferenceDefault {
  const columnOf = (table: string, name: string): ColumnSchema | undefined =>
    tables.get(table)?.columns.find((column) => column.name === name);
  const written = key.columns.map((name) => {
    const text = columnOf(key.table, name)?.default;
    return sql`(${sql.raw(text ?? 'NULL')}\n)`;
  });
  const arrived = written.map((value, at) => {
    const stored = converted(value, columnOf(key.table, key.columns[at] ?? '')?.stores);
    return converted(stored, columnOf(key.parent, key.parentColumns[at] ?? '')?.stores);
  });
  const read = (values: readonly Sql[]): readonly Cell[] => {
    const query = sql`SELECT ${list(values.map(exactTerm))}`;
    return exactCells(runRaw(connection, query, true)[0] ?? [], encoding, key.table);
  };
  return {cells: read(written), arrival: read(arrived)};
}

/** What a column makes of a value, by its affinity. A text is equal to the number that it spells, and to no other. */
function converted(value: Sql, stores: ColumnSchema['stores'] = 'any'): Sql {
  const number = sql`CAST(${value} AS NUMERIC)`;
  switch (stores) {
    case 'text':
      return sql`(CASE WHEN typeof(${value}) IN ('integer', 'real') THEN CAST(${value} AS TEXT) ELSE ${value} END)`;
    case 'number':
      return sql`(CASE WHEN typeof(${value}) = 'text' AND ${value} = ${number} THEN ${number} ELSE ${value} END)`;
    case 'any':
      return value;
  }
}
