/** One instance of the fleet: a real database, the real service, and a clock that is wrong in its own way. */
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {capture, noProgress, silentLog, type EngineOptions} from '../../src/index.ts';
import type {Clock} from '../../src/service/clock.ts';
import {primaryEngine, replicaEngine} from '../../src/service/engines.ts';
import {Primary} from '../../src/service/primary.ts';
import {Replica} from '../../src/service/replica.ts';
import {Service} from '../../src/service/service.ts';
import type {Facts, Role, Verdict} from '../../src/service/status.ts';
import type {Bucket} from './bucket.ts';
import type {World} from './world.ts';

export const TIMES = {
  primaryMs: 10_000,
  replicaMs: 20_000,
  driftMs: 90_000,
  staleMs: 120_000,
} as const;

const DDL = `
  CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
  CREATE TABLE u (id INTEGER PRIMARY KEY, name TEXT UNIQUE, t INTEGER REFERENCES t ON DELETE CASCADE)`;

class Killed extends Error {}

export class SimNode {
  readonly name: string;
  role: Role;
  readonly path: string;
  readonly #world: World;
  readonly #bucket: Bucket;
  readonly #db: BetterSqlite3.Database;
  readonly #clock: SkewedClock;
  readonly #dataVersion: BetterSqlite3.Statement;
  #writes = 0;
  #seen: {readonly version: string; readonly rows: string} | undefined;
  #life: {readonly service: Service; readonly stop: AbortController} | undefined;
  #isKilled = false;
  #isRunning = false;

  constructor(world: World, bucket: Bucket, folder: string, place: {name: string; role: Role}) {
    this.name = place.name;
    this.role = place.role;
    this.#world = world;
    this.#bucket = bucket;
    this.#clock = new SkewedClock(world);
    this.path = join(folder, `${place.name}.db`);
    this.#db = new BetterSqlite3(this.path);
    this.#db.pragma('journal_mode = WAL');
    this.#db.pragma('synchronous = OFF');
    this.#db.pragma('foreign_keys = ON');
    this.#db.exec(DDL);
    this.#dataVersion = this.#db.prepare('PRAGMA data_version').pluck();
  }

  /** Begins as a process does. */
  start(): void {
    if (this.#isRunning) return;
    this.#isKilled = false;
    this.#isRunning = true;
    const stop = new AbortController();
    const service = this.#service();
    this.#life = {service, stop};
    this.#world.spawn(this.#world.between(0, 3_000), async () => {
      try {
        await service.run(stop.signal);
      } catch (error) {
        if (!(error instanceof Killed)) throw error;
      } finally {
        this.#isRunning = false;
        this.#life = undefined;
      }
    });
  }

  /** @param isKilled Without a word; else in an orderly way. */
  stop(isKilled: boolean): void {
    this.#isKilled = isKilled;
    this.#life?.stop.abort();
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** Undefined where no process is there to be asked. */
  get told(): {readonly verdict: Verdict; readonly facts: Facts} | undefined {
    const service = this.#life?.stop.signal.aborted === true ? undefined : this.#life?.service;
    return service && {verdict: service.verdict(), facts: service.facts()};
  }

  trigger(): void {
    this.#life?.service.trigger();
  }

  /** As a person does who decides between two primaries, while no service runs here. */
  async takeOver(): Promise<void> {
    await capture({...this.#options(), takeOver: true, allowDeletes: ['t', 'u']});
  }

  setClock(byMs: number): void {
    this.#clock.offsetMs += byMs;
  }

  /** As the application does. */
  write(sql: string): void {
    this.#writes++;
    try {
      this.#db.exec(sql);
    } catch (error) {
      if (!(error instanceof BetterSqlite3.SqliteError)) throw error;
      // A constraint forbids it, as it may.
    }
  }

  rows(): string {
    const version = `${String(this.#dataVersion.get())} ${this.#writes}`;
    if (this.#seen?.version !== version) this.#seen = {version, rows: this.#read()};
    return this.#seen.rows;
  }

  #read(): string {
    const all = (table: string): unknown =>
      this.#db.prepare(`SELECT * FROM ${table} ORDER BY 1`).raw().all();
    return JSON.stringify([all('t'), all('u')]);
  }

  close(): void {
    this.#db.close();
  }

  #service(): Service {
    const clock = this.#clock;
    const isPrimary = this.role === 'primary';
    const intervalMs = isPrimary ? TIMES.primaryMs : TIMES.replicaMs;
    const staleAfterMs = TIMES.staleMs;
    const options = this.#options();
    const cycle = isPrimary
      ? new Primary({engine: primaryEngine(options), clock, staleAfterMs})
      : new Replica({
          engine: replicaEngine(options),
          clock,
          intervalMs,
          staleAfterMs,
          driftEveryMs: TIMES.driftMs,
        });
    return new Service({
      role: this.role,
      cycle,
      intervalMs,
      staleAfterMs,
      clock,
      log: silentLog,
    });
  }

  #options(): EngineOptions {
    const check = (): void => {
      if (this.#isKilled) throw new Killed();
    };
    const caller = {name: this.name, check, wall: () => this.#clock.wall()};
    return {
      database: this.path,
      store: this.#bucket.storeOf(caller),
      state: `${this.path}-state`,
      tables: ['t', 'u'],
      env: {},
      log: silentLog,
      progress: noProgress,
    };
  }
}

/** It runs up to 1 % too fast or too slow, and its time of day is anything. */
class SkewedClock implements Clock {
  offsetMs: number;
  readonly #world: World;
  readonly #rate: number;
  readonly #bootedMs: number;

  constructor(world: World) {
    this.#world = world;
    this.#rate = 0.99 + 0.02 * world.random();
    this.#bootedMs = world.between(0, 1_000_000);
    const isWrong = world.chance(0.3);
    this.offsetMs = Date.parse('2026-03-01T00:00:00Z') + (isWrong ? world.between(-1e8, 1e8) : 0);
  }

  monotonic(): number {
    return this.#bootedMs + this.#world.nowMs * this.#rate;
  }

  wall(): Date {
    return new Date(this.offsetMs + this.#world.nowMs);
  }

  random(): number {
    return this.#world.random();
  }

  sleep(ms: number, signal: AbortSignal): Promise<void> {
    return this.#world.sleep(ms / this.#rate, signal);
  }
}
