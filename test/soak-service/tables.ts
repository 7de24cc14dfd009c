/** A database of the size of an Uptime Kuma, but of a general schema: 16 tables of 500 rows, and a history that is not replicated. */
import {createHash} from 'node:crypto';
import type Database from 'better-sqlite3';
import {dumpRows} from '../helpers/typed-dump.ts';

const GROUPS = [0, 1, 2, 3] as const;
export const ROWS = 500;

/** The four tables that belong together. */
export function tablesOf(group: number): readonly string[] {
  return ['host', 'label', 'link', 'entry'].map((name) => `${name}_${group}`);
}

/** Its one row numbers the states of the database: each transaction of the application raises it. */
const STAMP = 'stamp';

export const replicated: readonly string[] = [...GROUPS.flatMap(tablesOf), STAMP];

/** Makes the tables. The rows come from the primary. */
export function createTables(db: Database.Database): void {
  db.pragma('journal_mode = WAL');
  for (const group of GROUPS) db.exec(schemaOf(group));
  db.exec(`CREATE TABLE ${STAMP} (id INTEGER PRIMARY KEY CHECK (id = 1), n INTEGER NOT NULL);
    CREATE TABLE heartbeat (id INTEGER PRIMARY KEY AUTOINCREMENT, host INTEGER REFERENCES host_0 ON DELETE CASCADE,
      at TEXT, status INTEGER, ping INTEGER, msg TEXT);
    CREATE INDEX heartbeat_host ON heartbeat (host, at)`);
}

function schemaOf(group: number): string {
  const [host, label, link, entry] = tablesOf(group);
  // One group takes the slow ways of reading: keys whose order is not that of an index, columns without a type.
  const [collation, text, integer] =
    group === 0 ? ['COLLATE NOCASE', '', ''] : ['', 'TEXT', 'INTEGER'];
  return `
    CREATE TABLE ${host} (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, active INTEGER NOT NULL DEFAULT 1,
      weight REAL, note TEXT, url TEXT, timeout REAL, parent INTEGER REFERENCES ${host} ON DELETE SET NULL);
    CREATE TABLE ${label} (code TEXT ${collation} PRIMARY KEY, color ${text}, data BLOB, amount REAL);
    CREATE TABLE ${link} (host INTEGER REFERENCES ${host} ON DELETE CASCADE,
      label TEXT ${collation} REFERENCES ${label} ON DELETE CASCADE ON UPDATE CASCADE,
      extra TEXT, PRIMARY KEY (host, label)) WITHOUT ROWID;
    CREATE INDEX ${link}_label ON ${link} (label);
    CREATE TABLE ${entry} (id INTEGER PRIMARY KEY, host INTEGER REFERENCES ${host} ON DELETE CASCADE, title TEXT, body TEXT,
      rank INTEGER, size REAL, flag ${integer}, UNIQUE (host, rank))`;
}

/** The rows that the primary begins with. */
export function fill(db: Database.Database): void {
  db.transaction(() => {
    db.exec(`INSERT INTO ${STAMP} VALUES (1, 0)`);
    for (const group of GROUPS) fillGroup(db, group);
  })();
}

function fillGroup(db: Database.Database, group: number): void {
  const [host, label, link, entry] = tablesOf(group);
  const statements = [
    `INSERT INTO ${host} (id, name, weight, note, url, timeout, parent)
      VALUES (:id, 'host ' || :id, :id * 0.7, 'a note on ' || :id, 'https://host-' || :id || '.example/', 48.0, nullif(:id / 10, 0))`,
    `INSERT INTO ${label} VALUES ('Label ' || :id, '#' || :id, CAST('data ' || :id AS BLOB), :id / 3.0)`,
    `INSERT INTO ${link} VALUES (:id, 'Label ' || :id, 'extra')`,
    `INSERT INTO ${entry} VALUES (:id, :id, 'title ' || :id, 'lorem ipsum dolor sit amet ' || :id, :id % 7, :id * 1.5, :id % 2)`,
  ].map((sql) => db.prepare(sql));
  for (let id = 1; id <= ROWS; id++)
    for (const statement of statements) statement.run({id: BigInt(id)});
}

export function stampOf(db: Database.Database): number | undefined {
  return db.prepare(`SELECT n FROM ${STAMP}`).pluck().get() as number | undefined;
}

/** Says which rows a table holds, by typed value. */
export function digestOf(db: Database.Database, table: string): string {
  return createHash('sha256')
    .update(JSON.stringify(dumpRows(db, table)))
    .digest('hex');
}

/** One digest for all replicated tables. */
export function digestOfAll(digests: ReadonlyMap<string, string>): string {
  return createHash('sha256')
    .update(replicated.map((table) => digests.get(table)).join())
    .digest('hex');
}

export type Content = {
  readonly stamp: number | undefined;
  readonly digest: string;
  readonly tables: ReadonlyMap<string, string>;
};

/** What a database holds at one moment. */
export function contentOf(db: Database.Database): Content {
  return db.transaction(() => {
    const stamp = stampOf(db);
    const tables = new Map(replicated.map((table) => [table, digestOf(db, table)]));
    return {stamp, tables, digest: digestOfAll(tables)};
  })();
}

/** Milliseconds of a clock that all processes of this machine share, and that nobody sets. */
export function sharedMs(): number {
  return Number(process.hrtime.bigint() / 1000n) / 1000;
}
