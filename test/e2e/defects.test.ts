/**
 * The fifteen defects of Replicator Kuma, one test each: none of them is possible here. On databases of Uptime Kuma 2.5's tables, driven
 * through the library, or by services where the defect was one of the process.
 */
import {spawn} from 'node:child_process';
import {statSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {afterEach, expect, test} from 'vitest';
import {pruneStore} from '../../src/engine/store-care.ts';
import {
  capture,
  diff,
  noProgress,
  replicate,
  silentLog,
  snapshots,
  status,
  type CaptureResult,
  type EngineOptions,
  type ReplicateResult,
} from '../../src/index.ts';
import {environment, rowplica} from '../helpers/cli.ts';
import {FakeKuma, freePort} from '../helpers/fake-kuma.ts';
import {eventually, killServices, ServiceProcess} from '../helpers/service-process.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {complaints, countRows, dumpTable, execute} from '../helpers/typed-dump.ts';
import {buildEmptyKuma} from '../helpers/uptime-kuma/index.ts';

afterEach(killServices);

/** Two instances with the rows of a small set-up on the primary, and a store between them. */
class Pair {
  readonly folder = temporaryFolder();
  readonly primary = join(this.folder, 'primary.db');
  readonly replica = join(this.folder, 'replica.db');
  readonly store: string;

  constructor(store: 'dir' | 'restic' = 'dir') {
    this.store = `${store}:${join(this.folder, 'store')}`;
    for (const path of [this.primary, this.replica]) {
      buildEmptyKuma(path, {version: '2.5.3'});
      execute(path, 'PRAGMA journal_mode = WAL');
    }
    execute(
      this.primary,
      `INSERT INTO monitor (id, name, type, url, interval, user_id, timeout) VALUES
         (1, 'one', 'http', 'https://one.example/', 60, 1, 48), (2, 'two', 'http', 'https://two.example/', 60, 1, 48);
       INSERT INTO notification (id, name, config, user_id) VALUES (1, 'mail', '{}', 1);
       INSERT INTO monitor_notification (monitor_id, notification_id) VALUES (1, 1), (2, 1);
       INSERT INTO status_page (id, slug, title, icon, theme) VALUES (1, 'all', 'All', '', 'light');
       INSERT INTO "group" (id, name, status_page_id) VALUES (1, 'G', 1);
       INSERT INTO monitor_group (monitor_id, group_id) VALUES (1, 1)`,
    );
  }

  options(database: string): EngineOptions {
    return {
      database,
      store: this.store,
      state: `${database}-state`,
      env: environment(),
      log: silentLog,
      progress: noProgress,
    };
  }

  capture(): Promise<CaptureResult> {
    return capture(this.options(this.primary));
  }

  replicate(): Promise<ReplicateResult> {
    return replicate(this.options(this.replica));
  }

  /** Captures and replicates, and finds the rows of these tables equal, value by value. */
  async travels(...tables: readonly string[]): Promise<void> {
    await this.capture();
    await this.replicate();
    for (const table of tables)
      expect(dumpTable(this.replica, table), table).toEqual(dumpTable(this.primary, table));
    expect(complaints(this.replica)).toEqual([]);
    expect((await this.replicate()).applied).toBe(false);
  }
}

/** Sets cells of the first row, bound as they are. */
function set(path: string, table: string, cells: Readonly<Record<string, unknown>>): void {
  const db = new BetterSqlite3(path);
  const names = Object.keys(cells).map((name) => `"${name}" = ?`);
  db.prepare(`UPDATE "${table}" SET ${names.join(', ')} WHERE id = 1`).run(Object.values(cells));
  db.close();
}

test('1: a value with a semicolon at the end of a line arrives, and so do all tables after it', async () => {
  const pair = new Pair();
  const text = "a { color: red; }\nb { content: ';'; };\r\n;\nDROP TABLE monitor;\n";
  set(pair.primary, 'status_page', {custom_css: text});
  set(pair.primary, 'monitor', {body: text, headers: text, tls_key: text});
  await pair.travels('status_page', 'group', 'monitor', 'monitor_group', 'monitor_notification');
});

test('2: an apply that fails leaves every row as it was, is told as a failure, and tried again', async () => {
  const pair = new Pair();
  await pair.travels('monitor');
  execute(
    pair.primary,
    "UPDATE tag SET name = 'x'; UPDATE monitor SET name = 'news'; INSERT INTO status_page (id, slug, title, icon, theme) VALUES (2, 'new', 'New', '', 'light')",
  );
  await pair.capture();
  // The last table of the plan refuses; what came before it in the transaction must not stay.
  execute(
    pair.replica,
    "CREATE TRIGGER no BEFORE INSERT ON status_page WHEN new.id = 2 BEGIN SELECT RAISE(ABORT, 'no'); END",
  );
  const before = ['monitor', 'status_page'].map((table) => dumpTable(pair.replica, table));
  const again = () => replicate({...pair.options(pair.replica), allowTriggers: true});
  for (const _ of [1, 2]) await expect(again()).rejects.toMatchObject({code: expect.any(String)});
  expect(['monitor', 'status_page'].map((table) => dumpTable(pair.replica, table))).toEqual(before);
  expect((await status(pair.options(pair.replica))).upToDate).toBe(false);
  execute(pair.replica, 'DROP TRIGGER no');
  expect(await again()).toMatchObject({applied: true});
  expect(dumpTable(pair.replica, 'monitor')).toEqual(dumpTable(pair.primary, 'monitor'));
});

test('3: NULL and the texts null and NULL stay what they are', async () => {
  const pair = new Pair();
  set(pair.primary, 'monitor', {keyword: 'null', description: 'NULL', hostname: null, body: ''});
  await pair.travels('monitor');
  const row = dumpTable(pair.replica, 'monitor').find(({id}) => id === 'integer 1');
  const hex = (text: string): string => Buffer.from(text).toString('hex').toUpperCase();
  expect(row).toMatchObject({
    keyword: `text ${hex('null')}`,
    description: `text ${hex('NULL')}`,
    body: 'text ',
  });
  expect(row?.['hostname']).toMatch(/^null/);
});

test('4: NULL arrives where the column has another default', async () => {
  const pair = new Pair();
  const nulls = {
    weight: null,
    snmp_version: null,
    expiry_notification: null,
    domain_expiry_notification: null,
  };
  set(pair.primary, 'monitor', nulls);
  set(pair.primary, 'status_page', {auto_refresh_interval: null});
  execute(
    pair.primary,
    "INSERT INTO maintenance (id, title, description, user_id, weekdays, days_of_month) VALUES (1, 't', 'd', 1, NULL, NULL)",
  );
  await pair.travels('status_page');
  const isNull = (table: string, columns: readonly string[]): number =>
    countRows(
      pair.replica,
      table,
      `id = 1 AND ${columns.map((name) => `${name} IS NULL`).join(' AND ')}`,
    );
  expect(isNull('monitor', Object.keys(nulls))).toBe(1);
  expect(isNull('status_page', ['auto_refresh_interval'])).toBe(1);
  expect(isNull('maintenance', ['weekdays', 'days_of_month'])).toBe(1);
});

test('5: blanks at either end of a value stay', async () => {
  const pair = new Pair();
  const padded = ' \t pad \r\n ';
  set(pair.primary, 'monitor', {basic_auth_pass: padded, bearer_token: ' ', name: padded});
  set(pair.primary, 'user', {password: padded});
  set(pair.primary, 'status_page', {custom_css: padded});
  await pair.travels('monitor', 'user', 'status_page');
});

test('6: a text that looks like a number stays a text, and infinity is one', async () => {
  const pair = new Pair();
  set(pair.primary, 'monitor', {
    keyword: 'Infinity',
    description: '1e5',
    hostname: '007',
    body: 'NaN',
    name: '0x10',
    timeout: Infinity,
  });
  await pair.travels('monitor', 'monitor_notification');
  expect(countRows(pair.replica, 'monitor', "typeof(hostname) = 'text' AND hostname = '007'")).toBe(
    1,
  );
});

test('7: a backslash in the JSON of a notification is no escape', async () => {
  const pair = new Pair();
  const config = JSON.stringify({t: 'a"b\nc\\', path: 'C:\\new\\table', quote: "it's"});
  set(pair.primary, 'notification', {config});
  await pair.travels('notification');
  const db = new BetterSqlite3(pair.replica, {readonly: true});
  const there = db.prepare('SELECT config FROM notification').pluck().get();
  db.close();
  expect(there).toBe(config);
});

test('8: the history of a deleted monitor goes with it, and nothing is orphaned', async () => {
  const pair = new Pair();
  await pair.travels('monitor');
  for (const path of [pair.primary, pair.replica])
    execute(
      path,
      `INSERT INTO heartbeat (monitor_id, status, msg, time, duration, important) VALUES
         (1, 1, '', '2026-01-01 00:00:00', 1, 0), (2, 1, '', '2026-01-01 00:00:00', 1, 0);
       INSERT INTO stat_daily (monitor_id, timestamp, ping, up, down) VALUES (1, 1, 1, 1, 0), (2, 1, 1, 1, 0)`,
    );
  execute(pair.primary, 'PRAGMA foreign_keys = ON; DELETE FROM monitor WHERE id = 2');
  await pair.capture();
  const {cascades} = await pair.replicate();
  expect(cascades).toMatchObject({heartbeat: 1, stat_daily: 1});
  for (const table of ['heartbeat', 'stat_daily']) {
    expect(countRows(pair.replica, table, 'monitor_id = 2')).toBe(0);
    expect(countRows(pair.replica, table, 'monitor_id = 1')).toBe(1);
  }
  expect(complaints(pair.replica)).toEqual([]);
});

test('9: an instance of another version is not written: the snapshot is refused, by the names of migrations', async () => {
  const pair = new Pair();
  execute(
    pair.primary,
    `ALTER TABLE monitor ADD COLUMN of_the_future TEXT;
     INSERT INTO knex_migrations (name, batch, migration_time) VALUES ('2027-01-01-0000-of-the-future.js', 2, 1)`,
  );
  const before = dumpTable(pair.replica, 'monitor');
  await pair.capture();
  await expect(pair.replicate()).rejects.toMatchObject({
    exitCode: 20,
    message: expect.stringContaining('2027-01-01-0000-of-the-future'),
  });
  expect(dumpTable(pair.replica, 'monitor')).toEqual(before);
});

test('10: the application is neither restarted nor blind: the same process polls the new monitor', async () => {
  const pair = new Pair('restic');
  await pair.travels('monitor');
  const kuma = new FakeKuma(pair.replica, await freePort());
  const flags = [
    '--role',
    'replica',
    '--http',
    'off',
    '--interval',
    '1s',
    '--reload-url',
    kuma.url,
  ];
  const place = ['--database', pair.replica, '--state', `${pair.replica}-state`];
  const store = ['--store', pair.store];
  const service = new ServiceProcess([...flags, ...place, ...store, '--', ...kuma.command]);
  await service.says({msg: 'application ready'});
  await service.says({msg: 'cycle', did: 'replicated'});
  execute(
    pair.primary,
    "INSERT INTO monitor (id, name, type, url, interval, user_id, timeout) VALUES (3, 'three', 'http', 'https://three.example/', 60, 1, 48)",
  );
  await pair.capture();
  await eventually('the new monitor, polled', async () => {
    const {monitors} = await kuma.known();
    return monitors.length === 3;
  });
  expect(kuma.starts).toBe(1);
  expect(service.lines.filter(({msg}) => msg === 'application started')).toHaveLength(1);
  service.signal('SIGTERM');
  await service.ended;
});

test("11: what only this instance's server writes, and links that a save made anew, are no snapshot", async () => {
  const pair = new Pair();
  await pair.travels('monitor');
  execute(
    pair.primary,
    `UPDATE monitor SET dns_last_result = 'Records: 127.0.0.1'; UPDATE user SET twofa_last_token = '123456';
     DELETE FROM monitor_notification; INSERT INTO monitor_notification (id, monitor_id, notification_id) VALUES (70, 2, 1), (71, 1, 1);
     DELETE FROM monitor_group; INSERT INTO monitor_group (id, monitor_id, group_id) VALUES (70, 1, 1)`,
  );
  expect((await pair.capture()).changed).toBe(false);
  expect((await snapshots(pair.options(pair.primary))).snapshots).toHaveLength(1);
});

test('12: a primary whose store fails for a while writes nothing of another form, and goes on with what changed', async () => {
  const pair = new Pair('restic');
  await pair.travels('monitor');
  execute(pair.primary, "UPDATE monitor SET name = 'news' WHERE id = 1");
  const options = pair.options(pair.primary);
  const broken = {...options, env: {...options.env, ROWPLICA_RESTIC: '/bin/false'}};
  await expect(capture(broken)).rejects.toMatchObject({code: expect.any(String)});
  await pair.travels('monitor');
  expect((await pair.capture()).changed).toBe(false);
  const listed = (await snapshots(options)).snapshots.map(({sequence}) => sequence);
  expect(listed.toSorted((a, b) => a - b)).toEqual([1, 2]);
});

test('13: the repository does not grow for ever, locks of the dead go, and what is kept in clear is for its owner alone', async () => {
  const pair = new Pair('restic');
  for (let edit = 0; edit < 12; edit++) {
    execute(pair.primary, `UPDATE monitor SET name = 'edit ${edit}' WHERE id = 1`);
    await pair.capture();
  }
  const repository = pair.store.slice('restic:'.length);
  await leaveLock(repository);
  const inTwoHours = new Date(Date.now() + 2 * 3_600_000);
  const options = pair.options(pair.primary);
  const {unlockStore} = await import('../../src/engine/store-care.ts');
  await unlockStore(options);
  const {forgotten, kept} = await pruneStore(options, {keep: {last: 1}, now: inTwoHours});
  expect(forgotten).toBeGreaterThan(0);
  expect(kept).toBeLessThan(12);
  await pair.travels('monitor');
  for (const path of [pair.primary, pair.replica])
    expect(statSync(`${path}-state`).mode & 0o077, path).toBe(0);
});

/** As restic leaves one where it is killed in the middle of a backup. */
async function leaveLock(repository: string): Promise<void> {
  const {readdirSync} = await import('node:fs');
  const child = spawn('restic', ['backup', '-r', repository, '--stdin'], {
    env: environment(),
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const ended = new Promise((done) => child.on('close', done));
  await eventually('a lock', () => readdirSync(join(repository, 'locks')).length > 0);
  child.kill('SIGKILL');
  await ended;
}

test('14: what differs is shown, and is not always nothing', async () => {
  const pair = new Pair();
  await pair.travels('monitor');
  expect(await diff({...pair.options(pair.replica), left: 'live', right: 'latest'})).toMatchObject({
    equal: true,
  });
  execute(pair.replica, "UPDATE monitor SET name = 'mine' WHERE id = 2");
  const {equal, changes} = await diff({
    ...pair.options(pair.replica),
    left: 'live',
    right: 'latest',
  });
  expect(equal).toBe(false);
  expect(changes).toMatchObject([{table: 'monitor', op: 'update', columns: ['name']}]);
});

test('15: settings are checked, no port is waited for, and health, status and exit code tell how it is', async () => {
  const pair = new Pair('restic');
  const place = [
    '--database',
    pair.replica,
    '--state',
    `${pair.replica}-state`,
    '--store',
    pair.store,
  ];
  const wrong = await rowplica(['run', '--json', ...place], {
    env: {ROWPLICA_ROLE: 'leader of them all'},
  });
  expect(wrong.exitCode).toBe(2);
  // Nothing listens on 3001, or anywhere.
  const command = ['--', 'sh', '-c', 'trap "exit 7" TERM; while :; do sleep 0.1; done'];
  const service = new ServiceProcess(
    ['--role', 'replica', '--interval', '1s', '--http', '127.0.0.1:0', ...place, ...command],
    {UPTIME_KUMA_PORT: '4001'},
  );
  const {http} = await service.says({msg: 'listening'});
  const get = async (path: string): Promise<Response> => fetch(`http://${String(http)}${path}`);
  await service.says({status: 'waiting', did: 'looked'});
  expect((await get('/readyz')).status).toBe(503);
  await pair.capture();
  await eventually('health', async () => (await get('/readyz')).status === 200);
  expect((await get('/healthz')).status).toBe(200);
  expect(await (await get('/metrics')).text()).toContain('rowplica_');
  service.signal('SIGTERM');
  expect(await service.ended).toEqual({exitCode: 7, signal: null});
});
