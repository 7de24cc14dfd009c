/** Random edits, as an application and its users make them. */
import type Database from 'better-sqlite3';
import {pick, type Draw} from '../helpers/drawer.ts';
import {ROWS, tablesOf} from './tables.ts';

const GROUPS = [0, 1, 2, 3] as const;

export class Edits {
  readonly #db: Database.Database;
  readonly #draw: Draw;
  #made = 0;

  constructor(db: Database.Database, draw: Draw) {
    this.#db = db;
    this.#draw = draw;
  }

  /** One transaction. @returns the tables that it may have changed; none where it was rolled back. */
  transaction(): readonly string[] {
    const groups = new Set<number>();
    const count = this.#draw() < 0.25 ? 2 + Math.floor(20 * this.#draw()) : 1;
    const isRolledBack = this.#draw() < 0.1;
    this.#db.exec('BEGIN IMMEDIATE');
    try {
      for (let edit = 0; edit < count; edit++) groups.add(this.#edit());
      this.#run('UPDATE stamp SET n = n + 1');
    } catch (error) {
      if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
      throw error;
    }
    this.#db.exec(isRolledBack ? 'ROLLBACK' : 'COMMIT');
    return isRolledBack ? [] : [...[...groups].flatMap(tablesOf), 'stamp'];
  }

  #edit(): number {
    const group = pick(this.#draw, GROUPS);
    const [host, label, link, entry] = tablesOf(group);
    const edits: readonly (() => void)[] = [
      () =>
        this.#insertOrDelete(
          host,
          ['name', 'note', 'weight'],
          [this.#name(), this.#value(), this.#draw()],
        ),
      () =>
        this.#insertOrDelete(
          label,
          ['code', 'color', 'data'],
          [this.#name(), this.#value(), this.#bytes()],
        ),
      () =>
        this.#insertOrDelete(
          entry,
          ['title', 'body', 'flag'],
          [this.#name(), this.#text(), this.#value()],
        ),
      () => this.#link(link, host, label),
      () => this.#update(host, pick(this.#draw, ['note', 'url']), this.#text()),
      () => this.#update(host, pick(this.#draw, ['weight', 'timeout']), this.#draw() * 1e6),
      () => this.#update(host, 'name', this.#name()),
      () => this.#update(host, 'parent', null),
      () => this.#update(label, 'code', this.#name()),
      () => this.#update(label, pick(this.#draw, ['color', 'data']), this.#value()),
      () => this.#update(entry, pick(this.#draw, ['flag', 'body']), this.#value()),
      () => this.#update(entry, 'rank', Math.floor(this.#draw() * 20)),
      () => this.#swap(host),
    ];
    pick(this.#draw, edits)();
    return group;
  }

  /** Keeps a table near the size that it began with: one that lost half of its rows would trip the fuse. */
  #insertOrDelete(
    table: string | undefined,
    columns: readonly string[],
    values: readonly unknown[],
  ): void {
    const count = Number(this.#db.prepare(`SELECT count(*) FROM ${table}`).pluck().get());
    if (this.#draw() < count / ROWS / 2) {
      this.#run(`DELETE FROM ${table} WHERE ${this.#chosen(table)}`);
      return;
    }
    const places = columns.map(() => '?').join(', ');
    this.#run(
      `INSERT OR IGNORE INTO ${table} (${columns.join(', ')}) VALUES (${places})`,
      ...values,
    );
  }

  #link(link: string | undefined, host: string | undefined, label: string | undefined): void {
    const count = Number(this.#db.prepare(`SELECT count(*) FROM ${link}`).pluck().get());
    if (this.#draw() < count / ROWS / 2) {
      const {host, label} = this.#db
        .prepare(`SELECT host, label FROM ${link} LIMIT 1 OFFSET ?`)
        .get(Math.floor(this.#draw() * count)) as {host: number; label: string};
      this.#run(`DELETE FROM ${link} WHERE host = ? AND label = ?`, host, label);
      return;
    }
    this.#run(
      `INSERT OR REPLACE INTO ${link} SELECT (SELECT id FROM ${host} WHERE ${this.#chosen(host)}), (SELECT code FROM ${label} WHERE ${this.#chosen(label)}), ?`,
      this.#text(),
    );
  }

  #update(table: string | undefined, column: string, value: unknown): void {
    this.#run(`UPDATE OR IGNORE ${table} SET ${column} = ? WHERE ${this.#chosen(table)}`, value);
  }

  /** Two rows exchange a value that is unique. */
  #swap(table: string | undefined): void {
    const first = `(SELECT min(id) FROM ${table})`;
    const last = `(SELECT max(id) FROM ${table})`;
    const names = [first, last].map((id) =>
      this.#db.prepare(`SELECT name FROM ${table} WHERE id = ${id}`).pluck().get(),
    );
    this.#run(`UPDATE ${table} SET name = 'parked' WHERE id = ${first}`);
    this.#run(`UPDATE ${table} SET name = ? WHERE id = ${last}`, names[0]);
    this.#run(`UPDATE ${table} SET name = ? WHERE id = ${first}`, names[1]);
  }

  /** Names one row at random; the seed decides where the search begins. */
  #chosen(table: string | undefined): string {
    const at = Math.floor(this.#draw() * ROWS);
    return `rowid = (SELECT rowid FROM ${table} ORDER BY rowid LIMIT 1 OFFSET (${at} % (SELECT max(1, count(*)) FROM ${table})))`;
  }

  #name(): string {
    return `Name ${this.#made++} ${Math.floor(this.#draw() * 1e6)}`;
  }

  #text(): string {
    return `${pick(this.#draw, ['lorem', 'żółć', '日本', "it's", '"quoted"', '🙂'])} `.repeat(
      1 + Math.floor(this.#draw() * 20),
    );
  }

  #bytes(): Buffer {
    return Buffer.from(Array.from({length: 8}, () => Math.floor(this.#draw() * 256)));
  }

  #value(): unknown {
    const values = [
      null,
      1n,
      0,
      1.5,
      -0.25,
      '',
      this.#text(),
      this.#bytes(),
      9_007_199_254_740_993n,
    ];
    return pick(this.#draw, values);
  }

  #run(sql: string, ...values: readonly unknown[]): void {
    this.#db.prepare(sql).run(...values);
  }
}
