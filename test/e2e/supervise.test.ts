/** run -- command: real applications that crash, end, ignore signals and fork, beside services that replicate. */
import {readFileSync, writeFileSync} from 'node:fs';
import {createServer} from 'node:net';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {afterEach, describe, expect, test} from 'vitest';
import {statusSchema} from '../../src/http/schemas.ts';
import {password, rowplica} from '../helpers/cli.ts';
import {Client} from '../helpers/http.ts';
import {
  eventually,
  killServices,
  ServiceProcess,
  type LogLine,
} from '../helpers/service-process.ts';
import {smallKuma} from '../helpers/small-kuma.ts';
import {isRunning, killNoted, Notebook} from '../helpers/supervised.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTable, execute} from '../helpers/typed-dump.ts';

afterEach(() => {
  killServices();
  killNoted();
});

/** Does nothing, for as long as it may. */
const idle = 'while :; do sleep 0.05; done';

class Place {
  readonly folder = temporaryFolder();
  readonly notes = new Notebook();

  constructor(...roles: readonly ('primary' | 'replica')[]) {
    for (const role of roles) execute(this.path(role), `PRAGMA journal_mode = WAL; ${smallKuma};`);
  }

  path(role: string): string {
    return join(this.folder, `${role}.db`);
  }

  flags(role: 'primary' | 'replica'): readonly string[] {
    const store = `dir:${join(this.folder, 'store')}`;
    const place = ['--database', this.path(role), '--store', store];
    const rhythm = ['--role', role, '--interval', '1s', '--stop-timeout', '1s'];
    return [...place, '--state', `${this.path(role)}-state`, ...rhythm, '--http', 'off'];
  }

  /** A service that starts this script; a primary, where nothing else is said. */
  start(script: string, {role = 'primary', flags = [], env = {}}: Start = {}): ServiceProcess {
    const all = [...this.flags(role), ...flags, ...this.notes.run(script)];
    return new ServiceProcess(all, env);
  }

  async noted(line: string): Promise<void> {
    await eventually(`the note "${line}"`, () => this.notes.lines.includes(line));
  }

  /** The first snapshot, and later edits. */
  async capture(): Promise<void> {
    const {exitCode, stderr} = await rowplica(['capture', ...this.flags('primary').slice(0, 6)]);
    if (exitCode !== 0) throw new Error(stderr);
  }

  async arrives(sql: string): Promise<void> {
    execute(this.path('primary'), sql);
    await this.capture();
    const dump = (role: string): string => JSON.stringify(dumpTable(this.path(role), 'tag'));
    await eventually('equal rows', () => dump('primary') === dump('replica'));
  }
}

type Start = {
  readonly role?: 'primary' | 'replica';
  readonly flags?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
};

const saying = (service: ServiceProcess, msg: string): readonly LogLine[] =>
  service.lines.filter((line) => line.msg === msg);

describe('an application that crashes', () => {
  test('is started again, ever more seldom, and rows arrive meanwhile', async () => {
    const place = new Place('primary', 'replica');
    await place.capture();
    const replica = place.start('sleep 0.2; exit 3', {role: 'replica'});
    await replica.says({msg: 'application ended', code: 3});
    await place.arrives("INSERT INTO tag VALUES ('a', 1)");
    await eventually('three starts', () => place.notes.pids.length >= 3);
    const pauses = saying(replica, 'application starts again').map((line) => line['inSeconds']);
    for (const [crash, seconds] of [1, 2].entries()) {
      expect(pauses[crash]).toBeGreaterThanOrEqual(0.9 * seconds);
      expect(pauses[crash]).toBeLessThanOrEqual(1.1 * seconds);
    }
    await eventually('a third pause', () => saying(replica, 'application starts again')[2]);
    await place.arrives("INSERT INTO tag VALUES ('b', 2)");
  });

  test('leaves nothing behind, also of what ignores SIGTERM', async () => {
    const place = new Place('primary');
    const service = place.start(
      'sleep 1000 & note pid $!; (trap "" TERM; exec sleep 1000) & note pid $!; kill -9 $$',
    );
    await service.says({msg: 'application ended', signal: 'SIGKILL'});
    const [, ...forked] = place.notes.pids;
    expect(forked).toHaveLength(2);
    await service.says({msg: 'application starts again'});
    expect(forked.filter(isRunning)).toEqual([]);
  });

  test('keeps its exit code where the service is ended before the next start', async () => {
    const place = new Place('primary');
    const service = place.start('exit 3');
    await eventually('the third crash', () => saying(service, 'application starts again')[2]);
    expect(await service.stop()).toEqual({exitCode: 3, signal: null});
  });

  test('is unharmed by a store that fails', async () => {
    const place = new Place('primary', 'replica');
    const repository = `restic:${join(place.folder, 'repository')}`;
    await rowplica(['capture', '--database', place.path('primary'), '--store', repository]);
    const service = place.start(idle, {
      role: 'replica',
      flags: ['--store', repository],
      env: {RESTIC_PASSWORD: `not-${password}`},
    });
    await service.says({code: 'STORE_PASSWORD', status: 'failed'});
    await pause(1_000);
    expect(place.notes.pids.map(isRunning)).toEqual([true]);
    expect(await service.stop()).toEqual({exitCode: 143, signal: null});
  });
});

describe('an application that ends', () => {
  test('with 0 ends the service with 0', async () => {
    const place = new Place('primary');
    const service = place.start('sleep 1; exit 0');
    expect(await service.ended).toEqual({exitCode: 0, signal: null});
    expect(place.notes.pids).toHaveLength(1);
    expect(saying(service, 'stopped')).toHaveLength(1);
  });

  test.each<[string, NodeJS.Signals, string, number]>([
    ['by SIGTERM', 'SIGTERM', idle, 143],
    ['by SIGINT', 'SIGINT', idle, 130],
    ['with a code of its own', 'SIGTERM', `trap "exit 7" TERM; ${idle}`, 7],
    ['with 0', 'SIGINT', `trap "exit 0" INT; ${idle}`, 0],
    ['only by SIGKILL', 'SIGTERM', `trap "" TERM; ${idle}`, 137],
  ])('%s, once it is asked to, says so by the exit code', async (_, signal, script, exitCode) => {
    const place = new Place('primary');
    const service = place.start(`${script.replace(idle, `note up; ${idle}`)}`);
    await place.noted('up');
    service.signal(signal);
    expect(await service.ended).toEqual({exitCode, signal: null});
    expect(place.notes.pids.filter(isRunning)).toEqual([]);
    expect(saying(service, 'stopped')).toHaveLength(1);
  });

  test('takes with it what it forked', async () => {
    const place = new Place('primary');
    const service = place.start(
      `sh -c 'trap "" TERM; while :; do sleep 0.1; done' & note pid $!; sleep 1000 & note pid $!; note up; wait`,
    );
    await place.noted('up');
    const pids = place.notes.pids;
    expect(pids.map(isRunning)).toEqual([true, true, true]);
    expect(await service.stop()).toEqual({exitCode: 143, signal: null});
    expect(pids.filter(isRunning)).toEqual([]);
  });
});

describe('signals', () => {
  test('are passed on, and SIGUSR1 is a cycle as ever', async () => {
    const place = new Place('primary');
    const passed = ['HUP', 'QUIT', 'USR2', 'WINCH'];
    const traps = passed.map((name) => `trap "note ${name}" ${name}`).join('; ');
    const service = place.start(`${traps}; trap "note USR1" USR1; note up; ${idle}`, {
      flags: ['--interval', '5m', '--stale-after', '1h'],
    });
    await place.noted('up');
    for (const name of passed) {
      service.signal(`SIG${name}` as NodeJS.Signals);
      await place.noted(name);
    }
    await service.says({did: 'captured', sequence: 1});
    execute(place.path('primary'), "INSERT INTO tag VALUES ('a', 1)");
    service.signal('SIGUSR1');
    await service.says({did: 'captured', sequence: 2});
    expect(place.notes.lines).not.toContain('USR1');
    expect(await service.stop()).toEqual({exitCode: 143, signal: null});
    expect(place.notes.pids).toHaveLength(1);
  });

  test('that end it are passed on each time, and leave it no more time', async () => {
    const place = new Place('primary');
    const service = place.start(`trap "note TERM" TERM; note up; ${idle}`, {
      flags: ['--stop-timeout', '3s'],
    });
    const terms = (): number => place.notes.lines.filter((line) => line === 'TERM').length;
    await place.noted('up');
    service.signal('SIGTERM');
    await eventually('the first', () => terms() === 1);
    service.signal('SIGTERM');
    await eventually('the second', () => terms() === 2);
    expect(await service.ended).toEqual({exitCode: 137, signal: null});
    expect(saying(service, 'stopped')).toHaveLength(1);
  });
});

describe('an application is not started', () => {
  test('by a second service', async () => {
    const place = new Place('primary');
    const first = place.start(idle);
    await first.says({msg: 'application started'});
    const notes = new Notebook();
    const args = ['run', '--json', ...place.flags('primary'), ...notes.run(idle)];
    const {exitCode, stdout} = await rowplica(args);
    expect([exitCode, JSON.parse(stdout)]).toMatchObject([14, {error: {code: 'STATE_IN_USE'}}]);
    expect(notes.lines).toEqual([]);
    expect(place.notes.pids.map(isRunning)).toEqual([true]);
  });

  test('where the service cannot answer on its address', async () => {
    const place = new Place('primary');
    const server = createServer();
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    const address = server.address();
    const port = typeof address === 'object' ? address?.port : undefined;
    const service = place.start(idle, {flags: ['--http', `127.0.0.1:${port}`]});
    expect(await service.ended).toEqual({exitCode: 2, signal: null});
    server.close();
    expect(place.notes.lines).toEqual([]);
  });

  test.each<[string, readonly string[], number, RegExp]>([
    ['there is no such program', ['nowhere-to-be-found'], 127, /nowhere-to-be-found.*no such/],
    ['its file is not there', ['/nowhere/application'], 127, /\/nowhere\/application/],
    ['it may not be executed', ['FILE'], 126, /may not execute/],
    ['it is a folder', ['/'], 126, /may not execute/],
    ['it is not named', [], 2, /no command after --/],
  ])('where %s', async (_, command, exitCode, told) => {
    const place = new Place('primary');
    const file = join(place.folder, 'application');
    writeFileSync(file, '#!/bin/sh\n', {mode: 0o644});
    const given = command.map((part) => (part === 'FILE' ? file : part));
    const result = await rowplica(['run', '--json', ...place.flags('primary'), '--', ...given]);
    expect(result.exitCode).toBe(exitCode);
    expect(JSON.parse(result.stdout)).toMatchObject({
      error: {message: expect.stringMatching(told) as string, hint: expect.any(String) as string},
    });
  });

  test('by what stands before --', async () => {
    const place = new Place('primary');
    const result = await rowplica(['run', ...place.flags('primary'), 'sh', '-c', 'true']);
    expect(result.exitCode).toBe(2);
  });
});

describe('replication waits', () => {
  const locked = `CREATE TABLE knex_migrations (id INTEGER PRIMARY KEY, name);
    CREATE TABLE knex_migrations_lock ("index" INTEGER PRIMARY KEY, is_locked);
    INSERT INTO knex_migrations_lock VALUES (1, 0)`;

  test('while the application migrates its database, and says so', async () => {
    const place = new Place('primary', 'replica');
    for (const role of ['primary', 'replica']) execute(place.path(role), locked);
    execute(place.path('primary'), "INSERT INTO tag VALUES ('a', 1)");
    await place.capture();
    execute(place.path('replica'), 'UPDATE knex_migrations_lock SET is_locked = 1');
    const service = place.start(idle, {role: 'replica', flags: ['--http', '127.0.0.1:0']});
    const {http} = await service.says({msg: 'listening'});
    const client = new Client(String(http));
    const {msg} = await eventually('the reason', () =>
      service.lines.find((line) => /knex_migrations_lock/.test(line.msg)),
    );
    expect(msg).toMatch(/^waiting for the application: /);
    const starting = await client.json('/api/v1/status');
    expect(starting).toMatchObject({
      status: 'waiting',
      reason: msg,
      application: {state: 'starting', pid: place.notes.pids[0], restarts: 0, lastExit: null},
    });
    expect(statusSchema.safeParse(starting).error).toBeUndefined();
    expect((await client.ask('/readyz')).status).toBe(503);
    expect(dumpTable(place.path('replica'), 'tag')).toEqual([]);

    execute(place.path('replica'), 'UPDATE knex_migrations_lock SET is_locked = 0');
    await service.says({did: 'replicated', applied: true});
    const order = service.lines.map(({msg: each, did}) => did ?? each);
    expect(order.indexOf('application ready')).toBeLessThan(order.indexOf('replicated'));
    expect(await client.json('/api/v1/status')).toMatchObject({application: {state: 'ready'}});
    const {text} = await client.ask('/metrics');
    expect(text).toContain('rowplica_application_up 1\n');
    expect(text).toContain('rowplica_application_restarts_total 0\n');
  });

  test('for the application to make its database', async () => {
    const place = new Place('primary');
    execute(place.path('primary'), "INSERT INTO tag VALUES ('a', 1)");
    await place.capture();
    const service = place.start(idle, {role: 'replica'});
    await service.says({status: 'waiting', code: 'APPLICATION_STARTING'});
    await pause(3_000);
    execute(place.path('replica'), 'PRAGMA journal_mode = WAL');
    await eventually('the reason', () => service.lines.find(({msg}) => /no tables yet/.test(msg)));
    execute(place.path('replica'), smallKuma);
    await service.says({did: 'replicated', applied: true});
  });
});

test('the application sees nothing of what Rowplica and restic are told', async () => {
  const place = new Place('primary');
  const file = join(place.folder, 'environment');
  const secret = 'hunter2-hunter2-hunter2';
  const service = place.start(`env > '${file}'; note up; ${idle}`, {
    env: {
      OF_THE_APPLICATION: 'kept',
      ROWPLICA_TOKEN: secret,
      ROWPLICA_NTFY: `https://ntfy.sh/${secret}`,
      RESTIC_REPOSITORY: `rest:https://u:${secret}@host/`,
      RESTIC_PASSWORD: secret,
      RESTIC_REST_PASSWORD: secret,
    },
  });
  await place.noted('up');
  const environment = readFileSync(file, 'utf8');
  expect(environment).toMatch(/^OF_THE_APPLICATION=kept$/m);
  expect(environment).toMatch(/^PATH=/m);
  expect(environment).not.toMatch(/hunter2|^ROWPLICA_|^RESTIC_/m);
  await service.stop();
});
