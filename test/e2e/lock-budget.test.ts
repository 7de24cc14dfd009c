/** Large histories go in short transactions before the plan does, and only while their parents go. */
import {spawn} from 'node:child_process';
import {createHash} from 'node:crypto';
import {writeFileSync} from 'node:fs';
import {createInterface} from 'node:readline';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import type {ReplicateOptions, ReplicateResult} from '../../src/index.ts';
import {faults, makeInstances, write, type Instances} from '../helpers/instances.ts';
import {project} from '../helpers/cli.ts';
import {countRows, quote} from '../helpers/typed-dump.ts';

const monitors = 'INSERT INTO monitor VALUES (1, 0), (2, 0), (3, 0)';
const history = `id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL REFERENCES monitor ON DELETE CASCADE ON UPDATE CASCADE,
  status INTEGER, msg TEXT, time TEXT, ping REAL`;
const indexed = 'CREATE INDEX by_monitor ON heartbeat (monitor_id)';

function ddl(heartbeat = `CREATE TABLE heartbeat (${history}); ${indexed}`, more = ''): string {
  return `CREATE TABLE monitor (id INTEGER PRIMARY KEY, n UNIQUE); ${heartbeat}; ${more};
    CREATE TABLE note (id INTEGER PRIMARY KEY, body)`.replace('n UNIQUE', 'n');
}

/** So many rows of monitor 1, and a tenth as many of each other, mixed. */
function beats(rows: number): string {
  return `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${rows * 1.2})
    INSERT INTO heartbeat SELECT i, CASE i % 12 WHEN 10 THEN 2 WHEN 11 THEN 3 ELSE 1 END, i % 2, 'OK ' || i,
      '2026-01-01 00:00:' || i, i / 7.0 FROM c`;
}

const small = 12_000;

type Made = {readonly rows?: number; readonly heartbeat?: string; readonly more?: string};

/** A replica with history, and a primary that deletes monitor 1. */
async function withHistory({rows = small, heartbeat, more}: Made = {}): Promise<Instances> {
  const instances = makeInstances({
    ddl: ddl(heartbeat, more),
    primary: monitors,
    replica: `${monitors}; ${beats(rows)}; INSERT INTO note VALUES (1, 'kept')`,
    tables: ['monitor'],
  });
  await instances.capture();
  write(
    instances.primary,
    'DELETE FROM monitor WHERE id = 1; UPDATE monitor SET n = 7 WHERE id = 2',
  );
  await instances.capture();
  return instances;
}

const left = ({replica}: Instances, where = '1'): number => countRows(replica, 'heartbeat', where);

/** Storage class and exact value of each cell of some rows, in the order of their ids. */
function digest({replica}: Instances, table: string, where = '1'): string {
  const db = new BetterSqlite3(replica, {readonly: true});
  try {
    const columns = db.pragma(`table_info(${quote(table)})`) as {name: string}[];
    const cells = columns.map(({name}) => `typeof(${quote(name)}) || hex(${quote(name)})`);
    const rows = db.prepare(
      `SELECT ${cells.join(" || '|' || ")} FROM ${quote(table)} WHERE ${where} ORDER BY id`,
    );
    const hash = createHash('sha256');
    for (const text of rows.pluck().iterate()) hash.update(`${String(text)}\n`);
    return hash.digest('hex');
  } finally {
    db.close();
  }
}

const others = (instances: Instances): readonly string[] => [
  digest(instances, 'heartbeat', 'monitor_id <> 1'),
  digest(instances, 'note'),
];

/** Runs `act` in the pause after the first short transaction. */
function afterFirst(act: () => void): Pick<ReplicateOptions, 'progress'> {
  let acted = false;
  return {
    progress: (step) => {
      if (acted || !step.startsWith('trimming')) return;
      acted = true;
      act();
    },
  };
}

/** As the application would. */
function asApplication(path: string, sql: string): void {
  const db = new BetterSqlite3(path, {timeout: 1_000});
  try {
    db.pragma('foreign_keys = ON');
    db.exec(sql);
  } finally {
    db.close();
  }
}

function histogram(heldMs: readonly number[]): string {
  const sorted = heldMs.toSorted((a, b) => a - b);
  const at = (share: number): number => sorted[Math.ceil(share * sorted.length) - 1] ?? 0;
  const edges = [1, 2, 5, 10, 20, 50, 100, 200, 500, Infinity];
  const lines = edges.map((edge, index) => {
    const from = edges[index - 1] ?? 0;
    const count = heldMs.filter((ms) => ms >= from && ms < edge).length;
    return count === 0 ? '' : `  ${from} to ${edge} ms: ${count}\n`;
  });
  return `write lock, ${heldMs.length} transactions\n${lines.join('')}  p50 ${at(0.5)} ms, p95 ${at(0.95)} ms, max ${at(1)} ms`;
}

test('a history of 400,000 rows goes in short transactions, counted exactly, and nothing else does', async () => {
  const instances = await withHistory({rows: 400_000});
  const kept = others(instances);
  const before = digest(instances, 'heartbeat');
  const dry = await instances.replicate({dryRun: true});
  expect(dry.cascades).toEqual({heartbeat: 400_000});
  expect(dry.lock).toEqual({
    estimatedMs: expect.any(Number),
    trimmed: {heartbeat: 400_000},
    heldMs: [],
  });
  expect(digest(instances, 'heartbeat'), 'a dry run trims nothing').toBe(before);

  const real = await instances.replicate();
  expect(real.cascades).toEqual(dry.cascades);
  expect(real.tables).toEqual(dry.tables);
  expect(real.lock).toMatchObject({
    estimatedMs: dry.lock.estimatedMs,
    trimmed: {heartbeat: 400_000},
  });
  expect(real.lock.heldMs.length, 'rehearsal, 200 parts, plan').toBe(202);
  expect(left(instances, 'monitor_id = 1')).toBe(0);
  expect(others(instances)).toEqual(kept);
  expect(faults(instances.replica)).toEqual([]);
  // oxlint-disable-next-line no-console -- the one place where how long the lock is held is seen
  console.log(histogram(real.lock.heldMs));
});

test('a small history goes with the plan, in its one transaction', async () => {
  const instances = await withHistory({rows: 6_000});
  const {cascades, lock} = await instances.replicate();
  expect(cascades).toEqual({heartbeat: 6_000});
  expect(lock).toMatchObject({trimmed: {}, heldMs: [expect.any(Number)]});
});

test('a history in a table without rowid is trimmed by its key', async () => {
  const heartbeat = `CREATE TABLE heartbeat (id, monitor_id INTEGER REFERENCES monitor ON DELETE CASCADE, status, msg, time, ping,
    PRIMARY KEY (monitor_id, id)) WITHOUT ROWID`;
  const instances = await withHistory({heartbeat});
  const kept = others(instances);
  const {cascades, lock} = await instances.replicate();
  expect({cascades, trimmed: lock.trimmed}).toEqual({
    cascades: {heartbeat: small},
    trimmed: {heartbeat: small},
  });
  expect(left(instances)).toBe(small / 5);
  expect(others(instances)).toEqual(kept);
});

test('a history in a table with a column named rowid is trimmed by the row, and left to the plan where all names are taken', async () => {
  const named = (names: string): string =>
    `CREATE TABLE heartbeat (id, monitor_id INTEGER REFERENCES monitor ON DELETE CASCADE, ${names}); ${indexed}`;
  const instances = await withHistory({heartbeat: named('rowid, _rowid_, time, ping')});
  const kept = others(instances);
  expect((await instances.replicate()).lock.trimmed).toEqual({heartbeat: small});
  expect(others(instances)).toEqual(kept);
  const taken = await withHistory({heartbeat: named('rowid, _rowid_, oid, ping')});
  expect(await taken.replicate()).toMatchObject({
    cascades: {heartbeat: small},
    lock: {trimmed: {}},
  });
  expect(others(taken)).toEqual(kept);
});

describe('a history goes with the plan, and right,', () => {
  const cases: [string, Made, Partial<ReplicateOptions>?][] = [
    [
      'where another table refers to it',
      {
        more: 'CREATE TABLE alert (id INTEGER PRIMARY KEY, beat REFERENCES heartbeat ON DELETE CASCADE)',
      },
    ],
    [
      'where it has a trigger',
      {more: 'CREATE TRIGGER t AFTER DELETE ON heartbeat BEGIN UPDATE note SET body = body; END'},
      {allowTriggers: true},
    ],
    ['where no index finds its rows', {heartbeat: `CREATE TABLE heartbeat (${history})`}],
    [
      'where its rows lose their parent and stay',
      {
        heartbeat: `CREATE TABLE heartbeat (${history.replace('NOT NULL', '').replace('CASCADE', 'SET NULL')}); ${indexed}`,
      },
    ],
  ];
  test.for(cases)('%s', async ([, made, more = {}]) => {
    const instances = await withHistory(made);
    const kept = others(instances);
    const dry = await instances.replicate({dryRun: true, ...more});
    const {cascades, lock} = await instances.replicate(more);
    expect(cascades).toEqual(dry.cascades);
    expect(cascades).toEqual({heartbeat: small});
    expect([dry.lock.trimmed, lock.trimmed]).toEqual([{}, {}]);
    expect(lock.heldMs).toHaveLength(1);
    expect(left(instances, 'monitor_id = 1')).toBe(0);
    expect(others(instances)).toEqual(kept);
  });
});

test('the history of many parents, whose keys are of two columns and spelled otherwise, is trimmed in parts', async () => {
  const count = 250;
  const parents = `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${count})
    INSERT INTO p SELECT i, 'Key ' || i, i % 3 FROM c`;
  const instances = makeInstances({
    ddl: `CREATE TABLE p (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, n, UNIQUE (name, n));
      CREATE TABLE h (id INTEGER PRIMARY KEY, name TEXT COLLATE NOCASE, n, FOREIGN KEY (name, n) REFERENCES p (name, n) ON DELETE CASCADE);
      CREATE INDEX by_parent ON h (name, n)`,
    primary: parents,
    replica: `${parents}; WITH RECURSIVE c (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM c WHERE i < 24999)
      INSERT INTO h SELECT i, upper(p.name), p.n FROM c JOIN p ON p.id = 1 + i % ${count}`,
    tables: ['p'],
  });
  await instances.capture();
  write(instances.primary, 'DELETE FROM p WHERE id > 10');
  await instances.capture();
  const {cascades, lock} = await instances.replicate();
  expect(cascades).toEqual({h: 24_000});
  expect(lock.trimmed).toEqual({h: 24_000});
  expect(countRows(instances.replica, 'h')).toBe(1_000);
  expect(faults(instances.replica)).toEqual([]);
});

describe('between two short transactions', () => {
  test('a parent that the application keeps under another key keeps the rest of its history', async () => {
    const instances = await withHistory();
    let trimmed = 0;
    const keep = afterFirst(() => {
      trimmed = small - left(instances, 'monitor_id = 1');
      asApplication(
        instances.replica,
        'DELETE FROM monitor WHERE id = 3; UPDATE monitor SET id = 3 WHERE id = 1',
      );
    });
    const result = await instances.replicate(keep);
    expect(trimmed).toBe(2_000);
    expect(result).toMatchObject({applied: true, cascades: {heartbeat: 2_000}});
    expect(
      left(instances, 'monitor_id = 3'),
      'those of 3 went with it, as the application wished',
    ).toBe(small - 2_000);
    expect(faults(instances.replica)).toEqual([]);
    expect((await instances.replicate({verifyFull: true})).tables).toEqual({
      monitor: {inserted: 0, updated: 0, deleted: 0},
    });
  });

  test('a parent that changes is planned for again, and goes', async () => {
    const instances = await withHistory();
    let seen = 0;
    const change = afterFirst(() =>
      asApplication(instances.replica, 'UPDATE monitor SET n = 5 WHERE id = 1'),
    );
    const result = await instances.replicate({
      ...change,
      log: {
        debug: () => {},
        warn: () => {},
        info: (message, fields) => {
          if (message === 'planning afresh') seen++;
          expect(fields?.['code']).toBe('PLAN_STALE');
        },
      },
    });
    expect(seen).toBe(1);
    expect(result.cascades).toEqual({heartbeat: small});
    expect(left(instances, 'monitor_id = 1')).toBe(0);
  });

  test('rows that the application adds to a doomed parent are gone in the end', async () => {
    const instances = await withHistory();
    const kept = others(instances);
    const add = afterFirst(() =>
      asApplication(
        instances.replica,
        'INSERT INTO heartbeat (monitor_id, msg) VALUES (1, 1), (1, 2), (1, 3)',
      ),
    );
    const {cascades} = await instances.replicate(add);
    expect(cascades).toEqual({heartbeat: small + 3});
    expect(left(instances, 'monitor_id = 1')).toBe(0);
    expect(others(instances)).toEqual(kept);
  });

  test('a signal stops it, and the next run goes on', async () => {
    const instances = await withHistory();
    const kept = others(instances);
    const controller = new AbortController();
    const warned: unknown[] = [];
    const stopped = instances.replicate({
      ...afterFirst(() => controller.abort()),
      signal: controller.signal,
      log: {
        debug: () => {},
        info: () => {},
        warn: (message, fields) => warned.push(message, fields),
      },
    });
    await expect(stopped).rejects.toMatchObject({code: 'INTERRUPTED', site: {table: 'heartbeat'}});
    expect(warned).toEqual([expect.stringContaining('deleted'), {table: 'heartbeat', rows: 2_000}]);
    expect(left(instances, 'monitor_id = 1')).toBe(small - 2_000);
    expect(countRows(instances.replica, 'monitor')).toBe(3);
    expect(await instances.replicate()).toMatchObject({
      applied: true,
      cascades: {heartbeat: small - 2_000},
    });
    expect(others(instances)).toEqual(kept);
  });

  test('a trigger or reference that appears stops it', async () => {
    const instances = await withHistory();
    const result = await instances.replicate(
      afterFirst(() =>
        asApplication(
          instances.replica,
          'CREATE TABLE alert (id INTEGER PRIMARY KEY, beat REFERENCES heartbeat ON DELETE CASCADE); INSERT INTO alert VALUES (1, 12000)',
        ),
      ),
    );
    expect(result).toMatchObject({
      cascades: {heartbeat: small, alert: 1},
      lock: {trimmed: {heartbeat: 2_000}},
    });
    expect(faults(instances.replica)).toEqual([]);
  });

  test('an application that is upgraded stops it', async () => {
    const instances = await withHistory();
    const upgrade = afterFirst(() =>
      asApplication(instances.replica, 'ALTER TABLE monitor ADD COLUMN x'),
    );
    await expect(instances.replicate(upgrade)).rejects.toMatchObject({code: 'SCHEMA_MISMATCH'});
    expect(left(instances, 'monitor_id = 1')).toBe(small - 2_000);
  });

  test('another process gets the lock within its time-out of a second, each time', async () => {
    const instances = await withHistory({rows: 400_000});
    const stop = `${instances.replica}.stop`;
    const writer = writing(instances.replica, stop);
    await writer.begun;
    await instances.replicate();
    writeFileSync(stop, '');
    const {written, failed} = await writer.result;
    expect(failed).toEqual([]);
    expect(countRows(instances.replica, 'note')).toBe(written + 1);
  });
});

type Written = {readonly written: number; readonly failed: readonly string[]};

/** A process that writes a row at a time, over and over, until a file is there. */
function writing(
  path: string,
  stop: string,
): {readonly begun: Promise<unknown>; readonly result: Promise<Written>} {
  const script = `
    const {existsSync} = require('node:fs');
    const db = new (require('better-sqlite3'))(process.argv[1], {timeout: 1000});
    let written = 0;
    const failed = [];
    console.log('begun');
    while (!existsSync(process.argv[2])) {
      try {
        db.exec("INSERT INTO note (body) VALUES ('x')");
        written++;
      } catch (error) {
        failed.push(error.code);
      }
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
    console.log(JSON.stringify({written, failed}));`;
  const child = spawn(process.execPath, ['-e', script, path, stop], {
    cwd: project,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const begun = lines.next();
  const result = begun.then(async () => JSON.parse(String((await lines.next()).value)) as Written);
  return {begun, result};
}

describe('nothing is trimmed where the plan is refused', () => {
  const untouched = async (
    instances: Instances,
    run: Promise<ReplicateResult>,
    error: object,
  ): Promise<void> => {
    await expect(run).rejects.toMatchObject(error);
    expect([left(instances), countRows(instances.replica, 'monitor')]).toEqual([small * 1.2, 3]);
  };

  test('by the fuse', async () => {
    const instances = await withHistory();
    write(instances.primary, 'DELETE FROM monitor');
    await instances.capture();
    await untouched(instances, instances.replicate({allowDeletes: []}), {code: 'FUSE'});
  });

  test('by what this database alone forbids, which only writing shows', async () => {
    const instances = await withHistory();
    write(
      instances.replica,
      `INSERT INTO monitor VALUES (0, 0);
       CREATE TRIGGER odd BEFORE UPDATE ON monitor WHEN new.n = 7 BEGIN SELECT RAISE(ABORT, 'odd'); END`,
    );
    write(instances.primary, 'INSERT INTO monitor VALUES (0, 0)');
    await instances.capture();
    await expect(instances.replicate()).rejects.toMatchObject({code: 'CONSTRAINT'});
    expect([left(instances), countRows(instances.replica, 'monitor')]).toEqual([small * 1.2, 4]);
  });

  test('by a reference that would dangle', async () => {
    const instances = makeInstances({
      ddl: ddl().replace(', n)', ', n REFERENCES note)'),
      primary: `${monitors.replaceAll(', 0)', ', NULL)')}; INSERT INTO note VALUES (9, 'there')`,
      replica: `${monitors.replaceAll(', 0)', ', NULL)')}; ${beats(small)}`,
      tables: ['monitor'],
    });
    write(
      instances.primary,
      'DELETE FROM monitor WHERE id = 1; UPDATE monitor SET n = 9 WHERE id = 2',
    );
    await instances.capture();
    await untouched(instances, instances.replicate(), {code: 'FOREIGN_KEY'});
  });

  test('by the lock budget, where long locks are held back', async () => {
    const instances = await withHistory();
    const refused = instances.replicate({holdLongLocks: true, maxWriteLock: 1});
    await untouched(instances, refused, {
      code: 'LOCK_BUDGET',
      exitCode: 23,
      site: {table: 'monitor'},
      message: expect.stringMatching(
        /about \d+ ms, above the limit of 1 ms, mostly for table "monitor" \(2 rows written\)/,
      ),
      hint: expect.stringContaining('--allow-long-lock'),
    });
    const allowed = await instances.replicate({
      holdLongLocks: true,
      maxWriteLock: 1,
      allowLongLock: true,
    });
    expect(allowed.applied).toBe(true);
  });
});

describe('a one-shot above the limit', () => {
  const warnings = async (
    made: Made,
    more: Partial<ReplicateOptions>,
  ): Promise<readonly string[]> => {
    const instances = await withHistory(made);
    const told: string[] = [];
    const warn = (message: string) => void told.push(message);
    const log = {debug: () => {}, info: () => {}, warn};
    expect(await instances.replicate({...more, log})).toMatchObject({applied: true});
    return told;
  };
  const unindexed = {heartbeat: `CREATE TABLE heartbeat (${history})`};

  test('warns, naming what takes the time, and goes on', async () => {
    expect(await warnings(unindexed, {maxWriteLock: 30})).toEqual([
      expect.stringMatching(
        /about \d+ ms, above the limit of 30 ms, mostly for table "heartbeat" \(12,000 rows that refer to them\); --allow-long-lock/,
      ),
    ]);
  });

  test('warns once, although it plans twice', async () => {
    expect(await warnings({}, {maxWriteLock: 1})).toHaveLength(1);
  });

  test.each([{maxWriteLock: 30, allowLongLock: true}, {}])('says nothing with %j', async (more) => {
    expect(await warnings(unindexed, more)).toEqual([]);
  });
});
