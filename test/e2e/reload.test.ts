/** A replica beside a running Uptime Kuma (a fake one, over a real socket): what was applied is noticed there without a restart. */
import {once} from 'node:events';
import {readFileSync, writeFileSync} from 'node:fs';
import {createServer, type AddressInfo} from 'node:net';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {afterEach, describe, expect, test} from 'vitest';
import {rowplica} from '../helpers/cli.ts';
import {FakeKuma, freePort, killFakes} from '../helpers/fake-kuma.ts';
import {eventually, killServices, ServiceProcess} from '../helpers/service-process.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTable, execute} from '../helpers/typed-dump.ts';
import {buildEmptyKuma} from '../helpers/uptime-kuma/index.ts';

afterEach(() => {
  killServices();
  killFakes();
});

const monitor = (id: number, user = 1): string =>
  `INSERT INTO monitor (id, name, url, type, user_id) VALUES (${id}, 'm${id}', 'http://${id}', 'http', ${user});`;
const page = `INSERT INTO status_page (id, slug, title, icon, theme) VALUES (1, 's', 'old', '', 'auto');`;
const maintenance = `INSERT INTO maintenance (id, title, description, user_id, strategy, timezone)
  VALUES (1, 't', 'd', 1, 'manual', 'UTC'), (5, 't', 'd', 1, 'manual', 'UTC');`;
const start = `INSERT INTO user (id, username, password) VALUES (2, 'other', 'x'); ${monitor(1)} ${monitor(2)} ${page} ${maintenance}`;

class Place {
  readonly folder = temporaryFolder();
  readonly fake: FakeKuma;
  readonly #port: number;

  private constructor(ports: readonly [number, number], flags: readonly string[]) {
    this.fake = new FakeKuma(this.path('replica'), ports[0], flags);
    this.#port = ports[1];
  }

  /** Both hold the same rows, and a snapshot of them. */
  static async make(...flags: readonly string[]): Promise<Place> {
    const place = new Place([await freePort(), await freePort()], flags);
    for (const role of ['primary', 'replica']) buildEmptyKuma(place.path(role), {version: '2.5.3'});
    execute(place.path('primary'), `PRAGMA journal_mode = WAL; ${start}`);
    execute(place.path('replica'), 'PRAGMA journal_mode = WAL');
    await place.capture();
    await place.run('replicate', 'replica');
    return place;
  }

  path(role: string): string {
    return join(this.folder, `${role}.db`);
  }

  #place(role: string): readonly string[] {
    const store = `dir:${join(this.folder, 'store')}`;
    return ['--database', this.path(role), '--store', store, '--state', `${this.path(role)}-state`];
  }

  async capture(): Promise<void> {
    await this.run('capture', 'primary');
  }

  /** A command by hand. */
  async run(command: string, role: string, ...flags: readonly string[]): Promise<void> {
    const {exitCode, stderr} = await rowplica([command, ...flags, ...this.#place(role)]);
    if (exitCode !== 0) throw new Error(stderr);
  }

  serve(
    flags: readonly string[] = [],
    command: readonly string[] = [],
    url = this.fake.url,
  ): ServiceProcess {
    const place = [...this.#place('replica'), '--role', 'replica', '--interval', '1s'];
    const http = ['--http', `127.0.0.1:${this.#port}`, '--reload-url', url];
    const all = [...place, ...http, '--stop-timeout', '2s', ...flags];
    const env = {ROWPLICA_TOKEN: 'a-token-that-nobody-guesses', ROWPLICA_RELOAD_TIMEOUT: '1s'};
    return new ServiceProcess(command.length === 0 ? all : [...all, '--', ...command], env);
  }

  /** Edits the primary; what the replica's application was told of it then. */
  async edit(sql: string): Promise<void> {
    execute(this.path('primary'), `PRAGMA foreign_keys = ON; ${sql}`);
    await this.capture();
  }

  get calls(): readonly string[] {
    return this.fake.calls;
  }

  async status(): Promise<Status> {
    const response = await fetch(`http://127.0.0.1:${this.#port}/api/v1/status`, {
      headers: {authorization: 'Bearer a-token-that-nobody-guesses'},
    });
    return (await response.json()) as Status;
  }

  async cycles(service: ServiceProcess, more: number): Promise<void> {
    const count = (): number => service.lines.filter(({msg}) => msg === 'cycle').length;
    const before = count();
    await eventually('further cycles', () => count() >= before + more);
  }
}

/** As somebody does by hand; the real one takes seconds until it listens. */
async function restart(fake: FakeKuma): Promise<void> {
  await fake.stop();
  await pause(1_000);
  await fake.start();
}

type Status = {
  readonly status: string;
  readonly reason: string;
  readonly reload: {
    readonly last: {readonly strategy: string; readonly outcome: string} | null;
    readonly restartDue: string | null;
  };
};

/** A service that found nothing running, and the application that was started then. */
async function beside(
  flags: readonly string[] = [],
  service: readonly string[] = [],
): Promise<Both> {
  const place = await Place.make(...flags);
  const replica = place.serve(service);
  await replica.says({msg: 'reload', outcome: 'absent'});
  await place.fake.start();
  return {place, replica};
}

type Both = {readonly place: Place; readonly replica: ServiceProcess};

const flush = 'addMonitorMaintenance(-1,)';

describe('the application is told of', () => {
  test.each([
    ['a new monitor', monitor(3), ['resumeMonitor(3)']],
    ['a changed one', "UPDATE monitor SET url = 'http://new' WHERE id = 1", ['resumeMonitor(1)']],
    ['a deactivated one', 'UPDATE monitor SET active = 0 WHERE id = 1', ['pauseMonitor(1)']],
    ['a deleted one', 'DELETE FROM monitor WHERE id = 1', ['deleteMonitor(1)']],
    ["another user's", 'UPDATE monitor SET user_id = 2 WHERE id = 1', ['resumeMonitor(1)']],
    [
      'a new maintenance',
      "INSERT INTO maintenance (id, title, description, user_id, strategy) VALUES (2, 't', 'd', 1, 'manual')",
      ['addMaintenance({2})', flush],
    ],
    [
      'a changed one',
      "UPDATE maintenance SET title = 'new' WHERE id = 1",
      ['editMaintenance({1})', flush],
    ],
    [
      'one that recurs from now on',
      `UPDATE maintenance SET strategy = 'recurring-weekday', start_time = '23:00', end_time = '01:30', weekdays = '[1,2]',
        cron = '0 23 * * 1,2', duration = 9000, start_date = '2026-01-01 00:00:00' WHERE id = 1`,
      ['editMaintenance({1})', flush],
    ],
    ['a deleted one', 'DELETE FROM maintenance WHERE id = 1', ['deleteMaintenance(1)']],
    ['a status page', "UPDATE status_page SET title = 'new'", [flush]],
  ])('%s: %s', async (_, sql, calls) => {
    const {place, replica} = await beside();
    await place.fake.page('s');
    await place.edit(sql);
    await replica.says({msg: 'reload', strategy: 'socket', outcome: 'told'});
    await place.cycles(replica, 3);
    expect(place.calls).toEqual(calls);
    expect(await place.status()).toMatchObject({status: 'ok', reload: {restartDue: null}});
    for (const table of ['monitor', 'maintenance'])
      expect(dumpTable(place.path('replica'), table)).toEqual(
        dumpTable(place.path('primary'), table),
      );
    expect(replica.stderr).not.toMatch(/eyJ|http:\/\/new/);
  });

  test('what it polls, knows and shows, as it is now', async () => {
    const {place, replica} = await beside();
    expect(await place.fake.page('s')).toBe('old');
    await place.edit(
      "UPDATE monitor SET url = 'http://new' WHERE id = 1; UPDATE maintenance SET title = 'new' WHERE id = 1; UPDATE status_page SET title = 'new'; DELETE FROM monitor WHERE id = 2",
    );
    await replica.says({msg: 'reload', outcome: 'told'});
    const {monitors, maintenances} = await place.fake.known();
    expect(monitors).toMatchObject([{id: 1, url: 'http://new'}]);
    expect(maintenances).toMatchObject([{title: 'new'}, {title: 't'}]);
    expect(await place.fake.page('s')).toBe('new');
  });
});

test('what it reads on use needs no call', async () => {
  const {place, replica} = await beside();
  await place.edit("INSERT INTO notification (name, config, user_id) VALUES ('n', '{}', 1)");
  await eventually('the row', () => dumpTable(place.path('replica'), 'notification').length === 1);
  await place.cycles(replica, 2);
  expect(place.fake.notes.filter(({call}) => call !== undefined)).toEqual([]);
});

test('a restart that only a person can do is told in the status', async () => {
  const {place} = await beside();
  await place.edit("INSERT INTO status_page_cname (status_page_id, domain) VALUES (1, 'd')");
  const status = await eventually('a status', async () => {
    const now = await place.status();
    return now.reload.restartDue !== null && now.status === 'degraded' && now;
  });
  expect(status.reason).toContain('the application has to be restarted: status_page_cname');
  await restart(place.fake);
  await eventually('it to be noticed', async () => (await place.status()).status === 'ok');
  expect(await place.status()).toMatchObject({reload: {restartDue: null}});
  await place.edit(monitor(3));
  await eventually('a call', () => place.calls.includes('resumeMonitor(3)'));
  expect((await place.status()).status).toBe('ok');
});

test('a restart that is due stays so after one of Rowplica, until it is done', async () => {
  const {place, replica} = await beside();
  await place.edit("INSERT INTO status_page_cname (status_page_id, domain) VALUES (1, 'd')");
  const due = async (): Promise<boolean> => (await place.status()).status === 'degraded';
  await eventually('a status', due);
  await replica.stop();
  const again = place.serve();
  await again.says({msg: 'listening'});
  await eventually('the same status', due);
  await place.cycles(again, 3);
  expect(await due()).toBe(true);
  await restart(place.fake);
  await eventually('it to be noticed', async () => (await place.status()).status === 'ok');
  await again.stop();
  const last = place.serve();
  await last.says({msg: 'listening'});
  await place.cycles(last, 2);
  expect(await place.status()).toMatchObject({status: 'ok', reload: {restartDue: null}});
});

test('calls that are lost or not answered do not keep rows from arriving', async () => {
  const {place, replica} = await beside(['--never', 'resumeMonitor', '--late', '300']);
  await place.edit(monitor(3));
  await replica.says({msg: 'reload', strategy: 'socket', outcome: 'failed'});
  const {reason} = await eventually('a status', async () => {
    const now = await place.status();
    return now.status === 'degraded' && now;
  });
  expect(reason).toContain('resumeMonitor was not answered');
  await place.edit(monitor(4));
  await eventually('the row', () => dumpTable(place.path('replica'), 'monitor').length === 4);
});

describe('where the service starts the application', () => {
  test('a socket that refuses the login is followed by a restart', async () => {
    const place = await Place.make();
    const replica = place.serve([], place.fake.command);
    await replica.says({msg: 'application ready'});
    await place.cycles(replica, 2);
    expect(place.calls).toEqual([]); // it read the first snapshot when it started
    execute(place.path('replica'), "DELETE FROM setting WHERE key = 'jwtSecret'");
    await place.edit(monitor(3));
    await replica.says({msg: 'reload', strategy: 'restart', outcome: 'told'});
    await eventually('a second start', () => place.fake.starts === 2);
    const {monitors} = await place.fake.known();
    expect(monitors.map(({id}) => id)).toEqual([1, 2, 3]);
    await place.cycles(replica, 2);
    expect(await place.status()).toMatchObject({status: 'ok', reload: {restartDue: null}});
    expect(place.fake.starts).toBe(2);
  });

  test('a change that is read at the start alone has it started anew', async () => {
    const place = await Place.make();
    const replica = place.serve([], place.fake.command);
    await replica.says({msg: 'application ready'});
    await place.cycles(replica, 2);
    await place.edit("INSERT INTO status_page_cname (status_page_id, domain) VALUES (1, 'd')");
    await replica.says({msg: 'reload', strategy: 'restart', outcome: 'told'});
    expect(place.calls).toEqual([]);
  });
});

test('a command is told which tables were written', async () => {
  const place = await Place.make();
  const file = join(place.folder, 'config.yaml');
  const told = join(place.folder, 'told');
  const script = `echo "$ROWPLICA_RELOAD_TABLES $ROWPLICA_TOKEN" > '${told}'`;
  writeFileSync(
    file,
    `reload:\n  strategies: [command]\n  command: [sh, -c, ${JSON.stringify(script)}]\n`,
  );
  const replica = place.serve(['--config', file]);
  await replica.says({msg: 'reload', strategy: 'command', outcome: 'told'});
  expect(readFileSync(told, 'utf8')).toBe('maintenance,monitor,status_page,user \n');
});

test('what was applied before a kill is told after it', async () => {
  const {place, replica} = await beside(['--never', 'resumeMonitor']);
  await place.edit(monitor(3));
  await eventually('the call', () => place.calls.includes('resumeMonitor(3)'));
  replica.kill();
  await replica.ended;
  const before = place.calls.length;
  const next = place.serve();
  await eventually('the same call', () => place.calls.length > before);
  expect(new Set(place.calls)).toEqual(new Set(['resumeMonitor(3)']));
  await next.says({msg: 'reload', outcome: 'failed'});
});

test('what was committed is told by the next process, where it was killed before the first call', async () => {
  const {place, replica} = await beside();
  replica.kill();
  await replica.ended;
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const {port} = silent.address() as AddressInfo;
  await place.edit(monitor(3));
  const killed = place.serve([], [], `http://127.0.0.1:${port}`);
  await once(silent, 'connection');
  killed.kill();
  await killed.ended;
  silent.close();
  expect(dumpTable(place.path('replica'), 'monitor')).toHaveLength(3);
  expect(place.calls).toEqual([]);
  const next = place.serve();
  await next.says({msg: 'reload', strategy: 'socket', outcome: 'told'});
  expect(place.calls).toEqual(['resumeMonitor(3)']);
});

test('nobody is told where the flag says so, and the status says that a restart is due', async () => {
  const place = await Place.make();
  await place.fake.start();
  const replica = place.serve(['--reload', 'none']);
  await replica.says({msg: 'reload', strategy: 'none', outcome: 'failed'});
  const {reason} = await eventually('a status', async () => {
    const now = await place.status();
    return now.status === 'degraded' && now;
  });
  expect(reason).toContain('nobody tells it');
  expect(place.fake.notes.filter(({call}) => call !== undefined)).toEqual([]);
});

describe('what a command by hand writes beside the service', () => {
  test('is told too', async () => {
    const {place} = await beside();
    execute(place.path('replica'), "UPDATE monitor SET url = 'http://local' WHERE id = 1");
    await place.run('replicate', 'replica');
    await eventually('the call', () => place.calls.includes('resumeMonitor(1)'));
  });

  test('to undo what was told asks for a restart', async () => {
    const {place, replica} = await beside();
    await place.edit(monitor(3));
    await replica.says({msg: 'reload', strategy: 'socket', outcome: 'told'});
    await place.cycles(replica, 4);
    await place.run('undo', 'replica');
    const {restartDue} = await eventually('a status', async () => {
      const {reload} = await place.status();
      return reload.restartDue !== null && reload;
    });
    expect(restartDue).toContain('was undone');
  });
});

describe('old values that it writes back', () => {
  const edit = "UPDATE monitor SET name = 'new' WHERE id = 1";

  test('are replicated once more', async () => {
    const {place, replica} = await beside(['--writes-back', 'name']);
    await place.edit(edit);
    await eventually('the fault', () => place.fake.notes.some(({wroteBack}) => wroteBack));
    await replica.says({msg: 'the application wrote old values back', tables: 'monitor'});
    await place.cycles(replica, 3);
    expect(place.calls).toEqual(['resumeMonitor(1)', 'resumeMonitor(1)']);
    expect(dumpTable(place.path('replica'), 'monitor')).toEqual(
      dumpTable(place.path('primary'), 'monitor'),
    );
    expect((await place.status()).status).toBe('ok');
  });

  test('again and again are told with the table', async () => {
    const flags = ['--writes-back', 'name', '--writes-back-times', '100'];
    const {place} = await beside(flags);
    await place.edit(edit);
    const {reason} = await eventually('a status', async () => {
      const now = await place.status();
      return now.status === 'degraded' && now;
    });
    expect(reason).toContain('writes old values back into table "monitor"');
    expect(place.calls.length).toBeLessThanOrEqual(5);
  });
});
