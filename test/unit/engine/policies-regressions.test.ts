/** Cases that the model of policies found: each went wrong once. */
import BetterSqlite3 from 'better-sqlite3';
import {expect, test} from 'vitest';
import type {ReplicateResult} from '../../../src/index.ts';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {faults, makeInstances, write, type Instances} from '../../helpers/instances.ts';

type Policies = Readonly<Record<string, TablePolicy>>;

type Pair = Pick<Instances, 'primary' | 'replica' | 'undo'> & {
  /** SQL on each side, then capture and replicate. */
  readonly round: (edits?: {
    readonly here?: string;
    readonly there?: string;
  }) => Promise<ReplicateResult>;
  readonly replicate: () => Promise<ReplicateResult>;
  /** Rows of the replica. */
  readonly rows: (table: string) => readonly string[];
};

/** The replica has what the primary had first. */
async function replicated(ddl: string, rows: string, policies: Policies): Promise<Pair> {
  const tables = Object.keys(policies);
  const instances = makeInstances({ddl, primary: rows, replica: '', tables});
  const given = {policies: new Map(Object.entries(policies))};
  const replicate = (): Promise<ReplicateResult> => instances.replicate(given);
  const round: Pair['round'] = async ({here = '', there = ''} = {}) => {
    enforced(instances.replica, here);
    enforced(instances.primary, there);
    await instances.capture(given);
    return replicate();
  };
  await round();
  return {
    ...instances,
    round,
    replicate,
    undo: () => instances.undo(given),
    rows: (table) => rowsOf(instances.replica, table),
  };
}

/** As an application writes: what belongs to a deleted row goes with it. */
function enforced(path: string, sql: string): void {
  write(path, `PRAGMA foreign_keys = ON; ${sql}`);
}

function rowsOf(path: string, table: string): readonly string[] {
  const db = new BetterSqlite3(path, {readonly: true});
  try {
    const rows = db.prepare(`SELECT * FROM ${table} ORDER BY 1, 2`).raw().all() as (
      string | number | null
    )[][];
    return rows.map((row) => row.map((cell) => String(cell ?? 'NULL')).join(' '));
  } finally {
    db.close();
  }
}

const nothing = {inserted: 0, updated: 0, deleted: 0};
const merge = (onConflict: TablePolicy['onConflict']): TablePolicy => ({
  policy: 'merge',
  onConflict,
});

const family = `
  CREATE TABLE p (id INTEGER PRIMARY KEY, v);
  CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p ON DELETE CASCADE, w)`;

test('what was last applied stays known where a table at rest lost a row on both sides', async () => {
  const {round, replicate, rows} = await replicated(
    family,
    'INSERT INTO p VALUES (1, 0); INSERT INTO c VALUES (1, 1, 0)',
    {p: merge('fail'), c: {policy: 'mirror', drift: 'report'}},
  );
  await round({here: 'DELETE FROM p; INSERT INTO c VALUES (11, NULL, 0)', there: 'DELETE FROM c'});
  expect(rows('p')).toEqual([]);
  expect(await replicate()).toMatchObject({applied: false, tables: {p: nothing, c: nothing}});
  expect(rows('p')).toEqual([]);
});

test.each<[string, TablePolicy]>([
  ['merged', merge('primaryWins')],
  ['an exact copy', {policy: 'mirror'}],
])(
  'a row that comes back, in a table that is %s, comes with all that belongs to it',
  async (_, p) => {
    const {round, rows, replica} = await replicated(
      family,
      'INSERT INTO p VALUES (1, 0), (2, 0); INSERT INTO c VALUES (1, 1, 0), (2, 2, 0)',
      {p, c: merge('replicaWins')},
    );
    await round({here: 'DELETE FROM p WHERE id = 1', there: 'UPDATE p SET v = 1 WHERE id = 1'});
    expect(rows('p')).toEqual(['1 1', '2 0']);
    expect(rows('c')).toEqual(['1 1 0', '2 2 0']);
    expect(faults(replica)).toEqual([]);
  },
);

test('a row that is left out, as what it belongs to was deleted here, brings no other back', async () => {
  const {round, replicate, rows} = await replicated(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, v, p INTEGER REFERENCES t ON DELETE CASCADE,
       q INTEGER REFERENCES t ON DELETE SET NULL)`,
    'INSERT INTO t VALUES (2, 0, 2, NULL), (1, 0, 2, 2), (7, 0, 1, 1), (3, 0, 7, 1)',
    {t: merge('primaryWins')},
  );
  const {conflicts} = await round({
    here: 'DELETE FROM t WHERE id = 1',
    there: 'UPDATE t SET v = 1 WHERE id = 3',
  });
  expect(rows('t')).toEqual(['2 0 2 NULL']);
  expect(conflicts).toEqual([]);
  expect(await replicate()).toMatchObject({applied: false, tables: {t: nothing}});
});

test('a reference is to the row that the column referred to sees in it, be it of another type', async () => {
  const {rows, replica} = await replicated(
    `CREATE TABLE p (id INTEGER PRIMARY KEY, u REAL UNIQUE);
     CREATE TABLE c (id INTEGER PRIMARY KEY, p TEXT REFERENCES p (u) ON DELETE CASCADE)`,
    "INSERT INTO p VALUES (1, -1.5), (2, 2); INSERT INTO c VALUES (1, '-1.5'), (2, '2')",
    {p: {policy: 'mirror', where: [{column: 'id', not: [0]}]}, c: merge('fail')},
  );
  expect(rows('c')).toEqual(['1 -1.5', '2 2']);
  expect(faults(replica)).toEqual([]);
});

test.each<[string, TablePolicy]>([
  ['merged', merge('primaryWins')],
  ['kept', {policy: 'seed', drift: 'keep'}],
])(
  'rows that were deleted here do not stand in the way of an undo where they are %s',
  async (_, t) => {
    const {round, undo, rows} = await replicated(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, v)',
      'INSERT INTO t VALUES (1, 0)',
      {t},
    );
    await round({here: 'DELETE FROM t', there: 'INSERT INTO t VALUES (2, 0)'});
    expect(rows('t')).toEqual(['2 0']);
    expect(await undo()).toMatchObject({undone: true});
    expect(rows('t')).toEqual([]);
  },
);

test('a row that refers to one that stays after all does not follow its going', async () => {
  const {round, rows} = await replicated(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, kind, p INTEGER REFERENCES t ON DELETE CASCADE,
       q INTEGER REFERENCES t ON DELETE SET NULL)`,
    "INSERT INTO t VALUES (9, 'push', NULL, NULL), (8, 'a', 9, NULL), (7, 'a', 8, NULL), (1, 'a', NULL, NULL)",
    {t: {policy: 'seed', where: [{column: 'kind', not: ['push']}]}},
  );
  await round({here: "INSERT INTO t VALUES (9, 'push', NULL, NULL)"});
  await round({here: 'UPDATE t SET q = 7 WHERE id = 1', there: 'DELETE FROM t WHERE id = 8'});
  // What belongs to the push monitor that is left alone stays, and so does what belongs to that.
  expect(rows('t')).toEqual(['1 a NULL 7', '7 a 8 NULL', '8 a 9 NULL', '9 push NULL NULL']);
});

test('a row that misses one which is left out is refused by name', async () => {
  const {round} = await replicated(
    `CREATE TABLE t (id INTEGER PRIMARY KEY, kind, p INTEGER REFERENCES t ON DELETE CASCADE,
       q INTEGER REFERENCES t)`,
    "INSERT INTO t VALUES (9, 'push', NULL, NULL), (8, 'a', 9, NULL)",
    {t: {policy: 'seed', where: [{column: 'kind', not: ['push']}]}},
  );
  await expect(round({there: "INSERT INTO t VALUES (1, 'a', NULL, 8)"})).rejects.toMatchObject({
    code: 'FOREIGN_KEY',
    exitCode: 20,
    site: {table: 't'},
  });
});

test('a row that was given to another one is not brought back with the one it belonged to', async () => {
  const {round, rows} = await replicated(
    family,
    'INSERT INTO p VALUES (1, 0), (2, 0); INSERT INTO c VALUES (1, 1, 0)',
    {p: merge('primaryWins'), c: merge('replicaWins')},
  );
  await round({here: 'UPDATE c SET p = 2', there: 'UPDATE c SET w = 1'});
  await round({here: 'DELETE FROM p WHERE id = 1', there: 'UPDATE p SET v = 1 WHERE id = 1'});
  expect(rows('p')).toEqual(['1 1', '2 0']);
  expect(rows('c')).toEqual(['1 2 1']);
});

test('keys that are reserved here are refused at once, also where the rows are all here already', async () => {
  const rows = 'INSERT INTO t VALUES (1), (1000)';
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY)',
    primary: rows,
    replica: rows,
    tables: ['t'],
  });
  await instances.capture();
  const policies = new Map([['t', {...merge('fail'), ownKeys: 1000}]]);
  await expect(instances.replicate({policies})).rejects.toMatchObject({code: 'KEY_TAKEN'});
});

test.each<[string, TablePolicy]>([
  ['wins', merge('primaryWins')],
  ['is copied', {policy: 'mirror'}],
])(
  'where the primary %s, a row that the table of another policy keeps is not lost for it',
  async (_, p) => {
    const {round, rows} = await replicated(
      `CREATE TABLE p (id INTEGER PRIMARY KEY, v);
     CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p, w)`,
      'INSERT INTO p VALUES (1, 0), (2, 0), (3, 0); INSERT INTO c VALUES (1, 3, 0)',
      {p, c: merge('fail')},
    );
    const there = 'DELETE FROM p WHERE id = 2';
    for (const here of [
      'INSERT INTO c VALUES (2, 2, 0)',
      'DELETE FROM c WHERE id = 2; UPDATE c SET p = 2',
    ]) {
      const before = rows('c');
      await expect(round({here, there})).rejects.toMatchObject({
        code: 'FOREIGN_KEY',
        exitCode: 20,
        message: expect.stringContaining('p[id=2]: c[id='),
      });
      expect(rows('c')).not.toEqual(before);
      expect(rows('p')).toEqual(['1 0', '2 0', '3 0']);
    }
  },
);

test.each([merge('primaryWins'), merge('fail')])(
  'a row that is left alone by now is in no conflict, and others refer to it: %o',
  async (policy) => {
    const {round, rows} = await replicated(
      'CREATE TABLE t (id INTEGER PRIMARY KEY, kind, v, t INTEGER REFERENCES t)',
      "INSERT INTO t VALUES (1, 'a', 0, NULL)",
      {t: {...policy, where: [{column: 'kind', not: ['push']}]}},
    );
    const {conflicts} = await round({
      here: "UPDATE t SET kind = 'push'",
      there: "UPDATE t SET v = 1; INSERT INTO t VALUES (2, 'a', 0, 1)",
    });
    expect(rows('t')).toEqual(['1 push 0 NULL', '2 a 0 1']);
    expect(conflicts).toEqual([]);
  },
);

test('a row that the primary has, too, does not go with one that it belongs to only here', async () => {
  const {round, replicate, rows} = await replicated(
    `CREATE TABLE p (id INTEGER PRIMARY KEY, v);
     CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p ON DELETE CASCADE)`,
    'INSERT INTO p VALUES (1, 0), (2, 0); INSERT INTO c VALUES (1, 1)',
    {p: {policy: 'mirror'}, c: {policy: 'seed'}},
  );
  await round({here: 'UPDATE c SET p = 2', there: 'DELETE FROM p WHERE id = 2'});
  expect(rows('c')).toEqual(['1 1']);
  expect(await replicate()).toMatchObject({applied: false, tables: {c: nothing}});
});

test('what dangles on the primary does so here, too', async () => {
  const {round, primary, rows} = await replicated(
    family,
    'INSERT INTO p VALUES (1, 0), (2, 0); INSERT INTO c VALUES (1, 1, 0)',
    {p: {policy: 'mirror'}, c: {policy: 'seed'}},
  );
  write(primary, 'DELETE FROM p WHERE id = 1');
  await round();
  expect(rows('p')).toEqual(['2 0']);
  expect(rows('c')).toEqual(['1 1 0']);
});

test('a row that another one needs comes back with what belongs to it, also in tables that are copies', async () => {
  const {round, replicate, rows} = await replicated(
    `CREATE TABLE p (id INTEGER PRIMARY KEY, next INTEGER REFERENCES p);
     CREATE TABLE c (id INTEGER PRIMARY KEY, p INTEGER REFERENCES p ON DELETE CASCADE)`,
    'INSERT INTO p VALUES (1, NULL); INSERT INTO c VALUES (5, 1)',
    {p: {policy: 'mirror', drift: 'keep'}, c: {policy: 'mirror'}},
  );
  await round({here: 'DELETE FROM p', there: 'INSERT INTO p VALUES (2, 1)'});
  expect(rows('p')).toEqual(['1 NULL', '2 1']);
  expect(rows('c')).toEqual(['5 1']);
  expect(await replicate()).toMatchObject({applied: false, tables: {p: nothing, c: nothing}});
});

test.each<[string, TablePolicy, string]>([
  ['is left alone', {policy: 'mirror', where: [{column: 'v', in: [0]}]}, ''],
  ['was deleted here', {policy: 'mirror'}, 'DELETE FROM p WHERE id = 1'],
])(
  'what belongs to a row that %s waits where that row waits for a new snapshot',
  async (_, p, here) => {
    const {round, replicate, rows, replica} = await replicated(
      family,
      'INSERT INTO p VALUES (1, 1), (2, 0); INSERT INTO c VALUES (1, 1, 0), (2, 2, 0)',
      {p: {...p, drift: 'report'}, c: {policy: 'mirror'}},
    );
    enforced(replica, here);
    for (let run = 0; run < 2; run++) {
      expect(await replicate()).toMatchObject({applied: false, tables: {p: nothing, c: nothing}});
      expect(rows('c')).toEqual(['2 2 0']);
    }
    await round({there: 'UPDATE p SET v = 0'});
    expect(rows('p')).toEqual(['1 0', '2 0']);
    expect(rows('c')).toEqual(['1 1 0', '2 2 0']);
  },
);
