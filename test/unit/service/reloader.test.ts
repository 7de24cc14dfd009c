/** Whom a replica has take notice, and when an application counts as knowing; its engine is a list of what it was asked. */
import {expect, test} from 'vitest';
import type {ReloadResult} from '../../../src/engine/reload.ts';
import {silentLog} from '../../../src/index.ts';
import type {Done, RoleCycle, RoleFacts} from '../../../src/service/cycle.ts';
import {Reloader} from '../../../src/service/reload/reloader.ts';
import {Reloading} from '../../../src/service/reload/reloading.ts';
import type {ApplicationReport} from '../../../src/service/source.ts';
import {VirtualClock} from '../../helpers/virtual-clock.ts';

const {signal} = new AbortController();
const none: ReloadResult = {
  through: null,
  outcome: 'unneeded',
  tables: [],
  calls: {},
  reason: null,
};
const failed: ReloadResult = {...none, through: 1, outcome: 'failed', reason: 'why'};
const told: ReloadResult = {...none, through: 1, outcome: 'told', calls: {resumeMonitor: 1}};
const settings = {
  strategies: ['socket'] as const,
  url: undefined,
  user: undefined,
  password: undefined,
  command: undefined,
  timeoutMs: 100,
};

class Place {
  readonly clock = new VirtualClock();
  readonly asked: string[] = [];
  readonly again: number[] = [];
  readonly reloader: Reloader;
  readonly reloading: Reloading;
  result = none;
  done: Done = {did: 'looked', isWaiting: false};
  held: RoleFacts['held'] = null;
  application: Pick<ApplicationReport, 'state' | 'pid'> = {state: 'ready', pid: 1};

  constructor(more: Partial<ConstructorParameters<typeof Reloader>[0]['settings']> = {}) {
    const {clock} = this;
    this.reloader = new Reloader({
      engine: {
        reload: async () => (this.asked.push('reload'), this.result),
        reloaded: async (through) => void this.asked.push(`reloaded ${through ?? 'all'}`),
      },
      settings: {...settings, ...more},
      application: {report: () => this.application, restart: async () => false},
      command: async () => undefined,
      watch: undefined,
      clock,
      log: silentLog,
    });
    const digest = 'd';
    const position = {lineage: 'l', epoch: 1, sequence: 1, digest};
    const cycle = {
      cycle: async () => this.done,
      facts: () => ({position, held: this.held}) as RoleFacts,
    } as unknown as RoleCycle;
    const again = (): void => void this.again.push(1);
    this.reloading = new Reloading({cycle, reloader: this.reloader, clock, log: silentLog, again});
  }
}

test('an application that is started while rows are applied may have read the old ones', async () => {
  const place = new Place();
  await place.reloader.begin();
  place.application = {state: 'starting', pid: 2};
  await place.reloader.tell(signal);
  place.application = {state: 'ready', pid: 2};
  await place.reloader.begin();
  expect(place.asked).toEqual(['reloaded all']); // for process 1
  await place.reloader.tell(signal);
  expect(place.asked).toEqual(['reloaded all', 'reload']);
});

test('an application that is down reads all rows when it starts', async () => {
  const place = new Place();
  place.application = {state: 'restarting', pid: null};
  await place.reloader.begin();
  await place.reloader.tell(signal);
  expect(place.asked).toEqual(['reloaded all']);
});

test('each start of the application settles what was due', async () => {
  const place = new Place();
  await place.reloader.begin();
  place.result = failed;
  await place.reloader.tell(signal);
  await place.reloader.begin();
  expect(place.reloader.report.restartDue).toBe('why');
  place.application = {state: 'ready', pid: 2};
  await place.reloader.begin();
  expect(place.reloader.report.restartDue).toBeNull();
  expect(place.asked).toEqual(['reloaded all', 'reload', 'reloaded all']);
});

test('a way that nobody took is not counted', async () => {
  const place = new Place({strategies: ['none']});
  place.result = failed;
  await place.reloader.tell(signal);
  expect(place.reloader.runs).toEqual([{strategy: 'none', outcome: 'failed', runs: 1}]);
});

test('rows are compared also after a second try, unless they are held', async () => {
  const place = new Place();
  place.result = failed;
  await place.reloading.cycle(signal, false);
  expect(place.again).toEqual([]);
  place.result = told;
  place.clock.advance(6 * 60_000);
  await place.reloading.cycle(signal, false);
  await place.clock.sleep(10_000);
  expect(place.again).toEqual([1]);
  const next = new Place();
  [next.result, next.held] = [told, 'undone'];
  await next.reloading.cycle(signal, false);
  await next.clock.sleep(10_000);
  expect(next.again).toEqual([]);
});
