/** SQLite databases for tests, written and read without any code of the project. */
import {mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {onTestFinished} from 'vitest';
import type {Cell} from '../../src/kernel/row.ts';

/** A folder that goes away with the test. */
export function tempFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'rowplica-test-'));
  onTestFinished(() => rmSync(folder, {recursive: true, force: true}));
  return folder;
}

/** Makes the file anew and hands it to `fill`, in one transaction without durability. */
export function makeDb(path: string, fill: (db: BetterSqlite3.Database) => void): string {
  rmSync(path, {force: true});
  const db = new BetterSqlite3(path);
  try {
    db.pragma('synchronous = OFF');
    db.pragma('journal_mode = MEMORY');
    db.pragma('foreign_keys = OFF');
    db.transaction(() => fill(db))();
  } finally {
    db.close();
  }
  return path;
}

export type Insert = {readonly table: string; readonly cells: readonly Cell[]};

/** Inserts a row, cells in declared order; false where a constraint forbids it. */
export function insertRow(db: BetterSqlite3.Database, {table, cells}: Insert): boolean {
  const holders = cells.map((cell) => (isBytesOfText(cell) ? 'CAST(? AS TEXT)' : '?'));
  const values = cells.map((cell) =>
    isBytesOfText(cell) ? cell.textBytes : cell instanceof Uint8Array ? Buffer.from(cell) : cell,
  );
  const sql = `INSERT OR ABORT INTO "${table}" VALUES (${holders.join(', ')})`;
  try {
    db.prepare(sql).run(...values);
    return true;
  } catch (error) {
    const refused = error instanceof BetterSqlite3.SqliteError;
    if (refused && error.code.startsWith('SQLITE_CONSTRAINT')) return false;
    throw error;
  }
}

/** Every row of a table as class and bits of each cell, sorted; `columns` is SQL. */
export function dump(path: string, table: string, columns: readonly string[]): readonly string[] {
  const db = new BetterSqlite3(path, {readonly: true});
  try {
    return dumpRows(db, table, columns);
  } finally {
    db.close();
  }
}

export function dumpRows(
  db: BetterSqlite3.Database,
  table: string,
  columns: readonly string[],
): readonly string[] {
  const list = columns.flatMap((name) => [
    `typeof("${name}")`,
    `CASE typeof("${name}") WHEN 'text' THEN hex(CAST("${name}" AS BLOB)) WHEN 'blob' THEN hex("${name}") ELSE "${name}" END`,
  ]);
  const rows = db
    .prepare(`SELECT ${list.join(', ')} FROM "${table}"`)
    .raw(true)
    .safeIntegers(true)
    .all() as readonly (readonly unknown[])[];
  return rows.map(typedRow).sort();
}

function typedRow(raw: readonly unknown[]): string {
  const parts: string[] = [];
  for (let at = 0; at < raw.length; at += 2) parts.push(`${String(raw[at])} ${bits(raw[at + 1])}`);
  return parts.join(' | ');
}

/** The same notation for a cell that never saw a database. */
export function typed(cell: Cell): string {
  if (cell === null) return 'null null';
  if (typeof cell === 'bigint') return `integer ${bits(cell)}`;
  if (typeof cell === 'number') return `real ${bits(cell)}`;
  if (typeof cell === 'string') return `text ${hex(Buffer.from(cell))}`;
  return isBytesOfText(cell) ? `text ${hex(cell.textBytes)}` : `blob ${hex(cell)}`;
}

function bits(value: unknown): string {
  if (typeof value !== 'number') return String(value);
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString('hex');
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex').toUpperCase();
}

function isBytesOfText(cell: Cell): cell is {readonly textBytes: Uint8Array} {
  return cell !== null && typeof cell === 'object' && 'textBytes' in cell;
}
