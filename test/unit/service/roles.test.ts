/** The cycles of both roles, on real databases and a real store; only the clock is ours. */
import {cpSync, renameSync, rmSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {
  capture,
  conflicts,
  noProgress,
  resolveConflict,
  silentLog,
  undo,
  type EngineOptions,
  type Log,
} from '../../../src/index.ts';
import type {PrimaryEngine, ReplicaEngine} from '../../../src/service/cycle.ts';
import {primaryEngine, replicaEngine} from '../../../src/service/engines.ts';
import {Primary} from '../../../src/service/primary.ts';
import {Replica} from '../../../src/service/replica.ts';
import {Service} from '../../../src/service/service.ts';
import type {StatusReport} from '../../../src/service/source.ts';
import type {Role} from '../../../src/service/status.ts';
import {write} from '../../helpers/instances.ts';
import {tempFolder} from '../../helpers/temp-db.ts';
import {VirtualClock} from '../../helpers/virtual-clock.ts';

const minute = 60_000;
const staleAfterMs = 30 * minute;
const ddl =
  'CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT); CREATE TABLE beat (id INTEGER PRIMARY KEY)';
const never = new AbortController().signal;

class Instance {
  readonly clock: VirtualClock;
  readonly path: string;
  readonly options: EngineOptions;
  /** Calls of the engine, in order. */
  readonly calls: string[] = [];
  /** What the service logged at info, or above. */
  readonly lines: {readonly message: string; readonly did?: unknown}[] = [];
  /** Told when a replica begins to apply. */
  onReplicate: () => void = () => {};
  readonly #folder: string;
  #service: Service | undefined;

  constructor(folder: string, name: string, clock: VirtualClock, rows = '') {
    this.clock = clock;
    this.#folder = folder;
    this.path = join(folder, `${name}.db`);
    write(this.path, `PRAGMA journal_mode = WAL; ${ddl}; ${rows}`);
    this.options = {
      database: this.path,
      store: `dir:${join(folder, 'store')}`,
      state: `${this.path}-state`,
      tables: ['t'],
      env: {},
      log: silentLog,
      progress: noProgress,
    };
  }

  edit(sql: string): void {
    write(this.path, sql);
  }

  rows(): unknown {
    const db = new BetterSqlite3(this.path, {readonly: true});
    try {
      return db.prepare('SELECT id, v FROM t ORDER BY id').raw().all();
    } finally {
      db.close();
    }
  }

  /** As a process that was started anew. */
  restart(): void {
    this.#service = undefined;
  }

  keepStore(): void {
    cpSync(join(this.#folder, 'store'), join(this.#folder, 'kept'), {recursive: true});
  }

  putStoreBack(): void {
    this.loseStore();
    renameSync(join(this.#folder, 'kept'), join(this.#folder, 'store'));
  }

  loseStore(): void {
    rmSync(join(this.#folder, 'store'), {recursive: true});
  }

  /** One cycle; gives what it did, or the code of its failure. */
  async cycle(role: Role, isAsked = false): Promise<string> {
    const service = this.service(role);
    this.calls.length = 0;
    if (isAsked) service.trigger();
    const stop = new AbortController();
    const report = Promise.withResolvers<string>();
    this.#onCycle = (said) => (stop.abort(), report.resolve(said));
    await service.run(stop.signal);
    return report.promise;
  }

  #onCycle: (said: string) => void = () => {};

  service(role: Role): Service {
    return (this.#service ??= new Service({
      role,
      cycle: role === 'primary' ? this.#primary() : this.#replica(),
      intervalMs: 5_000,
      staleAfterMs,
      clock: this.clock,
      log: {...silentLog, info: this.#keepLine, warn: this.#keepLine},
      onCycle: ({done, failure}) => this.#onCycle(failure?.code ?? done?.did ?? ''),
    }));
  }

  readonly #keepLine: Log['info'] = (message, fields) => {
    this.lines.push({message, ...fields});
  };

  status(role: Role): string {
    return this.service(role).verdict().status;
  }

  #primary(): Primary {
    const {clock, calls} = this;
    const engine = primaryEngine(this.options);
    const counted: PrimaryEngine = {
      look: (signal) => engine.look(signal),
      capture: (signal) => (calls.push('capture'), engine.capture(signal)),
      beat: (signal) => (calls.push('beat'), engine.beat(signal)),
      close: async () => {}, // it lives on over many runs
    };
    return new Primary({engine: counted, clock, staleAfterMs});
  }

  #replica(): Replica {
    const {clock, calls} = this;
    const engine = replicaEngine(this.options);
    const counted: ReplicaEngine = {
      ...engine,
      poll: (signal) => (calls.push('poll'), engine.poll(signal)),
      replicate: (signal) => (
        calls.push('replicate'),
        this.onReplicate(),
        engine.replicate(signal)
      ),
    };
    return new Replica({
      engine: counted,
      clock,
      intervalMs: 5_000,
      driftEveryMs: 15 * minute,
      staleAfterMs,
    });
  }
}

function makePair(): {readonly primary: Instance; readonly replica: Instance} {
  const [folder, clock] = [tempFolder(), new VirtualClock()];
  return {
    primary: new Instance(folder, 'primary', clock, "INSERT INTO t VALUES (1, 'a')"),
    replica: new Instance(folder, 'replica', clock),
  };
}

/** Both have the first rows. */
async function started(): Promise<ReturnType<typeof makePair>> {
  const pair = makePair();
  expect(await pair.primary.cycle('primary')).toBe('captured');
  expect(await pair.replica.cycle('replica')).toBe('replicated');
  expect(await pair.primary.cycle('primary')).toBe('nothing');
  expect(await pair.replica.cycle('replica')).toBe('looked');
  return pair;
}

describe('a primary', () => {
  test('tells of each cycle in one line, of one that did nothing, too', async () => {
    const {primary} = makePair();
    for (const did of ['captured', 'nothing', 'nothing'])
      expect(await primary.cycle('primary')).toBe(did);
    expect(primary.lines.map(({message, did}) => [message, did])).toEqual([
      ['cycle', 'captured'],
      ['cycle', 'nothing'],
      ['cycle', 'nothing'],
    ]);
  });

  test('asks neither store nor rows while nothing is committed', async () => {
    const {primary} = await started();
    for (let count = 0; count < 3; count++) {
      expect(await primary.cycle('primary')).toBe('nothing');
      expect(primary.calls).toEqual([]);
    }
    expect(primary.status('primary')).toBe('ok');
  });

  test('looks at its rows, and asks no store, where other tables were written', async () => {
    const {primary} = await started();
    primary.edit('INSERT INTO beat DEFAULT VALUES');
    expect(await primary.cycle('primary')).toBe('nothing');
    expect(primary.calls).toEqual([]);
  });

  test('captures what was edited, also what is edited back after another process captured it', async () => {
    const {primary} = await started();
    primary.edit("UPDATE t SET v = 'b'");
    expect(await primary.cycle('primary')).toBe('captured');
    expect(await primary.cycle('primary')).toBe('nothing');
    primary.edit("UPDATE t SET v = 'c'");
    await primaryEngine(primary.options).capture(never);
    primary.edit("UPDATE t SET v = 'b'");
    expect(await primary.cycle('primary')).toBe('captured');
  });

  test('says that it is alive every third of the staleness limit, and when it is started', async () => {
    const {primary} = await started();
    primary.clock.advance(9 * minute);
    expect(await primary.cycle('primary')).toBe('nothing');
    primary.clock.advance(1 * minute);
    expect(await primary.cycle('primary')).toBe('beat');
    expect(await primary.cycle('primary')).toBe('nothing');
    primary.restart();
    expect(await primary.cycle('primary')).toBe('beat');
    expect(primary.service('primary').status().position, 'also after a restart').toMatchObject({
      epoch: 1,
      sequence: 1,
    });
  });

  test('stores anew what a store has lost that was put back from a copy', async () => {
    const {primary, replica} = await started();
    primary.keepStore();
    primary.edit("INSERT INTO t VALUES (2, 'b')");
    expect(await primary.cycle('primary')).toBe('captured');
    primary.putStoreBack();
    replica.clock.advance(10 * minute);
    expect(await primary.cycle('primary')).toBe('captured');
    expect(await replica.cycle('replica')).toBe('replicated');
    expect(replica.rows()).toEqual(primary.rows());
    replica.clock.advance(10 * minute);
    expect(await primary.cycle('primary')).toBe('beat');
  });

  test('makes no store in the place of one that is gone: a person does', async () => {
    const {primary} = await started();
    primary.loseStore();
    primary.edit("INSERT INTO t VALUES (2, 'b')");
    expect(await primary.cycle('primary')).toBe('STORE_MISSING');
    expect(primary.status('primary')).toBe('degraded');
    primary.restart();
    expect(await primary.cycle('primary')).toBe('STORE_MISSING');
    expect(await capture(primary.options)).toMatchObject({changed: true});
    expect(await primary.cycle('primary')).toBe('beat');
    expect(primary.status('primary')).toBe('ok');
  });

  test('notices that its file was replaced', async () => {
    const {primary} = await started();
    const db = new BetterSqlite3(primary.path);
    await db.backup(`${primary.path}.copy`);
    db.close();
    write(`${primary.path}.copy`, "PRAGMA journal_mode = DELETE; UPDATE t SET v = 'restored'");
    for (const file of ['', '-wal', '-shm']) rmSync(primary.path + file, {force: true});
    renameSync(`${primary.path}.copy`, primary.path);
    expect(await primary.cycle('primary')).toBe('captured');
  });

  test('that takes over with equal rows says so, gives signs of life, and has the other one fenced', async () => {
    const {primary, replica} = await started();
    replica.restart();
    expect(await replica.cycle('primary')).toBe('captured');
    expect(await replica.cycle('primary')).toBe('nothing');
    primary.clock.advance(10 * minute);
    expect(await replica.cycle('primary')).toBe('beat');
    expect(await primary.cycle('primary')).toBe('FENCED');
  });

  test('finds out by its next sign of life that another one took over, and stays fenced', async () => {
    const {primary, replica} = await started();
    replica.restart();
    replica.edit("UPDATE t SET v = 'taken over'");
    expect(await replica.cycle('primary')).toBe('captured');
    expect(await primary.cycle('primary')).toBe('nothing');
    primary.clock.advance(10 * minute);
    expect(await primary.cycle('primary')).toBe('FENCED');
    expect(primary.status('primary')).toBe('fenced');
    expect(await primary.cycle('primary')).toBe('FENCED');
    expect(primary.status('primary')).toBe('fenced');
  });

  test('that was asked and found out stays fenced, though its last sign is young', async () => {
    const {primary, replica} = await started();
    replica.restart();
    replica.edit("UPDATE t SET v = 'taken over'");
    expect(await replica.cycle('primary')).toBe('captured');
    expect(await primary.cycle('primary', true)).toBe('FENCED');
    expect(await primary.cycle('primary')).toBe('FENCED');
    expect(primary.status('primary')).toBe('fenced');
  });

  test('is stale once it could not look for that long', async () => {
    const {primary} = await started();
    write(primary.path, 'ALTER TABLE t RENAME TO gone');
    expect(await primary.cycle('primary')).toBe('TABLE_NOT_FOUND');
    expect(primary.status('primary')).toBe('failed');
    primary.clock.advance(31 * minute);
    expect(primary.status('primary')).not.toBe('ok');
  });
});

describe('a replica', () => {
  test('waits for the first snapshot, as long as it takes', async () => {
    const {primary, replica} = makePair();
    expect(await replica.cycle('replica')).toBe('looked');
    expect(replica.status('replica')).toBe('waiting');
    replica.clock.advance(1440 * minute);
    expect(await replica.cycle('replica')).toBe('looked');
    expect(replica.status('replica')).toBe('waiting');
    await primary.cycle('primary');
    expect(await replica.cycle('replica')).toBe('replicated');
    expect(replica.status('replica')).toBe('ok');
    expect(replica.rows()).toEqual(primary.rows());
  });

  test('polls once and reads no row while there is nothing new', async () => {
    const {replica} = await started();
    expect(await replica.cycle('replica')).toBe('looked');
    expect(replica.calls).toEqual(['poll']);
  });

  test('brings what is new, and puts local edits back at the next scan', async () => {
    const {primary, replica} = await started();
    primary.edit("INSERT INTO t VALUES (2, 'b')");
    await primary.cycle('primary');
    expect(await replica.cycle('replica')).toBe('replicated');
    expect(replica.rows()).toEqual(primary.rows());
    replica.edit("UPDATE t SET v = 'local' WHERE id = 2");
    expect(await replica.cycle('replica')).toBe('looked');
    replica.clock.advance(15 * minute);
    await primary.cycle('primary');
    expect(await replica.cycle('replica')).toBe('replicated');
    expect(replica.rows()).toEqual(primary.rows());
    expect(replica.service('replica').status().drift, 'before it was put back').toBe(1);
    replica.clock.advance(15 * minute);
    await replica.cycle('replica');
    expect(replica.service('replica').status().drift).toBe(0);
  });

  test('puts nothing off that a person asks for', async () => {
    const {primary, replica} = await started();
    replica.edit("UPDATE t SET v = 'local'");
    expect(await replica.cycle('replica', true)).toBe('replicated');
    expect(replica.rows()).toEqual(primary.rows());
  });

  test('tells a primary that died from one that has nothing to say', async () => {
    const {primary, replica} = await started();
    for (let passed = 0; passed < 90; passed += 5) {
      replica.clock.advance(5 * minute);
      await primary.cycle('primary');
      await replica.cycle('replica');
      expect(replica.status('replica')).toBe('ok');
    }
    replica.clock.advance(29 * minute);
    await replica.cycle('replica');
    replica.clock.advance(2 * minute);
    expect(replica.status('replica')).toBe('stale'); // also between cycles
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('stale');
    await primary.cycle('primary');
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('ok');
  });

  test('remembers over a restart for how long the primary has been silent', async () => {
    const {replica} = await started();
    for (let passed = 0; passed <= 40; passed += 10) {
      replica.restart();
      await replica.cycle('replica');
      expect(replica.status('replica')).toBe(passed > 30 ? 'stale' : 'ok');
      replica.clock.advance(10 * minute);
    }
  });

  test('counts a silence from the last look before it saw the sign', async () => {
    const {primary, replica} = await started();
    replica.clock.advance(10 * minute);
    await replica.cycle('replica');
    expect(await primary.cycle('primary')).toBe('beat'); // and dies
    replica.clock.advance(20 * minute); // for which the store cannot be reached
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('ok');
    replica.clock.advance(11 * minute);
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('stale');
  });

  test('that was stale is not well again before it has applied what is new', async () => {
    const {primary, replica} = await started();
    replica.clock.advance(31 * minute);
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('stale');
    primary.edit("INSERT INTO t VALUES (3, 'c')");
    await primary.cycle('primary');
    let during = '';
    replica.onReplicate = () => (during = replica.status('replica'));
    expect(await replica.cycle('replica')).toBe('replicated');
    expect(during).toBe('stale');
    expect(replica.status('replica')).toBe('ok');
  });

  test('takes no sign that came while it was not running for a fresh one', async () => {
    const {primary, replica} = await started();
    replica.clock.advance(10 * minute);
    expect(await primary.cycle('primary')).toBe('beat'); // and dies
    replica.restart();
    replica.clock.advance(120 * minute);
    // The store's times are those of the real clock.
    replica.clock.wallOffsetMs = Date.now() - 10 * minute;
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('degraded');
  });

  test('takes a wall clock that jumps for no sign of life, nor for the want of one', async () => {
    const {replica, primary} = await started();
    replica.clock.advance(10 * minute);
    await primary.cycle('primary');
    await replica.cycle('replica');
    replica.clock.wallOffsetMs += 365 * 1440 * minute;
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('ok');
    replica.clock.wallOffsetMs -= 2 * 365 * 1440 * minute;
    replica.clock.advance(31 * minute);
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('stale');
    await primary.cycle('primary');
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('ok');
  });

  test('without a record, an old sign of life is not taken for a fresh one', async () => {
    const {primary, replica} = await started();
    replica.restart();
    rmSync(`${replica.path}-state`, {recursive: true});
    // The store's times are those of the real clock.
    replica.clock.wallOffsetMs = Date.now() + 40 * minute;
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('degraded');
    replica.clock.advance(10 * minute);
    await primary.cycle('primary');
    await replica.cycle('replica');
    expect(replica.status('replica')).toBe('ok');
  });

  test('goes on looking for newer snapshots while one is refused, and tries that one ever more seldom', async () => {
    const {primary, replica} = await started();
    primary.edit('DELETE FROM t');
    await primary.cycle('primary');
    expect(await replica.cycle('replica')).toBe('FUSE');
    expect(replica.calls).toEqual(['poll', 'replicate']);
    expect(replica.status('replica')).toBe('held');
    expect(await replica.cycle('replica')).toBe('FUSE');
    expect(replica.calls).toEqual(['poll']);
    replica.clock.advance(minute);
    expect(await replica.cycle('replica')).toBe('FUSE');
    expect(replica.calls).toEqual(['poll', 'replicate']);
    primary.edit("INSERT INTO t VALUES (3, 'c')");
    await primary.cycle('primary');
    expect(await replica.cycle('replica')).toBe('replicated');
    expect(replica.status('replica')).toBe('ok');
  });

  test('is held by an undo until there is something newer', async () => {
    const {primary, replica} = await started();
    primary.edit("UPDATE t SET v = 'b'");
    await primary.cycle('primary');
    await replica.cycle('replica');
    await undo(replica.options);
    expect(await replica.cycle('replica')).toBe('HELD');
    expect(replica.status('replica')).toBe('held');
    expect(replica.rows()).toEqual([[1, 'a']]);
    primary.edit("UPDATE t SET v = 'c'");
    await primary.cycle('primary');
    expect(await replica.cycle('replica')).toBe('replicated');
    expect(replica.rows()).toEqual([[1, 'c']]);
  });

  test('is degraded while conflicts are open, and carries a decision out at the next cycle', async () => {
    const {primary, replica} = await started();
    replica.restart();
    Object.assign(replica.options, {policies: new Map([['t', {policy: 'merge'}]])});
    await replica.cycle('replica');
    replica.edit("UPDATE t SET v = 'here'");
    primary.edit("UPDATE t SET v = 'there'");
    await primary.cycle('primary');
    expect(await replica.cycle('replica')).toBe('replicated');
    expect(replica.status('replica')).toBe('degraded');
    expect(await replica.cycle('replica')).toBe('looked');
    await resolveConflict({...replica.options, table: 't', key: '1', take: 'theirs'});
    expect(await replica.cycle('replica')).toBe('replicated');
    expect(replica.rows()).toEqual([[1, 'there']]);
    expect((await conflicts(replica.options)).conflicts).toEqual([]);
    expect(replica.status('replica')).toBe('ok');
    expect(await replica.cycle('replica')).toBe('looked');
  });

  test('a store that vanished is no store that never was', async () => {
    const {replica} = await started();
    replica.loseStore();
    expect(await replica.cycle('replica')).toBe('STORE_MISSING');
    expect(replica.status('replica')).toBe('degraded');
    replica.clock.advance(31 * minute);
    expect(replica.status('replica')).toBe('stale');
  });

  test('that is started anew misses a store that it knows, however often it is', async () => {
    const {replica} = await started();
    replica.loseStore();
    for (let start = 0; start < 4; start++) {
      replica.restart();
      replica.clock.advance(9 * minute);
      expect(await replica.cycle('replica')).toBe('STORE_MISSING');
    }
    expect(replica.status('replica')).toBe('stale');
  });

  test('does not wait for a first snapshot where its history is in the store no more', async () => {
    const {replica} = await started();
    replica.loseStore();
    const other = makePair().primary;
    expect(await capture({...other.options, store: replica.options.store})).toMatchObject({
      changed: true,
    });
    replica.restart();
    expect(await replica.cycle('replica')).toBe('POSITION_MISMATCH');
    expect(replica.status('replica')).toBe('held');
    replica.clock.advance(31 * minute);
    expect(replica.status('replica')).toBe('stale');
  });

  test('that waited once is stale where it can look no more', async () => {
    const {primary, replica} = makePair();
    expect(await replica.cycle('replica')).toBe('looked');
    expect(replica.status('replica')).toBe('waiting');
    await primary.cycle('primary');
    writeFileSync(join(dirname(primary.path), 'store', 'rowplica-store.json'), 'damaged');
    expect(await replica.cycle('replica')).not.toBe('looked');
    replica.clock.advance(31 * minute);
    expect(replica.status('replica')).toBe('stale');
  });

  test('stays held by what was refused while the store does not answer', async () => {
    const {primary, replica} = await started();
    write(primary.path, 'ALTER TABLE t ADD COLUMN more TEXT');
    await primary.cycle('primary');
    expect(await replica.cycle('replica')).toBe('SCHEMA_MISMATCH');
    replica.loseStore();
    expect(await replica.cycle('replica')).toBe('STORE_MISSING');
    expect(replica.service('replica').verdict()).toMatchObject({
      status: 'held',
      reason: expect.stringMatching(/column.*store|repository/s),
    });
  });
});

describe('what a service tells of itself', () => {
  test('grows from nothing known to what was applied last, and since when rows are in step', async () => {
    const {primary, replica} = makePair();
    const ask = (): StatusReport => replica.service('replica').status();
    expect(ask()).toMatchObject({status: 'waiting', position: null, lastCycle: null});
    expect(await replica.cycle('replica')).toBe('looked');
    expect(ask()).toMatchObject({lagSeconds: null, lastApply: null, verdict: null});
    expect(ask()).toMatchObject({lastCycle: {outcome: 'looked', failure: null}});
    await primary.cycle('primary');
    await replica.cycle('replica');
    expect(ask()).toMatchObject({
      status: 'ok',
      position: {epoch: 1, sequence: 1},
      lastApply: {sequence: 1, tables: {t: {inserted: 1, updated: 0, deleted: 0}}},
      lastCycle: {outcome: 'replicated'},
      lagSeconds: 0,
      verdict: 'compatible',
    });
    replica.clock.advance(4_500);
    expect(ask().lagSeconds).toBe(4.5);
    replica.loseStore();
    expect(await replica.cycle('replica')).toBe('STORE_MISSING');
    replica.clock.advance(1_000);
    expect(ask().lagSeconds).toBe(5.5); // what failed found nothing out
    expect(ask().lastCycle).toMatchObject({outcome: 'failed', failure: {code: 'STORE_MISSING'}});
    expect(ask().lastApply?.sequence).toBe(1);
  });

  test('says that a schema refuses the newest snapshot, and that rows fall behind while an undo holds', async () => {
    const {primary, replica} = await started();
    await undo(replica.options);
    replica.clock.advance(10_000);
    await replica.cycle('replica');
    expect(replica.service('replica').status()).toMatchObject({status: 'held', lagSeconds: 10});
    primary.edit('ALTER TABLE t ADD COLUMN more TEXT; UPDATE t SET more = 1');
    await primary.cycle('primary');
    await replica.cycle('replica');
    const {verdict, lastCycle} = replica.service('replica').status();
    expect([verdict, lastCycle?.outcome]).toEqual(['refused', 'failed']);
  });

  test('counts cycles, snapshots and rows, and forgets none', async () => {
    const {primary, replica} = await started();
    primary.edit("UPDATE t SET v = 'b'; INSERT INTO t VALUES (2, 'c'), (3, 'd')");
    await primary.cycle('primary');
    await replica.cycle('replica');
    primary.edit('DELETE FROM t WHERE id = 2');
    await primary.cycle('primary');
    await replica.cycle('replica');
    const {counts} = replica.service('replica').measures();
    expect(Object.fromEntries(counts.cycles)).toEqual({replicated: 3, looked: 1});
    expect(counts).toMatchObject({captures: 0, applies: 3});
    expect(counts.rows.get('t')).toEqual({inserted: 3, updated: 1, deleted: 1});
    const {counts: stored} = primary.service('primary').measures();
    expect(stored).toMatchObject({captures: 3, applies: 0});
    expect(Object.fromEntries(stored.cycles)).toEqual({captured: 3, nothing: 1});
  });
});
