/** Records of the state that got damaged: what they said is found out by comparing, or refused by name. */
import {mkdirSync, readdirSync, truncateSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {expect, test} from 'vitest';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

async function applied(): Promise<Instances> {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, w)',
    primary: "INSERT INTO t VALUES (1, 'after'), (2, 'added')",
    replica: "INSERT INTO t VALUES (1, 'before')",
    tables: ['t'],
  });
  await instances.capture();
  await instances.replicate();
  return instances;
}

const folderOf = ({replica}: Instances): string =>
  join(`${replica}-state`, 'instances', 'replica.db');

function onState(instances: Instances, sql: string): void {
  const db = new BetterSqlite3(join(folderOf(instances), 'state.db'));
  db.exec(sql);
  db.close();
}

const rows = ({replica}: Instances) => typed(replica, 't', ['id', 'w']);
const AFTER = ["integer 1 | text 'after'", "integer 2 | text 'added'"];

const bodies: readonly (readonly [string, string])[] = [
  ['cut short', `body = substr(body, 1, length(body) - 3)`],
  ['empty', `body = ''`],
  ['of another form', `body = '{"rows":[{"table":"t"}]}'`],
  ['of rows that are none', `body = replace(body, 'after', '",["')`],
  ['without its manifest', `manifest = x'00ff'`],
  ['with another manifest', `manifest = manifest || x'0a'`],
];

test.each(bodies)(
  'a record of an apply %s: undo refuses by name, and nothing changes',
  async (_, damage) => {
    const instances = await applied();
    onState(instances, `UPDATE changeset SET ${damage}`);
    await expect(instances.undo()).rejects.toMatchObject({
      code: 'NOTHING_TO_UNDO',
      message: expect.stringMatching(/its record in the state is damaged/),
    });
    expect(rows(instances)).toEqual(AFTER);
    await instances.replicate();
  },
);

test.each(bodies)('an intent %s: the next run compares all rows and goes on', async (_, damage) => {
  const instances = await applied();
  onState(instances, `UPDATE changeset SET status = 'intended', ${damage}`);
  write(instances.replica, "UPDATE t SET w = 'half' WHERE id = 1");
  await instances.replicate();
  expect(rows(instances)).toEqual(AFTER);
  expect(await instances.status()).toMatchObject({interrupted: false});
});

test.each(["'{'", "'{}'", "'[]'", `'{"lineage":1}'`])(
  'a position before an apply that reads %s counts as not noted',
  async (previous) => {
    const instances = await applied();
    onState(instances, `UPDATE changeset SET previous = ${previous}`);
    await instances.undo();
    expect(rows(instances)).toEqual(["integer 1 | text 'before'"]);
    expect(await instances.status()).toMatchObject({position: {trusted: false}, held: 'undone'});
  },
);

test('a manifest that got damaged in the position is fetched anew, and the next base is not trusted', async () => {
  const instances = await applied();
  onState(instances, `UPDATE position SET manifest = x'00ff'`);
  write(instances.replica, "UPDATE t SET w = 'edited' WHERE id = 2");
  await instances.replicate();
  expect(rows(instances)).toEqual(AFTER);
  onState(instances, `UPDATE position SET manifest = x'00ff'`);
  write(instances.primary, "INSERT INTO t VALUES (3, 'new')");
  await instances.capture();
  await instances.replicate();
  expect(rows(instances)).toEqual([...AFTER, "integer 3 | text 'new'"]);
});

test('objects at hand that are anything else than files of their digest are fetched anew', async () => {
  const instances = await applied();
  const objects = join(folderOf(instances), 'staging', 'objects');
  const [name = ''] = readdirSync(objects);
  truncateSync(join(objects, name), 3 * 2 ** 30);
  const spoilt = `${'ab'.repeat(32)}`;
  mkdirSync(join(objects, spoilt));
  writeFileSync(join(objects, spoilt, 'x'), '');
  write(instances.replica, "UPDATE t SET w = 'edited' WHERE id = 2");
  await instances.replicate();
  expect(rows(instances)).toEqual(AFTER);
  expect(readdirSync(objects)).toEqual([name]);
});

test('a manifest that got damaged is no base to read less of a large table by', async () => {
  const count = 60_000; // more cells than are compared in any case
  const many = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) INSERT INTO t SELECT i, i FROM n`;
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, w)',
    primary: many,
    replica: many,
    tables: ['t'],
  });
  await instances.capture();
  await instances.replicate();
  onState(instances, `UPDATE position SET manifest = x'00ff'`);
  write(instances.primary, 'UPDATE t SET w = 0 WHERE id = 7');
  await instances.capture();
  const {cost, tables} = await instances.replicate();
  expect(tables).toEqual({t: {inserted: 0, updated: 1, deleted: 0}});
  expect(cost.rowsRead).toBeGreaterThanOrEqual(count);
});
