import {
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  truncate,
  utimes,
  writeFile,
} from 'node:fs/promises';
import {join} from 'node:path';
import {afterEach, beforeEach, describe, expect, test} from 'vitest';
import {silentLog} from '../../src/kernel/log.ts';
import {openDirectoryStore} from '../../src/store/directory/directory-store.ts';
import {describeStore, idsOf, stage, tempFolder} from './store.contract.ts';

const open = (path: string) => openDirectoryStore({path, log: silentLog});

describeStore('directory', open, {passDay: (path) => setBack(path, dayMs + 60_000)});

const dayMs = 24 * 3600 * 1000;

/** Files look older than they are. */
async function setBack(path: string, ms: number): Promise<void> {
  for (const entry of await readdir(path, {recursive: true, withFileTypes: true})) {
    const file = join(entry.parentPath, entry.name);
    const time = new Date((await stat(file)).mtimeMs - ms);
    await utimes(file, time, time);
  }
}

describe('directory store', () => {
  let folder: string;
  let root: string;
  beforeEach(async () => {
    folder = await tempFolder();
    root = join(folder, 'store');
  });
  afterEach(() => rm(folder, {recursive: true}));

  test('files are for their owner alone', async () => {
    const store = open(root);
    await store.create();
    await store.save(await stage(join(folder, 'staged'), {contents: ['secret']}));
    const entries = await readdir(root, {recursive: true, withFileTypes: true});
    expect(entries.length).toBeGreaterThan(6);
    for (const entry of entries) {
      const {mode} = await stat(join(entry.parentPath, entry.name));
      expect((mode & 0o777).toString(8)).toBe(entry.isDirectory() ? '700' : '600');
    }
  });

  test('never creates a store among other files, and writes nothing there', async () => {
    await mkdir(join(root, 'objects', 'mine'), {recursive: true});
    await writeFile(join(root, 'photo'), '');
    await expect(open(root).create()).rejects.toMatchObject({code: 'STORE_FAILED'});
    expect((await readdir(root)).sort()).toEqual(['objects', 'photo']);
    await rm(join(root, 'photo'));
    await expect(open(root).create()).rejects.toMatchObject({code: 'STORE_FAILED'});
    expect(await readdir(root)).toEqual(['objects']);
  });

  test('creates in an empty folder, a fresh file system, and what an interrupted creation left', async () => {
    await mkdir(join(root, 'lost+found'), {recursive: true});
    await mkdir(join(root, 'objects'));
    await expect(open(root).list()).rejects.toMatchObject({code: 'STORE_MISSING'});
    await open(root).create();
    expect(await open(root).list()).toEqual([]);
  });

  test('a file in the place of the folder is a failure, not a missing store', async () => {
    await writeFile(root, 'x');
    await expect(open(root).list()).rejects.toMatchObject({code: 'STORE_FAILED'});
    await expect(open(root).create()).rejects.toMatchObject({code: 'STORE_FAILED'});
  });

  test.each([
    ['{"format":2}', 'FORMAT_NEWER'],
    ['{"format":0}', 'STORE_FAILED'],
    ['', 'STORE_FAILED'],
    ['null', 'STORE_FAILED'],
  ])('refuses the marker %j with %s', async (marker, code) => {
    await open(root).create();
    await writeFile(join(root, 'rowplica-store.json'), marker);
    await expect(open(root).list()).rejects.toMatchObject({code});
    await expect(open(root).create()).rejects.toMatchObject({code: 'STORE_FAILED'});
  });

  test('a store that lost its snapshots folder fails instead of looking empty', async () => {
    await open(root).create();
    await rm(join(root, 'snapshots'), {recursive: true});
    await expect(open(root).list()).rejects.toMatchObject({code: 'STORE_FAILED'});
  });

  test('a snapshot whose label is lost or damaged stops the listing', async () => {
    const store = open(root);
    await store.create();
    const ref = await store.save(await stage(join(folder, 'staged'), {contents: ['x']}));
    const label = join(root, 'snapshots', ref.storeId, 'label.json');
    const text = await readFile(label, 'utf8');
    for (const damaged of ['', '{}', text.replace('"sequence":1', '"sequence":7')]) {
      await writeFile(label, damaged);
      await expect(store.list()).rejects.toMatchObject({code: 'SNAPSHOT_CORRUPT'});
    }
    await rm(label);
    await expect(store.list()).rejects.toMatchObject({code: 'SNAPSHOT_CORRUPT'});
  });

  test('writes a damaged object again, and leaves a whole one alone', async () => {
    const store = open(root);
    await store.create();
    const staged = await stage(join(folder, 'staged'), {contents: ['whole', 'damaged']});
    await store.save(staged);
    const [whole = '', damaged = ''] = staged.files.slice(1).map((file) => objectIn(root, file));
    const {ino} = await stat(whole);
    await truncate(damaged, 3);
    await store.save({...staged, label: {...staged.label, sequence: 2}});
    expect((await stat(whole)).ino).toBe(ino);
    expect(await readFile(damaged, 'utf8')).toBe('damaged');
  });

  test('saving the same snapshot twice, even at once, gives it once', async () => {
    const store = open(root);
    await store.create();
    const staged = await stage(join(folder, 'staged'), {contents: ['a', 'b']});
    await Promise.all([store.save(staged), store.save(staged), store.save(staged)]);
    expect(idsOf(await store.list())).toHaveLength(1);
    expect(await readdir(join(root, 'unfinished'))).toEqual([]);
  });

  test('refuses a staged object whose bytes do not match its name, and shows no snapshot', async () => {
    const store = open(root);
    await store.create();
    const staged = await stage(join(folder, 'staged'), {contents: ['a', 'b']});
    await writeFile(join(staged.folder, staged.files[2] ?? ''), 'other');
    await expect(store.save(staged)).rejects.toMatchObject({code: 'SNAPSHOT_CORRUPT'});
    expect(await store.list()).toEqual([]);
    expect(await readdir(join(root, 'unfinished'))).toEqual([]);
  });

  test('prunes nothing that is younger than a day, and an object that was moved aside when it died', async () => {
    const store = open(root);
    await store.create();
    const staged = await stage(join(folder, 'staged'), {contents: ['a', 'b']});
    const {storeId} = await store.save(staged);
    const [a = '', b = ''] = staged.files.slice(1).map((file) => objectIn(root, file));
    await rename(b, `${b}.pruned`); // a process that died had looked before the snapshot was there
    await store.prune();
    expect(await readFile(b, 'utf8')).toBe('b');
    await store.forget([storeId]);
    await store.prune();
    expect(await Promise.all([a, b].map((path) => readFile(path, 'utf8')))).toEqual(['a', 'b']);
    await rename(b, `${b}.pruned`);
    await setBack(root, dayMs + 60_000);
    await store.prune();
    expect(
      (await readdir(join(root, 'objects'), {recursive: true})).filter((name) => /\//.test(name)),
    ).toEqual([]);
  });

  test('prunes nothing while it is not known what a snapshot needs', async () => {
    const store = open(root);
    await store.create();
    const staged = await stage(join(folder, 'staged'), {contents: ['a']});
    const {storeId} = await store.save(staged);
    await setBack(root, dayMs + 60_000);
    const list = join(root, 'snapshots', storeId, 'files');
    for (const text of ['../../x\n', 'objects/a/b\n']) {
      await writeFile(list, text);
      await expect(store.prune()).rejects.toMatchObject({code: 'STORE_DAMAGED'});
    }
    await rm(list);
    await expect(store.prune()).rejects.toMatchObject({code: 'STORE_DAMAGED'});
    expect(await readFile(objectIn(root, staged.files[1] ?? ''), 'utf8')).toBe('a');
  });

  test('removes what its own author left when it died, of others what is a day old, and nothing younger', async () => {
    const store = open(root);
    await store.create();
    const staged = await stage(join(folder, 'staged'), {contents: ['x']});
    const drafts = [`${staged.label.author}.died.1`, 'other.1', 'another.1'];
    const [own, old, young] = drafts.map((name) => join(root, 'unfinished', name));
    for (const path of [own, old, young]) await mkdir(String(path));
    const dayBefore = new Date(Date.now() - 25 * 3600 * 1000);
    await utimes(String(old), dayBefore, dayBefore);
    await store.save(staged);
    expect(await readdir(join(root, 'unfinished'))).toEqual(['another.1']);
  });
});

function objectIn(root: string, file: string): string {
  const digest = file.split('/').at(-1) ?? '';
  return join(root, 'objects', digest.slice(0, 2), digest);
}
