/** A store that is missing, locked away, out of reach or damaged: its exit code, and nothing written. */
import {createHash} from 'node:crypto';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {environment, Instance, runProcess} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTable, dumpTables, execute, fileDigests} from '../helpers/typed-dump.ts';
import {expectRefusal, expectUntouched, listing} from './expectations.ts';

const folder = temporaryFolder();
const primary = join(folder, 'primary.db');
const replica = join(folder, 'replica.db');
const tables = ['item'];
const ddl = 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT);';
execute(primary, `${ddl} ${insertRows(1, 12_000)}`);
execute(replica, `${ddl} INSERT INTO item VALUES (7, 'old')`);

/** Rows enough for several chunks. */
function insertRows(from: number, to: number): string {
  return `WITH RECURSIVE n(i) AS (SELECT ${from} UNION ALL SELECT i + 1 FROM n WHERE i < ${to})
    INSERT INTO item SELECT i, hex(randomblob(40)) || i FROM n;`;
}

describe('a restic repository', () => {
  const repository = join(folder, 'repository');
  const store = `restic:${repository}`;
  const source = new Instance({database: primary, store, tables});
  const target = new Instance({database: replica, store, tables});

  test('that is not there: replicate says so, and makes none', async () => {
    await expectUntouched(target, ['replicate'], {
      exitCode: 10,
      code: 'STORE_MISSING',
      told: /repository/,
    });
    expect(existsSync(repository)).toBe(false);
  });

  test('without a snapshot yet', async () => {
    const {exitCode} = await restic('init', '-r', repository);
    expect(exitCode).toBe(0);
    await expectUntouched(target, ['replicate'], {
      exitCode: 10,
      code: 'NO_SNAPSHOT',
      told: /no snapshot yet/,
    });
  });

  test('with another password: neither capture nor replicate goes on, and nothing is made anew', async () => {
    const env = {RESTIC_PASSWORD: 'not-the-password'};
    for (const [command, database] of [
      ['capture', primary],
      ['replicate', replica],
    ] as const) {
      const stranger = new Instance({database, store, tables, env});
      await expectUntouched(stranger, [command], {
        exitCode: 12,
        code: 'STORE_PASSWORD',
        told: /password/,
      });
    }
  });

  test('without any password named', async () => {
    const env = {RESTIC_PASSWORD: ''};
    const stranger = new Instance({database: primary, store, tables, env});
    await expectUntouched(stranger, ['capture'], {
      exitCode: 12,
      code: 'STORE_PASSWORD',
      told: /no password/,
    });
  });

  test('with a damaged pack', async () => {
    await source.capture();
    const kept = join(folder, 'kept');
    cpSync(repository, kept, {recursive: true});
    const packs = listing(join(repository, 'data')).map((name) => join(repository, 'data', name));
    const largest = packs.sort((a, b) => statSync(b).size - statSync(a).size)[0] ?? '';
    const bytes = readFileSync(largest);
    for (let at = 100; at < bytes.length - 2000; at += 500) bytes[at] = (bytes[at] ?? 0) ^ 0xff;
    chmodSync(largest, 0o600);
    writeFileSync(largest, bytes);
    const damaged = await expectDamage(target);
    expect(damaged.message).toContain('restic');
    rmSync(repository, {recursive: true});
    renameSync(kept, repository);
  });

  test('whole again: the same replica converges', async () => {
    await target.replicate('--allow-deletes', 'item');
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('where restic is not installed', async () => {
    for (const env of [
      {ROWPLICA_RESTIC: join(folder, 'none')},
      {ROWPLICA_RESTIC: '', PATH: folder},
    ]) {
      const without = new Instance({database: primary, store, tables, env});
      await expectUntouched(without, ['capture'], {
        exitCode: 2,
        code: 'STORE_TOOL_MISSING',
        told: /cannot run restic/,
      });
    }
  });
});

test.for(['capture', 'replicate'])('%s with a server that does not answer', async (command) => {
  const calls = join(folder, `calls-${command}`);
  const instance = new Instance({
    database: command === 'capture' ? primary : replica,
    store: 'restic:rest:http://user:hidden-word@127.0.0.1:9/',
    state: join(folder, `unreachable-${command}`),
    tables,
    env: {ROWPLICA_RESTIC: countingRestic(calls)},
  });
  const refused = await expectUntouched(instance, [command], {
    exitCode: 13,
    code: 'STORE_UNREACHABLE',
    told: /connection refused/,
  });
  expect(refused.message).not.toContain('hidden-word');
  expect(readFileSync(calls, 'utf8')).not.toMatch(/init|hidden-word/);
});

describe('a directory store', () => {
  const whole = join(folder, 'whole');

  beforeAll(async () => {
    await new Instance({database: primary, store: `dir:${whole}`, tables}).capture();
  });

  test('that is not there: replicate says so, and makes none', async () => {
    const path = join(folder, 'none');
    const target = fresh(path);
    await expectUntouched(target, ['replicate'], {
      exitCode: 10,
      code: 'STORE_MISSING',
      told: /none/,
    });
    expect(existsSync(path)).toBe(false);
  });

  test('with a folder of other files in its place', async () => {
    const path = join(folder, 'other-files');
    mkdirSync(path);
    writeFileSync(join(path, 'letter.txt'), 'not yours');
    const source = new Instance({
      database: primary,
      store: `dir:${path}`,
      tables,
      state: `${path}.state`,
    });
    await expectUntouched(source, ['capture'], {
      exitCode: 13,
      code: 'STORE_FAILED',
      told: /holds other files/,
    });
  });

  const damages: Readonly<Record<string, (path: string) => void>> = {
    truncated: (path) => truncateSync(path, Math.floor(statSync(path).size / 2)),
    emptied: (path) => truncateSync(path, 0),
    altered: (path) => {
      const text = readFileSync(path, 'utf8');
      writeFileSync(
        path,
        text.replace(/[0-9A-F]/, (digit) => (digit === 'A' ? 'B' : 'A')),
      );
    },
    missing: (path) => rmSync(path),
  };

  test.for(Object.keys(damages))('with a chunk %s', async (kind) => {
    const path = copyOf(whole);
    const objects = listing(join(path, 'objects'));
    expect(objects.length).toBeGreaterThan(1);
    damages[kind]?.(join(path, 'objects', objects[0] ?? ''));
    await expectDamage(fresh(path));
    const checked = await fresh(path).refused('verify', '--snapshot', 'latest');
    expect(checked.exitCode, 'verify finds it too').toBe(30);
  });

  test.for(['truncated', 'altered', 'missing'])('with a manifest %s', async (kind) => {
    const path = copyOf(whole);
    damages[kind]?.(manifestOf(path));
    await expectDamage(fresh(path));
  });

  test('with a manifest of a newer format', async () => {
    const path = copyOf(whole);
    rewriteManifest(path, (text) =>
      text.replace(/^rowplica-manifest 1\n/, 'rowplica-manifest 2\n'),
    );
    const refused = await expectDamage(fresh(path));
    expect(refused).toMatchObject({code: 'FORMAT_NEWER', hint: expect.stringMatching(/Upgrade/)});
    expect(refused.message).toMatch(/format version 2.*up to 1/);
  });

  test('with a manifest that holds an unknown field', async () => {
    const path = copyOf(whole);
    rewriteManifest(path, (text) => text.replace('{"', '{"aaa":1,"'));
    expect(await expectDamage(fresh(path))).toMatchObject({code: 'SNAPSHOT_CORRUPT'});
  });

  test('of a newer format', async () => {
    const path = copyOf(whole);
    writeFileSync(join(path, 'rowplica-store.json'), '{"format":2}\n');
    await expectUntouched(fresh(path), ['replicate'], {
      exitCode: 30,
      code: 'FORMAT_NEWER',
      told: /format 2/,
    });
  });
});

let copies = 0;

function copyOf(store: string): string {
  const path = join(folder, `copy-${++copies}`);
  cpSync(store, path, {recursive: true});
  return path;
}

/** A replica of its own, that has seen nothing yet. */
function fresh(path: string): Instance {
  const database = join(folder, `replica-${++copies}.db`);
  execute(database, `${ddl} INSERT INTO item VALUES (7, 'old')`);
  return new Instance({database, store: `dir:${path}`, tables});
}

async function expectDamage(target: Instance): Promise<{code: string; message: string}> {
  const before = [fileDigests(target.database), dumpTables(target.database)];
  const refused = await target.refused('replicate', '--allow-deletes', 'item');
  expectRefusal(refused, {exitCode: 30, code: refused.code, told: /./});
  expect([fileDigests(target.database), dumpTables(target.database)]).toEqual(before);
  return refused;
}

function manifestOf(path: string): string {
  const [name = ''] = readdirSync(join(path, 'snapshots'));
  return join(path, 'snapshots', name, 'manifest');
}

/** Another manifest under its own digest, as another program would have stored it. */
function rewriteManifest(path: string, edit: (text: string) => string): void {
  const snapshots = join(path, 'snapshots');
  const [name = ''] = readdirSync(snapshots);
  const old = readFileSync(join(snapshots, name, 'manifest'), 'utf8');
  const text = edit(old);
  if (text === old) throw new Error('the edit changes nothing');
  const digest = createHash('sha256').update(text).digest('hex');
  writeFileSync(join(snapshots, name, 'manifest'), text);
  const label = join(snapshots, name, 'label.json');
  const stored = JSON.parse(readFileSync(label, 'utf8')) as {digest: string};
  writeFileSync(label, `${JSON.stringify({...stored, digest})}\n`);
  renameSync(join(snapshots, name), join(snapshots, name.replace(stored.digest, digest)));
}

function restic(...args: string[]) {
  return runProcess(process.env['ROWPLICA_RESTIC'] || 'restic', args, {
    env: environment(),
    cwd: undefined,
    onStart: undefined,
  });
}

/** A restic that writes its arguments down before it goes on as the real one. */
function countingRestic(calls: string): string {
  const path = `${calls}.sh`;
  const real = process.env['ROWPLICA_RESTIC'] || 'restic';
  writeFileSync(path, `#!/bin/sh\necho "$*" >> '${calls}'\nexec ${real} "$@"\n`, {mode: 0o755});
  return path;
}
