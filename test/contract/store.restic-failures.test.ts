/** How the restic store fails: locks, interruptions, servers that do not answer, missing tools. */
import {execFile, spawn, type ChildProcess} from 'node:child_process';
import {randomBytes} from 'node:crypto';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {mkdir, readdir, readFile, rm, writeFile} from 'node:fs/promises';
import {createServer, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {join} from 'node:path';
import {setTimeout as sleep} from 'node:timers/promises';
import {promisify} from 'node:util';
import {afterAll, afterEach, beforeAll, describe, expect, test} from 'vitest';
import {isEngineError} from '../../src/kernel/errors.ts';
import type {SnapshotRef, StagedSnapshot, Store} from '../../src/store/port.ts';
import {idsOf, noise, stage, tempFolder} from './store.contract.ts';
import {binary, environment, open} from './store.restic-fixture.ts';

const run = promisify(execFile);
const setupMs = 60_000;
/** Large enough that a backup of it is still running when its lock is seen. */
const largeBytes = 96 * 1024 * 1024;

let folder: string;
let repository: string;
let store: Store;
let staged: StagedSnapshot;
let ref: SnapshotRef;
beforeAll(async () => {
  folder = await tempFolder();
  repository = join(folder, 'repository');
  store = open({repository, cacheOf: folder});
  await store.create();
  staged = await stage(join(folder, 'staged'), {contents: ['one', noise(1, 500_000)]});
  ref = await store.save(staged);
}, setupMs);
afterAll(() => rm(folder, {recursive: true}));

describe('a repository that another command has locked for itself', () => {
  afterEach(async () => {
    for (const name of await locks()) await rm(join(repository, 'locks', name));
  });

  test('is still listed and read, and a save says that it is locked', async () => {
    await leaveExclusiveLock();
    const into = join(folder, 'while-locked');
    await mkdir(into);
    expect(idsOf(await store.list())).toEqual([ref.storeId]);
    await store.fetch(ref, {files: ['manifest'], into});
    const hasty = open({repository, cacheOf: folder, times: {lockPauseMs: 10}});
    await expect(hasty.save(staged)).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      exitCode: 11,
      retryable: true,
      hint: expect.stringContaining('restic unlock'),
    });
    expect(idsOf(await store.list())).toEqual([ref.storeId]);
    expect(await locks()).toHaveLength(1);
  });

  test('is waited for', async () => {
    await leaveExclusiveLock();
    const patient = open({repository, cacheOf: folder, times: {lockPauseMs: 1_000}});
    const saved = patient.save({...staged, label: {...staged.label, sequence: 5}});
    await sleep(1_200);
    for (const name of await locks()) await rm(join(repository, 'locks', name));
    expect((await saved).sequence).toBe(5);
  });

  test('does not keep a save that is interrupted while it waits', async () => {
    await leaveExclusiveLock();
    const abort = new AbortController();
    const waiting = open({
      repository,
      cacheOf: folder,
      signal: abort.signal,
      times: {lockPauseMs: 60_000},
    });
    const saved = waiting.save(staged);
    setTimeout(() => abort.abort(), 1_500);
    await expect(saved).rejects.toMatchObject({code: 'INTERRUPTED'});
  });
});

describe('a save that is interrupted', () => {
  let large: StagedSnapshot;
  beforeAll(async () => {
    large = await stage(join(folder, 'large'), {contents: [randomBytes(largeBytes)]});
  }, setupMs);

  test('stops restic, leaves no lock and no snapshot, and the next one works', async () => {
    const before = idsOf(await store.list());
    const abort = new AbortController();
    const saved = open({repository, cacheOf: folder, signal: abort.signal}).save(large);
    await lockIsThere();
    abort.abort();
    await expect(saved).rejects.toMatchObject({code: 'INTERRUPTED', exitCode: 130});
    expect(await locks()).toEqual([]);
    expect(idsOf(await store.list())).toEqual(before);
    expect((await store.save(staged)).storeId).toMatch(/^[0-9a-f]+$/);
  });

  test('never begins when the signal has fired before', async () => {
    const aborted = open({repository, cacheOf: folder, signal: AbortSignal.abort()});
    await expect(aborted.list()).rejects.toMatchObject({code: 'INTERRUPTED'});
  });

  test('by the end of the process that runs it: restic ends too', async () => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', savingProgram(large)], {
      env: {...environment(folder), RESTIC_REPOSITORY: repository},
      stdio: ['pipe', 'ignore', 'inherit'],
    });
    await lockIsThere();
    child.stdin?.end();
    await once(child, 'exit');
    await eventually(async () => !(await commandLines()).some((line) => isBackup(line)));
    for (const name of await locks()) await rm(join(repository, 'locks', name));
  });
});

describe('servers', () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
  });

  test('a server that refuses the connection is unreachable, and create makes nothing', async () => {
    const refused = open({repository: 'rest:http://127.0.0.1:9/', cacheOf: folder});
    const refusal = {code: 'STORE_UNREACHABLE', exitCode: 13, retryable: true};
    await expect(refused.list()).rejects.toMatchObject(refusal);
    await expect(refused.create()).rejects.toMatchObject(refusal);
    await expect(refused.save(staged)).rejects.toMatchObject(refusal);
  });

  test('a host that does not exist is unreachable', async () => {
    const nowhere = open({repository: 'rest:http://no.such.host.invalid/', cacheOf: folder});
    await expect(nowhere.list()).rejects.toMatchObject({code: 'STORE_UNREACHABLE'});
  });

  test.each([
    [404, 'STORE_MISSING'],
    [401, 'STORE_UNREACHABLE'],
    [403, 'STORE_UNREACHABLE'],
    [500, 'STORE_UNREACHABLE'],
    [503, 'STORE_UNREACHABLE'],
  ])('a server that answers %i means %s', async (status, code) => {
    const times = {quickMs: 20_000};
    const repository = await serve((_, response) => response.writeHead(status).end());
    await expect(open({repository, cacheOf: folder, times}).list()).rejects.toMatchObject({code});
  });

  test('a server that never answers is unreachable after the time-out', async () => {
    const repository = await serve(() => {});
    const hanging = open({repository, cacheOf: folder, times: {quickMs: 500}});
    await expect(hanging.list()).rejects.toMatchObject({
      code: 'STORE_UNREACHABLE',
      retryable: true,
    });
  });

  test('no argument list, message or name holds a password', async () => {
    const abort = new AbortController();
    const logged: unknown[] = [];
    const note = (...parts: unknown[]) => void logged.push(parts);
    const address = await serve(() => {});
    const hanging = open({
      repository: address.replace('//', '//user:url-secret@'),
      cacheOf: folder,
      env: {RESTIC_PASSWORD: 'env-secret', AWS_SECRET_ACCESS_KEY: 'aws-secret'},
      signal: abort.signal,
      log: {debug: note, info: note, warn: note},
    });
    expect(hanging.name).toBe(`restic:${address.replace('//', '//user:***@')}`);
    const listed = hanging.list().catch((error: unknown) => error);
    let seen: readonly string[] = [];
    await eventually(async () => {
      seen = (await commandLines()).filter((line) => line.includes('snapshots\0--json'));
      return seen.length > 0;
    });
    expect((await commandLines()).join('\n')).not.toMatch(/url-secret|env-secret|aws-secret/);
    abort.abort();
    const error = await listed;
    expect(isEngineError(error, 'INTERRUPTED')).toBe(true);
    expect(JSON.stringify([logged, String(error), error])).not.toMatch(/-secret/);
  });

  test.each([
    'rest:http://user:url-secret@127.0.0.1:9/',
    'rest:http://user:url-sec/ret@127.0.0.1:9/',
  ])('the error of %s shows no password', async (repository) => {
    const refused = open({repository, cacheOf: folder});
    const error = await refused.list().catch((reason: unknown) => reason);
    expect(isEngineError(error) && error.message).toContain('user:***@');
    expect(`${refused.name} ${JSON.stringify(error)} ${String(error)}`).not.toMatch(/url-sec|ret@/);
  });

  async function serve(answer: Parameters<typeof createServer>[1]): Promise<string> {
    server = createServer(answer).listen(0, '127.0.0.1');
    await once(server, 'listening');
    // A listening TCP server has an address with a port.
    const {port} = server.address() as AddressInfo;
    return `rest:http://127.0.0.1:${port}/`;
  }
});

describe('set-ups that cannot work', () => {
  test('no password: says so before restic is run', () => {
    const env = {RESTIC_PASSWORD: '', ROWPLICA_RESTIC: '/nonexistent'};
    expect(() => open({repository, cacheOf: folder, env})).toThrow(
      expect.objectContaining({
        code: 'STORE_PASSWORD',
        exitCode: 12,
        hint: expect.stringContaining('RESTIC_PASSWORD_FILE'),
      }),
    );
  });

  test.each(['/nonexistent/restic', 'no-such-restic'])(
    'no restic at %s: says how to get it',
    async (path) => {
      const missing = open({repository, cacheOf: folder, env: {ROWPLICA_RESTIC: path}});
      await expect(missing.list()).rejects.toMatchObject({
        code: 'STORE_TOOL_MISSING',
        exitCode: 2,
        hint: expect.stringContaining('apt-get install restic'),
      });
    },
  );

  test('a mistyped kind of repository is a usage error, and no folder of that name appears', async () => {
    const mistyped = open({repository: 's4:bucket/x', cacheOf: folder});
    await expect(mistyped.list()).rejects.toMatchObject({code: 'USAGE'});
    await expect(mistyped.create()).rejects.toMatchObject({code: 'USAGE'});
    expect(existsSync('s4:bucket')).toBe(false);
  });

  test('a file in the place of the repository is not a missing repository', async () => {
    const path = join(folder, 'file');
    await writeFile(path, '');
    const code = expect.stringMatching(/^STORE_(?:FAILED|UNREACHABLE)$/);
    await expect(open({repository: path, cacheOf: folder}).list()).rejects.toMatchObject({code});
    const below = open({repository: join(path, 'x'), cacheOf: folder});
    await expect(below.list()).rejects.toMatchObject({code});
  });
});

/** A `check` that is slowed down until its lock is seen, and killed, so that the lock stays. */
async function leaveExclusiveLock(): Promise<void> {
  const args = ['check', '--read-data', '--no-cache', '--limit-download', '20'];
  const env = {...environment(folder), RESTIC_REPOSITORY: repository};
  const child: ChildProcess = spawn(binary, args, {env, stdio: 'ignore'});
  await lockIsThere();
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function savingProgram(large: StagedSnapshot): string {
  const module = new URL('../../src/store/restic/restic-store.ts', import.meta.url).href;
  return `
    import {openResticStore} from ${JSON.stringify(module)};
    const log = {debug() {}, info() {}, warn() {}};
    const store = openResticStore({env: process.env, host: 'test-host', log});
    process.stdin.resume().on('end', () => process.exit(0));
    await store.save(${JSON.stringify(large)});
  `;
}

async function locks(): Promise<readonly string[]> {
  return readdir(join(repository, 'locks'));
}

async function lockIsThere(): Promise<void> {
  // Lock files are written under a temporary name first.
  await eventually(async () => (await locks()).some((name) => /^[0-9a-f]{64}$/.test(name)));
}

async function eventually(isTrue: () => Promise<boolean>): Promise<void> {
  const deadlineMs = performance.now() + 20_000;
  while (!(await isTrue())) {
    expect(performance.now(), 'waited too long').toBeLessThan(deadlineMs);
    await sleep(5);
  }
}

function isBackup(line: string): boolean {
  return line.includes('\0backup\0') && line.includes('\0test-host\0');
}

/** The argument lists of all processes, NUL between arguments; from `ps` where there is no /proc. */
async function commandLines(): Promise<readonly string[]> {
  if (!existsSync('/proc/self/cmdline')) {
    const {stdout} = await run('ps', ['-axww', '-o', 'command']);
    return stdout.split('\n').map((line) => line.replaceAll(' ', '\0'));
  }
  const ids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name));
  return Promise.all(ids.map((id) => readFile(`/proc/${id}/cmdline`, 'utf8').catch(() => '')));
}
