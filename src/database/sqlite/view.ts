/** What one SQLite transaction sees, and may write. */
import type BetterSqlite3 from 'better-sqlite3';
import {must} from '../../kernel/assert.ts';
import {EngineError} from '../../kernel/errors.ts';
import type {CanonicalRow, Cell, KeyRange, WireRow} from '../../kernel/row.ts';
import type {RowAddress, SetStatement, Statement, StatementResult} from '../../kernel/statement.ts';
import {asciiUpper} from '../../schema/names.ts';
import {columnKeys} from '../../schema/row-key.ts';
import type {ForeignKey} from '../../schema/table-schema.ts';
import type {TableShape} from '../../schema/table-shape.ts';
import type {Beside, Reading, View, WriteView} from '../port.ts';
import {cutKeys, hasMoreRows} from './cuts.ts';
import {translated} from './errors.ts';
import {fillTable} from './fill.ts';
import {deleteSome, mayDeleteSome} from './part-of-set.ts';
import {
  exactCells,
  exactColumns,
  exactList,
  exactRow,
  exactTerm,
  selectionOf,
  typedList,
  typedRow,
  type Selection,
} from './rows.ts';
import {printsOf} from './print.ts';
import {scanRows} from './scan.ts';
import {readSchema, type SqliteSchema} from './schema.ts';
import {referenceDefault, parkingHints} from './hints.ts';
import {all, compile, id, list, sql, type Sql} from './sql.ts';
import {tokens} from './tokens.ts';
import {
  filter,
  filterForm,
  filterParameters,
  preparedRead,
  preparedWrite,
  rawRows,
  runRaw,
  setFilter,
  setWrite,
  writeParameters,
} from './statements.ts';
import {holdersQuery, trialOf, type TryRow} from './trial.ts';

type Connection = BetterSqlite3.Database;

/** Gives the schema as the connection sees it now. */
export type SchemaSource = (connection: Connection) => SqliteSchema;

/** The schema is asked for once a transaction: nothing in it changes while that is open. */
export function sqliteView(
  connection: Connection,
  schemaOf: SchemaSource = readSchema,
  reading: Reading = 'fast',
  shared?: Pick<Beside, 'source' | 'isLatest'>,
): View {
  let schema: SqliteSchema | undefined;
  const known = (): SqliteSchema => (schema ??= schemaOf(connection));
  const tables = new Map<TableShape, LiveTable>();
  const tableOf = (shape: TableShape): LiveTable => {
    const table = tables.get(shape) ?? liveTable(known(), shape, reading);
    tables.set(shape, table);
    return table;
  };
  const trials = new Map<TableShape, TryRow>();
  const triedAs = (shape: TableShape): TryRow => {
    const {encoding} = known();
    const trial =
      trials.get(shape) ?? trialOf(connection, tableOf(shape).selection.table, encoding);
    trials.set(shape, trial);
    return trial;
  };
  const cells = (table: string, query: Sql): readonly (readonly Cell[])[] =>
    runRaw(connection, query, true).map((raw) => exactCells(raw, known().encoding, table));
  return {
    schema: async () => known(),
    rows: (shape, ranges) => pagesOf(connection, tableOf(shape).selection, ranges),
    prints: (shape) => printsOf(connection, tableOf(shape).selection),
    rowAt: async (shape, address) => rowAt(connection, tableOf(shape), address),
    select: async (table, columns, where = []) =>
      cells(table, sql`SELECT ${exactColumns(columns)} FROM ${id(table)}${filter(where)}`),
    count: async (table, where) =>
      Number(scalar(connection, sql`SELECT count(*) FROM ${id(table)}${filter(where)}`)),
    countSet: async (among, except) =>
      Number(
        scalar(connection, sql`SELECT count(*) FROM ${id(among.table)}${setFilter(among, except)}`),
      ),
    distinctInSet: async (among, columns) =>
      cells(
        among.table,
        sql`SELECT DISTINCT ${exactColumns(columns)} FROM ${id(among.table)}${setFilter(among)}`,
      ),
    mayDeleteSome: async (among) => mayDeleteSome(connection, known(), among),
    dangling: async (key, limit) => dangling(connection, key, limit, known()),
    tryRow: async (shape, row) => triedAs(shape)(shape, row),
    holds: async (table, unique, sought) => {
      const schema = must(known().tables.get(table), 'shapes are made from the schema');
      const index = must(schema.uniques[unique], 'callers take places from the schema');
      return runRaw(connection, holdersQuery(connection, schema, index, sought), true).length > 0;
    },
    parkingHints: async (table, column) => parkingHints(connection, table, column),
    referenceDefault: async (key) => referenceDefault(connection, known(), key),
    ownVersion: async () => ownVersion(connection),
    counter: async (table) => counterOf(connection, table),
    beside: shared && {
      ...shared,
      hasMore: (shape, rows, from) => hasMoreRows(connection, tableOf(shape).selection, rows, from),
      cuts: (shape, rows, isCut) => cutKeys(connection, tableOf(shape).selection, rows, isCut),
    },
  };
}

export function sqliteWriteView(
  connection: Connection,
  schemaOf: SchemaSource = readSchema,
  reading: Reading = 'fast',
): WriteView {
  return {
    ...sqliteView(connection, schemaOf, reading),
    run: async (statement) => runStatement(connection, statement),
    fill: async (shape, rows) => fillTable(connection, shape, rows),
    runSet: async (statement) => runSet(connection, statement),
    deleteSome: async (among, limit) => deleteSome(connection, schemaOf(connection), among, limit),
    raiseCounter: async (table, atLeast) => raiseCounter(connection, table, atLeast),
  };
}

/** 0 is what every file begins with. */
function ownVersion(connection: Connection): string | undefined {
  const version = connection.pragma('user_version', {simple: true});
  return version === 0 ? undefined : `user_version ${String(version)}`;
}

/** What is worked out once for all rows of a table. */
type LiveTable = {
  readonly selection: Selection;
  readonly keyOf: (cells: WireRow) => string;
  /** Names the columns selected, as part of the form of a statement. */
  readonly form: string;
};

function liveTable(
  {encoding, tables}: SqliteSchema,
  shape: TableShape,
  reading: Reading,
): LiveTable {
  const table = must(tables.get(shape.table), 'shapes are made from the schema');
  const selection = selectionOf(table, shape, encoding, reading);
  return {selection, keyOf: columnKeys(shape), form: JSON.stringify([shape.table, shape.columns])};
}

async function* pagesOf(
  connection: Connection,
  selection: Selection,
  ranges: readonly KeyRange[] | undefined,
): AsyncGenerator<readonly CanonicalRow[]> {
  try {
    yield* scanRows(connection, selection, ranges);
  } catch (error) {
    const table = selection.shape.table;
    throw translated(error, `cannot read table "${table}"`, {table});
  }
}

/** Never the fast way: this is how a plan's rows are looked at before, and read back after. */
function rowAt(
  connection: Connection,
  table: LiveTable,
  address: RowAddress,
): CanonicalRow | undefined {
  const {selection, keyOf, form} = table;
  const read = (
    way: string,
    columns: (selection: Selection) => Sql,
  ): readonly (readonly unknown[])[] => {
    const text = (): string => compile(lookup(columns(selection), selection, address)).text;
    const statement = preparedRead(connection, way + form + filterForm(address), true, text);
    return rawRows(statement, filterParameters(address));
  };
  const [raw, second] = read('typed', typedList);
  if (second !== undefined) throw ambiguous(selection.shape);
  if (raw === undefined) return undefined;
  const row =
    typedRow(selection, raw) ??
    exactRow(selection, must(read('exact', exactList)[0], 'the row is there'));
  return {...row, key: keyOf(row.cells)};
}

function lookup(columns: Sql, {shape}: Selection, address: RowAddress): Sql {
  return sql`SELECT ${columns} FROM ${id(shape.table)}${filter(address)} LIMIT 2`;
}

function ambiguous({table}: TableShape): EngineError {
  return new EngineError(
    'KEY_UNUSABLE',
    `cannot tell rows of table "${table}" apart by their key`,
    {
      site: {table},
      hint: 'Run PRAGMA integrity_check on the database: an index may be damaged.',
    },
  );
}

function scalar(connection: Connection, query: Sql): unknown {
  return runRaw(connection, query, true)[0]?.[0];
}

/**
 * The parent's column stands on the left: its collation decides, as in SQLite's own check, and its affinity
 * alone, which the plus takes from the other.
 */
function dangling(
  connection: Connection,
  key: ForeignKey,
  limit: number,
  {tables, encoding}: SqliteSchema,
): readonly (readonly Cell[])[] {
  const child = (column: string): Sql => sql`c.${id(column)}`;
  const present = key.columns.map((column) => sql`${child(column)} IS NOT NULL`);
  const matches = key.columns.map(
    (column, at) => sql`p.${id(key.parentColumns[at] ?? '')} = +${child(column)}`,
  );
  const orphan = tables.has(key.parent)
    ? sql` AND NOT EXISTS (SELECT 1 FROM ${id(key.parent)} p WHERE ${all(matches)})`
    : sql``;
  const columns = list(key.columns.map((column) => exactTerm(child(column))));
  const query = sql`SELECT DISTINCT ${columns} FROM ${id(key.table)} c WHERE ${all(present)}${orphan} LIMIT ${limit}`;
  return runRaw(connection, query, true).map((raw) => exactCells(raw, encoding, key.table));
}

function runStatement(connection: Connection, statement: Statement): StatementResult {
  const {table} = statement;
  try {
    const write = preparedWrite(connection, statement);
    const parameters = writeParameters(statement);
    if (statement.op !== 'insert' || statement.returning === undefined) {
      return {changed: write.run(...parameters).changes, returned: []};
    }
    const [row] = rawRows(write, parameters);
    return {changed: row === undefined ? 0 : 1, returned: (row ?? []) as readonly Cell[]};
  } catch (error) {
    throw translated(error, `cannot ${statement.op} a row of table "${table}"`, {table});
  }
}

function runSet(connection: Connection, statement: SetStatement): number {
  const {table} = statement.among;
  try {
    const {text, parameters} = compile(setWrite(statement));
    return connection.prepare(text).run(...parameters).changes;
  } catch (error) {
    throw translated(error, `cannot write rows of table "${table}"`, {table});
  }
}

function hasCounters(connection: Connection): boolean {
  return (
    scalar(connection, sql`SELECT count(*) FROM sqlite_master WHERE name = 'sqlite_sequence'`) ===
    1n
  );
}

/** A table that has not given a key yet has no entry. */
function counterOf(connection: Connection, table: string): bigint | undefined {
  if (!hasCounters(connection)) return undefined;
  return recordedCounter(connection, table) ?? (isCounted(connection, table) ? 0n : undefined);
}

function recordedCounter(connection: Connection, table: string): bigint | undefined {
  const value = scalar(connection, sql`SELECT seq FROM sqlite_sequence WHERE name = ${table}`);
  return typeof value === 'bigint' ? value : undefined;
}

function isCounted(connection: Connection, table: string): boolean {
  const ddl = scalar(
    connection,
    sql`SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ${table}`,
  );
  return tokens(String(ddl)).some(
    ({kind, text}) => kind === 'word' && asciiUpper(text) === 'AUTOINCREMENT',
  );
}

function raiseCounter(connection: Connection, table: string, atLeast: bigint): void {
  if (!hasCounters(connection)) return;
  const known = recordedCounter(connection, table);
  const query =
    known === undefined
      ? sql`INSERT INTO sqlite_sequence (name, seq) VALUES (${table}, ${atLeast})`
      : sql`UPDATE sqlite_sequence SET seq = ${atLeast} WHERE name = ${table} AND seq < ${atLeast}`;
  const {text, parameters} = compile(query);
  connection.prepare(text).run(...parameters);
}
