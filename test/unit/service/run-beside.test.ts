/** What becomes of an application where Rowplica itself is at fault. */
import {spawn} from 'node:child_process';
import {join} from 'node:path';
import {afterEach, expect, test} from 'vitest';
import {silentLog} from '../../../src/index.ts';
import {runBeside} from '../../../src/service/application/run-beside.ts';
import {Supervisor} from '../../../src/service/application/supervisor.ts';
import {systemClock} from '../../../src/service/clock.ts';
import {Service} from '../../../src/service/service.ts';
import {eventually} from '../../helpers/service-process.ts';
import {isRunning, killNoted, Notebook} from '../../helpers/supervised.ts';

afterEach(killNoted);

const idle = 'while :; do sleep 0.05; done';

function supervisorOf(command: readonly string[]): Supervisor {
  return new Supervisor({
    command,
    env: process.env,
    graceMs: 1_000,
    mark: async () => undefined,
    onReady: () => {},
    clock: systemClock,
    log: silentLog,
  });
}

class Watched {
  closed = 0;
  readonly service: Service;

  constructor(fault?: Error) {
    this.service = new Service({
      role: 'primary',
      cycle: {
        cycle: async () => ({did: 'nothing'}),
        facts: () => ({
          signMs: undefined,
          asOfMs: undefined,
          isSuspicious: false,
          isWaiting: false,
          held: null,
          conflicts: 0,
          drift: undefined,
          position: undefined,
        }),
        close: async () => void this.closed++,
      },
      intervalMs: 1_000,
      staleAfterMs: 10_000,
      clock: systemClock,
      log: silentLog,
      onCycle: () => {
        if (fault !== undefined) throw fault;
      },
    });
  }
}

test('a fault of the service is told, and leaves the application alone until it is ended', async () => {
  const notes = new Notebook();
  const {service} = new Watched(new Error('a fault'));
  const supervisor = supervisorOf(notes.run(idle).slice(1));
  const told: string[] = [];
  const log = {...silentLog, warn: (message: string) => void told.push(message)};
  const end = new AbortController();
  const ended = runBeside({supervisor, service, log}, end.signal).catch((error: unknown) => error);
  await eventually('the warning', () => told.length === 1);
  expect(told[0]).toMatch(/a fault of Rowplica; the application goes on/);
  const [pid = 0] = await eventually('a start', () => notes.pids.length === 1 && notes.pids);
  expect(isRunning(pid)).toBe(true);
  end.abort();
  expect(await ended).toEqual(new Error('a fault'));
  expect(isRunning(pid)).toBe(false);
});

test('what the service holds is closed where the application cannot be started', async () => {
  const watched = new Watched();
  const supervisor = supervisorOf(['/nowhere/application']);
  const {service} = watched;
  const running = runBeside({supervisor, service, log: silentLog}, new AbortController().signal);
  await expect(running).rejects.toMatchObject({code: 'COMMAND_NOT_FOUND'});
  expect(watched.closed).toBe(1);
  for (const signal of ['SIGTERM', 'SIGHUP', 'SIGUSR2'] as const)
    expect(process.listeners(signal).filter(({name}) => /^(?:end|pass)$/.test(name))).toEqual([]);
});

test('a death by a fault asks the application to end', async () => {
  const notes = new Notebook();
  const module = join(import.meta.dirname, '../../../src/service/application/process-group.ts');
  const command = JSON.stringify(notes.run(idle).slice(1));
  const program = `const {startGroup} = await import(${JSON.stringify(module)});
    await startGroup(${command}, process.env);
    setTimeout(() => { throw new Error('a fault'); }, 500);`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {stdio: 'ignore'});
  const code = await new Promise((done) => child.on('exit', done));
  expect(code).toBe(1);
  const [pid = 0] = await eventually('a start', () => notes.pids.length === 1 && notes.pids);
  await eventually('its end', () => !isRunning(pid));
});
