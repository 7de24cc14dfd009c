/** The care for a restic repository, by services at short rhythms. */
import {execFileSync, spawn} from 'node:child_process';
import {readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {afterEach, expect, test} from 'vitest';
import {pruneStore} from '../../src/engine/store-care.ts';
import {capture, noProgress, silentLog, snapshots, type EngineOptions} from '../../src/index.ts';
import {primaryEngine} from '../../src/service/engines.ts';
import {environment, rowplica} from '../helpers/cli.ts';
import {killServices, ServiceProcess} from '../helpers/service-process.ts';
import {smallKuma} from '../helpers/small-kuma.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';
import {listing} from './expectations.ts';

const restic = process.env['ROWPLICA_RESTIC'] ?? 'restic';
const often = {
  ROWPLICA_DRILL_EVERY: '2s',
  ROWPLICA_PRUNE_EVERY: '2s',
  ROWPLICA_CHECK_EVERY: '2s',
};

afterEach(killServices);

function place(): {
  readonly repository: string;
  readonly flags: (role: string) => readonly string[];
} {
  const folder = temporaryFolder();
  const repository = join(folder, 'repository');
  const databases = ['primary', 'replica'].map((name) => join(folder, `${name}.db`));
  for (const path of databases) execute(path, `PRAGMA journal_mode = WAL; ${smallKuma};`);
  execute(databases[0] ?? '', "INSERT INTO monitor (id, name) VALUES (1, 'first')");
  return {
    repository,
    flags: (role) => {
      const database = join(folder, `${role}.db`);
      const store = `restic:${repository}`;
      return ['--database', database, '--store', store, '--state', `${database}-state`];
    },
  };
}

const start = (role: string, flags: readonly string[], env = {}): ServiceProcess =>
  new ServiceProcess(['--role', role, '--interval', '1s', '--http', 'off', ...flags], env);

test('a primary prunes, checks and drills between its cycles, a replica drills; no lock is left', async () => {
  const {repository, flags} = place();
  const primary = start('primary', flags('primary'), often);
  const replica = start('replica', flags('replica'), often);
  await replica.says({did: 'replicated'});
  for (const task of ['drill', 'prune', 'check']) await primary.says({msg: 'care', task});
  await primary.says({msg: 'care', task: 'check', part: '2/7'});
  await replica.says({msg: 'care', task: 'drill'});
  for (const role of ['primary', 'replica']) {
    const {stdout} = await rowplica(['status', '--json', ...flags(role)]);
    expect(JSON.parse(stdout)).toMatchObject({
      upToDate: true,
      proven: expect.stringMatching(/^\d{4}-.*Z$/),
    });
  }
  expect(await primary.stop()).toEqual({exitCode: 0, signal: null});
  expect(await replica.stop()).toEqual({exitCode: 0, signal: null});
  const tasks = (service: ServiceProcess) =>
    new Set(service.lines.filter(({msg}) => msg === 'care').map((line) => line['task']));
  expect(tasks(replica)).toEqual(new Set(['drill']));
  expect(listing(join(repository, 'locks'))).toEqual([]);
});

test('a damaged pack makes a primary degraded, and it goes on capturing', async () => {
  const {repository, flags} = place();
  const made = await rowplica(['capture', '--json', ...flags('primary')]);
  expect(made.exitCode).toBe(0);
  const packs = readdirSync(join(repository, 'data'), {recursive: true, encoding: 'utf8'})
    .filter((name) => name.length > 64)
    .map((name) => join(repository, 'data', name))
    .map((path) => ({path, bytes: readFileSync(path)}))
    .sort((a, b) => b.bytes.length - a.bytes.length);
  const [{path, bytes} = {path: '', bytes: Buffer.alloc(0)}] = packs; // rows, no folders
  bytes[40] = (bytes[40] ?? 0) ^ 0xff;
  rmSync(path);
  writeFileSync(path, bytes);
  const primary = start('primary', flags('primary'), {
    ROWPLICA_CHECK_EVERY: '1s',
    ROWPLICA_DRILL_EVERY: 'off',
    RESTIC_CACHE_DIR: join(temporaryFolder(), 'cache'),
  });
  const failed = await primary.says({task: 'check', code: 'STORE_DAMAGED'});
  expect(failed.msg).toMatch(/^restic check failed on restic:/);
  execute(flags('primary')[1] ?? '', "UPDATE monitor SET name = 'second'");
  await primary.says({did: 'captured', status: 'degraded', changed: true});
  expect((await primary.stop()).exitCode).toBe(0);
});

test('of many snapshots those stay that the policy keeps, and what others stored', async () => {
  const {flags} = place();
  const [, database = '', , store = '', , state = ''] = flags('primary');
  const options: EngineOptions = {
    database,
    store,
    state,
    env: environment(),
    log: silentLog,
    progress: noProgress,
  };
  for (let edit = 0; edit < 14; edit++) {
    execute(database, `UPDATE monitor SET name = 'edit ${edit}'`);
    await capture(options);
  }
  const other = {...options, state: `${state}-other`};
  const sequences = async (): Promise<readonly number[]> =>
    (await snapshots(options)).snapshots.map(({sequence}) => sequence);
  await expect(
    pruneStore(other, {keep: {last: 1}, now: new Date()}),
    'only the one that wrote the newest may',
  ).rejects.toMatchObject({code: 'POSITION_MISMATCH'});
  expect(await pruneStore(options, {keep: {last: 1}, now: new Date()})).toEqual({
    forgotten: 0,
    kept: 14,
  });
  const later = new Date(Date.now() + 2 * 3_600_000);
  expect(await pruneStore(options, {keep: {last: 1}, now: later})).toEqual({
    forgotten: 4,
    kept: 10,
  });
  expect(await sequences()).toEqual([14, 13, 12, 11, 10, 9, 8, 7, 6, 5]);
  execute(database, "UPDATE monitor SET name = 'after'");
  expect((await capture(options)).sequence).toBe(15);
  const verified = await rowplica(['verify', '--snapshot', 'latest', ...flags('primary')]);
  expect(verified.exitCode).toBe(0);
});

test('all that a primary stores is of one host, whatever its container is called', async () => {
  const {repository, flags} = place();
  const [, database = '', , store = '', , state = ''] = flags('primary');
  const shared = {database, store, state, env: environment()};
  const options: EngineOptions = {...shared, log: silentLog, progress: noProgress};
  await capture(options);
  // As if it had been made in another container.
  execute(join(state, 'instances', 'primary.db', 'state.db'), "UPDATE instance SET host = 'first'");
  const never = new AbortController().signal;
  const engine = primaryEngine(options);
  execute(database, "UPDATE monitor SET name = 'second'");
  await engine.capture(never);
  await engine.beat(never);
  await engine.close();
  const listed = execFileSync(restic, ['-r', repository, 'snapshots', '--json', '--no-lock'], {
    env: environment(),
    encoding: 'utf8',
  });
  const hosts = (JSON.parse(listed) as {readonly hostname: string}[]).map(({hostname}) => hostname);
  expect(hosts).toEqual([expect.any(String), 'first', 'first']);
  expect(hosts[0]).not.toBe('first');
});

/** Of a small repository the check may be over before anyone has looked: then there is another one. */
async function leaveLock(repository: string): Promise<void> {
  // One that is still being written has another name, and locks nobody out.
  const locks = (): readonly string[] =>
    listing(join(repository, 'locks')).filter((name) => /^[0-9a-f]{64}$/.test(name));
  while (locks().length === 0) {
    const check = spawn(restic, ['-r', repository, 'check'], {env: environment(), stdio: 'ignore'});
    let isOver = false;
    const ended = new Promise<void>((done) => {
      check.on('close', () => {
        isOver = true;
        done();
      });
    });
    while (!isOver && locks().length === 0) await pause(5);
    check.kill('SIGKILL');
    await ended;
  }
  expect(locks()).toHaveLength(1);
}

test('a lock that a dead restic left stands in the way of no capture for long', async () => {
  const {repository, flags} = place();
  expect((await rowplica(['capture', ...flags('primary')])).exitCode).toBe(0);
  await leaveLock(repository);
  execute(flags('primary')[1] ?? '', "UPDATE monitor SET name = 'second'");
  const primary = start('primary', flags('primary'), {ROWPLICA_DRILL_EVERY: 'off'});
  await primary.says({msg: 'trying again, without locks of processes that died'});
  await primary.says({did: 'captured', status: 'ok', changed: true});
  expect((await primary.stop()).exitCode).toBe(0);
  expect(listing(join(repository, 'locks'))).toEqual([]);
});
