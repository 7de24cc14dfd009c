/** A primary and a replica as services beside live databases, with a repository of restic between them, at intervals of a second. */
import {existsSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import BetterSqlite3 from 'better-sqlite3';
import {afterEach, describe, expect, test} from 'vitest';
import {rowplica} from '../helpers/cli.ts';
import {eventually, killServices, ServiceProcess} from '../helpers/service-process.ts';
import {smallKuma} from '../helpers/small-kuma.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTable, execute} from '../helpers/typed-dump.ts';
import {listing} from './expectations.ts';

const tables = ['monitor', 'tag', 'notification', 'monitor_notification'];

class Fleet {
  readonly folder = temporaryFolder();
  readonly repository = join(this.folder, 'repository');
  readonly primary = join(this.folder, 'primary.db');
  readonly replica = join(this.folder, 'replica.db');
  readonly #databases: BetterSqlite3.Database[] = [];
  readonly #timers: NodeJS.Timeout[] = [];

  constructor() {
    for (const path of [this.primary, this.replica])
      execute(path, `PRAGMA journal_mode = WAL; ${smallKuma};`);
    execute(this.primary, "INSERT INTO monitor (id, name) VALUES (1, 'first')");
  }

  start(role: 'primary' | 'replica', ...more: readonly string[]): ServiceProcess {
    const usual = ['--role', role, '--interval', '1s', '--http', 'off'];
    return new ServiceProcess([...usual, ...this.flags(role), ...more]);
  }

  flags(role: 'primary' | 'replica'): readonly string[] {
    return [
      '--database',
      this[role],
      '--store',
      `restic:${this.repository}`,
      '--state',
      `${this[role]}-state`,
    ];
  }

  /** A connection as an application holds one. */
  open(role: 'primary' | 'replica'): BetterSqlite3.Database {
    const db = new BetterSqlite3(this[role]);
    db.pragma('foreign_keys = ON');
    this.#databases.push(db);
    return db;
  }

  every(ms: number, work: () => void): void {
    this.#timers.push(setInterval(work, ms));
  }

  async isSame(): Promise<void> {
    const dump = (path: string): unknown => tables.map((table) => dumpTable(path, table));
    await eventually(
      'equal rows',
      () => JSON.stringify(dump(this.primary)) === JSON.stringify(dump(this.replica)),
    );
  }

  get locks(): readonly string[] {
    return listing(join(this.repository, 'locks'));
  }

  close(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const db of this.#databases) db.close();
  }
}

const fleets: Fleet[] = [];

function makeFleet(): Fleet {
  const fleet = new Fleet();
  fleets.push(fleet);
  return fleet;
}

afterEach(() => {
  killServices();
  for (const fleet of fleets.splice(0)) fleet.close();
});

const nameOf = (db: BetterSqlite3.Database): unknown =>
  db.prepare('SELECT name FROM monitor WHERE id = 1').pluck().get();

describe('edits on the primary', () => {
  test('arrive one by one, and in bursts, while both applications write', async () => {
    const fleet = makeFleet();
    const [primary, replica] = [fleet.start('primary'), fleet.start('replica')];
    const [here, there] = [fleet.open('replica'), fleet.open('primary')];
    const beat = there.prepare('INSERT INTO heartbeat (monitor_id) VALUES (1)');
    fleet.every(100, () => beat.run());
    await eventually('the first row', () => nameOf(here) === 'first');
    const tookMs: number[] = [];
    for (let edit = 0; edit < 15; edit++) {
      const beganMs = performance.now();
      there.prepare('UPDATE monitor SET name = ? WHERE id = 1').run(`edit ${edit}`);
      await eventually(`edit ${edit}`, () => nameOf(here) === `edit ${edit}`);
      tookMs.push(performance.now() - beganMs);
      await pause(300 * Math.random());
    }
    for (let edit = 0; edit < 100; edit++) {
      there.prepare('INSERT INTO notification (v) VALUES (?)').run(`burst ${edit}`);
      if (edit % 25 === 24) await pause(700);
    }
    await eventually(
      'all of the bursts',
      () => here.prepare('SELECT count(*) FROM notification').pluck().get() === 100,
    );
    await fleet.isSame();
    const sorted = tookMs.toSorted((a, b) => a - b);
    const [median, longest] = [sorted[7], sorted.at(-1)].map((ms) => ((ms ?? 0) / 1000).toFixed(1));
    process.stdout.write(`an edit arrives after ${median} s (median), ${longest} s (maximum)\n`);
    expect(await primary.stop()).toEqual({exitCode: 0, signal: null});
    expect(await replica.stop()).toEqual({exitCode: 0, signal: null});
    expect(fleet.locks).toEqual([]);
  });

  test('are not lost where either service is stopped, or killed, and started again', async () => {
    const fleet = makeFleet();
    const there = fleet.open('primary');
    let [primary, replica] = [fleet.start('primary'), fleet.start('replica')];
    await primary.says({did: 'captured'});
    for (let round = 0; round < 6; round++) {
      there.prepare('INSERT INTO notification (v) VALUES (?)').run(`round ${round}`);
      await pause(2_000 * Math.random());
      if (round % 3 !== 1) {
        if (round % 2 === 0) primary.kill();
        else await primary.stop();
        await primary.ended;
        there.prepare("UPDATE monitor SET name = name || '.' WHERE id = 1").run();
        primary = fleet.start('primary');
      }
      if (round % 3 !== 2) {
        if (round % 2 === 0) replica.kill();
        else expect(await replica.stop()).toEqual({exitCode: 0, signal: null});
        await replica.ended;
        replica = fleet.start('replica');
      }
    }
    await fleet.isSame();
    expect(await primary.stop()).toEqual({exitCode: 0, signal: null});
    expect(await replica.stop()).toEqual({exitCode: 0, signal: null});
  });
});

describe('a service', () => {
  test('waits for the first snapshot, and makes no repository for that', async () => {
    const fleet = makeFleet();
    const replica = fleet.start('replica');
    await replica.says({status: 'waiting', did: 'looked'});
    expect(existsSync(fleet.repository)).toBe(false);
    fleet.start('primary');
    await replica.says({status: 'ok', did: 'replicated'});
    await fleet.isSame();
  });

  test('looks at once on SIGUSR1, however long the interval is', async () => {
    const fleet = makeFleet();
    const primary = fleet.start('primary', '--interval', '5m');
    await primary.says({sequence: 1});
    fleet.open('primary').prepare("UPDATE monitor SET name = 'second'").run();
    primary.signal('SIGUSR1');
    await primary.says({sequence: 2});
  });

  test('is alone with its database: a second one exits 14, and commands work beside it', async () => {
    const fleet = makeFleet();
    const primary = fleet.start('primary', '--interval', '5m');
    await primary.says({did: 'captured'});
    const second = await rowplica([
      'run',
      '--role',
      'primary',
      '--json',
      ...fleet.flags('primary'),
    ]);
    expect(second.exitCode).toBe(14);
    expect(JSON.parse(second.stdout)).toMatchObject({error: {code: 'STATE_IN_USE'}});
    const status = await rowplica(['status', '--json', ...fleet.flags('primary')]);
    expect(JSON.parse(status.stdout)).toMatchObject({upToDate: true});
    expect(await primary.stop()).toEqual({exitCode: 0, signal: null});
  });

  test('of a replica is stale once its primary died, and well again when that is back', async () => {
    const fleet = makeFleet();
    const primary = fleet.start('primary', '--stale-after', '10s');
    const replica = fleet.start('replica', '--stale-after', '10s');
    await replica.says({status: 'ok', did: 'replicated'});
    await primary.says({did: 'beat'}); // it has nothing else to say
    primary.kill();
    await eventually('a word of the silence', () =>
      replica.lines.some(({status, msg}) => status === 'stale' && /no sign of life/.test(msg)),
    );
    const before = replica.lines.length;
    fleet.start('primary', '--stale-after', '10s');
    await eventually('ok', () => replica.lines.slice(before).some(({status}) => status === 'ok'));
  });

  test.each<[string, readonly string[], RegExp]>([
    ['no role', [], /role/],
    ['an interval that is none', ['--role', 'replica', '--interval', 'often'], /interval/],
    [
      'a folder that is not there',
      ['--role', 'replica', '--database', '/nowhere/kuma.db'],
      /folder/,
    ],
  ])('exits 2 with one line for %s', async (_, flags, told) => {
    const fleet = makeFleet();
    const {exitCode, stdout} = await rowplica([
      'run',
      '--json',
      ...fleet.flags('replica'),
      ...flags,
    ]);
    expect(exitCode).toBe(2);
    const {error} = JSON.parse(stdout) as {readonly error: {readonly message: string}};
    expect(error.message).toMatch(told);
  });
});
