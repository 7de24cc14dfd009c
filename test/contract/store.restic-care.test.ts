/** Care for a restic repository beside other users of it, dead ones too. */
import {execFile, spawn, type ChildProcess} from 'node:child_process';
import {existsSync, readdirSync} from 'node:fs';
import {mkdir, rm, writeFile} from 'node:fs/promises';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {promisify} from 'node:util';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import type {SnapshotRef, Store} from '../../src/store/port.ts';
import {binary, environment, open} from './store.restic-fixture.ts';
import {idsOf, noise, stage, tempFolder} from './store.contract.ts';

const run = promisify(execFile);
const setupMs = 60_000;
const whole = {number: 1, of: 1};

let folder: string;
let repository: string;
let store: Store;
let first: SnapshotRef;
let second: SnapshotRef;
const others: ChildProcess[] = [];

beforeEach(async () => {
  folder = await tempFolder();
  repository = join(folder, 'repository');
  store = open({repository, cacheOf: folder, times: {lockPauseMs: 10}});
  await store.create();
  const staged = await stage(join(folder, 'staged'), {contents: ['one', noise(1, 100_000)]});
  first = await store.save(staged);
  const next = {...staged.label, sequence: 2};
  second = await store.save({...staged, label: next});
}, setupMs);

afterEach(async () => {
  for (const other of others.splice(0)) other.kill('SIGKILL');
  await rm(folder, {recursive: true});
});

const locks = (): readonly string[] => readdirSync(join(repository, 'locks'));

/** A backup that has its lock, and goes on until it is killed: its input never ends. */
async function otherBackup(): Promise<ChildProcess> {
  const env = {...environment(folder), RESTIC_REPOSITORY: repository};
  const args = ['backup', '--stdin', '--host', 'other', '--json'];
  const other = spawn(binary, args, {env, stdio: ['pipe', 'ignore', 'ignore']});
  others.push(other);
  other.stdin?.write('never ending');
  while (locks().length === 0) await pause(20);
  return other;
}

async function killed(other: ChildProcess): Promise<void> {
  const ended = new Promise((done) => other.on('close', done));
  other.kill('SIGKILL');
  await ended;
}

describe('locks', () => {
  test('of a process that died stand in the way until they are removed', async () => {
    await killed(await otherBackup());
    await expect(store.forget([first.storeId])).rejects.toMatchObject({
      code: 'STORE_LOCKED',
      retryable: true,
    });
    expect(idsOf(await store.list())).toHaveLength(2);
    await store.unlock();
    expect(locks()).toEqual([]);
    await store.forget([first.storeId]);
    await store.prune();
    await store.check(whole);
    expect(idsOf(await store.list())).toEqual([second.storeId]);
  });

  test('of one that lives stay, and keep every task away', async () => {
    await otherBackup();
    const before = locks();
    await store.unlock();
    expect(locks()).toEqual(before);
    for (const task of [
      () => store.forget([first.storeId]),
      () => store.prune(),
      () => store.check(whole),
    ])
      await expect(task()).rejects.toMatchObject({code: 'STORE_LOCKED'});
    expect(idsOf(await store.list())).toHaveLength(2);
  });

  test('are not left by a task that is stopped at any time', async () => {
    for (const afterMs of [0, 150, 400, 700]) {
      for (const task of ['prune', 'check'] as const) {
        const stop = new AbortController();
        const stopped = open({repository, cacheOf: folder, signal: stop.signal});
        const ended = (task === 'prune' ? stopped.prune() : stopped.check(whole)).then(
          () => 'done',
          (error: {readonly code: string}) => error.code,
        );
        await pause(afterMs);
        stop.abort();
        expect(['done', 'INTERRUPTED']).toContain(await ended);
        expect([task, afterMs, locks()]).toEqual([task, afterMs, []]);
      }
    }
    await store.check(whole);
  });
});

test('snapshots of others, of the same host and with some of our tags too, stay as they are', async () => {
  const foreign = join(folder, 'foreign');
  await mkdir(foreign);
  await writeFile(join(foreign, 'theirs'), noise(5, 50_000));
  const env = {...environment(folder), RESTIC_REPOSITORY: repository};
  const restic = (...args: string[]) => run(binary, args, {cwd: foreign, env});
  await restic('backup', '.', '--host', 'test-host');
  await restic('backup', '.', '--tag', 'rowplica', '--time', '2001-01-01 00:00:00');
  const listed = async (): Promise<readonly string[]> => {
    const {stdout} = await restic('snapshots', '--json');
    return (JSON.parse(stdout) as {readonly id: string}[]).map(({id}) => id);
  };
  const before = await listed();
  await store.forget([first.storeId]);
  await store.prune();
  await store.check(whole);
  expect(await listed()).toEqual(before.filter((id) => id !== first.storeId));
  const [id = ''] = before.filter((each) => ![first.storeId, second.storeId].includes(each));
  await restic('restore', id, '--target', join(folder, 'restored'));
  expect(existsSync(join(folder, 'restored', 'theirs'))).toBe(true);
});

test('more snapshots than one command takes are forgotten, in several', async () => {
  const ids = Array.from({length: 1200}, (_, at) => at.toString(16).padStart(64, '0'));
  await store.forget([...ids, first.storeId]);
  expect(idsOf(await store.list())).toEqual([second.storeId]);
});
