/** What a column's rows and declaration suggest to a planner that needs a value nobody holds. */
import type BetterSqlite3 from 'better-sqlite3';
import {must} from '../../kernel/assert.ts';
import {PARK_GAPS_MAX} from '../../kernel/limits.ts';
import type {Cell} from '../../kernel/row.ts';
import type {ParkingHints} from '../../kernel/statement.ts';
import {asciiUpper, constantsIn} from './ddl.ts';
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

/** What an insert that leaves these columns out would put there. Defaults are the schema's own text. */
export function defaultCells(
  connection: Connection,
  {tables, encoding}: SqliteSchema,
  table: string,
  columns: readonly string[],
): readonly Cell[] {
  const schema = must(tables.get(table), 'foreign keys are of known tables');
  const values: readonly Sql[] = columns.map((name) => {
    const text = schema.columns.find((column) => column.name === name)?.default;
    return sql`(${sql.raw(expression(text ?? 'NULL'))}\n)`;
  });
  return exactCells(
    runRaw(connection, sql`SELECT ${list(values.map(exactTerm))}`, true)[0] ?? [],
    encoding,
    table,
  );
}

/** A default may be a bare word or stand in double quotes: SQLite takes both for text there, and only there. */
function expression(written: string): string {
  const word = /^[A-Za-z_]\w*$/.test(written) && !WORDS.includes(asciiUpper(written));
  const quoted = /^"(?:[^"]|"")*"$/.test(written);
  if (!word && !quoted) return written;
  const text = quoted ? written.slice(1, -1).replaceAll('""', '"') : written;
  return `'${text.replaceAll("'", "''")}'`;
}

const WORDS = ['NULL', 'TRUE', 'FALSE', 'CURRENT_TIME', 'CURRENT_DATE', 'CURRENT_TIMESTAMP'];
