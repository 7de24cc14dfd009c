/** Input without end: refused in bounded memory and time, by a process that has little of either. */
import {execFileSync} from 'node:child_process';
import {
  closeSync,
  cpSync,
  ftruncateSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {silentLog} from '../../src/index.ts';
import {must} from '../../src/kernel/assert.ts';
import {openResticStore} from '../../src/store/restic/restic-store.ts';
import {environment, Instance, main, refusal, runProcess, type CliResult} from '../helpers/cli.ts';
import {
  manifestOf,
  objectFile,
  putObject,
  relabel,
  replaceManifest,
  sign,
  snapshotFolder,
} from '../helpers/hostile/forge.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTables, execute} from '../helpers/typed-dump.ts';

const MIB = 1024 * 1024;
/** Of the JavaScript heap; a large manifest takes a part of it. */
const HEAP_MIB = 300;
/** Of the whole process: the heap, the program, SQLite, and buffers of one object of the largest size. */
const PEAK_MIB = 450;
const HANGS_AFTER_MS = 30_000;

const folder = temporaryFolder();
const whole = join(folder, 'whole');
const ddl = 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT);';
let copies = 0;

beforeAll(async () => {
  const primary = join(folder, 'primary.db');
  execute(primary, `${ddl} INSERT INTO item VALUES (1, 'a'), (2, 'b')`);
  await new Instance({database: primary, store: `dir:${whole}`, tables: ['item']}).capture();
});

function copyOf(store: string): string {
  const path = join(folder, `copy-${++copies}`);
  cpSync(store, path, {recursive: true});
  return path;
}

/** A file that is as long as it says and takes no room. */
function sparse(path: string, bytes: number): void {
  rmSync(path, {force: true});
  const file = openSync(path, 'w');
  ftruncateSync(file, bytes);
  closeSync(file);
}

type Bounded = CliResult & {readonly peakMiB: number};

/** Runs a command with a small heap; tells how much memory it took at most, and kills it where it hangs. */
async function bounded(
  database: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<Bounded> {
  const report = `process.on('exit',()=>process.stderr.write('peak '+process.resourceUsage().maxRSS+'\\n'))`;
  const result = await runProcess(
    process.execPath,
    [
      `--max-old-space-size=${HEAP_MIB}`,
      `--import=data:text/javascript,${encodeURIComponent(report)}`,
      main,
      ...args,
      '--json',
      '--database',
      database,
      '--state',
      `${database}.state`,
    ],
    {
      env: {...environment(), ...env},
      cwd: undefined,
      onStart: (child) => {
        const timer = setTimeout(() => child.kill('SIGKILL'), HANGS_AFTER_MS);
        child.once('close', () => clearTimeout(timer));
      },
    },
  );
  const kib = Number(/^peak (\d+)$/m.exec(result.stderr)?.[1] ?? NaN);
  return {...result, peakMiB: kib / 1024};
}

/** All commands that read the store refuse it, and the replica is as it was. */
async function expectRefused(
  store: string,
  told: RegExp,
  {commands = [['replicate']], code = 'SNAPSHOT_CORRUPT'} = {},
): Promise<void> {
  const database = join(folder, `replica-${++copies}.db`);
  execute(database, `${ddl} INSERT INTO item VALUES (7, 'kept')`);
  const before = dumpTables(database);
  for (const command of commands) {
    const result = await bounded(database, [...command, '--store', store]);
    const name = command.join(' ');
    expect(result.signal, `${name} ended by itself: ${result.stderr}`).toBeNull();
    const refused = refusal(result);
    expect(refused, name).toMatchObject({code, message: expect.stringMatching(told)});
    expect(result.exitCode, name).toBe(code === 'SNAPSHOT_CORRUPT' ? 30 : 13);
    expect(result.peakMiB, `${name}: MiB at most`).toBeLessThan(PEAK_MIB);
  }
  expect(dumpTables(database)).toEqual(before);
}

const chunkOf = (store: string) =>
  must(manifestOf(store).tables[0]?.chunks?.[0], 'a chunk of the only table');
const chunkFile = (store: string): string => objectFile(store, chunkOf(store).digest);
const manifestFile = (store: string): string => join(snapshotFolder(store), 'manifest');
const labelFile = (store: string): string => join(snapshotFolder(store), 'label.json');
const markerFile = (store: string): string => join(store, 'rowplica-store.json');

/** Every command that reads what the store holds. */
const READERS = [['replicate'], ['verify', '--snapshot', 'latest'], ['diff', 'live', 'latest']];

describe('a directory store', () => {
  test.each([
    ['chunk of 1 GiB', chunkFile, 1024 * MIB, /larger than/],
    ['chunk of 1 TiB', chunkFile, 1024 * 1024 * MIB, /larger than/],
    ['manifest of 3 GiB', manifestFile, 3 * 1024 * MIB, /larger than/],
    ['label of 3 GiB', labelFile, 3 * 1024 * MIB, /label of snapshot .* damaged/],
    ['marker of 3 GiB', markerFile, 3 * 1024 * MIB, /larger than/],
  ] as const)('with a %s', async (_, fileOf, bytes, told) => {
    const store = copyOf(whole);
    sparse(fileOf(store), bytes);
    await expectRefused(`dir:${store}`, told, {commands: READERS});
  });

  test.each([
    ['chunk', chunkFile, /no plain file/],
    ['manifest', manifestFile, /no plain file/],
    ['label', labelFile, /label of snapshot .* damaged/],
    ['marker', markerFile, /no plain file/],
  ] as const)('with a pipe, or a device, in the place of a %s', async (_, fileOf, told) => {
    const store = copyOf(whole);
    const path = fileOf(store);
    rmSync(path);
    execFileSync('mkfifo', [path]);
    await expectRefused(`dir:${store}`, told);
    rmSync(path);
    symlinkSync('/dev/zero', path);
    await expectRefused(`dir:${store}`, told);
  });

  test('with a pipe where a capture would look for its chunk: it is replaced', async () => {
    const store = copyOf(whole);
    const path = chunkFile(store);
    rmSync(path);
    execFileSync('mkfifo', [path]);
    const database = join(folder, `primary-${++copies}.db`);
    execute(database, `${ddl} INSERT INTO item VALUES (1, 'a'), (2, 'b')`);
    rmSync(join(store, 'snapshots'), {recursive: true});
    mkdirSync(join(store, 'snapshots'));
    const args = ['capture', '--tables', 'item', '--store', `dir:${store}`];
    const {exitCode, signal} = await bounded(database, args);
    expect({exitCode, signal}).toEqual({exitCode: 0, signal: null});
  });
});

describe('a snapshot whose digests are right', () => {
  /** A chunk of one line in the place of the real one. */
  function withChunk(bytes: Buffer, rows: number): string {
    const store = copyOf(whole);
    const manifest = manifestOf(store);
    const table = must(manifest.tables[0], 'table');
    table.chunks = [{...chunkOf(store), rows, digest: putObject(store, bytes)}];
    table.rows = rows;
    replaceManifest(store, sign(manifest));
    return `dir:${store}`;
  }

  test('with a row of millions of cells', async () => {
    const row = `[1,"a"${',[]'.repeat(20_000_000)}]\n`;
    await expectRefused(withChunk(Buffer.from(row), 1), /too many values/);
  });

  test('with millions of rows in a chunk', async () => {
    const lines = Buffer.alloc(60 * MIB, '\n');
    await expectRefused(withChunk(lines, 30_000), /more than the 32768 rows/);
  });

  const fills: readonly (readonly [string, string, RegExp])[] = [
    ['lists', '[],', /too many values/],
    ['numbers', '0,', /too many values/],
    ['levels', '[', /nested too deep/],
  ];
  test.each(fills)('with a manifest of 60 MiB of %s', async (_, fill, told) => {
    const store = copyOf(whole);
    const manifest = {...manifestOf(store), 'x-fill': 'here'};
    replaceManifest(store, manifest, (text) =>
      text.replace('"here"', `[${fill.repeat((60 * MIB) / fill.length)}0]`),
    );
    await expectRefused(`dir:${store}`, told);
  });

  test('with a manifest of 60 MiB of tables that are none', async () => {
    const store = copyOf(whole);
    const manifest = {...manifestOf(store), tables: 'here'};
    replaceManifest(store, manifest, (text) =>
      text.replace(
        '"here"',
        `[${'{"a":"0123456789012345678901234567890123456789"},'.repeat(1_200_000)}0]`,
      ),
    );
    await expectRefused(`dir:${store}`, /too many values|format says/);
  });
});

test('a configuration without end is refused', async () => {
  const file = join(folder, 'rowplica.yaml');
  const wide = Array.from({length: 100_000}, (_, at) => `k${at}: 1`).join('\n');
  const laughs = Array.from(
    {length: 9},
    (_, at) =>
      `k${at}: &a${at} [${Array.from({length: 9}, () => (at === 0 ? 'x' : `*a${at - 1}`)).join(',')}]`,
  ).join('\n');
  for (const text of [
    wide,
    laughs,
    '['.repeat(60_000),
    '- '.repeat(30_000),
    '&a '.repeat(20_000),
  ]) {
    writeFileSync(file, text);
    const result = await bounded(join(folder, 'primary.db'), ['status', '--config', file]);
    expect(refusal(result)).toMatchObject({code: 'CONFIG_INVALID', exitCode: 2});
    expect(result.peakMiB).toBeLessThan(PEAK_MIB);
  }
  const device = await bounded(join(folder, 'primary.db'), ['status', '--config', '/dev/zero']);
  expect(refusal(device)).toMatchObject({code: 'CONFIG_INVALID', exitCode: 2});
});

describe('a restic repository', () => {
  const env = {RESTIC_COMPRESSION: 'max'};
  const tags = (digest: string, label: Readonly<Record<string, string | number>>): string[] =>
    [
      'rowplica',
      ...Object.entries({...label, digest}).map(([name, value]) => `${name}=${value}`),
    ].flatMap((tag) => ['--tag', tag]);

  async function restic(cwd: string, ...args: string[]): Promise<CliResult> {
    const result = await runProcess(process.env['ROWPLICA_RESTIC'] || 'restic', args, {
      env: {...environment(), ...env},
      cwd,
      onStart: undefined,
    });
    expect(result.exitCode, result.stderr).toBe(0);
    return result;
  }

  /** Backs a folder up under a label, as anyone can who has the password. */
  async function forged(
    name: string,
    label: Readonly<Record<string, string | number>>,
    id: string,
  ): Promise<string> {
    const repository = join(folder, `${name}.restic`);
    await restic(folder, 'init', '-r', repository);
    await restic(join(folder, name), '-r', repository, 'backup', '.', ...tags(id, label));
    return `restic:${repository}`;
  }

  /** The files of the whole snapshot as restic keeps them, under a name. */
  function staged(name: string): {
    path: string;
    label: Readonly<Record<string, string | number>>;
    id: string;
  } {
    const store = copyOf(whole);
    const path = join(folder, name);
    const {lineage, epoch, sequence, author} = manifestOf(store);
    cpSync(manifestFile(store), join(path, 'manifest'));
    const {digest} = chunkOf(store);
    cpSync(chunkFile(store), join(path, 'objects', digest));
    const id = must(/[0-9a-f]{64}$/.exec(snapshotFolder(store)), 'a digest')[0];
    return {path, label: {lineage, epoch, sequence, author}, id};
  }

  test('with a manifest of 1 GiB, compressed to nothing', async () => {
    const {path, label, id} = staged('bomb-manifest');
    sparse(join(path, 'manifest'), 1024 * MIB);
    await expectRefused(await forged('bomb-manifest', label, id), /file manifest .* larger than/);
  });

  test('with a chunk of 1 GiB, compressed to nothing', async () => {
    const {path, label, id} = staged('bomb-chunk');
    sparse(join(path, 'objects', chunkOf(whole).digest), 1024 * MIB);
    await expectRefused(await forged('bomb-chunk', label, id), /file objects.* larger than/);
  });

  test.each([undefined, 2])(
    'with a chunk of 1 GiB among others: restic is stopped (of %s files)',
    async (filesTotal) => {
      const name = `bomb-${filesTotal ?? 'some'}`;
      const {path, label, id} = staged(name);
      const object = `objects/${chunkOf(whole).digest}`;
      sparse(join(path, object), 1024 * MIB);
      const address = await forged(name, label, id);
      const store = openResticStore({
        repository: address.slice('restic:'.length),
        env: environment(),
        host: 'h',
        log: silentLog,
      });
      const ref = must((await store.list())[0], 'a snapshot');
      const into = mkdtempSync(join(folder, 'into-'));
      const fetched = store.fetch(ref, {files: ['manifest', object], into, filesTotal});
      await expect(fetched).rejects.toMatchObject({
        code: 'SNAPSHOT_CORRUPT',
        site: {path: object},
      });
    },
  );

  test('with a label that lies', async () => {
    const {label, id} = staged('liar');
    const sequence = Number.MAX_SAFE_INTEGER;
    const store = await forged('liar', {...label, sequence}, id);
    await expectRefused(store, /labels the snapshot with another position/);
  });
});

test('a label in the name of another snapshot does not hide it', async () => {
  const store = copyOf(whole);
  relabel(store, {sequence: 5});
  await expectRefused(`dir:${store}`, /labels the snapshot with another position/);
});
