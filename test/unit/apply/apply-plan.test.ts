/** One transaction on a real file: what was assumed must still hold, or nothing is written. */
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {expect, test} from 'vitest';
import {applyPlan, type ApplyRequest} from '../../../src/apply/apply-plan.ts';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {diffRows} from '../../../src/diff/diff-rows.ts';
import {EngineError} from '../../../src/kernel/errors.ts';
import {planChanges} from '../../../src/engine/plan-changes.ts';
import {dump, makeDb, tempFolder} from '../../helpers/temp-db.ts';
import {allRows} from '../../helpers/tables.ts';

const ddl = `CREATE TABLE p (id INTEGER PRIMARY KEY);
  CREATE TABLE t (id INTEGER PRIMARY KEY, v, ref REFERENCES p);
  INSERT INTO p VALUES (7);`;
const ours = `INSERT INTO t VALUES (1, 'a', NULL), (2, 'b', NULL)`;
const theirs = `INSERT INTO t VALUES (2, 'B', 7), (3, 'c', NULL)`;
const columns = ['id', 'v', 'ref'];

type Case = {
  readonly theirs?: string;
  /** What the application does after the plan was made. */
  readonly meanwhile?: string;
  readonly request?: Partial<ApplyRequest>;
};

/** Applies `theirs` over `ours`; a failure must leave the rows as the application left them. */
async function applied(given: Case): Promise<readonly string[]> {
  const folder = tempFolder();
  const make = (name: string, rows: string): string =>
    makeDb(join(folder, name), (db) => db.exec(ddl + rows));
  const [from, to] = [make('primary.db', given.theirs ?? theirs), make('replica.db', ours)];
  const [primary, replica] = [openSqlite({path: from}), openSqlite({path: to})];
  try {
    const {shape, rows} = await primary.view((view) => allRows(view, {table: 't'}));
    const old = await replica.view((view) => allRows(view, {table: 't'}));
    const changes = [...diffRows('t', old.rows, rows)];
    const changed = new Map([['t', {shape, changes}]]);
    const plan = await replica.view((view) => planChanges(view, changed));
    if (given.meanwhile !== undefined) new BetterSqlite3(to).exec(given.meanwhile).close();
    const before = dump(to, 't', columns);
    const request = {
      plan,
      guard: async () => {},
      counters: new Map<string, bigint>(),
      isCarried: () => false,
    };
    try {
      await applyPlan(replica, {...request, ...given.request});
    } catch (error) {
      expect(dump(to, 't', columns)).toEqual(before);
      throw error;
    }
    expect(dump(to, 't', columns)).toEqual(dump(from, 't', columns));
    return dump(to, 't', columns);
  } finally {
    await primary.close();
    await replica.close();
  }
}

test('writes what differs', async () => {
  expect(await applied({})).toHaveLength(2);
});

const stale = {code: 'PLAN_STALE', exitCode: 22, retryable: true};
const refuse = new EngineError('VERSION_MISMATCH', 'why');
test.each<[string, Case, object]>([
  [
    'a row to update changed',
    {meanwhile: "UPDATE t SET v = 'x' WHERE id = 2"},
    {...stale, site: {table: 't', key: 'id=2'}},
  ],
  [
    'a row to update changed its class alone',
    {meanwhile: "UPDATE t SET v = x'62' WHERE id = 2"},
    stale,
  ],
  ['a row to update is gone', {meanwhile: 'DELETE FROM t WHERE id = 2'}, stale],
  [
    'a row to delete changed',
    {meanwhile: "UPDATE t SET v = 'x' WHERE id = 1"},
    {...stale, site: {table: 't', key: 'id=1'}},
  ],
  [
    'a row to insert is there',
    {meanwhile: "INSERT INTO t VALUES (3, 'c', NULL)"},
    {...stale, site: {table: 't', key: 'id=3'}},
  ],
  [
    'a trigger alters what is written',
    {
      meanwhile:
        "CREATE TRIGGER x AFTER UPDATE ON t BEGIN UPDATE t SET v = 'y' WHERE id = new.id; END",
    },
    {code: 'PROOF_FAILED', exitCode: 30},
  ],
  [
    'a trigger forbids it',
    {meanwhile: "CREATE TRIGGER x BEFORE DELETE ON t BEGIN SELECT RAISE(ABORT, 'secret'); END"},
    {code: 'CONSTRAINT', message: expect.not.stringContaining('secret')},
  ],
  [
    'a trigger swallows it',
    {meanwhile: 'CREATE TRIGGER x BEFORE DELETE ON t BEGIN SELECT RAISE(IGNORE); END'},
    {code: 'TRIGGER', exitCode: 20, site: {table: 't'}},
  ],
  [
    'a unique index forbids it',
    {
      meanwhile: "CREATE UNIQUE INDEX u ON t (lower(v) || 'x'); UPDATE p SET id = 7",
      theirs: "INSERT INTO t VALUES (2, 'b', 7), (3, 'B', NULL)",
    },
    {code: 'CONSTRAINT'},
  ],
  [
    'a reference would dangle',
    {meanwhile: 'DELETE FROM p'},
    {code: 'FOREIGN_KEY', exitCode: 20, site: {table: 't', column: 'ref'}},
  ],
  ['the guard refuses', {request: {guard: () => Promise.reject(refuse)}}, refuse],
])('writes nothing where %s', async (_, given, error) => {
  await expect(applied(given)).rejects.toMatchObject(error);
});

test('a reference that dangles on the primary too is carried', async () => {
  const given = {meanwhile: 'DELETE FROM p', request: {isCarried: () => true}};
  expect(await applied(given)).toHaveLength(2);
});
