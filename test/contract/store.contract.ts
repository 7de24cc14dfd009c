/** What every store must do, whatever it is made of. */
import {createHash} from 'node:crypto';
import {existsSync} from 'node:fs';
import {mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {afterAll, afterEach, beforeAll, beforeEach, describe, expect, test} from 'vitest';
import type {SnapshotLabel, SnapshotRef, StagedSnapshot, Store} from '../../src/store/port.ts';

const setupMs = 60_000;

/** `makeStore` opens a store that keeps everything below the given path, which does not exist. */
export function describeStore(
  name: string,
  makeStore: (path: string) => Store,
  {passDay = async () => {}}: StoreTimes = {},
): void {
  describe(`store contract: ${name}`, () => {
    describeAbsent(makeStore);
    describeSnapshots(makeStore);
    describeAlive(makeStore);
    describeCare(makeStore, passDay);
  });
}

export type StoreTimes = {
  /** What is in the store is a day older afterwards. */
  readonly passDay?: (path: string) => Promise<void>;
};

function describeAbsent(makeStore: (path: string) => Store): void {
  let folder: string;
  beforeAll(async () => void (folder = await tempFolder()));
  afterAll(() => rm(folder, {recursive: true}));

  test('a store that is not there is missing, for every call, and is not made by asking', async () => {
    const path = join(folder, 'absent');
    const store = makeStore(path);
    const staged = await stage(join(folder, 'staged-absent'), {contents: ['x']});
    await expect(store.list()).rejects.toMatchObject({code: 'STORE_MISSING', exitCode: 10});
    await expect(store.look()).rejects.toMatchObject({code: 'STORE_MISSING'});
    await expect(store.beat(staged.label, [])).rejects.toMatchObject({code: 'STORE_MISSING'});
    await expect(store.save(staged)).rejects.toMatchObject({code: 'STORE_MISSING'});
    const ref = {...staged.label, storeId: 'abcdef01', time: ''};
    await expect(store.fetch(ref, {files: ['manifest'], into: folder})).rejects.toMatchObject({
      code: 'STORE_MISSING',
    });
    const missing = {code: 'STORE_MISSING'};
    await expect(store.forget(['abcdef01'])).rejects.toMatchObject(missing);
    await expect(store.prune()).rejects.toMatchObject(missing);
    await expect(store.check({number: 1, of: 1})).rejects.toMatchObject(missing);
    await expect(store.unlock()).rejects.toMatchObject(missing);
    expect(existsSync(path)).toBe(false);
  });

  test('a store that was created is empty; creating it again fails and keeps what is in it', async () => {
    const store = makeStore(join(folder, 'twice'));
    await store.create();
    expect(await store.list()).toEqual([]);
    const ref = await store.save(await stage(join(folder, 'staged-twice'), {contents: ['x']}));
    await expect(store.create()).rejects.toMatchObject({code: 'STORE_FAILED', exitCode: 13});
    expect(idsOf(await store.list())).toEqual([ref.storeId]);
  });
}

function describeAlive(makeStore: (path: string) => Store): void {
  let folder: string;
  let store: Store;
  beforeAll(async () => {
    folder = await tempFolder();
    store = makeStore(join(folder, 'store'));
    await store.create();
  }, setupMs);
  afterAll(() => rm(folder, {recursive: true}));

  const sign = {
    lineage: 'a history, of ö',
    epoch: 2,
    sequence: 9,
    digest: 'ab'.repeat(32),
    author: 'rack 4, host=ö',
  };
  const shownOf = async (author: string) =>
    (await store.look()).alive.filter((ref) => ref.author === author);

  test('a sign of life is shown by look alone, with exactly what it says', async () => {
    expect(await store.look()).toEqual({snapshots: [], alive: []});
    await store.beat(sign, []);
    expect(await store.list()).toEqual([]);
    const {snapshots, alive} = await store.look();
    expect(snapshots).toEqual([]);
    const [{storeId, time, ...label} = {storeId: '', time: ''}] = alive;
    expect(label).toStrictEqual(sign);
    expect(storeId).not.toBe('');
    expect(new Date(time).toISOString()).toBe(time);
  });

  test('each sign of life has an id of its own, and those of another author stay', async () => {
    const other = {...sign, author: 'another'};
    await store.beat(other, []);
    const [before] = await shownOf('another');
    for (let count = 0; count < 6; count++) await store.beat(sign, await shownOf(sign.author));
    const shown = await shownOf(sign.author);
    expect(shown.length).toBeLessThanOrEqual(5); // they do not pile up
    const known = new Set(shown.map(({storeId}) => storeId));
    await store.beat(sign, []);
    expect((await shownOf(sign.author)).some(({storeId}) => !known.has(storeId))).toBe(true);
    expect(await shownOf('another')).toEqual([before]);
  });

  test('look shows the snapshots that list shows, with signs of life beside them', async () => {
    const ref = await store.save(await stage(join(folder, 'staged'), {contents: ['x']}));
    expect(idsOf(await store.list())).toEqual([ref.storeId]);
    expect((await store.look()).snapshots).toEqual(await store.list());
    expect((await store.look()).alive.length).toBeGreaterThan(0);
  });
}

function describeCare(
  makeStore: (path: string) => Store,
  passDay: (path: string) => Promise<void>,
): void {
  let folder: string;
  let path: string;
  let store: Store;
  beforeEach(async () => {
    folder = await tempFolder();
    path = join(folder, 'store');
    store = makeStore(path);
    await store.create();
  }, setupMs);
  afterEach(() => rm(folder, {recursive: true}));

  const whole = {number: 1, of: 1};
  const saved = async (sequence: number): Promise<readonly [SnapshotRef, StagedSnapshot]> => {
    const contents = ['shared', noise(7, 20_000), noise(100 + sequence, 60_000)];
    const staged = await stage(join(folder, `staged-${sequence}`), {contents, label: {sequence}});
    return [await store.save(staged), staged];
  };
  const isWhole = async ([ref, staged]: readonly [SnapshotRef, StagedSnapshot]): Promise<void> => {
    const into = await mkdtemp(join(folder, 'whole-'));
    await store.fetch(ref, {files: staged.files, into});
    for (const file of staged.files)
      expect(await readFile(join(into, file))).toEqual(await readFile(join(staged.folder, file)));
  };

  test('forgets what is named, and frees what no other snapshot needs', async () => {
    const [first, second, third] = [await saved(1), await saved(2), await saved(3)];
    await store.beat({...first[1].label, author: 'a'}, []);
    const full = await bytesBelow(path);
    await store.forget([first[0].storeId, second[0].storeId]);
    expect(idsOf(await store.list())).toEqual([third[0].storeId]);
    expect((await store.look()).alive).toHaveLength(1);
    await passDay(path);
    await store.prune();
    expect(await bytesBelow(path)).toBeLessThan(full - 110_000);
    await isWhole(third);
    await store.check(whole);
    const into = await mkdtemp(join(folder, 'gone-'));
    await expect(store.fetch(first[0], {files: ['manifest'], into})).rejects.toMatchObject({
      code: 'SNAPSHOT_UNKNOWN',
    });
    await isWhole(await saved(1)); // stored anew
  });

  test('forgets what is not there any more without a word, and nothing by a name that is none', async () => {
    const kept = await saved(1);
    const [gone] = await saved(2);
    await store.forget([gone.storeId]);
    await store.forget([gone.storeId]);
    await store.forget([]);
    for (const odd of ['..', '../store', 'latest', '', '--prune'])
      await store.forget([odd]).catch((error: unknown) => {
        expect(error).toMatchObject({code: 'SNAPSHOT_UNKNOWN'});
      });
    expect(idsOf(await store.list())).toEqual([kept[0].storeId]);
    await isWhole(kept);
  });

  test('what is being saved while it prunes is whole afterwards', async () => {
    const [before] = await saved(1);
    const kept = await saved(2);
    await store.forget([before.storeId]);
    await passDay(path);
    // It needs again what no snapshot needs at the moment.
    const [again] = await Promise.all([saved(1), store.prune(), store.prune()]);
    await store.check(whole);
    await isWhole(again);
    await isWhole(kept);
  });

  test('a check finds damaged contents, in one of its parts, and what is not there', async () => {
    await saved(1);
    await store.check(whole);
    const files = (await filesBelow(path)).filter((file) => /^(?:data|objects)\//.test(file));
    const sizes = await Promise.all(files.map(async (file) => (await stat(join(path, file))).size));
    const largest = join(path, files[sizes.indexOf(Math.max(...sizes))] ?? '');
    const bytes = await readFile(largest);
    bytes[5000] = (bytes[5000] ?? 0) ^ 0xff;
    await rm(largest);
    await writeFile(largest, bytes);
    const parts = [1, 2, 3].map(async (number) => store.check({number, of: 3}));
    const found = (await Promise.allSettled(parts)).filter(({status}) => status === 'rejected');
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({reason: {code: 'STORE_DAMAGED', exitCode: 30}});
    await rm(largest);
    for (const number of [1, 2, 3])
      await expect(store.check({number, of: 3})).rejects.toMatchObject({code: 'STORE_DAMAGED'});
  });

  test('there is nothing to unlock where nobody died', async () => {
    await saved(1);
    await store.unlock();
    await store.check(whole);
  });
}

function describeSnapshots(makeStore: (path: string) => Store): void {
  let folder: string;
  let store: Store;
  let first: SnapshotRef;
  let staged: StagedSnapshot;
  beforeAll(async () => {
    folder = await tempFolder();
    store = makeStore(join(folder, 'store'));
    await store.create();
    staged = await stage(join(folder, 'staged'), {contents: ['one', 'two', 'three\0é', '']});
    first = await store.save(staged);
  }, setupMs);
  afterAll(() => rm(folder, {recursive: true}));

  test('lists a snapshot with exactly the label and the id that save gave', async () => {
    const listed = (await store.list()).find(({storeId}) => storeId === first.storeId);
    const {time, storeId, ...label} = first;
    expect(label).toStrictEqual(staged.label);
    expect(listed).toStrictEqual({...staged.label, storeId, time: expect.any(String)});
    expect(new Date(time).toISOString()).toBe(time);
  });

  test('a label may lack a parent, or have one and text with commas, spaces and equals signs', async () => {
    expect(first.parent).toBeUndefined();
    const label = {author: 'rack 4, host=ö', parent: 'ab'.repeat(32), epoch: 2, sequence: 12};
    const ref = await store.save(await stage(join(folder, 'odd'), {contents: ['odd'], label}));
    const listed = (await store.list()).find(({storeId}) => storeId === ref.storeId);
    expect(listed).toMatchObject(label);
  });

  test.each([
    ['the manifest alone', (files: readonly string[]) => files.slice(0, 1)],
    ['one object', (files: readonly string[]) => files.slice(1, 2)],
    ['some files', (files: readonly string[]) => files.slice(0, 3)],
    ['all files', (files: readonly string[]) => files],
  ])('fetches %s, with identical bytes, and nothing else', async (_, pick) => {
    const into = await mkdtemp(join(folder, 'fetched-'));
    const files = pick(staged.files);
    await store.fetch(first, {files, into, filesTotal: staged.files.length});
    expect(await filesBelow(into)).toEqual([...files].sort());
    for (const file of files) {
      expect(await readFile(join(into, file))).toEqual(await readFile(join(staged.folder, file)));
    }
  });

  test.each([1, 2])(
    'a file that is not there makes the snapshot incomplete (%s asked)',
    async (count) => {
      const into = await mkdtemp(join(folder, 'lacking-'));
      const absent = `objects/0/${'0'.repeat(64)}`;
      const files = [...staged.files.slice(0, count - 1), absent];
      await expect(store.fetch(first, {files, into})).rejects.toMatchObject({
        code: 'SNAPSHOT_INCOMPLETE',
        exitCode: 30,
        site: {path: absent},
      });
    },
  );

  test('two snapshots share objects, and each is still whole', async () => {
    const next = await stage(join(folder, 'shared'), {
      contents: ['one', 'two', 'four'],
      label: {sequence: 2, parent: first.digest},
    });
    const ref = await store.save(next);
    for (const [snapshot, {files, folder: source}] of [
      [first, staged],
      [ref, next],
    ] as const) {
      const into = await mkdtemp(join(folder, 'whole-'));
      await store.fetch(snapshot, {files, into, filesTotal: files.length});
      for (const file of files) {
        expect(await readFile(join(into, file))).toEqual(await readFile(join(source, file)));
      }
    }
  });

  test('a folder in which one small file changed costs little room', async () => {
    const contents = Array.from({length: 40}, (_, index) => noise(index, 50_000));
    const source = join(folder, 'growing');
    await store.save(await stage(source, {contents, label: {sequence: 3}}));
    const before = await bytesBelow(join(folder, 'store'));
    await rm(source, {recursive: true});
    const changed = [...contents.slice(1), noise(99, 50_000)];
    await store.save(await stage(source, {contents: changed, label: {sequence: 4}}));
    const grown = (await bytesBelow(join(folder, 'store'))) - before;
    expect(grown).toBeGreaterThan(50_000);
    expect(grown).toBeLessThan(100_000);
  });

  test('an id that is not there is unknown, and so is one that is not an id', async () => {
    for (const storeId of ['deadbeef', 'latest', '--help', '../x', '.', '']) {
      const into = await mkdtemp(join(folder, 'unknown-'));
      await expect(
        store.fetch({...first, storeId}, {files: ['manifest'], into}),
      ).rejects.toMatchObject({code: 'SNAPSHOT_UNKNOWN', exitCode: 2});
      expect(await readdir(into)).toEqual([]);
    }
  });

  test.each([
    '../manifest',
    '/etc/passwd',
    'objects/../../x',
    'objects//x',
    './manifest',
    'objects/*',
    'objects/[a]',
    'a\\b',
    'manifest\n',
    '',
  ])('refuses the path %j, to store and to fetch', async (path) => {
    const into = await mkdtemp(join(folder, 'tricks-'));
    const refusal = {code: 'SNAPSHOT_CORRUPT', exitCode: 30};
    const files = ['manifest', path];
    await expect(store.fetch(first, {files, into})).rejects.toMatchObject(refusal);
    await expect(store.save({...staged, files})).rejects.toMatchObject(refusal);
    expect(await readdir(into)).toEqual([]);
  });

  test('a staged file that is not there stops the save, and no snapshot appears', async () => {
    const before = idsOf(await store.list());
    const files = [...staged.files, `objects/0/${'0'.repeat(64)}`];
    await expect(store.save({...staged, files})).rejects.toMatchObject({
      code: 'SNAPSHOT_INCOMPLETE',
    });
    expect(idsOf(await store.list())).toEqual(before);
  });

  test('listing goes on during a save, and shows the new snapshot only when it is whole', async () => {
    const next = await stage(join(folder, 'busy'), {
      contents: Array.from({length: 30}, (_, index) => noise(1000 + index, 200_000)),
      label: {sequence: 9},
    });
    const before = idsOf(await store.list());
    const saved = store.save(next);
    const [ref, ...lists] = await Promise.all([saved, store.list(), store.list(), store.list()]);
    for (const list of lists) {
      expect([before, [...before, ref.storeId].sort()]).toContainEqual(idsOf(list));
    }
    expect(idsOf(await store.list())).toContain(ref.storeId);
  });
}

/** Writes a snapshot's files: `manifest`, and an object named by its digest for each content. */
export async function stage(
  folder: string,
  {contents, label}: {contents: readonly (string | Buffer)[]; label?: Partial<SnapshotLabel>},
): Promise<StagedSnapshot> {
  const objects = contents.map((content): readonly [string, string | Buffer] => {
    const digest = digestOf(content);
    return [`objects/${digest.slice(0, 1)}/${digest}`, content];
  });
  const manifest = JSON.stringify([label, objects.map(([path]) => path)]);
  for (const [path, content] of [['manifest', manifest] as const, ...objects]) {
    await mkdir(dirname(join(folder, path)), {recursive: true});
    await writeFile(join(folder, path), content);
  }
  const defaults = {lineage: 'line-1', epoch: 1, sequence: 1, author: 'primary', parent: undefined};
  return {
    folder,
    files: ['manifest', ...objects.map(([path]) => path)],
    label: {...defaults, ...label, digest: digestOf(manifest)},
  };
}

export async function tempFolder(): Promise<string> {
  return mkdtemp(join(tmpdir(), 'rowplica-store-'));
}

/** Bytes that neither compress nor repeat, the same for the same seed. */
export function noise(seed: number, length: number): Buffer {
  const blocks: Buffer[] = [];
  for (let block = 0; block * 64 < length; block += 1) {
    blocks.push(createHash('sha512').update(`${seed} ${block}`).digest());
  }
  return Buffer.concat(blocks).subarray(0, length);
}

export function idsOf(refs: readonly SnapshotRef[]): readonly string[] {
  return refs.map(({storeId}) => storeId).sort();
}

function digestOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex');
}

async function filesBelow(folder: string): Promise<readonly string[]> {
  const entries = await readdir(folder, {recursive: true, withFileTypes: true});
  return entries
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
}

async function bytesBelow(folder: string): Promise<number> {
  const paths = await filesBelow(folder);
  const sizes = await Promise.all(paths.map(async (path) => (await stat(join(folder, path))).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}
