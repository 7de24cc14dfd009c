/** A machine that is busy, full or read-only: exit 14 (13 for the store), and nothing written. */
import {execFileSync, spawn, type ChildProcess} from 'node:child_process';
import {copyFileSync, existsSync, mkdirSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import Database from 'better-sqlite3';
import {afterAll, beforeAll, describe, expect, test} from 'vitest';
import {Instance} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {countRows, dumpTable, dumpTables, execute} from '../helpers/typed-dump.ts';
import {expectRefusal, expectUntouched, listing} from './expectations.ts';

const folder = temporaryFolder();
const primary = join(folder, 'primary.db');
const store = `dir:${join(folder, 'store')}`;
const tables = ['item'];
const rows = 4000;
const ddl = 'CREATE TABLE item (id INTEGER PRIMARY KEY, body TEXT);';

beforeAll(async () => {
  execute(
    primary,
    `${ddl} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
     INSERT INTO item SELECT i, hex(randomblob(400)) FROM n;`,
  );
  await new Instance({database: primary, store, tables}).capture();
});

describe('a database that another process', () => {
  test('has locked for longer than Rowplica waits', async () => {
    const database = replica('locked');
    const holder = new Database(database);
    holder.exec('BEGIN IMMEDIATE');
    try {
      const begun = performance.now();
      const refused = await new Instance({database, store, tables}).refused('replicate');
      expectRefusal(refused, {exitCode: 14, code: 'DATABASE_BUSY', told: /locked by another/});
      expect(performance.now() - begun).toBeGreaterThan(5000);
    } finally {
      holder.close();
    }
    expect(countRows(database, 'item')).toBe(1);
  });

  test('has locked exclusively cannot be captured either', async () => {
    const database = replica('exclusive', 'DELETE');
    const holder = new Database(database);
    holder.exec('BEGIN EXCLUSIVE');
    try {
      const source = new Instance({database, store: `dir:${join(folder, 'unmade')}`, tables});
      expectRefusal(await source.refused('capture'), {
        exitCode: 14,
        code: 'DATABASE_BUSY',
        told: /locked by another/,
      });
    } finally {
      holder.close();
    }
    expect(listing(join(folder, 'unmade'))).toEqual([]);
  });

  test('locks for a moment only is waited for', async () => {
    const database = replica('moment');
    const holder = new Database(database);
    holder.exec('BEGIN IMMEDIATE');
    const timer = setTimeout(() => holder.close(), 3000);
    try {
      expect(await new Instance({database, store, tables}).replicate()).toMatchObject({
        applied: true,
      });
    } finally {
      clearTimeout(timer);
      holder.close();
    }
    expect(dumpTable(database, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('has open in WAL mode and writes to all the time is captured and replicated into', async () => {
    const database = replica('host');
    execute(database, 'CREATE TABLE beat (id INTEGER PRIMARY KEY, body TEXT)');
    const host = new Database(database);
    host.pragma('wal_autocheckpoint = 0');
    const beat = host.prepare('INSERT INTO beat (body) VALUES (zeroblob(5000))');
    beat.run();
    let beats = 1;
    const timer = setInterval(() => {
      beat.run();
      beats += 1;
    }, 5);
    const wal = `${database}-wal`;
    const before = {main: statSync(database).mtimeMs, wal: statSync(wal).size};
    try {
      const target = new Instance({database, store, tables});
      expect(await target.replicate()).toMatchObject({applied: true, proof: 'full'});
      const own = new Instance({database, store: `dir:${join(folder, 'of-host')}`, tables});
      expect(await own.capture()).toMatchObject({changed: true});
      await target.verify();
      await target.status();
    } finally {
      clearInterval(timer);
    }
    expect(statSync(wal).size, 'the log is only added to').toBeGreaterThan(before.wal + rows * 800);
    expect(statSync(database).mtimeMs, 'nothing was checkpointed').toBe(before.main);
    expect(host.prepare('SELECT count(*) FROM beat').pluck().get()).toBe(beats);
    expect(host.pragma('integrity_check', {simple: true})).toBe('ok');
    host.close();
    expect(dumpTable(database, 'item')).toEqual(dumpTable(primary, 'item'));
  });
});

describe('a state folder', () => {
  test('in use by another process', async () => {
    const database = replica('shared-state');
    const target = new Instance({database, store, tables});
    await target.replicate('--dry-run');
    const lock = join(target.state, 'instances', 'shared-state.db', 'lock');
    const holder = await holdLock(lock);
    try {
      await expectUntouched(target, ['replicate'], {
        exitCode: 14,
        code: 'STATE_IN_USE',
        told: /another Rowplica process/,
      });
    } finally {
      await stop(holder);
    }
    expect(await target.replicate()).toMatchObject({applied: true});
  });

  test('under two runs at once: one does the work, the other says that it is in use', async () => {
    const target = new Instance({database: replica('two'), store, tables});
    const results = await Promise.all(
      [1, 2, 3].map(() => target.run('replicate', '--json', '--verify=full')),
    );
    const codes = results.map(({exitCode}) => exitCode);
    expect(codes.every((code) => code === 0 || code === 14)).toBe(true);
    expect(codes).toContain(0);
    expect(dumpTable(target.database, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('that belongs to another database', async () => {
    const first = replica('same');
    mkdirSync(join(folder, 'elsewhere'));
    const second = join(folder, 'elsewhere', 'same.db');
    copyFileSync(first, second);
    const state = join(folder, 'one-state');
    await new Instance({database: first, store, state, tables}).replicate();
    await expectUntouched(new Instance({database: second, store, state, tables}), ['replicate'], {
      exitCode: 2,
      code: 'CONFIG_INVALID',
      told: /belongs to another database/,
    });
  });

  test('with a file in its place', async () => {
    const state = join(folder, 'a-file');
    writeFileSync(state, '');
    const target = new Instance({database: replica('no-folder'), store, state, tables});
    const refused = await target.refused('replicate');
    expect(refused.exitCode).toBe(14);
    expect(refused.code).toBe('STATE_UNWRITABLE');
  });

  test('lets nobody but its owner in', async () => {
    const target = new Instance({database: replica('modes'), store, tables});
    await target.replicate();
    const open = listing(target.state).filter(
      (name) => (statSync(join(target.state, name)).mode & 0o077) !== 0,
    );
    expect(open).toEqual([]);
    expect(statSync(target.state).mode & 0o077).toBe(0);
  });
});

const mounts: string[] = [];
const mountable = canMount();

afterAll(() => {
  for (const path of mounts) execFileSync('umount', [path]);
});

describe.skipIf(!mountable)(
  mountable ? 'a file system' : 'a file system (skipped: mounting is not allowed here)',
  () => {
    test('that is read-only under the replica', async () => {
      const place = mount('readonly', '8m');
      const database = join(place, 'kuma.db');
      copyFileSync(replica('for-readonly', 'DELETE'), database);
      execFileSync('mount', ['-o', 'remount,ro', place]);
      const state = join(folder, 'readonly-state');
      await expectUntouched(new Instance({database, store, state, tables}), ['replicate'], {
        exitCode: 14,
        code: 'DATABASE_READONLY',
        told: /may only be read/,
      });
    });

    test('that is read-only under a replica in WAL mode', async () => {
      const place = mount('readonly-wal', '8m');
      const database = join(place, 'kuma.db');
      copyFileSync(replica('for-readonly-wal'), database);
      execFileSync('mount', ['-o', 'remount,ro', place]);
      const state = join(folder, 'readonly-wal-state');
      const refused = await new Instance({database, store, state, tables}).refused('replicate');
      expect(refused.exitCode).toBe(14);
      expect(refused.hint).not.toBeNull();
    });

    test('that is full under the replica', async () => {
      const place = mount('full', '2m');
      const database = join(place, 'kuma.db');
      copyFileSync(replica('for-full'), database);
      const before = dumpTables(database);
      const state = join(folder, 'full-state');
      const refused = await new Instance({database, store, state, tables}).refused('replicate');
      expectRefusal(refused, {exitCode: 14, code: 'COMMIT_UNKNOWN', told: /the disk is full/});
      expect(dumpTables(database)).toEqual(before);
    });

    test('that is full under the state folder', async () => {
      const state = mount('full-state', '1m');
      const target = new Instance({database: replica('for-full-state'), store, state, tables});
      const refused = await expectUntouched(target, ['replicate'], {
        exitCode: 14,
        code: 'STATE_UNWRITABLE',
        told: /full/,
      });
      expect(refused.site['path']).toContain(state);
    });

    // The larger ones fill up only when what was fetched is there and the work is about to be recorded.
    test.for(['7m', '9m', '12m'])('of %s that fills up under the state folder', async (size) => {
      const state = mount(`state-${size}`, size);
      const database = replica(`for-${size}`);
      const target = new Instance({database, store, state, tables});
      const {exitCode, stdout} = await target.run('replicate', '--json');
      expect([0, 14], stdout).toContain(exitCode);
      expect([1, rows], 'before or after, nothing between').toContain(countRows(database, 'item'));
      execFileSync('mount', ['-o', 'remount,size=64m', state]);
      await target.replicate();
      expect(dumpTable(database, 'item')).toEqual(dumpTable(primary, 'item'));
    });

    test('that is full under the store', async () => {
      const place = mount('full-store', '1m');
      const state = join(folder, 'full-store-state');
      const database = primary;
      const source = new Instance({database, store: `dir:${join(place, 'store')}`, state, tables});
      const refused = await source.refused('capture');
      expectRefusal(refused, {exitCode: 13, code: 'STORE_FAILED', told: /full|space/});
      expect(existsSync(join(place, 'store', 'snapshots'))).toBe(true);
      expect(listing(join(place, 'store', 'snapshots'))).toEqual([]);
    });
  },
);

/** One row where the primary has thousands. */
function replica(name: string, journal = 'WAL'): string {
  const path = join(folder, `${name}.db`);
  execute(path, `PRAGMA journal_mode = ${journal}; ${ddl} INSERT INTO item VALUES (1, 'old');`);
  return path;
}

/** Another process that has the lock file of a state folder. */
async function holdLock(path: string): Promise<ChildProcess> {
  const script = `
    const Database = require('better-sqlite3');
    new Database(process.argv[1]).exec('BEGIN EXCLUSIVE');
    console.log('held');
    setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', script, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  await new Promise((held) => child.stdout?.once('data', held));
  return child;
}

async function stop(child: ChildProcess): Promise<void> {
  const ended = new Promise((done) => child.once('exit', done));
  child.kill('SIGKILL');
  await ended;
}

function canMount(): boolean {
  try {
    const place = mount('probe', '1m');
    return statSync(place).isDirectory();
  } catch {
    return false;
  }
}

function mount(name: string, size: string): string {
  const place = join(folder, `mount-${name}`);
  mkdirSync(place);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', place], {stdio: 'ignore'});
  mounts.push(place);
  return place;
}
