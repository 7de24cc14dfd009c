/** Policies where a whole comparison would cost too much: what is read follows what changed. */
import {expect, test} from 'vitest';
import BetterSqlite3 from 'better-sqlite3';
import {makeInstances, write, type Instances} from '../../helpers/instances.ts';
import type {ReplicateResult, TablePolicy} from '../../../src/index.ts';

const ROWS = 30_000;
const ddl = `CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c TEXT);
  CREATE TABLE link (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE CASCADE, tag INTEGER, w TEXT)`;
const rows = `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
  INSERT INTO t SELECT i, 'a' || i, 'b', 'c' FROM n;
  INSERT INTO link (t, tag, w) SELECT id, 1, '' FROM t WHERE id % 10 = 0`;

async function started(policy: TablePolicy): Promise<{
  instances: Instances;
  run: () => Promise<ReplicateResult>;
}> {
  const instances = makeInstances({ddl, primary: rows, replica: '', tables: ['t', 'link']});
  const policies = new Map([
    ['t', policy],
    ['link', {policy: policy.policy}],
  ]);
  await instances.capture();
  const run = (): Promise<ReplicateResult> => instances.replicate({policies});
  await run();
  return {instances, run};
}

function query(path: string, sql: string): unknown[] {
  const db = new BetterSqlite3(path, {readonly: true});
  try {
    return db.prepare(sql).pluck().all();
  } finally {
    db.close();
  }
}

test('a merge reads what the primary changed, and nothing where nothing is new', async () => {
  const {instances, run} = await started({policy: 'merge'});
  write(
    instances.replica,
    `UPDATE t SET a = 'here' WHERE id IN (5, 20000); DELETE FROM t WHERE id = 70; DELETE FROM link WHERE t = 70;
     INSERT INTO t VALUES (${ROWS + 9}, 'own', '', '')`,
  );
  write(
    instances.primary,
    "UPDATE t SET b = 'there' WHERE id = 20000; UPDATE t SET a = 'there' WHERE id = 5; DELETE FROM t WHERE id = 40; DELETE FROM link WHERE t = 40",
  );
  await instances.capture();
  const result = await run();
  expect(result).toMatchObject({
    tables: {t: {inserted: 0, updated: 1, deleted: 1}, link: {deleted: 1}},
    conflicts: [{table: 't', key: 'id=5', columns: ['a'], open: true}],
  });
  expect(result.cost.rowsRead).toBeLessThan(ROWS / 2);
  expect(
    query(instances.replica, 'SELECT a || b FROM t WHERE id IN (5, 20000) ORDER BY id'),
  ).toEqual(['hereb', 'herethere']);
  expect(
    query(instances.replica, `SELECT count(*) FROM t WHERE id IN (40, 70, ${ROWS + 9})`),
  ).toEqual([1]);
  const again = await run();
  expect(again).toMatchObject({applied: false, cost: {rowsRead: 0, objectsFetched: 0}});
});

test('a mirror with local columns keeps them, in rows that it reads and in those that it does not', async () => {
  const {instances, run} = await started({policy: 'mirror', local: ['c']});
  write(instances.replica, "UPDATE t SET c = 'here' WHERE id IN (7, 25000)");
  write(instances.primary, "UPDATE t SET c = 'there', b = 'new' WHERE id = 7");
  await instances.capture();
  const {cost} = await run();
  expect(cost.rowsRead).toBeLessThan(ROWS / 2);
  expect(
    query(instances.replica, 'SELECT b || c FROM t WHERE id IN (7, 25000) ORDER BY id'),
  ).toEqual(['newhere', 'bhere']);
});
