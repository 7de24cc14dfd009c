/** When the care for the store is due, over restarts and jumps of the clock; on a real store and a real state. */
import {readdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {capture, noProgress, silentLog, type EngineOptions} from '../../../src/index.ts';
import {EngineError} from '../../../src/kernel/errors.ts';
import {Care, type CareEngine, type CareOptions} from '../../../src/service/care.ts';
import {careEngine} from '../../../src/service/care-engine.ts';
import {primaryEngine} from '../../../src/service/engines.ts';
import {Primary} from '../../../src/service/primary.ts';
import {Service} from '../../../src/service/service.ts';
import {unlocking} from '../../../src/service/unlocking.ts';
import {manifestOf, objectFile} from '../../helpers/hostile/forge.ts';
import {write} from '../../helpers/instances.ts';
import {tempFolder} from '../../helpers/temp-db.ts';
import {VirtualClock} from '../../helpers/virtual-clock.ts';

const hour = 3_600_000;
const day = 24 * hour;
const never = new AbortController().signal;
const daily = {drill: day, prune: day, check: day};

class Place {
  readonly clock = new VirtualClock();
  readonly folder = tempFolder();
  readonly options: EngineOptions;
  /** What was done since it was last asked. */
  #done: string[] = [];
  #care: Care | undefined;
  everyMs: CareOptions['everyMs'] = daily;
  failing: EngineError | undefined;

  constructor() {
    const database = join(this.folder, 'a.db');
    write(database, "CREATE TABLE t (id INTEGER PRIMARY KEY, v); INSERT INTO t VALUES (1, 'a')");
    this.options = {
      database,
      store: `dir:${join(this.folder, 'store')}`,
      state: `${database}-state`,
      tables: ['t'],
      env: {},
      log: silentLog,
      progress: noProgress,
    };
  }

  async edit(value: number): Promise<void> {
    write(this.options.database, `UPDATE t SET v = ${value}`);
    await capture(this.options);
  }

  get snapshots(): readonly string[] {
    return readdirSync(join(this.folder, 'store', 'snapshots'));
  }

  get care(): Care {
    return (this.#care ??= new Care({
      engine: this.#engine(),
      clock: this.clock,
      log: silentLog,
      limitMs: 60_000,
      everyMs: this.everyMs,
    }));
  }

  restart(): void {
    this.#care = undefined;
  }

  /** So many gaps between cycles, an hour each; what was done in them. */
  async hours(count: number): Promise<readonly string[]> {
    for (let at = 0; at < count; at++) {
      await this.care.tend(never);
      this.clock.advance(hour);
    }
    return this.#done.splice(0);
  }

  #engine(): CareEngine {
    const engine = careEngine(this.options, {last: 1}, primaryEngine(this.options));
    const counted = async <T>(what: string, work: () => Promise<T>): Promise<T> => {
      this.#done.push(what);
      if (this.failing !== undefined) throw this.failing;
      return work();
    };
    return {
      prune: (signal, now) => counted('prune', () => engine.prune(signal, now)),
      check: (signal, part) => counted(`check ${part.number}`, () => engine.check(signal, part)),
      drill: (signal) => counted('drill', () => engine.drill(signal)),
      notes: () => engine.notes(),
      keep: (notes) => engine.keep(notes),
    };
  }
}

async function place(): Promise<Place> {
  const made = new Place();
  await capture(made.options);
  return made;
}

const sorted = (done: readonly string[]): readonly string[] => done.toSorted();

describe('what is due', () => {
  test('is a drill at first, and each task once a day, one at a time', async () => {
    const here = await place();
    expect(await here.hours(12)).toEqual(['drill']);
    expect(here.care.proven).toBe('2026-03-01T00:00:00.000Z');
    expect(sorted(await here.hours(24))).toEqual(['check 1', 'drill', 'prune']);
    expect(sorted(await here.hours(24))).toEqual(['check 2', 'drill', 'prune']);
    expect(here.care.troubles).toEqual([]);
  });

  test('is not done again because of a restart, nor put off by any number of them', async () => {
    const here = await place();
    await here.hours(1);
    const done: string[] = [];
    for (let at = 0; at < 47; at++) {
      here.restart();
      done.push(...(await here.hours(1)));
    }
    expect(sorted(done)).toEqual(['check 1', 'drill', 'prune']);
  });

  test('waits no longer than usual where the clock was set back, in a process or between two', async () => {
    for (const restarts of [false, true]) {
      const here = await place();
      await here.hours(1);
      here.clock.wallOffsetMs -= 3 * 365 * day;
      if (restarts) here.restart();
      expect(await here.hours(20)).toEqual([]);
      expect(sorted(await here.hours(10))).toEqual(['check 1', 'drill', 'prune']);
      if (restarts) here.restart();
      expect(await here.hours(15)).toEqual([]);
    }
  });

  test('is done once more where the clock was set forward, and then as usual', async () => {
    for (const restarts of [false, true]) {
      const here = await place();
      await here.hours(14);
      here.clock.wallOffsetMs += 3 * 365 * day;
      if (restarts) here.restart();
      expect(sorted(await here.hours(10))).toEqual(['check 1', 'drill', 'prune']);
      expect(await here.hours(12)).toEqual([]);
    }
  });

  test('is done no more often than half its rhythm by a clock that jumps all the time', async () => {
    const here = await place();
    const done: string[] = [];
    for (let at = 0; at < 48; at++) {
      here.clock.wallOffsetMs += (at % 2 === 0 ? 1 : -1) * 365 * day;
      done.push(...(await here.hours(1)));
    }
    expect(done.filter((what) => what === 'prune').length).toBeLessThanOrEqual(4);
  });

  test('is nothing that is off', async () => {
    const here = await place();
    here.everyMs = {drill: undefined, check: 7 * day};
    expect(await here.hours(6 * 24)).toEqual([]);
    expect(await here.hours(3 * 24)).toEqual(['check 1']);
  });
});

describe('a task that fails', () => {
  test('is told until it succeeds, over restarts, and tried again sooner', async () => {
    const here = await place();
    await here.hours(1);
    here.failing = new EngineError('SNAPSHOT_CORRUPT', 'it is so');
    const done = await here.hours(32);
    expect(here.care.troubles).toContain('the restore drill failed: it is so');
    expect(done.filter((what) => what === 'drill').length).toBeGreaterThan(1);
    here.restart();
    await here.care.start();
    expect(here.care.troubles).toContain('the restore drill failed: it is so');
    expect(here.care.proven).toBe('2026-03-01T00:00:00.000Z');
    here.failing = undefined;
    await here.hours(4);
    expect(here.care.troubles).toEqual([]);
    expect(here.care.runs).toContainEqual({task: 'drill', outcome: 'done', runs: 1});
  });

  test('is tried within minutes where that may be over by then', async () => {
    const here = await place();
    here.everyMs = {drill: day};
    here.failing = new EngineError('STORE_UNREACHABLE', 'it is away');
    await here.care.tend(never);
    here.failing = undefined;
    here.clock.advance(6 * 60_000);
    await here.care.tend(never);
    expect(here.care.troubles).toEqual([]);
    expect(here.care.runs.map(({outcome}) => outcome)).toEqual(['failed', 'done']);
  });

  test('and takes the process with it is not what the next one begins with', async () => {
    const here = await place();
    here.everyMs = {drill: day};
    const dies: CareEngine = {
      ...careEngine(here.options, {}, primaryEngine(here.options)),
      drill: () => new Promise(() => {}),
    };
    const {clock} = here;
    const care = new Care({
      engine: dies,
      clock,
      log: silentLog,
      limitMs: 60_000,
      everyMs: here.everyMs,
    });
    void care.tend(never);
    await new Promise((done) => setTimeout(done, 500)); // it has noted that it began
    here.clock.advance(10 * 60_000);
    await here.care.tend(never);
    expect(here.care.runs).toEqual([]);
    expect(await here.hours(2)).toEqual(['drill']);
  });

  test('and keeps the cycles waiting for too long is stopped, and told', async () => {
    const here = await place();
    const everyMs = {drill: day};
    const slow: CareEngine = {
      ...careEngine(here.options, {}, primaryEngine(here.options)),
      drill: (signal) =>
        new Promise((_, fail) => {
          signal.addEventListener('abort', () => fail(new EngineError('INTERRUPTED', 'stopped')));
        }),
    };
    const care = new Care({engine: slow, clock: here.clock, log: silentLog, limitMs: 50, everyMs});
    await care.tend(never);
    expect(care.troubles).toEqual([expect.stringMatching(/drill failed: it was stopped after/)]);
    expect(care.runs).toMatchObject([{task: 'drill', outcome: 'failed'}]);
  });

  test('because it was told to end counts as neither, and is no trouble', async () => {
    const here = await place();
    here.failing = new EngineError('INTERRUPTED', 'told to end');
    await here.care.tend(AbortSignal.abort());
    expect(here.care.troubles).toEqual([]);
    expect(here.care.runs).toEqual([{task: 'drill', outcome: 'interrupted', runs: 1}]);
  });
});

describe('a service', () => {
  const service = (here: Place, asked: AbortController): Service => {
    let cycles = 0;
    return new Service({
      role: 'primary',
      cycle: new Primary({
        engine: primaryEngine(here.options),
        clock: here.clock,
        staleAfterMs: day,
      }),
      intervalMs: hour,
      staleAfterMs: day,
      clock: here.clock,
      log: silentLog,
      care: here.care,
      onCycle: () => {
        if (++cycles === 40) asked.abort();
      },
    });
  };

  test('removes what its policy does not keep, and tells what was proven', async () => {
    const here = await place();
    for (let value = 0; value < 14; value++) await here.edit(value);
    expect(here.snapshots).toHaveLength(15);
    // So that none of them is of the last hour.
    here.clock.wallOffsetMs = Date.now() + 2 * hour;
    const stop = new AbortController();
    const running = service(here, stop);
    await running.run(stop.signal);
    expect(here.snapshots).toHaveLength(10);
    expect(running.status()).toMatchObject({status: 'ok', proven: expect.stringMatching(/T/)});
    const runs = Object.fromEntries(running.measures().care.map(({task, runs: n}) => [task, n]));
    expect(runs).toEqual({drill: 2, prune: 1, check: 1});
  });

  test('is degraded while a drill fails, and goes on', async () => {
    const here = await place();
    const store = join(here.folder, 'store');
    rmSync(objectFile(store, manifestOf(store).tables[0]?.chunks?.[0]?.digest ?? ''));
    const stop = new AbortController();
    const running = service(here, stop);
    await running.run(stop.signal);
    expect(running.status()).toMatchObject({
      status: 'degraded',
      reason: expect.stringMatching(
        /^the restore drill failed: .*; the check of the store failed: /,
      ),
      proven: null,
    });
    expect(running.measures().counts.cycles.get('failed')).toBeUndefined();
  });

  test('that is fenced leaves the store alone', async () => {
    const here = await place();
    await here.edit(1);
    const other = {...here.options, state: `${here.options.database}-other`};
    await capture({...other, becomesPrimary: true});
    const stop = new AbortController();
    const running = service(here, stop);
    await running.run(stop.signal);
    expect(running.verdict().status).toBe('fenced');
    expect(here.care.runs).toEqual([]);
    await expect(
      careEngine(here.options, {last: 1}, primaryEngine(here.options)).prune(
        never,
        here.clock.wall(),
      ),
    ).rejects.toMatchObject({code: 'FENCED'});
  });

  test('puts off care while a command holds the state', async () => {
    const here = await place();
    const engine = careEngine(here.options, {}, primaryEngine(here.options));
    let isBusy = true;
    const busy: CareEngine = {
      ...engine,
      keep: async (notes) => {
        if (isBusy) throw new EngineError('STATE_IN_USE', 'in use', {retryable: true});
        await engine.keep(notes);
      },
    };
    const {clock} = here;
    const care = new Care({
      engine: busy,
      clock,
      log: silentLog,
      limitMs: 60_000,
      everyMs: {drill: day},
    });
    await care.tend(never);
    expect(care.runs).toEqual([]);
    isBusy = false;
    await care.tend(never);
    expect(care.runs).toEqual([{task: 'drill', outcome: 'done', runs: 1}]);
  });
});

describe('a call that meets a lock', () => {
  const locked = new EngineError('STORE_LOCKED', 'locked', {retryable: true});
  const calls = (...failures: readonly (EngineError | undefined)[]) => {
    const left = [...failures];
    return async (): Promise<string> => {
      const failure = left.shift();
      if (failure !== undefined) throw failure;
      return 'done';
    };
  };

  test('is made once more after dead locks were removed', async () => {
    let unlocked = 0;
    const patiently = unlocking(async () => void unlocked++, silentLog);
    expect(await patiently(never, calls(locked))).toBe('done');
    await expect(patiently(never, calls(locked, locked))).rejects.toBe(locked);
    expect(unlocked).toBe(2);
    const away = new EngineError('STORE_UNREACHABLE', 'away');
    await expect(patiently(never, calls(away))).rejects.toBe(away);
    expect(unlocked).toBe(2);
  });

  test('fails as it did where they may not be removed', async () => {
    const refused = unlocking(async () => {
      throw new EngineError('STORE_UNREACHABLE', 'permission denied');
    }, silentLog);
    await expect(refused(never, calls(locked))).rejects.toBe(locked);
  });
});
