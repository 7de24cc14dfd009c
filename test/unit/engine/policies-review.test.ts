/** Corners of policies: several conflicts about one row, policies that change between runs, what was undone. */
import {rmSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {conflicts, noProgress, resolveConflict, silentLog, status} from '../../../src/index.ts';
import type {
  CaptureResult,
  EngineOptions,
  ReplicateOptions,
  ReplicateResult,
  ResolveResult,
  ResumeResult,
  StatusResult,
  UndoResult,
} from '../../../src/index.ts';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {
  makeInstances,
  typed,
  write,
  type Instances,
  type Setting,
} from '../../helpers/instances.ts';
import {smallKuma} from '../../helpers/small-kuma.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, u TEXT UNIQUE)';
const rows = "INSERT INTO t VALUES (1, 'a1', 'b1', 'u1'), (2, 'a2', 'b2', 'u2')";

type Policies = Readonly<Record<string, TablePolicy>>;
type Followed = Pick<Instances, 'primary' | 'replica'> & {
  readonly capture: (policies?: Policies) => Promise<CaptureResult>;
  readonly undo: () => Promise<UndoResult>;
  readonly resume: () => Promise<ResumeResult>;
  readonly status: () => Promise<StatusResult>;
  /** Replicates under the policies that it was made with, or others. */
  readonly follow: (
    policies?: Policies,
    more?: Partial<ReplicateOptions>,
  ) => Promise<ReplicateResult>;
  readonly listed: () => Promise<readonly string[]>;
  readonly take: (side: 'ours' | 'theirs', key?: string) => Promise<ResolveResult>;
};

const merge: Policies = {t: {policy: 'merge'}};

async function followed(
  setting: Setting = {ddl, primary: rows, replica: '', tables: ['t']},
  policies: Policies = merge,
  there: Policies = {},
): Promise<Followed> {
  const instances = makeInstances(setting);
  const {replica} = instances;
  const given = (some: Policies) => ({policies: new Map(Object.entries(some))});
  const options: EngineOptions = {
    ...given(policies),
    database: replica,
    store: `dir:${join(instances.folder, 'store')}`,
    state: `${replica}-state`,
    env: process.env,
    log: silentLog,
    progress: noProgress,
  };
  const follow: Followed['follow'] = (other = policies, more = {}) =>
    instances.replicate({...given(other), ...more});
  await instances.capture(given(there));
  await follow();
  return {
    ...instances,
    follow,
    capture: (some = {}) => instances.capture(given(some)),
    undo: () => instances.undo(),
    resume: () => instances.resume(),
    status: () => status(options),
    listed: async () =>
      (await conflicts(options)).conflicts.map(
        ({key, kind, columns}) => `${key} ${kind} ${columns.join(',')}`,
      ),
    take: (side, key) => {
      const row = key === undefined ? {} : {table: 't', key};
      return resolveConflict({...options, ...row, take: side});
    },
  };
}

const content = (path: string, table: string, columns: readonly string[]): string[] =>
  typed(path, table, columns).map((line) =>
    line
      .split(' | ')
      .map((cell) => cell.replace(/^\w+ /, '').replaceAll("'", ''))
      .join(' '),
  );
const rowsOfT = (path: string): string[] => content(path, 't', ['id', 'a', 'b', 'u']);

describe('one row in several conflicts', () => {
  test('a cell that waits goes on waiting when another cell comes into conflict', async () => {
    const {primary, replica, capture, follow, listed, take} = await followed();
    write(replica, "UPDATE t SET a = 'x' WHERE id = 1");
    write(primary, "UPDATE t SET a = 'y' WHERE id = 1");
    await capture();
    await follow();
    write(replica, "UPDATE t SET b = 'x' WHERE id = 1");
    write(primary, "UPDATE t SET b = 'y' WHERE id = 1");
    await capture();
    await follow();
    expect(await listed()).toEqual(['id=1 bothEdited a,b']);
    await take('theirs');
    await follow();
    expect(rowsOfT(replica)).toContain('1 y y u1');
  });

  test('a decision about one cell is carried out beside a new conflict about another', async () => {
    const {primary, replica, capture, follow, listed, take} = await followed();
    write(replica, "UPDATE t SET a = 'x' WHERE id = 1");
    write(primary, "UPDATE t SET a = 'y' WHERE id = 1");
    await capture();
    await follow();
    await take('theirs');
    write(replica, "UPDATE t SET b = 'x' WHERE id = 1");
    write(primary, "UPDATE t SET b = 'y' WHERE id = 1");
    await capture();
    await follow();
    expect(rowsOfT(replica)).toContain('1 y x u1');
    expect(await listed()).toEqual(['id=1 bothEdited b']);
  });

  test.each([
    ['at once', "UPDATE t SET a = 'y', u = 'w' WHERE id = 1", ''],
    [
      'one after the other',
      "UPDATE t SET a = 'y' WHERE id = 1",
      "UPDATE t SET u = 'w' WHERE id = 1",
    ],
  ])('an edited cell and a unique value that is taken here, %s', async (_, first, second) => {
    const {primary, replica, capture, follow, listed, take} = await followed();
    write(replica, "UPDATE t SET a = 'x' WHERE id = 1; INSERT INTO t VALUES (9, 'o', 'o', 'w')");
    for (const edit of [first, second]) {
      write(primary, edit);
      await capture();
      await follow();
    }
    expect(await listed()).toEqual(['id=1 uniqueTaken a,u']);
    expect(rowsOfT(replica)).toContain('1 x b1 u1');
    await take('theirs');
    await follow();
    expect(rowsOfT(replica)).toEqual(['1 y b1 w', '2 a2 b2 u2']);
    expect(await follow()).toMatchObject({applied: false, conflicts: []});
  });
});

test('conflicts of link rows that are about to have one number do not stand in each other’s way', async () => {
  const links: Policies = {monitor_notification: {policy: 'merge'}};
  const insert = (...values: readonly string[]): string =>
    values
      .map(
        (w) =>
          `INSERT INTO monitor_notification (monitor_id, notification_id, w) VALUES (1, 1, '${w}');`,
      )
      .join('');
  const drop = 'DELETE FROM monitor_notification;';
  const kuma = {
    ddl: smallKuma,
    primary: `INSERT INTO monitor (id) VALUES (1); INSERT INTO notification VALUES (1, 'n'); ${insert('a', 'b', 'c')}`,
    replica: '',
  };
  const {primary, replica, capture, follow, listed} = await followed(kuma, links);
  write(replica, `${drop} ${insert('c', 'd')}`);
  write(primary, `${drop} ${insert('e', 'f')}`);
  await capture();
  await follow();
  const pair = 'monitor_id=1,notification_id=1#2';
  expect((await listed()).toSorted()).toEqual([`${pair} bothEdited w`, `${pair} deletedHere `]);
  expect(content(replica, 'monitor_notification', ['w'])).toEqual(['d']);
});

test('a table that became a copy has no conflicts any more', async () => {
  const {primary, replica, capture, follow, listed, status: statusNow} = await followed();
  write(replica, "UPDATE t SET a = 'x' WHERE id = 1");
  write(primary, "UPDATE t SET a = 'y' WHERE id = 1");
  await capture();
  await follow();
  expect(await listed()).toHaveLength(1);
  await follow({});
  expect(rowsOfT(replica)).toEqual(rowsOfT(primary));
  expect(await statusNow()).toMatchObject({conflicts: 0});
});

describe('rows that belong to others', () => {
  const family = {
    ddl: `CREATE TABLE t (id INTEGER PRIMARY KEY, kind TEXT, v TEXT);
      CREATE TABLE c (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE CASCADE, w TEXT)`,
    primary: `INSERT INTO t VALUES (1, 'http', 'a'), (2, 'push', 'b');
      INSERT INTO c VALUES (1, 1, 'of http'), (2, 2, 'of push')`,
    replica: '',
    tables: ['c', 't'],
  };
  const ofC = (path: string): string[] => content(path, 'c', ['id', 't', 'w']);

  test('come with rows that are followed from now on', async () => {
    const notPush: Policies = {
      t: {policy: 'merge', where: [{column: 'kind', not: ['push']}]},
      c: {policy: 'merge'},
    };
    const {replica, follow} = await followed(family, notPush);
    expect(ofC(replica)).toEqual(['1 1 of http']);
    await follow({t: {policy: 'merge'}, c: {policy: 'merge'}});
    expect(ofC(replica)).toEqual(['1 1 of http', '2 2 of push']);
  });

  test('stay where a row that comes back finds them', async () => {
    const wins = {policy: 'merge', onConflict: 'primaryWins'} as const;
    const {primary, replica, capture, follow} = await followed(family, {t: wins, c: wins});
    write(replica, 'DELETE FROM t WHERE id = 1');
    write(primary, "UPDATE t SET v = 'z' WHERE id = 1");
    await capture();
    await follow();
    expect(content(replica, 't', ['id', 'v'])).toEqual(['1 z', '2 b']);
    expect(ofC(replica)).toEqual(['1 1 of http', '2 2 of push']);
  });
});

describe('decisions for the primary', () => {
  test('take with them all that refers to rows that go, however far down', async () => {
    const tree = {
      ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, p INTEGER REFERENCES t ON DELETE CASCADE, v TEXT)',
      primary: "INSERT INTO t VALUES (1, NULL, 'a'), (2, 1, 'b'), (3, NULL, 'c')",
      replica: '',
      tables: ['t'],
    };
    const {primary, replica, capture, follow, listed, take} = await followed(tree);
    write(replica, "INSERT INTO t VALUES (10, 2, 'own'), (11, 10, 'own')");
    write(primary, 'DELETE FROM t WHERE id < 3');
    await capture();
    await follow();
    expect(await listed()).toEqual(['id=1 referencedHere ', 'id=2 referencedHere ']);
    await take('theirs');
    await follow();
    expect(content(replica, 't', ['id'])).toEqual(['3']);
    expect(await listed()).toEqual([]);
  });

  test('write a value to which rows here refer; its other cells need no decision', async () => {
    const codes = {
      ddl: `CREATE TABLE t (id INTEGER PRIMARY KEY, code TEXT UNIQUE, v TEXT);
        CREATE TABLE c (id INTEGER PRIMARY KEY, code TEXT REFERENCES t(code) ON UPDATE CASCADE)`,
      primary: "INSERT INTO t VALUES (1, 'a', 'v')",
      replica: '',
      tables: ['c', 't'],
    };
    const both: Policies = {t: {policy: 'merge'}, c: {policy: 'merge'}};
    const {primary, replica, capture, follow, listed, take} = await followed(codes, both);
    write(replica, "INSERT INTO c VALUES (1, 'a')");
    write(primary, "UPDATE t SET code = 'z', v = 'w'");
    await capture();
    await follow();
    expect(content(replica, 't', ['code', 'v'])).toEqual(['a w']);
    await follow();
    expect(await listed()).toEqual(['id=1 referencedHere code']);
    await take('theirs');
    await follow();
    expect(content(replica, 't', ['code', 'v'])).toEqual(['z w']);
    expect(content(replica, 'c', ['code'])).toEqual(['z']);
  });
});

describe('more rows than are proved at once, of which only changed chunks are read', () => {
  const large = {
    ddl: `CREATE TABLE t (id INTEGER PRIMARY KEY, kind TEXT, a TEXT, b TEXT);
      CREATE TABLE s (id INTEGER PRIMARY KEY, v TEXT)`,
    primary: `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 25100)
      INSERT INTO t SELECT i, iif(i % 100 = 7, 'push', 'http'), 'a' || i, 'b' FROM n;
      INSERT INTO s VALUES (1, 'v')`,
    replica: '',
  };
  const mirror: Policies = {s: {}, t: {}};
  const all = (path: string): string[] => content(path, 't', ['id', 'kind', 'a', 'b']);
  const editEarly = "UPDATE t SET a = 'early' WHERE id < 50";
  const edit = "UPDATE t SET a = 'edited' WHERE id = 15000";
  const editLate = "UPDATE t SET a = 'late' WHERE id = 25000";

  test.each<[string, Policies, (path: string) => void]>([
    ['merge', {s: {}, t: {policy: 'merge'}}, (replica) => write(replica, edit)],
    ['a filter', {s: {}, t: {where: [{column: 'kind', not: ['push']}]}}, () => undefined],
    ['off', {s: {}, t: {policy: 'off'}}, () => undefined],
  ])('a table that becomes a mirror after %s is one at once', async (_, before, local) => {
    const {primary, replica, capture, follow} = await followed(large, before, mirror);
    local(replica);
    write(primary, editEarly);
    await capture(mirror);
    await follow();
    write(primary, editLate);
    await capture(mirror);
    await follow(mirror);
    expect(all(replica)).toEqual(all(primary));
  });

  test('edits that were only reported are overwritten by the next snapshot, wherever they are', async () => {
    const report: Policies = {s: {}, t: {drift: 'report'}};
    const {primary, replica, capture, follow} = await followed(large, report, mirror);
    write(replica, edit);
    expect(await follow()).toMatchObject({applied: false});
    write(primary, editLate);
    await capture(mirror);
    await follow();
    expect(all(replica)).toEqual(all(primary));
  });

  test('under a filter that stays, only changed chunks are read', async () => {
    const filtered: Policies = {
      s: {},
      t: {policy: 'merge', where: [{column: 'kind', not: ['push']}]},
    };
    const {primary, capture, follow} = await followed(large, filtered, mirror);
    write(primary, editLate);
    await capture(mirror);
    const {cost, tables} = await follow();
    expect(tables).toMatchObject({t: {updated: 1}});
    expect(cost.rowsRead).toBeLessThan(10_000);
  });
});

describe('a replica of which nothing is on record', () => {
  test.each<[string, string]>([
    ['few', "INSERT INTO t VALUES (1, 'a1', 'b1', 'u1')"],
    ['some, and rows of its own', "INSERT INTO t VALUES (2, 'a2', 'b2', 'u2'), (9, 'o', 'o', 'o')"],
  ])('and that has %s of the primary’s rows gets the others', async (_, replica) => {
    const pair = await followed({ddl, primary: rows, replica, tables: ['t']});
    expect(rowsOfT(pair.replica)).toEqual(expect.arrayContaining(rowsOfT(pair.primary)));
  });

  test('keeps its edits where the state was lost', async () => {
    const {primary, replica, capture, follow} = await followed();
    write(replica, "UPDATE t SET a = 'x' WHERE id = 1");
    rmSync(`${replica}-state`, {recursive: true});
    write(primary, "UPDATE t SET b = 'y' WHERE id = 1");
    await capture();
    await follow();
    expect(rowsOfT(replica)).toEqual(['1 x y u1', '2 a2 b2 u2']);
  });
});

describe('an undo', () => {
  test('of a decision opens the conflict again', async () => {
    const {primary, replica, capture, follow, listed, take, undo, status: now} = await followed();
    write(replica, "UPDATE t SET a = 'x' WHERE id = 1");
    write(primary, "UPDATE t SET a = 'y' WHERE id = 1");
    await capture();
    await follow();
    await take('theirs');
    await follow();
    expect(rowsOfT(replica)).toContain('1 y b1 u1');
    await undo();
    expect(rowsOfT(replica)).toContain('1 x b1 u1');
    expect(await listed()).toEqual(['id=1 bothEdited a']);
    expect(await now()).toMatchObject({conflicts: 1});
  });

  test('gives back a conflict that the snapshot replaced', async () => {
    const {primary, replica, capture, follow, listed, undo, resume} = await followed();
    write(replica, "UPDATE t SET a = 'x' WHERE id = 1");
    write(primary, "UPDATE t SET a = 'y' WHERE id = 1");
    await capture();
    await follow();
    write(primary, "UPDATE t SET a = 'x', b = 'z' WHERE id = 1");
    await capture();
    await follow();
    expect(await listed()).toEqual([]);
    await undo();
    expect(await listed()).toEqual(['id=1 bothEdited a']);
    await resume();
    await follow();
    expect(await listed()).toEqual([]);
    expect(rowsOfT(replica)).toContain('1 x z u1');
  });
});

test.each<[string, Policies, boolean]>([
  ['merge', merge, true],
  ['mirror', {t: {}}, false],
  ['mirror that only reports', {t: {drift: 'report'}}, true],
])('status under %s tells whether an edit here is one to be put back', async (_, policies, is) => {
  const {replica, status: now} = await followed(undefined, policies);
  expect(await now()).toMatchObject({upToDate: true, drift: 0});
  write(replica, "UPDATE t SET a = 'x' WHERE id = 1");
  expect(await now()).toMatchObject({upToDate: is, position: {trusted: is}, drift: 1});
});

test('what comes after equal rows that fill several chunks comes too', async () => {
  const equal = {
    ddl: 'CREATE TABLE t (m INTEGER, v TEXT, w TEXT, x TEXT)',
    primary: `WITH RECURSIVE n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 5019)
      INSERT INTO t SELECT max(i - 5000, 0), 'v', 'w', 'x' FROM n`,
    replica: '',
    tables: ['t'],
  };
  const instances = makeInstances(equal);
  const keyless = 'multiset' as const;
  await instances.capture({keyless});
  await instances.replicate({keyless, policies: new Map(Object.entries(merge))});
  const both = [instances.primary, instances.replica].map((path) => content(path, 't', ['m', 'v']));
  expect(both[1]).toEqual(both[0]);
});

test.each(['two', 'k="two"'])(
  'a conflict of a row with a text for a key is found as %s',
  async (key) => {
    const {primary, replica, capture, follow, take} = await followed({
      ddl: 'CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT)',
      primary: "INSERT INTO t VALUES ('one', 'a'), ('two', 'a')",
      replica: '',
      tables: ['t'],
    });
    write(replica, "UPDATE t SET v = 'x'");
    write(primary, "UPDATE t SET v = 'y'");
    await capture();
    await follow();
    expect(await take('theirs', key)).toMatchObject({open: 1});
    await follow();
    expect(content(replica, 't', ['k', 'v'])).toEqual(['one x', 'two y']);
  },
);
