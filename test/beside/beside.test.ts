/** Beside live applications (P10): they notice nothing, and lose nothing. */
import {spawn, spawnSync} from 'node:child_process';
import {chmodSync, chownSync, readdirSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {text} from 'node:stream/consumers';
import {expect, test} from 'vitest';
import {must} from '../../src/kernel/assert.ts';
import {faults, makeInstances, write, type Instances} from '../helpers/instances.ts';
import {countRows, dumpTables} from '../helpers/typed-dump.ts';
import type {Ledger} from './application.ts';

const SECONDS = 60;
const RUNS_MIN = 200;
/** Pages of the log at which SQLite checkpoints by itself, and what may pile up while a reader is at work. */
const WAL_BYTES_MAX = 4 * 1000 * 4096;

const ROWS = 2_000;

const ddl = `
  CREATE TABLE monitor (id INTEGER PRIMARY KEY, name TEXT NOT NULL, weight REAL, note TEXT);
  CREATE TABLE beat (id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL REFERENCES monitor ON DELETE CASCADE, msg TEXT);
  CREATE INDEX beat_monitor ON beat (monitor_id)`;
const monitors = `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
  INSERT INTO monitor SELECT i, 'monitor ' || i, i / 7.0, 'a note' FROM n`;
/** From one row to a thousand, and never one that heartbeats refer to. */
const EDIT = `UPDATE monitor SET weight = weight + 0.1, note = 'edit :n' WHERE id > 5 AND id <= 5 + (1 + (:n * 37) % 1000)`;

type Application = {stop(): Promise<Ledger>};

const script = join(import.meta.dirname, 'application.ts');

/** The user `nobody`, where this one may start processes of others that can read the project. */
const OTHER = 65_534;
const owner =
  process.getuid?.() === 0 &&
  spawnSync(process.execPath, ['--check', script], {uid: OTHER, gid: OTHER}).status === 0
    ? {uid: OTHER, gid: OTHER}
    : undefined;

function application(database: string, ...edit: readonly string[]): Application {
  const child = spawn(process.execPath, [script, database, ...edit], {
    stdio: ['pipe', 'pipe', 'inherit'],
    ...owner,
  });
  const printed = text(child.stdout);
  return {
    stop: async () => {
      child.stdin.end();
      return JSON.parse(await printed) as Ledger;
    },
  };
}

/** Databases that belong to the applications' user. */
function instances(): Instances {
  const made = makeInstances({ddl, primary: monitors, replica: monitors, tables: ['monitor']});
  chmodSync(made.folder, 0o755);
  for (const path of [made.folder, made.primary, made.replica])
    if (owner !== undefined) chownSync(path, owner.uid, owner.gid);
  return made;
}

/** Owner, group and mode of the files beside a database, by name. */
function owners(folder: string): Readonly<Record<string, string>> {
  const files = readdirSync(folder).filter((name) => /\.db(-wal|-shm)?$/.test(name));
  return Object.fromEntries(
    files.map((name) => {
      const {uid, gid, mode} = statSync(join(folder, name));
      return [name, `${uid}:${gid} ${(mode & 0o777).toString(8)}`];
    }),
  );
}

function walBytes(database: string): number {
  return statSync(`${database}-wal`, {throwIfNoEntry: false})?.size ?? 0;
}

test('two applications write for a minute beside captures and replicates, and notice nothing', async () => {
  const made = instances();
  const {primary, replica, folder} = made;
  const applications = [application(primary, EDIT), application(replica)];
  const isReady = (path: string): boolean => countRows(path, 'beat') > 0;
  await expect.poll(() => [primary, replica].every(isReady), {timeout: 20_000}).toBe(true);
  const before = owners(folder);
  expect(Object.keys(before)).toHaveLength(6);

  const holds: {rows: number; ms: number}[] = [];
  let [runs, walMax] = [0, 0];
  const end = Date.now() + SECONDS * 1000;
  while (Date.now() < end || runs < RUNS_MIN) {
    await made.capture();
    const {tables, lock} = await made.replicate();
    runs += 2;
    const rows = tables['monitor']?.updated ?? 0;
    holds.push(...lock.heldMs.map((ms) => ({rows, ms})));
    walMax = Math.max(walMax, walBytes(primary), walBytes(replica));
  }
  expect(owners(folder)).toEqual(before);
  const ledgers = await Promise.all(applications.map((running) => running.stop()));
  process.stdout.write(`${told(runs, walMax, ledgers)}\n${histogram(holds)}\n`);

  expect(ledgers.flatMap(({errors}) => errors)).toEqual([]);
  for (const [at, path] of [primary, replica].entries()) {
    expect(countRows(path, 'beat')).toBe(ledgers[at]?.beats);
    expect(faults(path)).toEqual([]);
  }
  expect(ledgers[0]?.edits).toBeGreaterThan(100);
  expect(holds.length).toBeGreaterThan(50);
  expect(walMax).toBeLessThan(WAL_BYTES_MAX);
  await made.capture();
  await made.replicate();
  expect(dumpTables(replica)['monitor']).toEqual(dumpTables(primary)['monitor']);
});

/** A test that cannot fail shows nothing: this one is what the applications would have noticed. */
test('the application notices a lock that is held for longer than it waits', async () => {
  const {primary} = instances();
  const running = application(primary);
  await expect.poll(() => countRows(primary, 'beat'), {timeout: 20_000}).toBeGreaterThan(0);
  write(
    primary,
    'BEGIN IMMEDIATE; WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 25000000) SELECT max(i) FROM n; COMMIT',
  );
  const {errors} = await running.stop();
  expect(errors.join('\n')).toMatch(/locked|SQLITE_BUSY/);
});

function told(runs: number, walMax: number, ledgers: readonly Ledger[]): string {
  const [a, b] = ledgers;
  const beats = (a?.beats ?? 0) + (b?.beats ?? 0);
  return `${runs} captures and replicates beside ${a?.writer}: ${beats} heartbeats, ${a?.edits} edits; the log grew to ${Math.round(walMax / 1024)} kB`;
}

/** Milliseconds for which the write lock was held, by how many rows were written under it. */
function histogram(holds: readonly {rows: number; ms: number}[]): string {
  const lines = [100, 500, 1_000].map((upTo, at, all) => {
    const from = at === 0 ? 0 : must(all[at - 1], 'there is one before');
    const ms = holds
      .filter(({rows}) => rows > from && rows <= upTo)
      .map((hold) => hold.ms)
      .sort((x, y) => x - y);
    const quantile = (share: number): string =>
      (ms[Math.min(ms.length - 1, Math.floor(ms.length * share))] ?? 0).toFixed(1);
    return `lock held for up to ${upTo} rows: ${ms.length} times, p50 ${quantile(0.5)} p95 ${quantile(0.95)} max ${quantile(1)} ms`;
  });
  return lines.join('\n');
}
