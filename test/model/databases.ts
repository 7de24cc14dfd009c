/** Databases of a case: made, read and written by SQL alone. */
import BetterSqlite3 from 'better-sqlite3';
import {ddlOf, isRowidKey, quoted, type ModelCase, type RowSpec, type TableSpec} from './cases.ts';
import {bindSql, boundOf, readSql, valueOf, type Value} from './values.ts';

type Connection = BetterSqlite3.Database;

/** Column → value; `ROWID` where the table has one that no column shows. */
export type Row = Readonly<Record<string, Value>>;

/** Rows of every table. */
export type Content = ReadonlyMap<string, readonly Row[]>;

const ROWID = '_rowid_';

type Making = Pick<ModelCase, 'tables' | 'journal' | 'triggersFirst' | 'repaired'>;

/** Makes the file of one side. Rows that a constraint forbids are left out. */
export function makeFile(path: string, made: Making, rows: readonly RowSpec[]): void {
  const db = new BetterSqlite3(path);
  try {
    db.pragma(`journal_mode = ${made.journal}`);
    db.pragma('synchronous = OFF');
    db.pragma('foreign_keys = OFF');
    const ddl = ddlOf(made.tables);
    db.exec('BEGIN');
    db.exec(ddl.tables);
    if (made.triggersFirst) db.exec(ddl.triggers);
    fill(db, made, rows);
    if (!made.triggersFirst) db.exec(ddl.triggers);
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

/** Replaces all rows of a file. */
export function refill(path: string, made: ModelCase, rows: readonly RowSpec[]): void {
  const db = new BetterSqlite3(path);
  try {
    db.pragma('synchronous = OFF');
    db.pragma('foreign_keys = OFF');
    db.exec('BEGIN');
    for (const {name} of made.tables) db.exec(`DELETE FROM ${quoted(name)}`);
    fill(db, made, rows);
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

function fill(db: Connection, made: Making, rows: readonly RowSpec[]): void {
  for (const row of rows) insert(db, row);
  if (made.repaired) repair(db, made);
}

function insert(db: Connection, {table, cells}: RowSpec): void {
  const names = Object.keys(cells);
  const values = names.map((name) => cells[name]).join(', ');
  const into = names.length === 0 ? '' : `(${names.map(quoted).join(', ')})`;
  const rest = names.length === 0 ? 'DEFAULT VALUES' : `VALUES (${values})`;
  ignoring(() => db.exec(`INSERT OR IGNORE INTO ${quoted(table)} ${into} ${rest}`));
}

/** Runs a statement that a constraint, a trigger or a type may forbid. */
function ignoring(work: () => void): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof BetterSqlite3.SqliteError)) throw error;
    if (!/^SQLITE_(CONSTRAINT|MISMATCH)/.test(error.code)) throw error;
  }
}

function repair(db: Connection, made: Pick<Making, 'tables' | 'triggersFirst'>): void {
  const triggered = made.triggersFirst && made.tables.some(({triggers}) => triggers.length > 0);
  for (let round = 0; round < (triggered ? 5 : 50); round++) {
    let deleted = 0;
    for (const table of made.tables) {
      for (const {columns, parent, parentColumns} of table.references) {
        const present = columns.map((name) => `c.${quoted(name)} IS NOT NULL`);
        const equal = columns.map(
          (name, at) => `p.${quoted(parentColumns[at] ?? '')} = +c.${quoted(name)}`,
        );
        const sql = `DELETE FROM ${quoted(table.name)} AS c WHERE ${present.join(' AND ')} AND NOT EXISTS (SELECT 1 FROM ${quoted(parent)} p WHERE ${equal.join(' AND ')})`;
        ignoring(() => (deleted += db.prepare(sql).run().changes));
      }
    }
    if (deleted === 0) return;
  }
}

/** Runs statements with references unchecked. */
export function execute(path: string, sql: string): void {
  const db = new BetterSqlite3(path);
  try {
    db.pragma('synchronous = OFF');
    db.pragma('foreign_keys = OFF');
    db.exec(`BEGIN; ${sql}; COMMIT;`);
  } finally {
    db.close();
  }
}

/** Runs statements as an application does; those that a constraint forbids change nothing. */
export function edit(
  path: string,
  statements: readonly string[],
  {tables, enforced, repaired}: Edited,
): void {
  const db = new BetterSqlite3(path);
  try {
    db.pragma('synchronous = OFF');
    db.pragma(`foreign_keys = ${enforced ? 'ON' : 'OFF'}`);
    db.exec('BEGIN');
    for (const sql of statements) ignoring(() => db.exec(sql));
    if (repaired) repair(db, {tables, triggersFirst: false});
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

type Edited = {
  readonly tables: readonly TableSpec[];
  /** References are enforced. */
  readonly enforced: boolean;
  /** Rows that refer to nothing are deleted. */
  readonly repaired: boolean;
};

/** Violated foreign keys, as texts. */
export function violations(path: string): readonly string[] {
  const db = new BetterSqlite3(path, {readonly: true});
  try {
    return (db.pragma('foreign_key_check') as unknown[]).map((row) => JSON.stringify(row));
  } finally {
    db.close();
  }
}

/** Runs a statement as another program would; false where it could not. */
export function rival(path: string, sql: string): boolean {
  const db = new BetterSqlite3(path, {timeout: 0});
  try {
    db.pragma('synchronous = OFF');
    db.pragma('foreign_keys = OFF');
    db.exec(sql);
    return true;
  } catch (error) {
    if (error instanceof BetterSqlite3.SqliteError) return false;
    throw error;
  } finally {
    db.close();
  }
}

export type FileState = {
  readonly content: Content;
  /** All of it as text, the schema and the counters too. */
  readonly text: string;
};

export function readFile(path: string, tables: readonly TableSpec[]): FileState {
  const db = new BetterSqlite3(path, {readonly: true});
  try {
    const content = contentOf(db, tables);
    const schema = db.prepare('SELECT name, sql FROM sqlite_master ORDER BY 1').all();
    return {content, text: JSON.stringify([[...content], schema, counters(db)], null, 1)};
  } finally {
    db.close();
  }
}

function counters(db: Connection): unknown {
  const has = db.prepare(`SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'`).get();
  return has === undefined ? [] : db.prepare('SELECT * FROM sqlite_sequence ORDER BY 1').all();
}

/** What SQLite's own check finds; `ok` where all is well. */
export function integrity(path: string): unknown {
  const db = new BetterSqlite3(path, {readonly: true});
  try {
    return db.pragma('integrity_check', {simple: true});
  } finally {
    db.close();
  }
}

function contentOf(db: Connection, tables: readonly TableSpec[]): Content {
  return new Map(tables.map((table) => [table.name, rowsOf(db, table)]));
}

/** The columns that a row is read by and can be written with, the rowid among them; computed ones are not. */
function writable(table: TableSpec): readonly string[] {
  const columns = table.columns.filter(({generated}) => generated === undefined);
  return [...(hasOwnRowid(table) ? [ROWID] : []), ...columns.map(({name}) => name)];
}

/** Which row it is matters only where nothing else identifies it: a replicated row has a key. */
function hasOwnRowid(table: TableSpec): boolean {
  return !table.replicated && !table.withoutRowid && !isRowidKey(table);
}

function rowsOf(db: Connection, table: TableSpec): readonly Row[] {
  const names = [
    ...(hasOwnRowid(table) ? [ROWID] : []),
    ...table.columns.map(({name}) => name),
  ].sort();
  const list = names.map((name) => readSql(name === ROWID ? name : quoted(name)));
  const raws = db
    .prepare(`SELECT ${list.join(', ')} FROM ${quoted(table.name)}`)
    .raw()
    .safeIntegers()
    .all() as readonly (readonly unknown[])[];
  return raws
    .map((raw) => names.map((name, at) => [name, valueOf(raw[2 * at], raw[2 * at + 1])] as const))
    .map((pairs) => ({order: JSON.stringify(pairs), row: Object.fromEntries(pairs)}))
    .sort((a, b) => (a.order < b.order ? -1 : 1))
    .map(({row}) => row);
}

/**
 * Rows as a database of this schema, without its triggers, would hold them, computed columns too; or
 * undefined where one of its constraints forbids them.
 */
export function accepted(tables: readonly TableSpec[], content: Content): Content | undefined {
  const db = new BetterSqlite3(':memory:');
  try {
    db.pragma('foreign_keys = OFF');
    db.exec(ddlOf(tables).tables);
    const fit = tables.every((table) =>
      (content.get(table.name) ?? []).every((row) => insertWhole(db, table, row)),
    );
    return fit ? contentOf(db, tables) : undefined;
  } finally {
    db.close();
  }
}

function insertWhole(db: Connection, table: TableSpec, row: Row): boolean {
  if (isRowidKey(table) && row[table.key[0] ?? ''] === 'null') return false;
  const names = writable(table);
  const values = names.map((name) => row[name] ?? 'null');
  const into = names.map((name) => (name === ROWID ? name : quoted(name))).join(', ');
  const sql = `INSERT OR ABORT INTO ${quoted(table.name)} (${into}) VALUES (${values.map(bindSql).join(', ')})`;
  try {
    db.prepare(sql).run(...values.map(boundOf));
    return true;
  } catch (error) {
    if (!(error instanceof BetterSqlite3.SqliteError)) throw error;
    if (!/^SQLITE_(CONSTRAINT|MISMATCH)/.test(error.code)) throw error;
    return false;
  }
}
