// Reads tables by SQL alone, without any code of the project: what a test compares by.

import {createHash} from 'node:crypto';
import {existsSync, readFileSync} from 'node:fs';
import Database from 'better-sqlite3';

/** Column → storage class and exact value. */
export type TypedRow = Readonly<Record<string, string>>;

export type DumpOptions = {
  /** Columns left out. */
  readonly without?: readonly string[];
};

/** All rows of a table by storage class and value, columns by name, whatever order they are stored in. */
export function dumpTable(path: string, table: string, options: DumpOptions = {}): TypedRow[] {
  return reading(path, (db) => dumpRows(db, table, options));
}

/** All rows of every table, or of those that are wanted. */
export function dumpTables(
  path: string,
  wanted: (table: string) => boolean = () => true,
): Record<string, TypedRow[]> {
  return reading(path, (db) => {
    const names = tableNames(db).filter(wanted);
    return Object.fromEntries(names.map((name) => [name, dumpRows(db, name)]));
  });
}

export function tablesOf(path: string): string[] {
  return reading(path, tableNames);
}

export function countRows(path: string, table: string, where = '1'): number {
  return reading(path, (db) =>
    Number(
      db
        .prepare(`SELECT count(*) FROM ${quote(table)} WHERE ${where}`)
        .pluck()
        .get(),
    ),
  );
}

/** What SQLite's own checks find: nothing where all is well. */
export function complaints(path: string): unknown[] {
  return reading(path, (db) => {
    const integrity = db.pragma('integrity_check', {simple: true});
    const references = db.pragma('foreign_key_check') as unknown[];
    return integrity === 'ok' ? references : [integrity, ...references];
  });
}

/**
 * Digests of the bytes of the database file and its log; equal where nothing was written. An empty log
 * counts as none: opening a database in WAL mode makes one.
 */
export function fileDigests(path: string): readonly string[] {
  return [path, `${path}-wal`].map((file) => {
    const bytes = existsSync(file) ? readFileSync(file) : Buffer.alloc(0);
    return bytes.length === 0 ? 'none' : createHash('sha256').update(bytes).digest('hex');
  });
}

/** Runs statements on a database file, as its application would. */
export function execute(path: string, sql: string): void {
  const db = new Database(path);
  try {
    db.pragma('foreign_keys = ON');
    db.exec(sql);
  } finally {
    db.close();
  }
}

function reading<T>(path: string, work: (db: Database.Database) => T): T {
  const db = new Database(path, {readonly: true, fileMustExist: true});
  try {
    return work(db);
  } finally {
    db.close();
  }
}

function tableNames(db: Database.Database): string[] {
  const names = db
    .prepare(
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
    )
    .pluck()
    .all() as string[];
  return names.sort();
}

/** The same on a connection that is open: in its transaction, where it has one. */
export function dumpRows(
  db: Database.Database,
  table: string,
  {without = []}: DumpOptions = {},
): TypedRow[] {
  const columns = (db.pragma(`table_xinfo(${quote(table)})`) as {name: string}[])
    .map(({name}) => name)
    .filter((name) => !without.includes(name))
    .sort();
  const list = columns.flatMap((name) => {
    const column = quote(name);
    return [
      `typeof(${column})`,
      `CASE typeof(${column}) WHEN 'real' THEN ${column} WHEN 'integer' THEN CAST(${column} AS TEXT) ELSE hex(CAST(${column} AS BLOB)) END`,
    ];
  });
  const rows = db
    .prepare(`SELECT ${list.join(', ')} FROM ${quote(table)}`)
    .raw()
    .all() as (string | number)[][];
  const dumped = rows.map((cells) =>
    columns.map((name, at) => [name, typed(cells[2 * at], cells[2 * at + 1])] as const),
  );
  return dumped
    .map((pairs) => ({text: JSON.stringify(pairs), row: Object.fromEntries(pairs)}))
    .sort((a, b) => (a.text < b.text ? -1 : 1))
    .map(({row}) => row);
}

function typed(storage: string | number | undefined, value: string | number | undefined): string {
  if (storage !== 'real') return `${storage} ${value}`;
  const bits = Buffer.alloc(8);
  bits.writeDoubleBE(Number(value));
  return `real ${bits.toString('hex')}`;
}

export function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
