/** One table of many rows: what Rowplica does with it, and what people would do instead, in turn. */
import {copyFileSync, mkdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {capture, noProgress, replicate, silentLog, type EngineOptions} from '../src/index.ts';
import {Watch} from '../src/engine/watch.ts';
import {beat, buildEmpty, editItems} from './data.ts';
import {bytesIn, here, ownCommand, RESTIC_PASSWORD, settle, shell} from './measure.ts';
import type {Sheet} from './sheet.ts';
import {timedStore, type TimedStore} from './timed-store.ts';

const SCATTERED = 100;

/** One pass over all of it, beside databases and repositories of its own. */
export class LargeTable {
  readonly #folder: string;
  readonly #rows: number;
  readonly #sheet: Sheet;
  readonly #store: TimedStore;

  /** @param original A database that `buildItems` made. */
  constructor(folder: string, original: string, rows: number, sheet: Sheet) {
    this.#folder = folder;
    this.#rows = rows;
    this.#sheet = sheet;
    mkdirSync(folder, {recursive: true});
    this.#store = timedStore(this.#path('store'));
    for (const name of ['primary', 'replica', 'peer'])
      copyFileSync(original, this.#path(`${name}.db`));
    for (const name of ['empty.db', 'loaded.db']) buildEmpty(this.#path(name));
  }

  async run(): Promise<void> {
    await this.#captures();
    await this.#first();
    await this.#changes();
    await this.#roundTrip();
    this.#growth();
    rmSync(this.#folder, {recursive: true});
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #flags(name: string): readonly string[] {
    const path = this.#path(`${name}.db`);
    const store = `restic:${this.#path('repository')}`;
    return ['--database', path, '--state', `${path}-state`, '--store', store, '--tables', 'item'];
  }

  /** The same in this process, with a folder for a store: no restic runs. */
  #options(name: string): EngineOptions {
    const database = this.#path(`${name}.db`);
    return {
      database,
      state: `${database}-here`,
      store: this.#store.store,
      tables: ['item'],
      env: process.env,
      log: silentLog,
      progress: noProgress,
    };
  }

  #own(work: string, command: string, name: string): void {
    const {ms, peakMb} = ownCommand([command, ...this.#flags(name)], this.#folder);
    this.#sheet.add(work, {ms, peakMb});
  }

  #peer(work: string, line: string): void {
    this.#sheet.add(work, {ms: shell(`cd '${this.#folder}'; ${line}`, this.#resticEnv())});
  }

  #resticEnv(): NodeJS.ProcessEnv {
    return {RESTIC_REPOSITORY: this.#path('raw'), RESTIC_PASSWORD};
  }

  async #captures(): Promise<void> {
    this.#own('capture, first', 'capture', 'primary');
    this.#peer('.dump | sha256sum', 'sqlite3 primary.db ".dump item" | sha256sum');
    this.#peer('sqldiff, equal', 'sqldiff --table item primary.db replica.db');
    beat(this.#path('primary.db'));
    this.#own('capture, another table written', 'capture', 'primary');
    const options = this.#options('primary');
    await capture(options);
    const watch = new Watch(options);
    await watch.look();
    this.#sheet.add('look, nothing committed', {ms: await here(async () => watch.look())});
    await watch.close();
  }

  async #first(): Promise<void> {
    this.#own('replicate, into an empty table', 'replicate', 'empty');
    shell(`cd '${this.#folder}'; sqlite3 primary.db ".dump item" > item.sql`);
    this.#peer(
      'sqlite3 < dump',
      'sqlite3 loaded.db "DROP TABLE item"; sqlite3 loaded.db < item.sql',
    );
    await replicate(this.#options('replica'));
  }

  async #changes(): Promise<void> {
    editItems(this.#path('primary.db'), this.#rows, SCATTERED);
    await capture(this.#options('primary'));
    settle();
    this.#store.spentMs();
    const ms = await here(async () => replicate(this.#options('replica')));
    const storeMs = this.#store.spentMs();
    this.#sheet.add('replicate, 100 changes, without restic', {ms: ms - storeMs});
    this.#sheet.add('replicate, 100 changes, its store a folder', {ms: storeMs});
    this.#peer('sqldiff, 100 changes', 'sqldiff --table item peer.db primary.db > changes.sql');
    this.#peer(
      'sqldiff | sqlite3, 100 changes',
      'sqldiff --table item peer.db primary.db | sqlite3 peer.db',
    );
  }

  /** From an edit on the primary to equal rows on the replica, as commands with restic; and as Replicator Kuma's two halves do it. */
  async #roundTrip(): Promise<void> {
    ownCommand(['replicate', ...this.#flags('replica')], this.#folder);
    shell(`cd '${this.#folder}'; restic init -q; mkdir current`, this.#resticEnv());
    shell(
      `cd '${this.#folder}/current'; sqlite3 ../peer.db ".dump item" > backup.sql; restic backup -q .`,
      this.#resticEnv(),
    );
    editItems(this.#path('primary.db'), this.#rows, SCATTERED);
    const captured = ownCommand(['capture', ...this.#flags('primary')], this.#folder);
    const applied = ownCommand(['replicate', ...this.#flags('replica')], this.#folder);
    const peakMb = Math.max(captured.peakMb, applied.peakMb);
    this.#sheet.add('round trip, 100 changes', {ms: captured.ms + applied.ms, peakMb});
    this.#peer('the old tool, 100 changes', OLD_CYCLE);
  }

  #growth(): void {
    editItems(this.#path('primary.db'), this.#rows, 1);
    const before = bytesIn(this.#path('repository'));
    ownCommand(['capture', ...this.#flags('primary')], this.#folder);
    this.#sheet.add('growth for one changed row', {
      bytes: bytesIn(this.#path('repository')) - before,
    });
    this.#peer('restic backup of the file', 'restic backup -q primary.db');
  }
}

/** The leader dumps, restores what was there, compares and stores; a replica restores, empties and fills. */
const OLD_CYCLE = `
  restic restore -q latest --target restored
  sqlite3 primary.db ".dump item" > current/backup.sql
  sha256sum current/backup.sql restored/backup.sql > sums
  (cd current && restic backup -q .)
  rm -rf restored; restic restore -q latest --target restored
  sqlite3 loaded.db "DROP TABLE item"
  sqlite3 loaded.db < restored/backup.sql`;
