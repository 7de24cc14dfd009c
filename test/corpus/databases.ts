/** Makes the databases of a case, and reads whole databases by plain SQL, without any code of the engine. */
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import type {Cell} from '../../src/kernel/row.ts';
import {sideOf, type Case, type Rows} from './case.ts';

/** Rows of a table as text, sorted: each column's name, storage class and bits. */
export type TypedRows = readonly string[];

/** Everything in a database file. */
export type Dump = {
  /** By table; SQLite's own tables too. */
  readonly tables: ReadonlyMap<string, TypedRows>;
  /** Declarations, and the settings of the file. */
  readonly schema: readonly string[];
  /** References that lead nowhere: table, columns, values. */
  readonly dangling: readonly string[];
  readonly integrity: string;
};

/** Makes one side of a case in a new file of this folder. */
export function makeSide(folder: string, side: 'primary' | 'replica', from: Case): string {
  const path = join(folder, `${side}.db`);
  writing(path, (db) => {
    db.pragma(`encoding = '${sideOf(from.encoding ?? 'UTF-8', side)}'`);
    db.pragma('journal_mode = WAL');
    db.exec(sideOf(from.ddl, side));
    fill(db, from[side]);
  });
  return path;
}

/** Runs SQL on a database, with foreign keys off. */
export function run(path: string, sql: string): void {
  writing(path, (db) => db.exec(sql));
}

/** Reads all there is. */
export function dump(path: string): Dump {
  const db = new BetterSqlite3(path, {readonly: true, fileMustExist: true});
  try {
    const names = texts(db, `SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name`);
    const tables = new Map(names.map((name) => [name, rowsOf(db, name)]));
    const settings = ['journal_mode', 'page_size', 'encoding', 'user_version', 'application_id'];
    return {
      tables,
      schema: [
        ...texts(db, `SELECT type || ' ' || name || ': ' || coalesce(sql, '') FROM sqlite_master`),
        ...settings.map((name) => `${name} ${String(db.pragma(name, {simple: true}))}`),
      ].sort(),
      dangling: names.flatMap((name) => danglingOf(db, name)).sort(),
      integrity: String(db.pragma('integrity_check', {simple: true})),
    };
  } finally {
    db.close();
  }
}

/** The texts in a database's rows that are long enough to be known again. */
export function longTexts(path: string, lengthMin: number): readonly string[] {
  const db = new BetterSqlite3(path, {readonly: true, fileMustExist: true});
  try {
    const names = texts(
      db,
      `SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'`,
    );
    const cells = names.flatMap((name) =>
      db
        .prepare(`SELECT * FROM ${quote(name)}`)
        .raw()
        .all(),
    );
    return (cells as unknown[][])
      .flat()
      .filter((cell) => typeof cell === 'string')
      .filter((cell) => cell.length >= lengthMin);
  } finally {
    db.close();
  }
}

function writing(path: string, work: (db: BetterSqlite3.Database) => void): void {
  const db = new BetterSqlite3(path);
  try {
    db.unsafeMode(true);
    db.pragma('synchronous = OFF');
    db.pragma('foreign_keys = OFF');
    work(db);
  } finally {
    db.close();
  }
}

function fill(db: BetterSqlite3.Database, rows: Rows): void {
  if (typeof rows === 'string') {
    db.exec(rows);
    return;
  }
  for (const [table, list] of Object.entries(rows))
    for (const cells of list) insert(db, table, cells);
}

function insert(db: BetterSqlite3.Database, table: string, cells: readonly Cell[]): void {
  const isBytes = (cell: Cell) => cell !== null && typeof cell === 'object' && 'textBytes' in cell;
  const places = cells.map((cell) => (isBytes(cell) ? 'CAST(? AS TEXT)' : '?'));
  const bound = cells.map((cell) =>
    cell !== null && typeof cell === 'object' && 'textBytes' in cell ? cell.textBytes : cell,
  );
  db.prepare(`INSERT INTO ${quote(table)} VALUES (${places.join(', ')})`).run(...bound);
}

/** Real values are read as doubles, integers as decimal digits, all else as bytes. */
function rowsOf(db: BetterSqlite3.Database, table: string): TypedRows {
  const columns = columnsOf(db, table);
  const list = columns.flatMap((name) => {
    const cell = quote(name);
    return [
      `typeof(${cell})`,
      `CASE typeof(${cell}) WHEN 'real' THEN ${cell} WHEN 'integer' THEN CAST(${cell} AS TEXT) ELSE CAST(${cell} AS BLOB) END`,
    ];
  });
  const rows = db
    .prepare(`SELECT ${list.join(', ')} FROM ${quote(table)}`)
    .raw()
    .all();
  const order = encodingOf(db);
  return (rows as unknown[][])
    .map((row) => JSON.stringify(columns.map((name, at) => [name, typed(order, row, at)])))
    .sort();
}

/** By name, so that the order of declaration does not matter; computed columns too. */
function columnsOf(db: BetterSqlite3.Database, table: string): readonly string[] {
  return texts(db, `SELECT name FROM pragma_table_xinfo(${literal(table)})`).sort();
}

function typed(encoding: BufferEncoding | 'utf16be', row: readonly unknown[], at: number): string {
  const storage = String(row[2 * at]);
  const value = row[2 * at + 1];
  if (storage === 'real') return `real ${bits(Number(value))}`;
  if (!(value instanceof Uint8Array)) return `${storage} ${String(value)}`;
  const bytes = storage === 'text' ? asUtf8(encoding, value) : Buffer.from(value);
  return `${storage} ${bytes.toString('hex')}`;
}

function bits(value: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bytes.toString('hex');
}

function encodingOf(db: BetterSqlite3.Database): BufferEncoding | 'utf16be' {
  const encoding = String(db.pragma('encoding', {simple: true}));
  if (encoding === 'UTF-16be') return 'utf16be';
  return encoding === 'UTF-16le' ? 'utf16le' : 'utf8';
}

/** So that databases of different encodings can be compared. */
function asUtf8(encoding: BufferEncoding | 'utf16be', bytes: Uint8Array): Buffer {
  const copy = Buffer.from(bytes);
  if (encoding === 'utf8') return copy;
  const little = encoding === 'utf16be' ? copy.swap16() : copy;
  return Buffer.from(little.toString('utf16le'), 'utf8');
}

/** By their values, where SQLite's own check names rowids; the two must count the same. */
function danglingOf(db: BetterSqlite3.Database, table: string): readonly string[] {
  const keys = db.pragma(`foreign_key_list(${quote(table)})`) as readonly KeyColumn[];
  const rows = [...Map.groupBy(keys, ({id}) => id).values()].flatMap((key) => {
    const columns = key.map(({from}) => from).join(', ');
    return danglingRows(db, table, key).map((values) => `${table} (${columns}): ${values}`);
  });
  const counted = (db.pragma(`foreign_key_check(${quote(table)})`) as unknown[]).length;
  if (counted !== rows.length) throw new Error(`dangling rows of ${table} are counted otherwise`);
  return rows;
}

type KeyColumn = {
  readonly id: number;
  readonly table: string;
  readonly from: string;
  readonly to: string | null;
};

function danglingRows(
  db: BetterSqlite3.Database,
  table: string,
  key: readonly KeyColumn[],
): readonly string[] {
  const parent = key[0]?.table ?? '';
  const declared = texts(
    db,
    `SELECT name FROM pragma_table_info(${literal(parent)}) WHERE pk ORDER BY pk`,
  );
  const parentColumns = key.map(({to}, at) => to ?? declared[at] ?? '');
  // The parent's column stands first: its collation and affinity decide.
  const matches = key.map(({from}, at) => `p.${quote(parentColumns[at] ?? '')} = c.${quote(from)}`);
  const set = key.map(({from}) => `c.${quote(from)} IS NOT NULL`).join(' AND ');
  const values = key.map(({from}) => `quote(c.${quote(from)})`).join(` || ', ' || `);
  const none =
    declared.length === 0 && columnsOf(db, parent).length === 0
      ? ''
      : `AND NOT EXISTS (SELECT 1 FROM ${quote(parent)} p WHERE ${matches.join(' AND ')})`;
  return texts(db, `SELECT ${values} FROM ${quote(table)} c WHERE ${set} ${none}`);
}

function texts(db: BetterSqlite3.Database, sql: string): string[] {
  return db.prepare(sql).pluck().all() as string[];
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

function literal(name: string): string {
  return `'${name.replaceAll("'", "''")}'`;
}
