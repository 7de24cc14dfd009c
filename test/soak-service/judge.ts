/** Finds out what a snapshot holds, whatever the services say: it has a database of its own. */
import {join} from 'node:path';
import Database from 'better-sqlite3';
import {main, runProcess} from '../helpers/run-process.ts';
import type {SoakStore} from './store.ts';
import {createTables, replicated, stampOf} from './tables.ts';

type JudgeOptions = {
  readonly folder: string;
  readonly store: SoakStore;
  readonly env: NodeJS.ProcessEnv;
};

export class Judge {
  readonly #options: JudgeOptions;
  readonly #database: string;
  readonly #known = new Map<string, number>();

  constructor(options: JudgeOptions) {
    this.#options = options;
    this.#database = join(options.folder, 'judge.db');
    const db = new Database(this.#database);
    createTables(db);
    db.close();
  }

  /** The state of the primary in a snapshot, the newest one by default; undefined where that cannot be read now. */
  async stampIn(digest: string | undefined): Promise<number | undefined> {
    const known = digest === undefined ? undefined : this.#known.get(digest);
    if (known !== undefined) return known;
    const {folder, store, env} = this.#options;
    const place = ['--database', this.#database, '--state', join(folder, 'judge-state')];
    const tables = replicated.flatMap((table) => ['--tables', table]);
    const which = digest === undefined ? [] : ['--snapshot', digest];
    const {exitCode} = await runProcess(
      process.execPath,
      [main, 'replicate', '--store', `restic:${store.place}`, ...place, ...tables, ...which],
      {env},
    );
    if (exitCode !== 0) return undefined;
    const db = new Database(this.#database, {readonly: true});
    const stamp = stampOf(db);
    db.close();
    if (digest !== undefined && stamp !== undefined) this.#known.set(digest, stamp);
    return stamp;
  }
}
