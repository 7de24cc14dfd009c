// What a running Uptime Kuma holds in memory: monitors that it polls, maintenances, and answers to visitors of status pages.

import {appendFileSync} from 'node:fs';
import Database from 'better-sqlite3';
import type {FakeOptions} from './options.ts';

export type Row = Readonly<Record<string, unknown>>;

export class Memory {
  readonly db: Database.Database;
  readonly monitors = new Map<number, Row>();
  readonly maintenances = new Map<number, Row>();
  readonly #pages = new Map<string, string>();
  readonly #options: FakeOptions;
  readonly #domains: ReadonlySet<string>;
  #writesBack: number;

  constructor(options: FakeOptions) {
    this.#options = options;
    this.#writesBack = options.writesBackTimes;
    this.db = new Database(options.database);
    this.db.pragma('journal_mode = WAL');
    this.db.pragma('foreign_keys = ON');
    for (const row of this.rows('maintenance')) this.maintenances.set(Number(row['id']), row);
    this.#domains = new Set(this.rows('status_page_cname').map((row) => String(row['domain'])));
  }

  note(line: Row): void {
    appendFileSync(this.#options.notes, `${JSON.stringify(line)}\n`);
  }

  rows(table: string): readonly Row[] {
    return this.db.prepare(`SELECT * FROM ${table}`).all() as Row[];
  }

  row(table: string, id: unknown): Row | undefined {
    return this.db.prepare(`SELECT * FROM ${table} WHERE id = ?`).get(id) as Row | undefined;
  }

  setting(key: string): string | undefined {
    const read = this.db.prepare('SELECT value FROM setting WHERE key = ?').pluck();
    return read.get(key) as string | undefined;
  }

  startMonitors(): void {
    for (const row of this.rows('monitor'))
      if (row['active'] === 1) this.monitors.set(Number(row['id']), row);
    setInterval(() => this.#beat(), this.#options.beat).unref();
  }

  /** Polls what it has in memory, however the rows look by now. */
  #beat(): void {
    for (const [id, {url}] of this.monitors)
      try {
        this.db
          .prepare(
            "INSERT INTO heartbeat (monitor_id, status, msg, time) VALUES (?, 1, ?, datetime('now'))",
          )
          .run(id, url);
      } catch {
        this.note({fault: 'heartbeat', monitor: id});
      }
  }

  /** Starts a monitor as it is in its row now. */
  startMonitor(user: number, id: number): void {
    this.#checkOwner(user, id);
    const before = this.monitors.get(id);
    this.#setActive(user, id, 1);
    this.monitors.set(id, this.row('monitor', id) ?? {});
    const {writesBack} = this.#options;
    if (writesBack === undefined || before === undefined || this.#writesBack-- <= 0) return;
    this.db
      .prepare(`UPDATE monitor SET ${writesBack} = ? WHERE id = ?`)
      .run(before[writesBack], id);
    this.monitors.set(id, {...this.row('monitor', id)});
    this.note({wroteBack: writesBack, monitor: id});
  }

  pauseMonitor(user: number, id: number): void {
    this.#checkOwner(user, id);
    this.#setActive(user, id, 0);
    this.monitors.delete(id);
  }

  /** Ends the polling of anybody's monitor; the row goes where it is there, and the user's own. */
  deleteMonitor(user: number, id: number): void {
    this.monitors.delete(id);
    this.db.prepare('DELETE FROM monitor WHERE id = ? AND user_id = ?').run(id, user);
    this.clearPages();
  }

  #checkOwner(user: number, id: number): void {
    if (this.row('monitor', id)?.['user_id'] !== user)
      throw new Error('You do not own this monitor.');
  }

  #setActive(user: number, id: number, active: number): void {
    this.db
      .prepare('UPDATE monitor SET active = ? WHERE id = ? AND user_id = ?')
      .run(active, id, user);
  }

  clearPages(): void {
    this.#pages.clear();
  }

  /** As a visitor sees it: what was read once stays for minutes. A domain shows its page as it was known at the start. */
  page(slug: string): string {
    const kept = this.#pages.get(slug);
    if (kept !== undefined) return kept;
    const read = this.db.prepare('SELECT title FROM status_page WHERE slug = ?').pluck();
    const title = (read.get(slug) as string | undefined) ?? '';
    this.#pages.set(slug, title);
    return title;
  }

  get domains(): ReadonlySet<string> {
    return this.#domains;
  }
}
