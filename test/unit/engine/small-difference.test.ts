/** Small tables are proved in any case: they are planned from what changed between snapshots, until the proof tells of more. */
import {expect, test} from 'vitest';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

/** The last ones lie in another chunk than the first. */
const rows = 6000;
const fill = (table: string): string =>
  `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
   INSERT INTO ${table} SELECT i, i FROM n;`;

async function replicated(): Promise<Instances> {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v INT); CREATE TABLE u (id INTEGER PRIMARY KEY, v INT)',
    primary: fill('t') + fill('u'),
    replica: fill('t') + fill('u'),
    tables: ['t', 'u'],
  });
  await instances.capture();
  await instances.replicate();
  return instances;
}

async function captured(instances: Instances, sql: string): Promise<void> {
  write(instances.primary, sql);
  await instances.capture();
}

const updated = (count: number): object => ({inserted: 0, updated: count, deleted: 0});

test('what did not change is read once, under the lock', async () => {
  const instances = await replicated();
  await captured(instances, 'UPDATE t SET v = -1 WHERE id = 7');
  const {proof, tables, cost} = await instances.replicate();
  expect({proof, tables}).toEqual({proof: 'full', tables: {t: updated(1), u: updated(0)}});
  expect(cost.rowsRead).toBeLessThan(2 * rows);
});

test.each([
  ['the row beside', 't', 8],
  ['a row far away', 't', rows],
  ['a row of another table', 'u', 7],
])('%s that drifted is put back with what changed', async (_, table, id) => {
  const instances = await replicated();
  await captured(instances, 'UPDATE t SET v = -1 WHERE id = 7');
  write(instances.replica, `UPDATE ${table} SET v = -2 WHERE id = ${id}`);
  const planned = await instances.replicate({dryRun: true});
  const applied = await instances.replicate();
  expect(applied).toMatchObject({applied: true, proof: 'full'});
  expect(applied.tables).toEqual(
    table === 't' ? {t: updated(2), u: updated(0)} : {t: updated(1), u: updated(1)},
  );
  expect(planned.tables).toEqual(applied.tables);
  for (const name of ['t', 'u'])
    expect(typed(instances.replica, name, ['v'])).toEqual(typed(instances.primary, name, ['v']));
});

test('where nothing changed that is followed, drift is found all the same', async () => {
  const instances = await replicated();
  const followed = {
    tables: undefined,
    allowDeletes: [],
    policies: new Map([['u', {policy: 'off' as const}]]),
  };
  await instances.replicate(followed);
  await captured(instances, 'UPDATE u SET v = -1 WHERE id = 7');
  write(instances.replica, `UPDATE t SET v = -2 WHERE id = 9`);
  const {applied, proof, tables} = await instances.replicate(followed);
  expect({applied, proof, tables}).toEqual({applied: true, proof: 'full', tables: {t: updated(1)}});
  expect(typed(instances.replica, 't', ['v'])).toEqual(typed(instances.primary, 't', ['v']));
});

test('a unique value that drifted into the way is no obstacle', async () => {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v INT UNIQUE)',
    primary: 'INSERT INTO t VALUES (1, 1), (2, 2)',
    replica: '',
    tables: ['t'],
  });
  await instances.capture();
  await instances.replicate();
  await captured(instances, 'UPDATE t SET v = 3 WHERE id = 1');
  write(instances.replica, 'INSERT INTO t VALUES (9, 3)');
  const {tables} = await instances.replicate();
  expect(tables).toEqual({t: {inserted: 0, updated: 1, deleted: 1}});
  expect(typed(instances.replica, 't', ['id'])).toEqual(typed(instances.primary, 't', ['id']));
});
