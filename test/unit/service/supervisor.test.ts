/** A supervisor with real programs, asked to start them again. */
import {once} from 'node:events';
import {chmodSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, describe, expect, test} from 'vitest';
import {noProgress, silentLog} from '../../../src/index.ts';
import {versionMark} from '../../../src/engine/settled-version.ts';
import {pauseBeforeStart, Supervisor} from '../../../src/service/application/supervisor.ts';
import {systemClock, type Clock} from '../../../src/service/clock.ts';
import {eventually} from '../../helpers/service-process.ts';
import {smallKuma} from '../../helpers/small-kuma.ts';
import {isRunning, killNoted, Notebook} from '../../helpers/supervised.ts';
import {temporaryFolder} from '../../helpers/temp-folder.ts';
import {execute} from '../../helpers/typed-dump.ts';

const idle = 'while :; do sleep 0.05; done';
const ends: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  await Promise.all(ends.splice(0).map((end) => end()));
  killNoted();
});

type With = {readonly command?: readonly string[]; readonly clock?: Clock};

class Running {
  readonly notes = new Notebook();
  readonly supervisor: Supervisor;
  readonly stop = new AbortController();
  ready = 0;

  constructor(script: string, {command, clock = systemClock}: With = {}) {
    const database = join(temporaryFolder(), 'kuma.db');
    execute(database, smallKuma);
    const options = {database, env: process.env, log: silentLog, progress: noProgress};
    this.supervisor = new Supervisor({
      command: command ?? this.notes.run(script).slice(1),
      env: process.env,
      graceMs: 1_000,
      mark: (signal) => versionMark({...options, signal}),
      onReady: () => this.ready++,
      clock,
      log: silentLog,
    });
  }

  /** Has run it once this resolves. */
  async start(): Promise<void> {
    await this.supervisor.start();
    const ended = this.supervisor.run(this.stop.signal);
    ends.push(async () => {
      this.stop.abort();
      await ended;
    });
  }

  async noted(count: number): Promise<readonly number[]> {
    return eventually(`${count} notes`, () =>
      this.notes.pids.length === count ? this.notes.pids : undefined,
    );
  }
}

describe('a restart that is asked for', () => {
  test('ends all of the application and starts it at once, which is no crash', async () => {
    const running = new Running(`sleep 1000 & note pid $!; ${idle}`);
    await running.start();
    const before = await running.noted(2);
    await eventually('ready', () => running.ready === 1);
    expect(running.supervisor.whyNot).toBeUndefined();
    expect(await running.supervisor.restart()).toBe(true);
    expect(running.supervisor.whyNot).toMatchObject({code: 'APPLICATION_STARTING'});
    const all = await running.noted(4);
    expect(before.filter(isRunning)).toEqual([]);
    expect(running.supervisor.report()).toMatchObject({
      state: 'starting',
      pid: all[2],
      restarts: 0,
      lastExit: {code: null, signal: 'SIGTERM'},
    });
    await eventually('ready again', () => running.ready === 2);
    expect(running.supervisor.report().state).toBe('ready');
  });

  test('happens once, however many ask, and also where the application ends with 0', async () => {
    const running = new Running(`trap "exit 0" TERM; ${idle}`);
    await running.start();
    await running.noted(1);
    const {supervisor} = running;
    const all = await Promise.all([supervisor.restart(), supervisor.restart()]);
    expect(all).toEqual([true, true]);
    await running.noted(2);
  });

  test('waits for no pause after a crash', async () => {
    const clock: Clock = {
      ...systemClock,
      sleep: async (_, signal) => void (await once(signal, 'abort')),
    };
    const running = new Running('exit 1', {clock});
    await running.start();
    for (const crashes of [1, 2, 3]) {
      await running.noted(crashes);
      await eventually('the pause', () => running.supervisor.report().state === 'restarting');
      await eventually('its end', () => running.supervisor.report().pid === null);
      expect(await running.supervisor.restart()).toBe(true);
    }
    await running.noted(4);
  });

  test('kills what does not end in time', async () => {
    const running = new Running(`trap "" TERM; ${idle}`);
    await running.start();
    const [before = 0] = await running.noted(1);
    expect(await running.supervisor.restart()).toBe(true);
    expect(isRunning(before)).toBe(false);
    expect(running.supervisor.report().lastExit).toMatchObject({signal: 'SIGKILL'});
  });

  test('says so where the program cannot be started any more, and tries on', async () => {
    const file = join(temporaryFolder(), 'application');
    const write = (): void => {
      writeFileSync(file, `#!/bin/sh\n${idle}\n`);
      chmodSync(file, 0o755);
    };
    write();
    const running = new Running('', {command: [file]});
    await running.start();
    rmSync(file);
    expect(await running.supervisor.restart()).toBe(false);
    expect(running.supervisor.report()).toMatchObject({
      state: 'restarting',
      pid: null,
      lastExit: {code: 127, signal: null},
    });
    write();
    await eventually('a start', () => running.supervisor.report().pid !== null);
  });

  test('is too late once it has ended, or is to', async () => {
    const running = new Running(`trap "" TERM; ${idle}`);
    await running.start();
    await running.noted(1); // its trap is set
    running.stop.abort();
    expect(await running.supervisor.restart()).toBe(false);
    await eventually('the end', () => running.supervisor.report().pid === null);
    expect(await running.supervisor.restart()).toBe(false);
    expect(running.supervisor.report()).toMatchObject({
      state: 'ended',
      lastExit: {signal: 'SIGKILL'},
    });
  });

  test('that is under way gives way to the end', async () => {
    const running = new Running(`trap "" TERM; ${idle}`);
    await running.start();
    await running.noted(1);
    const restarted = running.supervisor.restart();
    running.stop.abort();
    expect(await restarted).toBe(false);
    expect(running.notes.pids).toHaveLength(1);
  });
});

test('pauses double from a second to a minute, spread by a tenth', () => {
  expect([0, 1, 2, 5].map((crashes) => pauseBeforeStart(crashes, 0.5))).toEqual([
    1_000, 2_000, 4_000, 32_000,
  ]);
  expect([6, 7, 1_000_000].map((crashes) => pauseBeforeStart(crashes, 0.5))).toEqual([
    60_000, 60_000, 60_000,
  ]);
  expect(pauseBeforeStart(0, 0)).toBe(900);
  expect(pauseBeforeStart(0, 0.999)).toBeLessThan(1_100);
});
