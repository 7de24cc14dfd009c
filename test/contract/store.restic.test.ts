/** The contract against the installed restic, and what it does to the snapshots of others. */
import {execFile} from 'node:child_process';
import {mkdir, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {mkdtempSync} from 'node:fs';
import {basename, dirname, join} from 'node:path';
import {promisify} from 'node:util';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {RESTIC_EXCLUDES_MAX} from '../../src/kernel/limits.ts';
import type {SnapshotRef, StagedSnapshot, Store} from '../../src/store/port.ts';
import {binary, environment, open, password} from './store.restic-fixture.ts';
import {describeStore, idsOf, noise, stage, tempFolder} from './store.contract.ts';

const run = promisify(execFile);
const setupMs = 60_000;

describeStore('restic', (path) => open({repository: path, cacheOf: dirname(path)}));

describe('restic store', () => {
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
    staged = await stage(join(folder, 'staged'), {contents: ['one', 'two', noise(1, 300_000)]});
    ref = await store.save(staged);
  }, setupMs);
  afterAll(() => rm(folder, {recursive: true}));

  test('snapshots of others are passed over, a future-dated one and half-tagged ones too', async () => {
    const foreign = join(folder, 'foreign');
    await mkdir(foreign);
    await writeFile(join(foreign, 'manifest'), 'not ours');
    const backup = (...args: string[]) =>
      restic(['backup', '.', '--host', 'test-host', ...args], {repository, folder, cwd: foreign});
    await store.beat(staged.label, []);
    expect(await store.newestForeign()).toBeUndefined();
    await backup('--time', '2001-02-03 12:00:00');
    expect((await store.newestForeign())?.time).toMatch(/^2001-02-03T/);
    await backup('--time', '2099-01-01 12:00:00');
    await backup('--time', '2001-02-03 12:00:00', '--host', 'other-host');
    await backup('--tag', 'rowplica', '--time', '2098-01-01 00:00:00');
    await backup('--tag', 'rowplica,lineage=x,epoch=1,sequence=0,digest=ab,author=a');
    expect(idsOf(await store.list())).toEqual([ref.storeId]);
    const newest = {host: 'test-host', time: expect.stringMatching(/^2099-01-01T/)};
    expect(await store.newestForeign()).toEqual(newest);

    const label = {...staged.label, sequence: 2, parent: staged.label.digest};
    const next = await store.save({...staged, label});
    const {time: _time, ...listed} = next; // restic's clock may say another moment
    expect((await store.list()).find(({sequence}) => sequence === 2)).toMatchObject(listed);
    const into = join(folder, 'beside-foreign');
    await mkdir(into);
    await store.fetch(next, {files: ['manifest'], into});
    expect(await readFile(join(into, 'manifest'))).toEqual(
      await readFile(join(staged.folder, 'manifest')),
    );
  });

  test('an id is the full one, in save and in list', () => {
    expect(ref.storeId).toMatch(/^[0-9a-f]{64}$/);
  });

  test('an unchanged folder stores no file again', async () => {
    const before = await readdir(join(repository, 'data'), {recursive: true});
    await store.save(staged);
    const after = await readdir(join(repository, 'data'), {recursive: true});
    expect(after).toEqual(before);
  });

  test('a wrong password is told as such, by list, save and create, and changes nothing', async () => {
    const before = await readdir(repository, {recursive: true});
    const wrong = open({repository, cacheOf: folder, env: {RESTIC_PASSWORD: 'wrong-password'}});
    const refusal = {code: 'STORE_PASSWORD', exitCode: 12, retryable: false};
    await expect(wrong.list()).rejects.toMatchObject(refusal);
    await expect(wrong.save(staged)).rejects.toMatchObject(refusal);
    await expect(wrong.create()).rejects.toMatchObject({code: 'STORE_FAILED'});
    expect(await readdir(repository, {recursive: true})).toEqual(before);
  });

  test('a password file that is not there is a password error, not a missing repository', async () => {
    const env = {RESTIC_PASSWORD: '', RESTIC_PASSWORD_FILE: join(folder, 'nowhere')};
    await expect(open({repository, cacheOf: folder, env}).list()).rejects.toMatchObject({
      code: 'STORE_PASSWORD',
    });
  });

  test('takes the repository from a file, the password too, and paths from the working directory', async () => {
    const [address, secret] = [join(folder, 'address'), join(folder, 'secret')];
    await writeFile(address, `${repository}\n`);
    await writeFile(secret, password);
    const env = {RESTIC_REPOSITORY_FILE: address, RESTIC_PASSWORD: ''};
    const named = open({cacheOf: folder, env, passwordFile: secret});
    expect(named.name).toBe(`restic:${repository}`);
    expect(idsOf(await named.list())).toContain(ref.storeId);
  });

  test('a repository that lost its config is damaged, and is not initialised again', async () => {
    const lost = join(folder, 'lost');
    await run('cp', ['-r', repository, lost]);
    await rm(join(lost, 'config'));
    const damaged = open({repository: lost, cacheOf: folder});
    await expect(damaged.create()).rejects.toMatchObject({code: 'STORE_FAILED'});
    expect(await readdir(lost)).not.toContain('config');
  });

  test('made twice at one moment, it opens with the key that each of them finds', async () => {
    const rounds = Array.from({length: 2}, (_, round) => join(folder, 'at-once', `${round}`));
    for (const path of rounds) {
      const temporary = () => mkdtempSync(join(folder, 'draft-'));
      const make = () => open({repository: path, cacheOf: folder, temporary}).create();
      await Promise.all([make(), make()]);
      expect(await readdir(join(path, 'keys'))).toHaveLength(1);
      expect(await open({repository: path, cacheOf: folder}).list()).toEqual([]);
    }
    expect((await readdir(folder)).filter((name) => name.startsWith('draft-'))).toEqual([]);
  });

  test('a folder that was made for it beforehand stays that folder', async () => {
    const path = join(folder, 'made-before');
    await mkdir(path, {mode: 0o750});
    const {ino} = await stat(path);
    await open({repository: path, cacheOf: folder, temporary: () => expect.unreachable()}).create();
    expect(await stat(path)).toMatchObject({ino, mode: 0o40750});
  });

  test('damaged data makes a fetch fail as corrupt, for one file and for several', async () => {
    const damagedPath = join(folder, 'damaged');
    await run('cp', ['-r', repository, damagedPath]);
    await damage(join(damagedPath, 'data'));
    const damaged = open({repository: damagedPath, cacheOf: join(folder, 'damaged-cache')});
    for (const files of [staged.files.slice(3, 4), staged.files.slice(1)]) {
      const into = join(folder, `corrupt-${files.length}`);
      await mkdir(into);
      await expect(damaged.fetch(ref, {files, into})).rejects.toMatchObject({
        code: 'SNAPSHOT_CORRUPT',
        exitCode: 30,
        retryable: false,
        site: {snapshot: ref.storeId},
      });
    }
  });

  test('a snapshot that cannot be read stops the listing: it may be the newest', async () => {
    const damagedPath = join(folder, 'unlisted');
    await run('cp', ['-r', repository, damagedPath]);
    await writeFile(join(damagedPath, 'snapshots', ref.storeId), 'x'.repeat(200));
    const damaged = open({repository: damagedPath, cacheOf: join(folder, 'unlisted-cache')});
    await expect(damaged.list()).rejects.toMatchObject({code: 'SNAPSHOT_CORRUPT'});
  });

  test('fetches all at once where most files are wanted, and leaves only those', async () => {
    const into = join(folder, 'whole');
    await mkdir(into);
    const files = staged.files.slice(1);
    await store.fetch(ref, {files, into, filesTotal: 3});
    expect(await readdir(into)).toEqual(['objects']);
  });

  test('fetches all but the files of some names in one go, unless those are too many', async () => {
    const into = join(folder, 'others');
    await mkdir(into);
    const [, left = '', ...others] = staged.files;
    const names = ['ab'.repeat(32), basename(left)];
    expect(await store.fetchOthers?.(ref, {names, into})).toBe(true);
    const fetched = await readdir(into, {recursive: true, withFileTypes: true});
    expect(fetched.filter((entry) => entry.isFile()).map(({name}) => name)).toHaveLength(
      others.length + 1,
    );
    for (const path of ['manifest', ...others])
      expect(await readFile(join(into, path))).toEqual(await readFile(join(staged.folder, path)));

    const empty = join(folder, 'too-many');
    await mkdir(empty);
    const many = Array.from({length: RESTIC_EXCLUDES_MAX + 1}, (_, at) => `${at}`);
    expect(await store.fetchOthers?.(ref, {names: many, into: empty})).toBe(false);
    expect(await readdir(empty)).toEqual([]);
    await expect(store.fetchOthers?.(ref, {names: ['*'], into: empty})).rejects.toMatchObject({
      code: 'SNAPSHOT_CORRUPT',
    });
  });

  test('tells its progress while it stores', async () => {
    const steps: string[] = [];
    const progress = (step: string, done: number, total: number) => {
      steps.push(`${step} ${done <= total} ${total}`);
    };
    await open({repository, cacheOf: folder, progress}).save(staged);
    expect(new Set(steps)).toEqual(new Set([`store true ${staged.files.length}`]));
  });
});

async function restic(
  args: readonly string[],
  {repository, folder, cwd}: {repository: string; folder: string; cwd: string},
): Promise<void> {
  await run(binary, args, {cwd, env: {...environment(folder), RESTIC_REPOSITORY: repository}});
}

/** Alters bytes in the middle of the largest pack. */
async function damage(data: string): Promise<void> {
  const entries = await readdir(data, {recursive: true, withFileTypes: true});
  let largest = {path: '', bytes: Buffer.alloc(0)};
  for (const entry of entries.filter((each) => each.isFile())) {
    const path = join(entry.parentPath, entry.name);
    const bytes = await readFile(path);
    if (bytes.length > largest.bytes.length) largest = {path, bytes};
  }
  for (let at = 1000; at < largest.bytes.length - 2000; at += 500) {
    largest.bytes[at] = (largest.bytes[at] ?? 0) ^ 0xff;
  }
  await rm(largest.path);
  await writeFile(largest.path, largest.bytes);
}
