/** A quick word for what a range of a table holds, for whoever only wants to know whether it still holds that. */
import type BetterSqlite3 from 'better-sqlite3';
import {digestOf} from '../../canonical/digest.ts';
import {PRINT_COLUMNS_MAX} from '../../kernel/read-limits.ts';
import type {KeyRange} from '../../kernel/row.ts';
import type {Prints} from '../port.ts';
import {isParted} from './cuts.ts';
import type {Selection} from './rows.ts';
import {inRange, keyList} from './scan.ts';
import {compile, fixedPart, id, list, sql, type Sql} from './sql.ts';
import {runRaw} from './statements.ts';

type Connection = BetterSqlite3.Database;

/**
 * See `View.prints`. SQLite itself writes the rows out as JSON, which takes less than half as long as to make canonical rows of them.
 * Different rows never come out alike: a text keeps its bytes, an integer its digits, a real gets as many as tell it apart (17, or fewer
 * that SQLite has found to read back to it). It takes blobs for JSON in another form, and 0.0 for -0.0, which only columns without a type
 * can hold: there is no print of a range with one of these. Texts of UTF-16 databases are converted, and some are alike then.
 */
export function printsOf(connection: Connection, selection: Selection): Prints | undefined {
  const {shape, encoding} = selection;
  if (!isParted(selection) || encoding !== 'UTF-8') return undefined;
  if (shape.columns.length > PRINT_COLUMNS_MAX) return undefined;
  const line = lineOf(selection);
  const version = connection.prepare('SELECT sqlite_version()').pluck().get();
  return {
    form: digestOf(JSON.stringify([version, shape.table, compile(line).text])),
    of: (range, rows) => printOf(connection, {selection, line}, range, rows),
  };
}

/** JSON of a row; NULL for one that it cannot stand for. */
function lineOf({shape, table}: Selection): Sql {
  const columns = shape.columns.map(({name}) => name);
  const untyped = columns.filter((name) => (table.affinities.get(name) ?? 'none') === 'none');
  return fixedPart('line', [...columns, '', ...untyped], () => {
    const blobs = columns.map((name) => sql`WHEN ${id(name)} >= x'' THEN NULL`); // they come last in SQLite's order
    const zeros = untyped.map(
      (name) => sql`WHEN ${id(name)} = 0 AND atan2(${id(name)}, -1) < 0 THEN NULL`,
    );
    return sql`CASE ${sql.join([...blobs, ...zeros], sql` `)} ELSE json_array(${list(columns.map(id))}) END`;
  });
}

type Printed = {readonly selection: Selection; readonly line: Sql};

function printOf(
  connection: Connection,
  {selection, line}: Printed,
  range: KeyRange,
  rows: number,
): string | undefined {
  const {shape} = selection;
  const conditions = inRange({selection, range, after: undefined});
  const where = conditions.length === 0 ? sql`` : sql` WHERE ${sql.join(conditions, sql` AND `)}`;
  // One more shows that there are more.
  const lines = sql`SELECT ${line} AS line FROM ${id(shape.table)}${where} ORDER BY ${keyList(shape)} LIMIT ${rows + 1}`;
  const query = sql`SELECT count(*), count(line), CAST(group_concat(line, char(10)) AS BLOB) FROM (${lines})`;
  const [found, plain, text] = runRaw(connection, query, false)[0] ?? [];
  if (!(text instanceof Uint8Array)) return undefined;
  const print = found === rows && plain === rows ? digestOf(text) : undefined;
  giveBack(text);
  return print;
}

/** V8 would not look for such memory for long: next to nothing else becomes garbage here. */
function giveBack({buffer, byteLength}: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
