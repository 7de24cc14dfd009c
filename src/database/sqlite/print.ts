/** A quick word for what a range of a table holds, for whoever only wants to know whether it still holds that. */
import type BetterSqlite3 from 'better-sqlite3';
import {decodeKey} from '../../canonical/key.ts';
import {digestOf} from '../../canonical/digest.ts';
import {PRINT_COLUMNS_MAX} from '../../kernel/read-limits.ts';
import type {KeyRange} from '../../kernel/row.ts';
import type {Prints} from '../port.ts';
import {isParted} from './cuts.ts';
import type {Selection} from './rows.ts';
import {inRange, keyList} from './scan.ts';
import {all, compile, fixedPart, id, isTextBytes, list, parameterOf, sql, type Sql} from './sql.ts';
import {preparedRead, rawRows} from './statements.ts';

type Connection = BetterSqlite3.Database;

const VERSION = 'SELECT sqlite_version()';

/**
 * See `View.prints`. SQLite itself writes the rows out as JSON, which takes three fifths of the time that canonical rows take.
 * Different rows never come out alike: a text keeps its bytes, an integer its digits, a real gets as many as tell it apart (17, or fewer
 * that SQLite has found to read back to it). It takes blobs for JSON in another form, and writes 0.0 for -0.0, which a column may hold that
 * has no type, or had none once: there is no print of a range with one of these. Texts of UTF-16 databases are converted, and some are alike then.
 */
export function printsOf(connection: Connection, selection: Selection): Prints | undefined {
  const {shape, encoding} = selection;
  if (!isParted(selection) || encoding !== 'UTF-8') return undefined;
  if (shape.columns.length > PRINT_COLUMNS_MAX) return undefined;
  const line = lineOf(selection);
  const [version] = rawRows(
    preparedRead(connection, VERSION, false, () => VERSION),
    [],
  );
  const form = digestOf(JSON.stringify([version, shape.table, compile(line).text]));
  const printed = {selection, line, form};
  return {form, of: (range, rows) => printOf(connection, printed, range, rows)};
}

/** JSON of a row; NULL for one that it cannot stand for. A column may have a collation that nobody here knows. */
function lineOf({shape, table}: Selection): Sql {
  const columns = shape.columns.map(({name}) => name);
  const assigned = table.keyIsAssigned ? table.primaryKey[0]?.name : undefined; // SQLite lets nothing but integers in
  const mayBeZero = columns.filter(
    (name) => name !== assigned && table.affinities.get(name) !== 'text',
  );
  return fixedPart('line', [...columns, '', ...mayBeZero], () => {
    const bare = (name: string): Sql => sql`${id(name)} COLLATE BINARY`;
    const blobs = columns.map((name) => sql`WHEN ${bare(name)} >= x'' THEN NULL`); // they come last in SQLite's order
    const zeros = mayBeZero.map(
      (name) => sql`WHEN ${bare(name)} = 0 AND atan2(${id(name)}, -1) < 0 THEN NULL`,
    );
    return sql`CASE ${sql.join([...blobs, ...zeros], sql` `)} ELSE json_array(${list(columns.map(id))}) END`;
  });
}

type Printed = {readonly selection: Selection; readonly line: Sql; readonly form: string};

/** Whatever goes wrong here has whoever asked read the rows, and say what it is. */
function printOf(
  connection: Connection,
  printed: Printed,
  range: KeyRange,
  rows: number,
): string | undefined {
  try {
    const [found, plain, text] = linesOf(connection, printed, range, rows + 1); // one more shows that there are more
    if (!(text instanceof Uint8Array)) return undefined;
    const print = found === rows && plain === rows ? digestOf(text) : undefined;
    giveBack(text);
    return print;
  } catch {
    return undefined;
  }
}

/**
 * How many rows there are, at most so many; of how many there are lines; and these. The statement is made once for ranges of one kind: to
 * make its text again takes as long as to run it.
 */
function linesOf(
  connection: Connection,
  {selection, line, form}: Printed,
  range: KeyRange,
  limit: number,
): readonly unknown[] {
  const bounds = [range.from, range.to].map((key) => (key === undefined ? [] : decodeKey(key)));
  const kind = JSON.stringify([form, bounds.map((cells) => cells.map(isTextBytes))]);
  const statement = preparedRead(connection, kind, false, () => {
    const {shape} = selection;
    const conditions = inRange({selection, range, after: undefined});
    const where = conditions.length === 0 ? sql`` : sql` WHERE ${all(conditions)}`;
    const lines = sql`SELECT ${line} FROM ${id(shape.table)}${where} ORDER BY ${keyList(shape)} LIMIT ${limit}`;
    return compile(
      sql`WITH lines (line) AS (${lines}) SELECT count(*), count(line), CAST(group_concat(line, char(10)) AS BLOB) FROM lines`,
    ).text;
  });
  return rawRows(statement, [...bounds.flat().map(parameterOf), limit])[0] ?? [];
}

/** V8 would not look for such memory for long: next to nothing else becomes garbage here. */
function giveBack({buffer, byteLength}: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === byteLength) buffer.transfer(0);
}
