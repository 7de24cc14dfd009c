/**
 * Rows of SQLite tables as canonical rows.
 *
 * Three ways lead to the same text. The fast one takes values as better-sqlite3 gives them, where the
 * column's affinity proves what a JavaScript number was. The typed one takes integers as bigint, which
 * needs no proof. The exact one asks SQLite for each value's type and bytes. Each hands over to the
 * next as soon as a value leaves room for doubt.
 */
import {encodeCell, textOfBytes} from '../../canonical/cell.ts';
import {encodeRow, rowText} from '../../canonical/row.ts';
import {EngineError} from '../../kernel/errors.ts';
import type {Cell, WireCell, WireRow} from '../../kernel/row.ts';
import {locatorColumns} from '../../schema/locator.ts';
import type {TableShape} from '../../schema/table-shape.ts';
import type {Affinity} from '../../schema/affinity.ts';
import type {Reading} from '../port.ts';
import type {Encoding, SqliteTable} from './schema.ts';
import {fixedPart, id, list, sql, type Sql} from './sql.ts';

/** One row as read: the compared cells, and the cells that address it. */
export type ReadRow = {
  readonly cells: WireRow;
  readonly text: string;
  readonly locator: readonly Cell[] | undefined;
};

/** Which columns a reading selects: those compared, then those that address a row. */
export type Selection = {
  readonly table: SqliteTable;
  readonly shape: TableShape;
  readonly encoding: Encoding;
  readonly locator: readonly string[];
  readonly reading: Reading;
};

export function selectionOf(
  table: SqliteTable,
  shape: TableShape,
  encoding: Encoding,
  reading: Reading,
): Selection {
  return {table, shape, encoding, locator: locatorColumns(table, shape), reading};
}

/** `SELECT` list for the fast way: the columns as they are. */
export function plainList({shape}: Selection): Sql {
  const names = shape.columns.map((column) => column.name);
  return fixedPart('plain', names, () => list(names.map(id)));
}

/** `SELECT` list for `typedRow`: the columns as they are, and those that address the row. */
export function typedList(selection: Selection): Sql {
  const names = columnNames(selection);
  return fixedPart('plain', names, () => list(names.map(id)));
}

/** `SELECT` list for the exact way: of each column its type and its value, texts as bytes. */
export function exactList(selection: Selection): Sql {
  const names = columnNames(selection);
  return fixedPart('exact', names, () => exactColumns(names));
}

export function exactColumns(columns: readonly string[]): Sql {
  return list(columns.map((column) => exactTerm(id(column))));
}

/** Type and value of any term, in the form that `exactCells` decodes. */
export function exactTerm(term: Sql): Sql {
  return sql`typeof(${term}), CASE typeof(${term}) WHEN 'text' THEN CAST(${term} AS BLOB) ELSE ${term} END`;
}

function columnNames({shape, locator}: Selection): readonly string[] {
  return [...shape.columns.map((column) => column.name), ...locator];
}

type Raw = readonly unknown[];

/** Decodes a row of `exactList`, read with safeIntegers. */
export function exactRow(selection: Selection, raw: Raw): ReadRow {
  const {shape, encoding} = selection;
  const cells = exactCells(raw, encoding, shape.table);
  const wire = encodeRow(cells.slice(0, shape.columns.length));
  const locator = selection.locator.length === 0 ? undefined : cells.slice(shape.columns.length);
  return {cells: wire, text: rowText(wire), locator};
}

/** Decodes pairs of type and value. */
export function exactCells(raw: Raw, encoding: Encoding, table: string): readonly Cell[] {
  const cells: Cell[] = [];
  for (let at = 0; at < raw.length; at += 2) {
    const value = raw[at + 1] as Cell;
    cells.push(raw[at] === 'text' ? decodeText(value as Buffer, encoding, table) : value);
  }
  return cells;
}

function decodeText(bytes: Uint8Array, encoding: Encoding, table: string): Cell {
  if (encoding === 'UTF-8') return textOfBytes(bytes);
  const text = decodeUtf16(bytes, encoding);
  if (text.isWellFormed() && bytes.byteLength % 2 === 0) return text;
  throw new EngineError(
    'VALUE_UNSUPPORTED',
    `cannot read table "${table}": a text in it is not valid ${encoding}`,
    {
      site: {table},
      hint: 'Repair the text, or leave the column out.',
    },
  );
}

function decodeUtf16(bytes: Uint8Array, encoding: Encoding): string {
  const buffer = Buffer.from(bytes);
  return (encoding === 'UTF-16be' && buffer.length % 2 === 0 ? buffer.swap16() : buffer).toString(
    'utf16le',
  );
}

/**
 * Decodes a row of `typedList`, read with safeIntegers: integers are bigint then, and every other class has
 * a JavaScript type of its own. Undefined where a text may stand for bytes that are not valid.
 */
export function typedRow(selection: Selection, raw: Raw): ReadRow | undefined {
  const {shape, encoding, reading} = selection;
  if (reading === 'exact' || reading === 'sorted') return undefined;
  if (encoding !== 'UTF-8' && raw.some((value) => typeof value === 'string')) return undefined;
  const cells = encodeRow(raw.slice(0, shape.columns.length) as readonly Cell[]);
  const text = rowText(cells);
  if (text.includes('\uFFFD')) return undefined;
  const locator =
    selection.locator.length === 0
      ? undefined
      : (raw.slice(shape.columns.length) as readonly Cell[]);
  return {cells, text, locator};
}

/**
 * Finds integral reals where affinity says that there are none: a schema that was edited in place leaves
 * values stored under its old types. Undefined where no column could hold one.
 */
export function doubtfulReals({shape, table}: Selection): Sql | undefined {
  const assigned = table.keyIsAssigned ? table.primaryKey[0]?.name : undefined; // SQLite lets nothing but integers in
  const suspects = shape.columns
    .map((column) => column.name)
    .filter((name) => name !== assigned)
    .filter((name) => NUMBER_RULES[table.affinities.get(name) ?? 'none'] === 'integers');
  if (suspects.length === 0) return undefined;
  return fixedPart('doubtful', suspects, () => {
    const terms = suspects.map(
      (name) =>
        sql`WHEN typeof(${id(name)}) = 'real' AND ${id(name)} = CAST(${id(name)} AS INTEGER) THEN 1`,
    );
    // CASE is flat, where an OR of as many terms would nest deeper than SQLite allows.
    return sql`CASE ${sql.join(terms, sql` `)} END`;
  });
}

/** What a JavaScript number must have been in a column. */
type NumberRule = 'integers' | 'reals' | 'none';

const NUMBER_RULES: Readonly<Record<Affinity, NumberRule>> = {
  integer: 'integers', // an integral value is stored as INTEGER wherever that is exact
  numeric: 'integers',
  real: 'reals', // every number is stored as REAL
  text: 'none', // numbers become text
  none: 'none', // 1 and 1.0 are both possible
};

/** Takes the arrays that it is given for its own. */
type FastReader = (page: readonly unknown[][]) => readonly ReadRow[] | undefined;

/**
 * Decodes pages of `plainList`, or gives undefined where only the exact way can tell. Not for
 * selections with a locator, nor where `doubtfulReals` finds a row.
 *
 * Texts of UTF-16 databases always go the exact way: SQLite converts them, and pairs halves that do not
 * belong together.
 */
export function fastReader({shape, table, encoding}: Selection): FastReader {
  const texts = encoding === 'UTF-8';
  const rules = shape.columns.map(
    (column) => NUMBER_RULES[table.affinities.get(column.name) ?? 'none'],
  );
  return (page) => {
    const rows: ReadRow[] = [];
    for (const raw of page) {
      const cells = fastCells(raw, rules, texts);
      if (cells === undefined) return undefined;
      const text = rowText(cells);
      if (text.includes('\uFFFD')) return undefined; // perhaps bytes that are not UTF-8
      rows.push({cells, text, locator: undefined});
    }
    return rows;
  };
}

/** Makes the values themselves into cells: nearly all are what they would be, and a copy of each row takes longer than to look. */
function fastCells(
  raw: unknown[],
  rules: readonly NumberRule[],
  texts: boolean,
): WireRow | undefined {
  for (let at = 0; at < rules.length; at++) {
    const value = raw[at];
    if (value === null) continue;
    if (typeof value === 'string') {
      if (!texts) return undefined;
    } else if (typeof value === 'number') {
      const cell = fastNumber(value, rules[at]);
      if (cell === undefined) return undefined;
      if (cell !== value) raw[at] = cell;
    } else {
      raw[at] = encodeCell(value as Uint8Array);
    }
  }
  return raw as WireRow;
}

function fastNumber(value: number, rule: NumberRule | undefined): WireCell | undefined {
  if (rule === 'none') return undefined;
  if (rule === 'reals') return encodeCell(value);
  if (!Number.isInteger(value)) return encodeCell(value); // a fraction or an infinity: a real
  return Number.isSafeInteger(value) && !Object.is(value, -0) ? value : undefined;
}
