/** upgrade-check: an upgrade rehearsed on a copy tells what it does, and leaves the original and the machine as they were. */
import {existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import type {UpgradeCheckResult} from '../../src/index.ts';
import {Instance, printed, refusal, rowplica} from '../helpers/cli.ts';
import {copyFixture, fixturesRoot} from '../helpers/fixtures.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';
import {olderKuma, release, stepFolder, upgradedKuma} from '../helpers/upgraded-kuma.ts';

const folder = temporaryFolder();
const scratch = join(folder, 'scratch');
mkdirSync(scratch);
const older = olderKuma(join(folder, 'older.db'));
const sql = join(folder, 'release.sql');
writeFileSync(sql, release);
const steps = ['--compat', stepFolder(join(folder, 'steps'))];
const bytes = readFileSync(older);

function instance(database: string, store = ''): Instance {
  const env = {TMPDIR: scratch};
  return new Instance({database, store, state: join(folder, `state-of-${database.length}`), env});
}

const here = instance(older);

async function rehearsed(
  of: Instance,
  ...args: string[]
): Promise<UpgradeCheckResult & {exitCode: number | null}> {
  const {stdout, stderr, exitCode} = await of.run('upgrade-check', '--json', ...args);
  expect(stderr).toBe('');
  expect(readdirSync(scratch)).toEqual([]);
  return {...(JSON.parse(stdout) as UpgradeCheckResult), exitCode};
}

/** A file of SQL, with more after what the release does. */
function sqlFile(name: string, more: string): string {
  const path = join(folder, `${name}.sql`);
  writeFileSync(path, release + more);
  return path;
}

describe('an upgrade that is safe', () => {
  test('tells schema, rows, time and size, and leaves the original as it was', async () => {
    const result = await rehearsed(here, '--migrate-sql', sql, ...steps);
    expect(result).toMatchObject({exitCode: 0, verdict: 'safe', reasons: []});
    expect(result.migration).toMatchObject({kind: 'sql', ok: true, output: null});
    expect(result.report).toMatchObject({
      migrations: {added: ['patch-next.sql'], removed: []},
      schema: {added: [], dropped: []},
      integrity: [],
      foreignKeys: [],
      others: {},
      here: {verdict: 'compatible', steps: ['next'], snapshot: 'today'},
      replicas: {verdict: 'compatible', steps: ['next']},
      draft: null,
    });
    expect(result.report?.tables['monitor']).toEqual({
      before: 3,
      after: 3,
      inserted: 0,
      deleted: 0,
      columns: {kind: 2},
      keyChanged: false,
    });
    expect(result.report?.bytes.before).toBeGreaterThan(4096);
    expect(readFileSync(older)).toEqual(bytes);
    expect(existsSync(here.state)).toBe(false);
  });

  test('by a command that finds the copy in its environment', async () => {
    const upgrade = join(folder, 'upgrade.mjs');
    const library = new URL('../../node_modules/better-sqlite3/lib/index.js', import.meta.url);
    writeFileSync(
      upgrade,
      `import {readFileSync} from 'node:fs';\nimport Database from ${JSON.stringify(library.href)};\n` +
        `const db = new Database(process.env.ROWPLICA_SCRATCH);\ndb.exec(readFileSync(${JSON.stringify(sql)}, 'utf8'));\n`,
    );
    const command = `"${process.execPath}" "${upgrade}"`;
    const result = await rehearsed(here, '--migrate', command, ...steps);
    expect(result).toMatchObject({
      exitCode: 0,
      verdict: 'safe',
      migration: {kind: 'command', exitCode: 0},
    });
    expect(result.migration.seconds).toBeGreaterThan(0);
    const {stdout} = await here.run('upgrade-check', '--migrate', command, ...steps);
    expect(stdout).toMatch(/^Safe: /);
    expect(stdout).toContain('What to do next:');
  });

  test('with the newest snapshot, while another connection has the database open in WAL mode', async () => {
    const live = olderKuma(join(folder, 'live-instance.db'));
    const primary = instance(live, `dir:${join(folder, 'store')}`);
    await primary.capture();
    const app = new BetterSqlite3(live);
    app.pragma('journal_mode = WAL');
    app.pragma('wal_autocheckpoint = 0');
    app.exec(`INSERT INTO notification VALUES (8, 'secret-8')`);
    const result = await rehearsed(primary, '--migrate-sql', sql, ...steps);
    expect(result.report).toMatchObject({here: {verdict: 'compatible', snapshot: 'newest'}});
    expect(result.report?.tables['notification']).toMatchObject({before: 4, after: 4});
    expect(existsSync(`${live}-wal`)).toBe(true);
    app.close();
  });
});

describe('an upgrade that is not safe yet', () => {
  test('a migration without a step is named and drafted, and with the draft it is safe', async () => {
    const drafts = join(folder, 'drafts');
    mkdirSync(join(drafts, 'uptime-kuma'), {recursive: true});
    const file = join(drafts, 'uptime-kuma/next.yaml');
    const result = await rehearsed(here, '--migrate-sql', sql, '--draft', file);
    expect(result).toMatchObject({exitCode: 20, verdict: 'unsafe'});
    expect(result.reasons).toEqual([
      expect.stringContaining("today's rows could not be applied here"),
    ]);
    expect(result.report?.here.blocking).toMatchObject([{migration: 'patch-next.sql'}]);
    expect(result.report?.draft).toMatchObject({migrations: ['patch-next.sql'], open: 0, file});
    const {stdout} = await here.run('upgrade-check', '--migrate-sql', sql);
    expect(stdout).toMatch(/^Not safe to upgrade yet:/);
    expect(stdout).toContain('1 migration without a compat step: patch-next.sql');
    const again = await rehearsed(here, '--migrate-sql', sql, '--compat', drafts);
    expect(again).toMatchObject({verdict: 'safe', report: {replicas: {verdict: 'held'}}});
  });

  test('references that dangle, rows that went, and tables that came', async () => {
    const bad = sqlFile(
      'bad',
      `PRAGMA foreign_keys = OFF; DELETE FROM notification WHERE id = 1; DELETE FROM heartbeat WHERE id = 2;
       CREATE TABLE extra (id INTEGER PRIMARY KEY);`,
    );
    const result = await rehearsed(here, '--migrate-sql', bad, ...steps);
    expect(result).toMatchObject({exitCode: 20, verdict: 'unsafe'});
    expect(result.report).toMatchObject({
      foreignKeys: [{table: 'monitor_notification', parent: 'notification', rows: 2}],
      others: {heartbeat: {before: 2, after: 1}},
      schema: {added: ['extra']},
    });
    expect(result.report?.tables['notification']).toMatchObject({deleted: 1, inserted: 0});
  });

  test('tables without a profile: a key that changed', async () => {
    const plain = join(folder, 'plain.db');
    execute(
      plain,
      `CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT NOT NULL); INSERT INTO t VALUES (1, 'a');`,
    );
    const change = join(folder, 'rekey.sql');
    writeFileSync(
      change,
      `CREATE TABLE n (id INTEGER, code TEXT NOT NULL PRIMARY KEY); INSERT INTO n SELECT * FROM t; DROP TABLE t; ALTER TABLE n RENAME TO t;`,
    );
    const result = await rehearsed(instance(plain), '--migrate-sql', change, '--tables', 't');
    expect(result).toMatchObject({exitCode: 20, verdict: 'unsafe'});
    expect(result.report?.tables['t']).toMatchObject({keyChanged: true});
    expect(result.report?.draft).toBeNull();
    const same = join(folder, 'same.sql');
    writeFileSync(same, 'CREATE INDEX i ON t (code);');
    const safe = await rehearsed(instance(plain), '--migrate-sql', same, '--tables', 't');
    expect(safe).toMatchObject({exitCode: 0, verdict: 'safe'});
  });
});

describe('a migration that fails', () => {
  test('a command: its output and its exit code are told', async () => {
    const result = await rehearsed(here, '--migrate', 'echo cannot migrate >&2; exit 7');
    expect(result).toMatchObject({
      exitCode: 20,
      verdict: 'failed',
      migration: {ok: false, exitCode: 7, output: 'cannot migrate\n'},
      report: null,
    });
    const {stdout} = await here.run('upgrade-check', '--migrate', 'echo cannot migrate; exit 7');
    expect(stdout).toContain('the migration ended with exit code 7');
    expect(stdout).toContain('cannot migrate');
  });

  test('a command that takes too long is ended, with all that it started', async () => {
    const result = await rehearsed(
      here,
      '--migrate',
      'sleep 60 & sleep 60',
      '--migrate-timeout',
      '200ms',
    );
    expect(result).toMatchObject({exitCode: 20, verdict: 'failed', migration: {timedOut: true}});
  });

  test('SQL: the file and what SQLite says', async () => {
    const wrong = join(folder, 'wrong.sql');
    writeFileSync(wrong, 'ALTER TABLE nowhere ADD COLUMN x;');
    const result = await rehearsed(here, '--migrate-sql', sql, '--migrate-sql', wrong);
    expect(result).toMatchObject({exitCode: 20, verdict: 'failed'});
    expect(result.migration.output).toBe(`${wrong}: no such table: nowhere`);
  });

  test('SIGINT ends the command and leaves nothing behind', async () => {
    const mark = join(folder, 'began');
    const {exitCode} = await interruptedWhen(mark, `touch "${mark}"; sleep 60`);
    expect(exitCode).toBe(130);
    expect(readdirSync(scratch)).toEqual([]);
    expect(readFileSync(older)).toEqual(bytes);
  });
});

async function interruptedWhen(mark: string, command: string): Promise<{exitCode: number | null}> {
  return rowplica(['upgrade-check', '--database', older, '--migrate', command], {
    env: {TMPDIR: scratch},
    onStart: (child) => {
      const poll = setInterval(() => {
        if (!existsSync(mark)) return;
        clearInterval(poll);
        child.kill('SIGINT');
      }, 50);
    },
  });
}

test('Err: none or two ways to upgrade, and a file of SQL that is not there', async () => {
  for (const args of [
    [],
    ['--migrate', 'true', '--to', older],
    ['--migrate-sql', join(folder, 'none')],
  ]) {
    const refused = await here.run('upgrade-check', '--json', ...args);
    expect(refusal(refused), args.join(' ')).toMatchObject({exitCode: 2, code: 'USAGE'});
  }
  const {stdout} = await here.run('upgrade-check', '--help');
  expect(stdout).toContain('Example:');
});

test('no value of a row is printed', () => {
  expect(printed.join('\n')).not.toContain('secret');
});

test('a copy that was upgraded already', async () => {
  const newer = upgradedKuma(older, join(folder, 'newer.db'));
  const result = await rehearsed(here, '--to', newer, ...steps);
  expect(result).toMatchObject({exitCode: 0, migration: {kind: 'done', seconds: null}});
});

describe.skipIf(fixturesRoot() === undefined)('databases of real releases', () => {
  test.for([
    ['1.18.5/kuma.db', '1.23.17/kuma-upgraded-from-1.18.db', 'held'],
    ['1.23.17/kuma.db', '2.5.3/kuma-upgraded-from-1.23.db', 'compatible'],
  ] as const)('%s upgraded to %s', async ([from, to, replicas]) => {
    const old = copyFixture(from, join(folder, `${replicas}-old.db`));
    const now = copyFixture(to, join(folder, `${replicas}-new.db`));
    const result = await rehearsed(instance(old), '--to', now);
    expect(result).toMatchObject({exitCode: 0, verdict: 'safe', reasons: []});
    expect(result.report).toMatchObject({
      integrity: [],
      foreignKeys: [],
      here: {verdict: 'compatible'},
      replicas: {verdict: replicas},
      draft: null,
    });
  });
});
