/** Conflicts that are open while policies change; what belongs to rows of an instance's own. */
import {copyFileSync, renameSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {conflicts, drift, noProgress, resolveConflict, silentLog} from '../../../src/index.ts';
import type {EngineOptions, ReplicateResult} from '../../../src/index.ts';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {makeInstances, typed, write, type Setting} from '../../helpers/instances.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT)';
const t: Setting = {
  ddl,
  primary: "INSERT INTO t VALUES (1, 'a1', 'b1'), (2, 'a2', 'b2')",
  replica: '',
  tables: ['t'],
};

type Policies = Readonly<Record<string, TablePolicy>>;
type Pair = {
  /** Edits both sides, then captures and replicates. */
  readonly edit: (here: string, there: string, policies: Policies) => Promise<ReplicateResult>;
  readonly follow: (policies: Policies) => Promise<ReplicateResult>;
  readonly take: (side: 'ours' | 'theirs') => Promise<unknown>;
  /** Puts a copy of itself in the replica's place. */
  readonly replace: () => void;
  readonly open: () => Promise<readonly string[]>;
  /** What drift says of each row. */
  readonly drifted: (policies: Policies) => Promise<readonly string[]>;
  readonly rows: (table: string, ...columns: readonly string[]) => readonly string[];
};

/** A replica that follows its primary under these policies. */
async function pair(setting: Setting, first: Policies): Promise<Pair> {
  const instances = makeInstances(setting);
  const {primary, replica, folder} = instances;
  const options: EngineOptions = {
    database: replica,
    store: `dir:${join(folder, 'store')}`,
    state: `${replica}-state`,
    env: process.env,
    log: silentLog,
    progress: noProgress,
  };
  const follow: Pair['follow'] = async (policies) =>
    instances.replicate({policies: new Map(Object.entries(policies))});
  await instances.capture();
  await follow(first);
  return {
    follow,
    edit: async (here, there, policies) => {
      write(replica, here);
      write(primary, there);
      await instances.capture();
      return follow(policies);
    },
    take: async (side) => resolveConflict({...options, take: side}),
    replace: () => {
      copyFileSync(replica, `${replica}-copy`);
      renameSync(`${replica}-copy`, replica);
    },
    open: async () => {
      const {conflicts: listed} = await conflicts(options);
      return listed.map(({key, kind, columns}) => `${key} ${kind} ${columns.join(',')}`);
    },
    drifted: async (policies) => {
      const asked = {...options, policies: new Map(Object.entries(policies))};
      const {changes} = await drift(asked);
      return changes.map(({table, key, op, fate}) => `${op} ${table}[${key}]: ${fate}`);
    },
    rows: (table, ...columns) =>
      typed(replica, table, columns).map((line) => line.replaceAll(/\w+ (?='|\d|NULL)|'/g, '')),
  };
}

const asks: Policies = {t: {policy: 'merge'}};

describe('a conflict that is open when the policy changes', () => {
  const both = ["UPDATE t SET a = 'x' WHERE id = 1", "UPDATE t SET a = 'y' WHERE id = 1"] as const;

  test.each<[string, TablePolicy, string]>([
    ['the primary wins', {policy: 'merge', onConflict: 'primaryWins'}, 'y'],
    ['the replica wins', {policy: 'merge', onConflict: 'replicaWins'}, 'x'],
    ['contents are local', {policy: 'seed'}, 'x'],
    ['edits are kept', {policy: 'mirror', drift: 'keep'}, 'x'],
    ['edits live until there is a new snapshot', {policy: 'mirror', drift: 'report'}, 'x'],
    ['the column is local', {policy: 'merge', local: ['a']}, 'x'],
    ['it is a mirror', {policy: 'mirror'}, 'y'],
  ])('is open no more where by now %s', async (_, policy, stands) => {
    const {edit, follow, open, rows} = await pair(t, asks);
    expect(await edit(...both, asks)).toMatchObject({conflicts: [{open: true}]});
    const {conflicts: met} = await follow({t: policy});
    expect(met.filter((one) => one.open)).toEqual([]);
    expect(rows('t', 'id', 'a', 'b')).toEqual([`1 | ${stands} | b1`, '2 | a2 | b2']);
    expect(await open()).toEqual([]);
    expect(await follow({t: policy})).toMatchObject({applied: false, conflicts: []});
  });

  test('is told where the primary wins by now', async () => {
    const {edit, follow} = await pair(t, asks);
    await edit("UPDATE t SET b = 'x' WHERE id = 1", 'DELETE FROM t WHERE id = 1', asks);
    expect(await follow({t: {policy: 'merge', onConflict: 'primaryWins'}})).toMatchObject({
      tables: {t: {deleted: 1}},
      conflicts: [{key: 'id=1', kind: 'editedHere', taken: 'theirs', open: false}],
    });
  });

  test('goes on for the cells that are not local', async () => {
    const {edit, follow, open, take, rows} = await pair(t, asks);
    await edit("UPDATE t SET a = 'x', b = 'x'", "UPDATE t SET a = 'y', b = 'y' WHERE id = 1", asks);
    const local: Policies = {t: {policy: 'merge', local: ['a']}};
    await take('theirs');
    await follow(local);
    expect(rows('t', 'id', 'a', 'b')).toEqual(['1 | x | y', '2 | x | x']);
    expect(await open()).toEqual([]);
  });

  test('is over where the row is left alone by now, and a decision does not write it', async () => {
    const {edit, follow, open, take, rows} = await pair(t, asks);
    await edit(...both, asks);
    await take('theirs');
    await follow({t: {policy: 'merge', where: [{column: 'a', not: ['x']}]}});
    expect(rows('t', 'id', 'a', 'b')).toEqual(['1 | x | b1', '2 | a2 | b2']);
    expect(await open()).toEqual([]);
  });
});

test('a table at rest has nothing open beside one that is merged', async () => {
  const two: Setting = {
    ddl: `${ddl}; CREATE TABLE s (id INTEGER PRIMARY KEY, a TEXT)`,
    primary: `${t.primary}; INSERT INTO s VALUES (1, 'a1')`,
    replica: '',
    tables: ['s', 't'],
  };
  const merged: Policies = {...asks, s: {policy: 'merge'}};
  const {edit, follow, open} = await pair(two, merged);
  await edit(
    "UPDATE t SET a = 'x'; UPDATE s SET a = 'x'",
    "UPDATE t SET a = 'y'; UPDATE s SET a = 'y'",
    merged,
  );
  const rests: Policies = {...asks, s: {policy: 'mirror', drift: 'report'}};
  expect(await open()).toHaveLength(3);
  await follow(rests);
  expect(await open()).toEqual(['id=1 bothEdited a', 'id=2 bothEdited a']);
});

test('what is open stays as it is here in a copy of the database, of which nobody knows what was last applied', async () => {
  const {edit, follow, open, replace, rows} = await pair(
    {...t, primary: `${t.primary}, (3, 'a3', 'b3')`},
    asks,
  );
  await edit(
    "UPDATE t SET a = 'x' WHERE id = 1; DELETE FROM t WHERE id = 2",
    "UPDATE t SET a = 'y' WHERE id < 3",
    asks,
  );
  const listed = ['id=1 bothEdited a', 'id=2 deletedHere '];
  expect(await open()).toEqual(listed);
  replace();
  await follow(asks);
  expect(rows('t', 'id', 'a', 'b')).toEqual(['1 | x | b1', '3 | a3 | b3']);
  expect(await open()).toEqual(listed);
});

describe('links between two tables, of one of which not all rows travel', () => {
  const linked: Setting = {
    ddl: `CREATE TABLE m (id INTEGER PRIMARY KEY, type TEXT); CREATE TABLE n (id INTEGER PRIMARY KEY, v TEXT);
      CREATE TABLE l (id INTEGER PRIMARY KEY, m INT REFERENCES m ON DELETE CASCADE, n INT REFERENCES n ON DELETE CASCADE, v TEXT)`,
    primary: `INSERT INTO m VALUES (1, 'http'), (2, 'push'); INSERT INTO n VALUES (1, 'n1');
      INSERT INTO l VALUES (1, 1, 1, 'x'), (2, 2, 1, 'y')`,
    replica: '',
    tables: ['l', 'm', 'n'],
  };
  const noPush: Policies = {m: {policy: 'mirror', where: [{column: 'type', not: ['push']}]}};

  test.each<[string, TablePolicy]>([
    ['mirror', {policy: 'mirror'}],
    ['merge', {policy: 'merge'}],
    ['seed', {policy: 'seed'}],
  ])('rows of the other one come, without links to rows that do not: %s', async (_, l) => {
    const policies = {...noPush, l};
    const {edit, rows} = await pair(linked, policies);
    expect(rows('l', 'id', 'm', 'n')).toEqual(['1 | 1 | 1']);
    const added =
      "INSERT INTO n VALUES (2, 'n2'); INSERT INTO l VALUES (3, 2, 2, 'z'), (4, 1, 2, 'z')";
    await edit('', added, policies);
    expect(rows('n', 'id')).toEqual(['1', '2']);
    expect(rows('l', 'id', 'm', 'n')).toEqual(['1 | 1 | 1', '4 | 1 | 2']);
  });

  test('did not drift where they belong to rows that are left alone, or that do not travel', async () => {
    const {edit, drifted} = await pair(linked, noPush);
    expect(await drifted(noPush)).toEqual([]);
    const own = "INSERT INTO m VALUES (100, 'push'); INSERT INTO l VALUES (100, 100, 1, 'own')";
    await edit(own, '', noPush);
    expect(await drifted(noPush)).toEqual([]);
    await edit('DELETE FROM l WHERE id = 1', '', {...noPush, l: {policy: 'mirror', drift: 'keep'}});
    expect(await drifted(noPush)).toEqual(['delete l[id=1]: repaired']);
  });

  test('are kept with a row that was added or deleted here', async () => {
    const policies: Policies = {m: {policy: 'merge'}};
    const {edit, drifted, rows} = await pair(linked, policies);
    await edit(
      `DELETE FROM m WHERE id = 1; DELETE FROM l WHERE m = 1;
        INSERT INTO m VALUES (9, 'here'); INSERT INTO l VALUES (9, 9, 1, 'own'), (8, 2, 1, 'drift')`,
      "INSERT INTO n VALUES (2, 'n2')",
      policies,
    );
    expect(rows('l', 'id')).toEqual(['2', '9']);
    expect(await drifted(policies)).toEqual([
      'delete l[id=1]: kept',
      'insert l[id=9]: kept',
      'delete m[id=1]: kept',
      'insert m[id=9]: kept',
    ]);
  });

  test.each<[string, TablePolicy]>([
    ['mirror', {policy: 'mirror'}],
    ['mirror, keep', {policy: 'mirror', drift: 'keep'}],
    ['merge', {policy: 'merge', onConflict: 'primaryWins'}],
    ['merge, fail', {policy: 'merge'}],
    ['seed', {policy: 'seed'}],
  ])(
    'of an own row stay, be a row of their key on the primary that does not come: %s',
    async (_, l) => {
      const policies = {...noPush, l};
      const {edit, rows, open} = await pair(linked, policies);
      const own = "INSERT INTO m VALUES (100, 'push'); INSERT INTO l VALUES (2, 100, 1, 'own')";
      await edit(own, "UPDATE n SET v = 'n2'", policies);
      await edit('', "UPDATE l SET v = 'z' WHERE id = 2", policies);
      expect(rows('l', 'id', 'm', 'v')).toEqual(['1 | 1 | x', '2 | 100 | own']);
      expect(await open()).toEqual([]);
    },
  );
});

test.each([
  ['a partial index', 'u', 'WHERE a IS NOT NULL'],
  ['an expression', 'lower(u)', ''],
])('a row whose value is unique by %s and taken here is refused by name', async (_, on, where) => {
  const unique: Setting = {
    ...t,
    ddl: `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, u TEXT); CREATE UNIQUE INDEX x ON t (${on}) ${where}`,
    primary: "INSERT INTO t VALUES (1, 'a', 'u1')",
  };
  const {edit, rows} = await pair(unique, asks);
  const [here, there] = [9, 2].map((id) => `INSERT INTO t VALUES (${id}, 'a', 'taken')`);
  await expect(edit(here ?? '', there ?? '', asks)).rejects.toMatchObject({
    code: 'CONSTRAINT',
    message: expect.stringMatching(/^cannot insert t\[id=2\]: UNIQUE .* forbids it$/),
    site: {table: 't', key: 'id=2'},
  });
  expect(rows('t', 'id', 'u')).toEqual(['1 | u1', '9 | taken']);
});
