/** The fake Uptime Kuma does what was measured on real servers, so that what passes beside it may pass beside them. */
import {createHash, createHmac} from 'node:crypto';
import {join} from 'node:path';
import Database from 'better-sqlite3';
import {io, type Socket} from 'socket.io-client';
import {afterEach, expect, test} from 'vitest';
import {FakeKuma, freePort, killFakes} from '../helpers/fake-kuma.ts';
import {eventually} from '../helpers/service-process.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';
import {buildEmptyKuma} from '../helpers/uptime-kuma/index.ts';

const sockets: Socket[] = [];
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.disconnect();
  killFakes();
});

const monitor = (id: number, more = ''): string =>
  `INSERT INTO monitor (id, name, url, type, user_id) VALUES (${id}, 'm${id}', 'http://${id}', 'http', 1); ${more}`;

async function started(sql: string, ...flags: readonly string[]): Promise<Place> {
  const database = join(temporaryFolder(), 'kuma.db');
  buildEmptyKuma(database, {version: '2.5.3'});
  execute(database, `PRAGMA journal_mode = WAL; ${sql}`);
  const fake = new FakeKuma(database, await freePort(), flags);
  await fake.start();
  return {database, fake};
}

type Place = {readonly database: string; readonly fake: FakeKuma};

function connect({url}: FakeKuma): Socket {
  const socket = io(url, {transports: ['websocket'], reconnection: false});
  sockets.push(socket);
  return socket;
}

const emit = async (socket: Socket, event: string, ...args: readonly unknown[]): Promise<unknown> =>
  socket.timeout(1_000).emitWithAck(event, ...args);

const heard = async (socket: Socket, event: string): Promise<void> =>
  new Promise((done) => void socket.once(event, () => done()));

function cellOf(database: string, sql: string): unknown {
  const db = new Database(database, {readonly: true});
  try {
    return db.prepare(sql).pluck().get();
  } finally {
    db.close();
  }
}

/** As the reference has it, apart from the code that is tested. */
function tokenOf(database: string, more = {}): string {
  const secret = cellOf(database, "SELECT value FROM setting WHERE key = 'jwtSecret'");
  const [username, password] = ['username', 'password'].map((column) =>
    cellOf(database, `SELECT ${column} FROM user WHERE id = 1`),
  );
  const h = createHash('shake256', {outputLength: 16}).update(String(password));
  const body = {username, h: h.digest('hex'), ...more};
  const parts = [{alg: 'HS256', typ: 'JWT'}, body].map((part) =>
    Buffer.from(JSON.stringify(part)).toString('base64url'),
  );
  const hmac = createHmac('sha256', String(secret)).update(parts.join('.'));
  return [...parts, hmac.digest('base64url')].join('.');
}

async function loggedIn({database, fake}: Place): Promise<Socket> {
  const socket = connect(fake);
  await heard(socket, 'loginRequired');
  expect(await emit(socket, 'loginByToken', tokenOf(database))).toEqual({ok: true});
  return socket;
}

const polled = async ({fake}: Place): Promise<readonly unknown[]> =>
  (await fake.known()).monitors.map(({url}) => url);

test('handlers are late, and only a release from 2.0 on says when they are there', async () => {
  const {fake} = await started('', '--late', '300', '--version', '1.23');
  const socket = connect(fake);
  let isTold = false;
  socket.on('loginRequired', () => (isTold = true));
  await heard(socket, 'connect');
  await expect(emit(socket, 'loginByToken', 'x')).rejects.toThrow('timed out');
  expect(await emit(socket, 'loginByToken', 'x')).toMatchObject({ok: false});
  expect(isTold).toBe(false);
});

test('a monitor is polled as it was when it was started', async () => {
  const place = await started(monitor(1));
  const socket = await loggedIn(place);
  execute(place.database, "UPDATE monitor SET url = 'http://new'");
  expect(await polled(place)).toEqual(['http://1']);
  expect(await emit(socket, 'resumeMonitor', 1)).toMatchObject({ok: true});
  expect(await polled(place)).toEqual(['http://new']);
  expect(await emit(socket, 'pauseMonitor', 1)).toMatchObject({ok: true});
  expect(await polled(place)).toEqual([]);
  expect(cellOf(place.database, 'SELECT active FROM monitor')).toBe(0);
  expect(place.fake.calls).toEqual(['resumeMonitor(1)', 'pauseMonitor(1)']);
});

test('a deleted monitor fails at each beat until the server is told', async () => {
  const place = await started(monitor(1));
  const socket = await loggedIn(place);
  execute(place.database, 'PRAGMA foreign_keys = ON; DELETE FROM monitor');
  await eventually('a fault', () => place.fake.notes.some(({fault}) => fault === 'heartbeat'));
  expect(await emit(socket, 'pauseMonitor', 1)).toMatchObject({ok: false});
  expect(await emit(socket, 'deleteMonitor', 1)).toMatchObject({ok: true});
  expect(await polled(place)).toEqual([]);
});

test("another user's monitor is refused", async () => {
  const user = "INSERT INTO user (username, password) VALUES ('other', 'x');";
  const place = await started(user + monitor(1, 'UPDATE monitor SET user_id = 2'));
  const socket = await loggedIn(place);
  expect(await emit(socket, 'resumeMonitor', 1)).toMatchObject({ok: false});
});

test('maintenances are known from the start, or by being added', async () => {
  const insert =
    "INSERT INTO maintenance (id, title, description, user_id) VALUES (7, 't', 'd', 1)";
  const place = await started('');
  const socket = await loggedIn(place);
  execute(place.database, insert);
  const sent = {id: 7, title: 'new', description: 'd', strategy: 'manual', active: true};
  const whole = {...sent, dateRange: [], timeRange: []};
  expect(await emit(socket, 'editMaintenance', whole)).toMatchObject({ok: false});
  expect(await emit(socket, 'addMaintenance', sent)).toMatchObject({ok: false});
  expect(await emit(socket, 'addMaintenance', whole)).toMatchObject({ok: true});
  expect(await emit(socket, 'editMaintenance', whole)).toMatchObject({ok: true});
  expect((await place.fake.known()).maintenances).toMatchObject([{id: 7, title: 'new'}]);
});

test('a maintenance that is added once more has its timers twice', async () => {
  const insert =
    "INSERT INTO maintenance (id, title, description, user_id) VALUES (7, 't', 'd', 1)";
  const place = await started(insert);
  const socket = await loggedIn(place);
  const sent = {id: 7, title: 't', description: 'd', strategy: 'manual', active: true};
  const whole = {...sent, dateRange: [], timeRange: []};
  expect(await emit(socket, 'editMaintenance', whole)).toMatchObject({ok: true});
  expect(place.fake.notes).not.toContainEqual({fault: 'timers', maintenance: 7});
  expect(await emit(socket, 'addMaintenance', whole)).toMatchObject({ok: true});
  expect(place.fake.notes).toContainEqual({fault: 'timers', maintenance: 7});
});

test('a maintenance that recurs is written as the server writes it', async () => {
  const place = await started('');
  const socket = await loggedIn(place);
  const sent = {
    title: 't',
    description: 'd',
    strategy: 'recurring-weekday',
    active: true,
    dateRange: ['2026-01-01 00:00:00', ''],
    timeRange: [
      {hours: 23, minutes: 0, seconds: 0},
      {hours: 1, minutes: 30, seconds: 0},
    ],
    weekdays: [2, 1],
    daysOfMonth: [],
  };
  expect(await emit(socket, 'addMaintenance', sent)).toMatchObject({ok: true});
  const row =
    "SELECT start_time || ' ' || end_time || ' ' || weekdays || ' ' || cron || ' ' || duration || ' ' || ifnull(end_date, 'NULL') FROM maintenance";
  expect(cellOf(place.database, row)).toBe('23:00 01:30 [2,1] 0 23 * * 1,2 9000 NULL');
  const undated = {...sent, dateRange: ['no date', null]};
  expect(await emit(socket, 'addMaintenance', undated)).toMatchObject({ok: false});
});

test('a token that has expired is refused', async () => {
  const place = await started('');
  const socket = connect(place.fake);
  await heard(socket, 'loginRequired');
  const old = tokenOf(place.database, {exp: 1});
  expect(await emit(socket, 'loginByToken', old)).toMatchObject({ok: false});
});

test('a status page is remembered until something clears that', async () => {
  const page = "INSERT INTO status_page (slug, title, icon, theme) VALUES ('s', 'old', '', 'auto')";
  const place = await started(page);
  expect(await place.fake.page('s')).toBe('old');
  execute(place.database, "UPDATE status_page SET title = 'new'");
  expect(await place.fake.page('s')).toBe('old');
  await emit(await loggedIn(place), 'addMonitorMaintenance', 999_999, []);
  expect(await place.fake.page('s')).toBe('new');
});

test('logins are limited, and unneeded where authentication is off', async () => {
  const place = await started('', '--logins', '1');
  const socket = connect(place.fake);
  await heard(socket, 'loginRequired');
  const wrong = {username: 'x', password: 'y'};
  expect(await emit(socket, 'login', wrong)).toMatchObject({msg: 'authIncorrectCreds'});
  expect(await emit(socket, 'login', wrong)).toMatchObject({
    msg: expect.stringContaining('frequently'),
  });
  execute(place.database, "INSERT INTO setting (key, value) VALUES ('disableAuth', 'true')");
  const next = connect(place.fake);
  await heard(next, 'autoLogin');
  expect(await emit(next, 'getMonitorList')).toMatchObject({ok: true});
});

test('it loses events, leaves others unanswered, and writes old values back, when told to', async () => {
  const flags = ['--lost', 'getMonitorList', '--never', 'pauseMonitor', '--writes-back', 'name'];
  const place = await started(monitor(1), ...flags);
  const socket = await loggedIn(place);
  await expect(emit(socket, 'getMonitorList')).rejects.toThrow('timed out');
  expect(await emit(socket, 'getMonitorList')).toMatchObject({ok: true});
  execute(place.database, "UPDATE monitor SET name = 'new'");
  expect(await emit(socket, 'resumeMonitor', 1)).toMatchObject({ok: true});
  expect(cellOf(place.database, 'SELECT name FROM monitor')).toBe('m1');
  await expect(emit(socket, 'pauseMonitor', 1)).rejects.toThrow('timed out');
});
