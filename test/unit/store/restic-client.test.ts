/** What the installed restic cannot show: other versions, odd outcomes, one that will not stop. */
import {spawn} from 'node:child_process';
import {once} from 'node:events';
import {existsSync} from 'node:fs';
import {chmod, mkdtemp, readFile, rm, writeFile} from 'node:fs/promises';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeEach, expect, test} from 'vitest';
import {ALIVE_KEPT_MAX} from '../../../src/kernel/limits.ts';
import {silentLog} from '../../../src/kernel/log.ts';
import type {StagedSnapshot, Store} from '../../../src/store/port.ts';
import {openResticStore, type ResticStoreOptions} from '../../../src/store/restic/restic-store.ts';

const fullId = '12'.repeat(32);
const label = {lineage: 'l', epoch: 1, sequence: 1, digest: 'ab', author: 'a', parent: undefined};

let folder: string;
let staged: StagedSnapshot;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'rowplica-store-'));
  await writeFile(join(folder, 'manifest'), 'x');
  staged = {folder, files: ['manifest'], label};
});
afterEach(() => rm(folder, {recursive: true}));

test.each([
  ['0.14.0', false, false],
  ['0.15.1', true, false],
  ['0.17.3', true, true],
  ['0.18.0', true, true],
])('restic %s gets the flags it knows', async (version, noScan, retryLock) => {
  const store = await fake({version});
  const ref = await store.save(staged);
  expect(ref).toMatchObject({...label, storeId: fullId});
  const [probe, backup] = await calls();
  expect(probe).toBe('version');
  expect(backup).toMatch(/^backup \. --json --host h --tag rowplica --tag lineage=l /);
  expect(backup?.includes('--no-scan')).toBe(noScan);
  expect(backup?.includes('--retry-lock=30s')).toBe(retryLock);
  await store.list();
  const tags = '--tag rowplica --tag rowplica-alive';
  expect((await calls()).slice(2)).toEqual([`snapshots --json --no-lock ${tags}`]);
});

test('the version is probed again only after a failure', async () => {
  const store = await fake({version: '0.13.0'});
  await expect(store.list()).rejects.toMatchObject({code: 'STORE_TOOL_MISSING'});
  await fake({version: '0.17.0'});
  await store.list();
  await store.list();
  expect((await calls()).filter((call) => call === 'version')).toHaveLength(2);
});

test('a backup that lacks a file is a failure that names it, and is forgotten', async () => {
  const item = '{"message_type":"error","error":{"message":"permission denied"},"item":"/a"}';
  const store = await fake({backup: `echo '${item}' >&2; summary 1; exit 3`});
  await expect(store.save(staged)).rejects.toMatchObject({
    code: 'STORE_FAILED',
    message: expect.stringContaining('/a: permission denied'),
  });
  expect((await calls()).at(-1)).toBe(`forget ${fullId} --retry-lock=30s`);
});

test('a backup of another number of files is incomplete, and is forgotten', async () => {
  const store = await fake({backup: 'summary 2'});
  await expect(store.save(staged)).rejects.toMatchObject({code: 'SNAPSHOT_INCOMPLETE'});
  expect((await calls()).at(-1)).toMatch(/^forget /);
});

test('an incomplete snapshot that cannot be forgotten leaves a warning and the first error', async () => {
  const warnings: string[] = [];
  const log = {...silentLog, warn: (message: string) => void warnings.push(message)};
  const store = await fake({backup: 'summary 2', forget: 'exit 11'}, {log});
  await expect(store.save(staged)).rejects.toMatchObject({code: 'SNAPSHOT_INCOMPLETE'});
  expect(warnings).toEqual(['an incomplete snapshot could not be removed']);
});

test('a backup that ends well without a summary is no success', async () => {
  const store = await fake({backup: 'true'});
  await expect(store.save(staged)).rejects.toMatchObject({code: 'SNAPSHOT_INCOMPLETE'});
});

test.each([
  [10, 'STORE_MISSING'],
  [11, 'STORE_LOCKED'],
  [12, 'STORE_PASSWORD'],
  [77, 'STORE_FAILED'],
])('exit code %i of newer versions is %s', async (exitCode, code) => {
  const store = await fake({snapshots: `exit ${exitCode}`});
  await expect(store.list()).rejects.toMatchObject({code});
});

test('no space left: the hint says so', async () => {
  const store = await fake({backup: 'echo "Fatal: write: no space left on device" >&2; exit 1'});
  await expect(store.save(staged)).rejects.toMatchObject({
    code: 'STORE_FAILED',
    hint: expect.stringContaining('space'),
  });
});

test('a path that holds words of an error does not decide what the error is', async () => {
  const repository = join(folder, 'permission denied: connection refused');
  const store = await fake({snapshots: `echo "${absent(repository)}" >&2; exit 1`}, {repository});
  await expect(store.list()).rejects.toMatchObject({code: 'STORE_MISSING'});
});

test('a snapshot forgotten during the listing is looked for once more', async () => {
  const gone = 'could not load snapshot 12: <snapshot/12> does not exist';
  const once = `[ -e "$0.seen" ] || { touch "$0.seen"; echo '${gone}' >&2; }; echo '[]'`;
  expect(await (await fake({snapshots: once})).list()).toEqual([]);
  const always = await fake({snapshots: `echo '${gone}' >&2; echo '[]'`});
  await expect(always.list()).rejects.toMatchObject({code: 'SNAPSHOT_CORRUPT'});
});

test('restic gets nothing to read, and its own variables', async () => {
  const snapshots = 'cat >"$0.stdin"; echo "$RESTIC_REPOSITORY $AWS_PROFILE" >"$0.env"; echo "[]"';
  await (await fake({snapshots}, {env: {AWS_PROFILE: 'mine'}})).list();
  expect(await readFile(join(folder, 'restic.stdin'), 'utf8')).toBe('');
  expect(await readFile(join(folder, 'restic.env'), 'utf8')).toBe('rest:http://h/ mine\n');
});

test('a restic that ignores SIGINT is killed with all that it started', async () => {
  const abort = new AbortController();
  const stubborn = 'trap "echo asked >>$0.asked" INT; touch $0.up; while true; do sleep 0.1; done';
  const options = {signal: abort.signal, times: {stopMs: 300}};
  const store = await fake({snapshots: `sleep 30 & ${stubborn}`}, options);
  const listed = store.list();
  const startedMs = performance.now();
  setTimeout(() => abort.abort(), 300);
  await expect(listed).rejects.toMatchObject({code: 'INTERRUPTED'});
  expect(performance.now() - startedMs).toBeLessThan(3_000);
  expect(await readFile(join(folder, 'restic.asked'), 'utf8')).toBe('asked\n');
});

test('a restic that runs when the process exits gets SIGINT', async () => {
  await fake({
    snapshots: 'trap "touch $0.asked; exit" INT; touch $0.up; while true; do sleep 0.1; done',
  });
  const module = new URL('../../../src/store/restic/restic-store.ts', import.meta.url).href;
  const program = `
    import {existsSync} from 'node:fs';
    import {openResticStore} from ${JSON.stringify(module)};
    const log = {debug() {}, info() {}, warn() {}};
    setInterval(() => existsSync(${JSON.stringify(join(folder, 'restic.up'))}) && process.exit(0), 10);
    await openResticStore({repository: '/r', env: process.env, host: 'h', log}).list();
  `;
  const env = {
    PATH: process.env['PATH'],
    ROWPLICA_RESTIC: join(folder, 'restic'),
    RESTIC_PASSWORD: 'x',
  };
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {env});
  await once(child, 'exit');
  await expect.poll(() => existsSync(join(folder, 'restic.asked')), {timeout: 3_000}).toBe(true);
});

test('restic gets the variables of its user, and no secret that is none of its business', async () => {
  const env = {ROWPLICA_TOKEN: 'token-of-ours', ROWPLICA_NTFY: 'topic', AWS_REGION: 'eu'};
  const store = await fake({snapshots: 'env >"$0.env"; echo "[]"'}, {env});
  await store.list();
  const seen = await readFile(join(folder, 'restic.env'), 'utf8');
  expect(seen).toMatch(/^AWS_REGION=eu$/m);
  expect(seen).not.toMatch(/ROWPLICA_/);
});

test('a sign of life does not wait for a lock to remove earlier ones', async () => {
  const store = await fake({forget: 'exit 11'});
  const label = {lineage: 'l', epoch: 1, sequence: 1, digest: staged.label.digest, author: 'a'};
  const earlier = Array.from({length: ALIVE_KEPT_MAX}, (_, nth) => ({
    ...label,
    storeId: String(nth).padStart(64, '0'),
    time: '2026-01-01T00:00:00Z',
  }));
  await store.beat(label, earlier);
  const forgets = (await calls()).filter((call) => call.startsWith('forget'));
  expect(forgets).toEqual([`forget ${earlier.map(({storeId}) => storeId).join(' ')}`]);
});

test('a command that takes too long is unreachable, and may be tried again', async () => {
  const store = await fake({snapshots: 'exec sleep 30'}, {times: {quickMs: 300}});
  await expect(store.list()).rejects.toMatchObject({code: 'STORE_UNREACHABLE', retryable: true});
});

type Script = {
  readonly version?: string;
  readonly backup?: string;
  readonly forget?: string;
  readonly snapshots?: string;
};

/** A shell script in restic's place, which notes how it is called. */
async function fake(script: Script, options: Partial<ResticStoreOptions> = {}): Promise<Store> {
  const {
    version = '0.17.3',
    backup = 'summary 1',
    forget = 'true',
    snapshots = 'echo "[]"',
  } = script;
  const path = join(folder, 'restic');
  await writeFile(
    path,
    `#!/bin/sh
echo "$*" >>"$0.calls"
summary() { echo '{"message_type":"summary","total_files_processed":'$1',"snapshot_id":"${fullId}"}'; }
case $1 in
  version) echo 'restic ${version} compiled with go1.21 on linux/amd64' ;;
  backup) ${backup} ;;
  forget) ${forget} ;;
  snapshots) ${snapshots} ;;
esac
`,
  );
  await chmod(path, 0o700);
  const env = {
    PATH: process.env['PATH'],
    ROWPLICA_RESTIC: path,
    RESTIC_PASSWORD: 'secret-word',
    ...options.env,
  };
  const defaults = {repository: 'rest:http://h/', host: 'h', log: silentLog};
  return openResticStore({...defaults, ...options, env});
}

async function calls(): Promise<readonly string[]> {
  return (await readFile(join(folder, 'restic.calls'), 'utf8')).trim().split('\n');
}

function absent(repository: string): string {
  return `Fatal: unable to open config file: stat ${repository}/config: no such file or directory`;
}
