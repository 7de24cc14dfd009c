/** Calls over a real socket, to a server that misbehaves as the real one may. */
import {join} from 'node:path';
import Database from 'better-sqlite3';
import {afterEach, describe, expect, test} from 'vitest';
import type {TellOptions, Told} from '../../src/profiles/profile.ts';
import type {Call} from '../../src/profiles/uptime-kuma/reload/plan.ts';
import {tellCalls, type Account} from '../../src/profiles/uptime-kuma/reload/tell.ts';
import {FakeKuma, freePort, killFakes} from '../helpers/fake-kuma.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';
import {buildEmptyKuma} from '../helpers/uptime-kuma/index.ts';

afterEach(killFakes);

const rows = `PRAGMA journal_mode = WAL;
  INSERT INTO user (username, password) VALUES ('other', 'x');
  INSERT INTO monitor (id, name, url, type, user_id) VALUES (1, 'a', 'http://a', 'http', 1), (2, 'b', 'http://b', 'http', 2);`;

class Place {
  readonly database = join(temporaryFolder(), 'kuma.db');
  readonly fake: FakeKuma;

  constructor(port: number, flags: readonly string[], sql = '') {
    buildEmptyKuma(this.database, {version: '2.5.3'});
    execute(this.database, rows + sql);
    this.fake = new FakeKuma(this.database, port, flags);
  }

  async tell(calls: readonly Call[], to: Partial<TellOptions> = {}): Promise<Told> {
    const options = {url: this.fake.url, user: undefined, password: undefined, timeoutMs: 500};
    const signal = AbortSignal.timeout(60_000);
    return tellCalls(calls, this.#accounts(), {...options, signal, ...to});
  }

  #accounts(): {readonly secret: string | undefined; readonly users: readonly Account[]} {
    const db = new Database(this.database, {readonly: true});
    try {
      const secret = db.prepare("SELECT value FROM setting WHERE key = 'jwtSecret'").pluck().get();
      const users = db
        .prepare<[], Account>('SELECT id, username, password, active = 1 AS active FROM user')
        .all();
      return {
        secret: secret as string | undefined,
        users: users.map((user) => ({...user, active: Number(user.active) === 1})),
      };
    } finally {
      db.close();
    }
  }
}

async function place(flags: readonly string[] = [], sql = ''): Promise<Place> {
  const made = new Place(await freePort(), flags, sql);
  await made.fake.start();
  return made;
}

const resume = (id: number, user: number): Call => ({event: 'resumeMonitor', args: [id], user});
const list: Call = {event: 'getMonitorList', args: [], user: undefined};

describe('a server that runs', () => {
  test.each(['1.23', '2.x'])(
    'of %s is told with a token, each user by their own',
    async (version) => {
      const at = await place(['--version', version]);
      expect(await at.tell([resume(1, 1), resume(2, 2), list])).toEqual({
        outcome: 'told',
        calls: {resumeMonitor: 2, getMonitorList: 1},
        reason: undefined,
      });
      expect(at.fake.calls).toEqual(['resumeMonitor(1)', 'getMonitorList()', 'resumeMonitor(2)']);
      expect(at.fake.notes.filter(({call}) => call === 'loginByToken')).toHaveLength(2);
    },
  );

  test('may register its handlers late, and lose what was sent before', async () => {
    const flags = ['--version', '1.23', '--late', '1300', '--lost', 'resumeMonitor'];
    const at = await place(flags);
    expect(await at.tell([resume(1, 1)])).toMatchObject({outcome: 'told'});
    expect(at.fake.calls).toEqual(['resumeMonitor(1)']);
  });

  test('that never answers is not waited for any longer', async () => {
    const at = await place(['--never', 'resumeMonitor']);
    expect(await at.tell([resume(1, 1), list])).toEqual({
      outcome: 'failed',
      calls: {},
      reason: 'resumeMonitor was not answered',
    });
    expect(at.fake.calls).not.toContain('getMonitorList()');
  });

  test('without authentication needs no login for its first user', async () => {
    const off = "INSERT INTO setting (key, value) VALUES ('disableAuth', 'true')";
    const at = await place([], off);
    expect(await at.tell([resume(1, 1), resume(2, 2)])).toMatchObject({outcome: 'told'});
    expect(at.fake.notes.filter(({call}) => call === 'loginByToken')).toHaveLength(1);
  });

  test('that does not know a maintenance is given it', async () => {
    const at = await place();
    const one = {id: 3, title: 't', description: '', strategy: 'manual', active: true};
    const args = [{...one, dateRange: [null, null], timeRange: []}];
    const edit = {event: 'editMaintenance', args, user: 1, otherwise: 'addMaintenance'};
    execute(
      at.database,
      "INSERT INTO maintenance (id, title, description, user_id) VALUES (3, 't', '', 1)",
    );
    expect(await at.tell([edit])).toMatchObject({outcome: 'told', calls: {addMaintenance: 1}});
    expect(await at.tell([edit])).toMatchObject({outcome: 'told', calls: {editMaintenance: 1}});
  });
});

describe('calls that take long', () => {
  test('are given up with the first that is not answered, whoever they are made as', async () => {
    const at = await place(['--never', 'resumeMonitor']);
    expect(await at.tell([resume(1, 1), resume(2, 2)])).toMatchObject({outcome: 'failed'});
    expect(at.fake.notes.filter(({call}) => call === 'loginByToken')).toHaveLength(1);
  });

  test('are given up when all of them take too long', async () => {
    const at = await place(['--slow', '300']);
    const calls = Array.from({length: 30}, () => resume(1, 1));
    const beganMs = performance.now();
    expect(await at.tell(calls)).toMatchObject({
      outcome: 'failed',
      reason: expect.stringContaining('took too long'),
    });
    expect(performance.now() - beganMs).toBeLessThan(8_000);
  });
});

test.each(['null', 'text', 'none'])('an answer that is no object is a refusal: %s', async (odd) => {
  const at = await place(['--odd', odd]);
  expect(await at.tell([resume(1, 1)])).toMatchObject({outcome: 'failed'});
});

describe('a login', () => {
  test('with user and password serves the rows of that user alone', async () => {
    const at = await place();
    const to = {user: 'адмін', password: 'the password'};
    expect(await at.tell([resume(1, 1)], to)).toMatchObject({outcome: 'told'});
    expect(await at.tell([resume(1, 1), resume(2, 2)], to)).toMatchObject({
      outcome: 'failed',
      calls: {resumeMonitor: 1},
      reason: expect.stringContaining('another user'),
    });
  });

  test('that is one too many is tried once more, and then given up', async () => {
    const at = await place(['--logins', '0']);
    const to = {user: 'адмін', password: 'the password'};
    expect(await at.tell([resume(1, 1)], to)).toMatchObject({
      outcome: 'failed',
      reason: 'there were too many logins in this minute',
    });
    expect(at.fake.notes.filter(({call}) => call === 'login')).toHaveLength(2);
  });

  test.each([
    ['a wrong password', '', {user: 'адмін', password: 'wrong'}, 'the login was refused'],
    [
      'a second factor',
      'UPDATE user SET twofa_status = 1',
      {user: 'адмін', password: 'the password'},
      'second factor',
    ],
    ['no secret', "DELETE FROM setting WHERE key = 'jwtSecret'", {}, 'no secret'],
    ['a user who is not active', 'UPDATE user SET active = 0', {}, 'not active'],
  ])('fails for %s', async (_, sql, to, reason) => {
    const at = await place([], sql);
    const told = await at.tell([resume(1, 1)], to);
    expect(told).toMatchObject({outcome: 'failed', reason: expect.stringContaining(reason)});
    expect(JSON.stringify(told)).not.toContain('password');
    expect(at.fake.calls).toEqual([]);
  });
});

test('where nothing listens, nothing runs', async () => {
  const at = new Place(await freePort(), []);
  expect(await at.tell([resume(1, 1)])).toEqual({outcome: 'absent', calls: {}});
});

test('what listens and is no Uptime Kuma is not told', async () => {
  const {createServer} = await import('node:net');
  const server = createServer((socket) => socket.on('error', () => {}).end('hello')).listen(
    0,
    '127.0.0.1',
  );
  await new Promise((done) => server.once('listening', done));
  const {port} = server.address() as {readonly port: number};
  const at = new Place(port, []);
  expect(await at.tell([resume(1, 1)])).toMatchObject({
    outcome: 'failed',
    reason: 'it takes no connection over its socket',
  });
  server.close();
});

test('an end that is asked for is not waited for between two logins', async () => {
  const at = await place(['--logins', '0']);
  const reason = new Error('the end');
  const end = new AbortController();
  setTimeout(() => end.abort(reason), 500);
  const beganMs = performance.now();
  const to = {user: 'адмін', password: 'the password', signal: end.signal};
  await expect(at.tell([resume(1, 1)], to)).rejects.toBe(reason);
  expect(performance.now() - beganMs).toBeLessThan(2_500);
});

test('an end that is asked for is not waited for', async () => {
  const at = await place(['--never', 'loginByToken']);
  const reason = new Error('the end');
  const end = new AbortController();
  setTimeout(() => end.abort(reason), 300);
  await expect(at.tell([resume(1, 1)], {signal: end.signal, timeoutMs: 20_000})).rejects.toBe(
    reason,
  );
});
