/** The databases that are measured: one large table beside a small busy one, and many small tables. */
import Database from 'better-sqlite3';

/** What replicas hold before the first snapshot arrives. */
const EMPTY = `
  CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, size REAL, url TEXT, parent INTEGER,
    note TEXT, active INTEGER, share REAL, body TEXT, rank INTEGER, code TEXT);
  CREATE TABLE beat (id INTEGER PRIMARY KEY, at TEXT)`;
const BATCH = 10_000;

/** Twelve columns: integers, reals of many digits, texts, a NULL. */
export function buildItems(path: string, rows: number): void {
  withDatabase(path, (db) => {
    db.exec(`PRAGMA journal_mode = WAL; ${EMPTY}`);
    const insert = db.prepare('INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
    const fill = db.transaction((from: number, to: number) => {
      for (let id = from; id < to; id++)
        insert.run(
          id,
          `name ${id}`,
          id % 7,
          id * 0.8,
          `https://host-${id}.example/`,
          id >> 3,
          null,
          1,
          id / 997,
          'lorem ipsum',
          id % 100,
          'zz',
        );
    });
    for (let from = 0; from < rows; from += BATCH) fill(from, Math.min(from + BATCH, rows));
  });
}

export function buildEmpty(path: string): void {
  withDatabase(path, (db) => db.exec(`PRAGMA journal_mode = WAL; ${EMPTY}`));
}

/** Updates rows that are spread evenly over the table. */
export function editItems(path: string, rows: number, count: number): void {
  withDatabase(path, (db) => {
    const update = db.prepare('UPDATE item SET kind = kind + 1 WHERE id = ?');
    db.transaction(() => {
      for (let at = 0; at < count; at++) update.run(Math.floor(((at + 0.5) * rows) / count));
    })();
  });
}

/** A commit that changes no row that travels. */
export function beat(path: string): void {
  withDatabase(path, (db) => db.exec("INSERT INTO beat (at) VALUES (datetime('now'))"));
}

/** Of the size of an Uptime Kuma: 16 tables of 500 rows. */
export const smallTables: readonly string[] = Array.from({length: 16}, (_, at) => `t${at}`);
const SMALL_ROWS = 500;

export function buildSmall(path: string): void {
  withDatabase(path, (db) => {
    db.exec('PRAGMA journal_mode = WAL');
    for (const table of smallTables) {
      db.exec(
        `CREATE TABLE ${table} (id INTEGER PRIMARY KEY, name TEXT, url TEXT, active INTEGER, share REAL)`,
      );
      const insert = db.prepare(`INSERT INTO ${table} VALUES (?, ?, ?, ?, ?)`);
      db.transaction(() => {
        for (let id = 0; id < SMALL_ROWS; id++)
          insert.run(id, `name ${id}`, `https://host-${id}.example/`, id % 2, id / 997);
      })();
    }
  });
}

/** To what it never was before: a store holds that already. */
export function editSmall(path: string): void {
  withDatabase(path, (db) => db.exec('UPDATE t3 SET share = share + 0.1 WHERE id = 7'));
}

function withDatabase(path: string, work: (db: Database.Database) => unknown): void {
  const db = new Database(path);
  try {
    work(db);
  } finally {
    db.close();
  }
}
