import {existsSync, mkdirSync, readdirSync, utimesSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, expect, test, vi} from 'vitest';
import {openState} from '../../../src/state/state.ts';
import {withScratch} from '../../../src/state/scratch.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

afterEach(() => {
  vi.unstubAllEnvs();
});

/** An empty folder that takes the place of the system's for passing files. */
function passing(): string {
  const folder = tempFolder();
  vi.stubEnv('TMPDIR', folder);
  return folder;
}

/** A folder of an hour ago with a file in it. */
function old(folder: string, file: string, text = ''): string {
  mkdirSync(folder);
  writeFileSync(join(folder, file), text);
  const hourAgo = Date.now() / 1000 - 3600;
  utimesSync(folder, hourAgo, hourAgo);
  return folder;
}

test('what a process that died left is removed, and nothing else that has such a name', async () => {
  const folder = passing();
  const lock = await withScratch(async (own) => readdirSync(own)[0] ?? '');
  const left = old(join(folder, 'rowplica-Ab3dE9'), lock);
  const others = ['rowplica-backup', 'rowplica-of-mine', 'rowplica-'].map((name) =>
    old(join(folder, name), 'lock'),
  );
  await withScratch(async () => {});
  expect(existsSync(left)).toBe(false);
  expect(others.filter((path) => !existsSync(path))).toEqual([]);
});

test('what cannot be removed stands in nobody’s way', async () => {
  const folder = passing();
  const lock = await withScratch(async (own) => readdirSync(own)[0] ?? '');
  old(join(folder, 'rowplica-Ab3dE9'), lock, 'no lock of ours');
  expect(await withScratch(async () => 'done')).toBe('done');
});

test.each([
  ['that is not there', 'nowhere'],
  ['that is a file', 'file'],
])('a folder for passing files %s is told, and which', async (_, name) => {
  const folder = tempFolder();
  writeFileSync(join(folder, 'file'), '');
  vi.stubEnv('TMPDIR', join(folder, name));
  await expect(withScratch(async () => {})).rejects.toMatchObject({
    code: 'STATE_UNWRITABLE',
    exitCode: 14,
    site: {path: join(folder, name)},
    hint: expect.stringContaining('TMPDIR'),
  });
});

test.each([
  ['a name', 'x'.repeat(300)],
  ['a path that the system takes and SQLite does not', `${'y'.repeat(200)}/`.repeat(4)],
])('%s that is too long for a state folder is told', async (_, path) => {
  const root = tempFolder();
  const database = join(root, 'kuma.db');
  writeFileSync(database, 'x');
  await expect(openState({folder: join(root, path), database})).rejects.toMatchObject({
    code: 'STATE_UNWRITABLE',
    exitCode: 14,
    hint: expect.stringContaining('--state'),
  });
});
