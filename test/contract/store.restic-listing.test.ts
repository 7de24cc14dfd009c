/** A list that is remembered is the list that restic would give: it is asked again whenever that could be another one. */
import {execFile} from 'node:child_process';
import {cpSync, existsSync, readdirSync, readFileSync, renameSync, rmSync} from 'node:fs';
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {promisify} from 'node:util';
import {beforeAll, beforeEach, expect, test} from 'vitest';
import type {StagedSnapshot, Store} from '../../src/store/port.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {idsOf, stage} from './store.contract.ts';
import {binary, environment, open, password, type OpenOptions} from './store.restic-fixture.ts';

const run = promisify(execFile);
const setupMs = 60_000;

const folder = temporaryFolder();
const repository = join(folder, 'repository');
const calls = join(folder, 'calls');
const counting = join(folder, 'restic.sh');
let staged: StagedSnapshot;

/** What a state folder would keep. */
let kept: string | undefined;
const shelf = {
  read: async (): Promise<unknown> => (kept === undefined ? undefined : JSON.parse(kept)),
  keep: async (listing: unknown) => void (kept = JSON.stringify(listing)),
};

/** Stores of one process share what it remembers; that of another instance pushes it out. */
const make = (options: Partial<OpenOptions> = {}): Store =>
  open({
    repository,
    cacheOf: folder,
    shelf,
    ...options,
    env: {ROWPLICA_RESTIC: counting, ...options.env},
  });

/** As if this were another process: nothing is remembered but what was kept. */
async function forgetMemory(): Promise<void> {
  await make({repository: other, shelf: othersShelf}).list();
  rmSync(calls, {force: true});
}

/** The commands of restic that ran since the last look. */
function ran(): readonly string[] {
  if (!existsSync(calls)) return [];
  const lines = readFileSync(calls, 'utf8').trim().split('\n');
  rmSync(calls);
  return lines.map((line) => line.split(' ')[0] ?? '');
}

const other = join(folder, 'other');
let othersKept: unknown;
const othersShelf = {
  read: async (): Promise<unknown> => othersKept,
  keep: async (listing: unknown) => void (othersKept = listing),
};

beforeAll(async () => {
  writeFileSync(counting, `#!/bin/sh\necho "$*" >> '${calls}'\nexec ${binary} "$@"\n`, {
    mode: 0o755,
  });
  staged = await stage(join(folder, 'staged'), {contents: ['one', 'two']});
  await make().create();
  await make().save(staged);
  await make({repository: other}).create();
  await forgetMemory();
}, setupMs);

beforeEach(async () => {
  kept = undefined;
  await forgetMemory();
});

const next = (sequence: number): StagedSnapshot => ({
  ...staged,
  label: {...staged.label, sequence},
});

test('the same repository is listed once by a process, and once by those that come after it', async () => {
  const asked = await make().look();
  expect(asked.snapshots).toHaveLength(1);
  expect(ran()).toEqual(['version', 'snapshots']);
  expect(await make().look()).toEqual(asked);
  expect(await make().list()).toEqual(asked.snapshots);
  expect(ran()).toEqual([]);

  await forgetMemory();
  expect(await make().look()).toStrictEqual(asked);
  expect(ran(), 'a restic that is missing is still noticed').toEqual(['version']);
});

test('without a place to keep it, and in a repository that is not in a folder, restic is asked each time', async () => {
  await make().list();
  ran();
  await make({shelf: undefined}).list();
  expect(ran()).toEqual(['version', 'snapshots']);
  const remote = make({repository: 'rest:http://127.0.0.1:9/'});
  for (const _ of [1, 2])
    await expect(remote.list()).rejects.toMatchObject({code: 'STORE_UNREACHABLE'});
  expect(ran()).toEqual(['version', 'snapshots', 'snapshots']);
});

test('what is kept names no password, and does for no other', async () => {
  const refused = (env: NodeJS.ProcessEnv): Promise<void> =>
    expect(make({env}).list()).rejects.toMatchObject({code: 'STORE_PASSWORD'});
  await make().list();
  expect(kept).not.toContain(password);
  await refused({RESTIC_PASSWORD: 'wrong-password'});
  await forgetMemory();
  await refused({RESTIC_PASSWORD: 'wrong-password'});
  await refused({RESTIC_PASSWORD: '', RESTIC_PASSWORD_COMMAND: 'echo wrong'});
});

test('a password in a file is read again each time', async () => {
  const file = join(folder, 'password');
  writeFileSync(file, password);
  const mine = make({env: {RESTIC_PASSWORD: '', RESTIC_PASSWORD_FILE: file}});
  await mine.list();
  await forgetMemory();
  await mine.list();
  await mine.list();
  expect(ran()).toEqual([]);
  for (const change of [() => writeFileSync(file, 'another'), () => rmSync(file)]) {
    change();
    await expect(mine.list()).rejects.toMatchObject({code: 'STORE_PASSWORD'});
  }
});

test('a key that was removed opens nothing any more', async () => {
  const gone = copy();
  const mine = make({repository: gone});
  await mine.list();
  const secondKey = join(folder, 'second-password');
  writeFileSync(secondKey, 'a second one');
  await restic(gone, 'key', 'add', '--new-password-file', secondKey);
  expect(await mine.list()).toHaveLength(1);
  const [first = ''] = await keysThatOpen(gone);
  rmSync(join(gone, 'keys', first));
  await expect(mine.list()).rejects.toMatchObject({code: 'STORE_PASSWORD'});
});

test('what another instance stores, and what is forgotten, is seen', async () => {
  const shared = copy();
  const mine = make({repository: shared});
  await mine.list();
  const theirs = await make({repository: shared, shelf: undefined}).save(next(2));
  expect(idsOf(await mine.list())).toContain(theirs.storeId);
  await make({repository: shared, shelf: undefined}).beat(staged.label, []);
  const {alive} = await mine.look();
  expect(alive).toHaveLength(1);
  await restic(shared, 'forget', theirs.storeId, alive[0]?.storeId ?? '');
  expect(idsOf(await mine.list())).not.toContain(theirs.storeId);
  expect(await mine.look()).toMatchObject({alive: []});
  await forgetMemory();
  expect(await mine.list()).toHaveLength(1);
  expect(ran(), 'the same store has asked before').toEqual([]);
});

test('after a save the list is known, if nobody else stored anything', async () => {
  const shared = copy();
  const mine = make({repository: shared});
  const before = await mine.list();
  ran();
  const saved = await mine.save(next(2));
  expect(ran()).toEqual(['backup']);
  const after = await mine.list();
  expect(ran()).toEqual([]);
  expect(after).toEqual([...before, saved]);
  await forgetMemory();
  expect(await make({repository: shared}).list()).toEqual(after);
  expect(ran()).toEqual(['version']);
  const asked = await make({repository: shared, shelf: undefined}).list();
  const timeless = (refs: typeof asked) =>
    refs.map(({time: _time, ...ref}) => ref).sort((a, b) => a.sequence - b.sequence);
  expect(timeless(asked)).toEqual(timeless(after));
});

test('what others store during a save, or right after it, is seen', async () => {
  const shared = copy();
  const [mine, rival] = [
    make({repository: shared}),
    make({repository: shared, shelf: {read: async () => undefined}}),
  ];
  await mine.list();
  const [saved, theirs] = await Promise.all([mine.save(next(2)), rival.save(next(3))]);
  expect(idsOf(await mine.list()).toSorted()).toEqual(
    expect.arrayContaining([saved.storeId, theirs.storeId]),
  );
  const own = await mine.save(next(4));
  const late = await rival.save(next(5));
  expect(idsOf(await mine.list())).toEqual(
    expect.arrayContaining([saved.storeId, theirs.storeId, own.storeId, late.storeId]),
  );
});

test('what another instance stored between a look and a save is seen', async () => {
  const shared = copy();
  const mine = make({repository: shared});
  await mine.list();
  const theirs = await make({repository: shared, shelf: undefined}).save(next(2));
  const own = await mine.save(next(3));
  expect(idsOf(await mine.list())).toEqual(expect.arrayContaining([theirs.storeId, own.storeId]));
});

test('signs of life are remembered from one process to the next', async () => {
  const shared = copy();
  await make({repository: shared, shelf: undefined}).beat(staged.label, []);
  const asked = await make({repository: shared}).look();
  expect(asked.alive).toHaveLength(1);
  await forgetMemory();
  expect(await make({repository: shared}).look()).toStrictEqual(asked);
  expect(ran()).toEqual(['version']);
});

test('a list is not kept where a snapshot came or went while restic made it', async () => {
  const shared = copy();
  const {storeId} = await make({repository: shared, shelf: undefined}).save(next(2));
  const [file, away] = [join(shared, 'snapshots', storeId), join(folder, 'away')];
  const listing = (before: string, after: string): string => {
    const script = join(folder, 'moving.sh');
    const lines = [before, `${binary} "$@"`, after].map((line) =>
      line === '' ? '' : `${line} || exit 9`,
    );
    const others = `[ "$1" = snapshots ] || exec ${binary} "$@"`;
    writeFileSync(script, ['#!/bin/sh', others, ...lines].join('\n'), {mode: 0o755});
    return script;
  };

  const going = listing(`mv '${file}' '${away}'`, '');
  const without = await make({repository: shared, env: {ROWPLICA_RESTIC: going}}).list();
  expect(without).toHaveLength(1);
  renameSync(away, file);
  const staying = make({repository: shared, env: {ROWPLICA_RESTIC: listing('', '')}});
  expect(idsOf(await staying.list())).toContain(storeId);

  await forgetMemory();
  kept = undefined;
  renameSync(file, away);
  const passing = listing(`mv '${away}' '${file}'`, `mv '${file}' '${away}'`);
  const withIt = await make({repository: shared, env: {ROWPLICA_RESTIC: passing}}).list();
  expect(withIt).toHaveLength(2);
  const after = make({repository: shared, env: {ROWPLICA_RESTIC: listing('', '')}});
  expect(await after.list()).toHaveLength(1);
});

test('another repository in its place, an emptied one, and one that is gone are told as ever', async () => {
  const place = copy();
  const mine = make({repository: place});
  const [ref] = await mine.list();
  const away = `${place}-away`;

  renameSync(place, away);
  await expect(mine.list()).rejects.toMatchObject({code: 'STORE_MISSING'});
  cpSync(other, place, {recursive: true});
  expect(await mine.list()).toEqual([]);
  cpSync(join(away, 'snapshots'), join(place, 'snapshots'), {recursive: true});
  await expect(mine.list()).rejects.toMatchObject({code: 'SNAPSHOT_CORRUPT'});
  rmSync(place, {recursive: true});
  renameSync(away, place);
  expect(await mine.list()).toEqual([ref]);

  await forgetMemory();
  rmSync(join(place, 'config'));
  await expect(mine.list()).rejects.toMatchObject({code: 'STORE_MISSING'});
});

test('a snapshot whose file was damaged stops the list', async () => {
  const place = copy();
  const [ref] = await make({repository: place}).list();
  const path = join(place, 'snapshots', ref?.storeId ?? '');
  rmSync(path);
  writeFileSync(path, 'x'.repeat(200));
  const damaged = make({repository: place, env: {RESTIC_CACHE_DIR: join(folder, 'no-cache')}});
  await expect(damaged.list()).rejects.toMatchObject({code: 'SNAPSHOT_CORRUPT'});
});

test.for([
  ['no list', () => '"nothing"'],
  ['cut short', (text: string) => JSON.stringify({...JSON.parse(text), snapshots: [{}]})],
  ['another label', (text: string) => text.replace(/"sequence":1/, '"sequence":"1"')],
] as const)('a kept list that is damaged (%s) is not believed', async ([, damage]) => {
  const asked = await make().list();
  const whole = kept ?? '';
  await forgetMemory();
  kept = damage(whole);
  expect(kept).not.toBe(whole);
  expect(await make().list()).toEqual(asked);
  expect(ran()).toEqual(['version', 'snapshots']);
});

test('a restic that is not there any more is noticed by the next process, and another one by this', async () => {
  await make().list();
  const broken = make({env: {ROWPLICA_RESTIC: '/bin/false'}});
  await expect(broken.list()).rejects.toMatchObject({code: expect.any(String)});
  await forgetMemory();
  const missing = make({env: {ROWPLICA_RESTIC: join(folder, 'none')}});
  await expect(missing.list()).rejects.toMatchObject({code: 'STORE_TOOL_MISSING'});
});

test('an interrupted look is interrupted, whatever is known', async () => {
  await make().list();
  const aborted = make({signal: AbortSignal.abort()});
  await expect(aborted.list()).rejects.toMatchObject({code: 'INTERRUPTED'});
});

let copies = 0;

/** Of the repository with one snapshot. */
function copy(): string {
  const path = join(folder, `copy-${++copies}`);
  cpSync(repository, path, {recursive: true});
  return path;
}

async function restic(path: string, ...args: readonly string[]): Promise<string> {
  const env = {...environment(folder), RESTIC_REPOSITORY: path};
  return (await run(binary, args, {env})).stdout;
}

/** The key that the usual password opens. */
async function keysThatOpen(path: string): Promise<readonly string[]> {
  const listed = JSON.parse(await restic(path, 'key', 'list', '--json')) as {
    current: boolean;
    id: string;
  }[];
  const [current] = listed.filter((key) => key.current);
  return readdirSync(join(path, 'keys')).filter((name) => name.startsWith(current?.id ?? '-'));
}
