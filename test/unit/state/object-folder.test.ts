import {existsSync, readFileSync, readdirSync, statSync, symlinkSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {digestOf} from '../../../src/canonical/digest.ts';
import {ObjectFolder} from '../../../src/state/object-folder.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const [a, b, c] = ['a', 'b', 'c'].map(digestOf) as [string, string, string];

function filled(): ObjectFolder {
  const folder = new ObjectFolder(join(tempFolder(), 'staging'));
  for (const text of ['a', 'b', 'c']) folder.write(digestOf(text), bytes(text));
  return folder;
}

test('objects are found by their digest, also by the next process', () => {
  const {root} = filled();
  const again = new ObjectFolder(root);
  expect([a, b, c].map((digest) => again.has(digest))).toEqual([true, true, true]);
  expect(again.has(digestOf('d'))).toBe(false);
  expect(Buffer.from(again.read(a) ?? []).toString()).toBe('a');
  expect(again.read(digestOf('d'))).toBeUndefined();
});

test('an object that was damaged or removed counts as missing, and may be written anew', () => {
  const folder = filled();
  writeFileSync(join(folder.root, 'objects', a), 'A');
  expect(folder.read(a)).toBeUndefined();
  expect(folder.has(a)).toBe(false);
  folder.write(a, bytes('a'));
  expect(Buffer.from(folder.read(a) ?? []).toString()).toBe('a');
});

test.each([1, 300_000, 600_000])(
  'an object of %i bytes is whole until one of them changes',
  (length) => {
    const folder = new ObjectFolder(join(tempFolder(), 'staging'));
    const whole = Buffer.alloc(length, 'rows');
    const digest = digestOf(whole);
    expect(folder.isWhole(digest)).toBe(false);
    folder.write(digest, whole);
    expect(folder.isWhole(digest)).toBe(true);
    const path = join(folder.root, 'objects', digest);
    const damaged = Buffer.from(whole);
    damaged[length - 1] = 0;
    writeFileSync(path, damaged);
    expect(folder.isWhole(digest)).toBe(false);
    expect([folder.has(digest), existsSync(path)], 'it is gone then').toEqual([false, false]);
  },
);

test.each(['A', '', 'abc'])('an object that was damaged is written over (%j)', (damaged) => {
  const folder = filled();
  folder.arrange(new Set([a, b, c]), 1);
  const path = join(folder.root, 'objects', a.slice(0, 1), a);
  writeFileSync(path, damaged);
  folder.write(a, bytes('a'));
  expect(readFileSync(path, 'utf8')).toBe('a');
  expect(filesIn(folder.root)).toHaveLength(3);
});

test('an object that is there whole is left alone, and a new one goes where the others are', () => {
  const {root} = filled();
  new ObjectFolder(root).arrange(new Set([a, b, c]), 2);
  const folder = new ObjectFolder(root);
  const path = (digest: string): string =>
    join(root, 'objects', digest.slice(0, 1), digest.slice(1, 2), digest);
  const before = statSync(path(a), {bigint: true});
  folder.write(a, bytes('a'));
  const after = statSync(path(a), {bigint: true});
  expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  folder.write(digestOf('d'), bytes('d'));
  expect(readFileSync(path(digestOf('d')), 'utf8')).toBe('d');
});

test.each([0, 1, 2])('arranges exactly the wanted objects, %i folders deep', (depth) => {
  const folder = filled();
  folder.writeManifest(bytes('m'));
  const files = folder.arrange(new Set([a, c]), depth);
  const path = (digest: string): string =>
    ['objects', ...Array.from(digest.slice(0, depth)), digest].join('/');
  expect(files).toEqual(['manifest', path(a), path(c)]);
  expect(filesIn(folder.root)).toEqual(files.toSorted());
  expect(folder.has(b)).toBe(false);
  const again = new ObjectFolder(folder.root);
  expect(again.arrange(new Set([a, c]), 0)).toEqual(['manifest', `objects/${a}`, `objects/${c}`]);
  expect(filesIn(folder.root)).toEqual(['manifest', `objects/${a}`, `objects/${c}`].sort());
});

test('a file is taken in where it is the object, under the rights of the folder', () => {
  const folder = filled();
  const [path, other, link] = ['file', 'other', 'link'].map((name) => join(folder.root, name)) as [
    string,
    string,
    string,
  ];
  const d = digestOf('d');
  writeFileSync(path, 'd', {mode: 0o644});
  writeFileSync(other, 'D');
  symlinkSync(path, link);
  expect([other, link, join(folder.root, 'none')].map((each) => folder.take(d, each))).toEqual([
    false,
    false,
    false,
  ]);
  expect([folder.has(d), existsSync(other)]).toEqual([false, true]);
  expect([folder.take(d, path), existsSync(path)]).toEqual([true, false]);
  expect(Buffer.from(folder.read(d) ?? []).toString()).toBe('d');
  expect(statSync(join(folder.root, 'objects', d)).mode & 0o777).toBe(0o600);

  writeFileSync(join(folder.root, 'objects', a), 'A');
  writeFileSync(path, 'a');
  expect(folder.take(a, path), 'in the place of a damaged one').toBe(true);
  expect(folder.isWhole(a)).toBe(true);
});

test('files of an interrupted write are removed, and are no objects', () => {
  const {root} = filled();
  const partial = join(root, 'objects', `${a}.partial`);
  writeFileSync(partial, 'half');
  const again = new ObjectFolder(root);
  expect(existsSync(partial)).toBe(false);
  expect(again.has(`${a}.partial`)).toBe(false);
});

/** Relative paths of files; folders that are empty show too. */
function filesIn(root: string): readonly string[] {
  const all = readdirSync(root, {recursive: true, encoding: 'utf8'});
  return all.filter((path) => !all.some((other) => other.startsWith(`${path}/`))).sort();
}
