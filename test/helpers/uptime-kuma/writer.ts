// Inserts rows into databases of any of the known versions.

import Database from 'better-sqlite3';

import {parseColumn} from './schema.ts';
import {schemaOf} from './tables.ts';

type Value = string | number | bigint | null;
export type Row = Readonly<Record<string, Value>>;

/** Every column of every version, to tell a column that a version lacks from a misspelt one. */
const known = new Set<string>();
for (const version of ['1.18.5', '1.23.17', '2.5.3'] as const) {
  for (const [table, {columns}] of schemaOf(version, 'native')) {
    for (const column of columns) known.add(`${table}.${parseColumn(column).name}`);
  }
}

/** How to insert rows of the same shape; without a statement if there is no such table. */
type Plan = {readonly names: readonly string[]; readonly statement?: Database.Statement};

export class Writer {
  readonly db: Database.Database;
  readonly #columns = new Map<string, ReadonlySet<string>>();
  readonly #plans = new Map<string, Plan>();

  constructor(db: Database.Database) {
    this.db = db;
  }

  has(table: string): boolean {
    return this.#columnsOf(table).size > 0;
  }

  /** Inserts a row, leaving out the columns, or the whole row, that this database has no place for. */
  insert(table: string, row: Row): void {
    const key = `${table} ${Object.keys(row).join()}`;
    let plan = this.#plans.get(key);
    if (plan === undefined) {
      plan = this.#plan(table, Object.keys(row));
      this.#plans.set(key, plan);
    }
    plan.statement?.run(plan.names.map((name) => row[name]));
  }

  insertAll(table: string, rows: Iterable<Row>): void {
    for (const row of rows) this.insert(table, row);
  }

  /** Takes an id as if a row had been added and deleted again: later automatic ids are greater. */
  burn(table: string, id: number, row: Row): void {
    this.insert(table, {id, ...row});
    this.db.prepare(`DELETE FROM \`${table}\` WHERE id = ?`).run(id);
  }

  #plan(table: string, given: readonly string[]): Plan {
    for (const name of given) {
      if (!known.has(`${table}.${name}`)) throw new Error(`No version has ${table}.${name}`);
    }
    const columns = this.#columnsOf(table);
    if (columns.size === 0) return {names: []};
    const names = given.filter((name) => columns.has(name));
    const list = names.map((name) => `\`${name}\``).join(', ');
    const places = names.map(() => '?').join(', ');
    const sql = `INSERT INTO \`${table}\` (${list}) VALUES (${places})`;
    return {names, statement: this.db.prepare(sql)};
  }

  #columnsOf(table: string): ReadonlySet<string> {
    let columns = this.#columns.get(table);
    if (columns === undefined) {
      const info = this.db.prepare('SELECT name FROM pragma_table_xinfo(?)').pluck();
      columns = new Set(info.all(table) as string[]);
      this.#columns.set(table, columns);
    }
    return columns;
  }
}

/** Opens a database for writing and closes it after the work, which is one transaction. */
export function writeTo(
  path: string,
  work: (writer: Writer) => void,
  {foreignKeys = true}: {readonly foreignKeys?: boolean} = {},
): void {
  const db = new Database(path);
  try {
    db.pragma('journal_mode = WAL');
    db.pragma(`foreign_keys = ${foreignKeys ? 'ON' : 'OFF'}`);
    db.pragma('synchronous = NORMAL');
    db.transaction(() => {
      work(new Writer(db));
    }).immediate();
  } finally {
    db.close();
  }
}
