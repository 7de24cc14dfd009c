/** An undo brings back exactly the rows from before (P11), or refuses. */
import {expect, test} from 'vitest';
import {openState} from '../../../src/state/state.ts';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import {known} from '../../helpers/tables.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v, w)';
const rows = 'INSERT INTO t VALUES (1, 1, 0), (2, 1, 0), (3, 1, 0)';
const cells = ['id', 'v', 'w'];

/** Two instances of equal rows; then the primary changes some, and the replica follows. */
async function applied(change: string, more = ''): Promise<Instances> {
  const instances = makeInstances({
    ddl: `${ddl}; ${more}`,
    primary: rows,
    replica: rows,
    tables: ['t'],
  });
  await instances.capture();
  await instances.replicate();
  write(instances.primary, change);
  await instances.capture();
  await instances.replicate();
  return instances;
}

test('a trigger that changes other rows of the table on the way back is found out', async () => {
  const instances = await applied(
    'UPDATE t SET v = 2 WHERE id = 1',
    `CREATE TRIGGER other AFTER UPDATE OF v ON t WHEN NEW.v < OLD.v
       BEGIN UPDATE t SET w = w + 100 WHERE id <> NEW.id; END`,
  );
  const before = typed(instances.replica, 't', cells);
  await expect(instances.undo()).rejects.toMatchObject({
    code: 'PROOF_FAILED',
    message: expect.stringContaining('table "t"'),
  });
  expect(typed(instances.replica, 't', cells)).toEqual(before);
});

test('nor may it delete a row that the application has added since', async () => {
  const instances = await applied(
    'INSERT INTO t VALUES (9, 9, 0)',
    'CREATE TRIGGER with_children AFTER DELETE ON t BEGIN DELETE FROM t WHERE w = OLD.id; END',
  );
  write(instances.replica, 'INSERT INTO t VALUES (10, 1, 9)');
  await expect(instances.undo()).rejects.toMatchObject({code: 'PROOF_FAILED'});
  expect(typed(instances.replica, 't', ['id'])).toContain('integer 10');
});

test('a trigger that changes nothing else does not stand in the way', async () => {
  const instances = await applied(
    'UPDATE t SET v = 2 WHERE id = 1; DELETE FROM t WHERE id = 3; INSERT INTO t VALUES (4, 4, 4)',
    'CREATE TRIGGER harmless AFTER UPDATE ON t WHEN NEW.v > 100 BEGIN DELETE FROM t; END',
  );
  expect(await instances.undo()).toMatchObject({undone: true});
  expect(typed(instances.replica, 't', cells)).toEqual(
    ['1', '2', '3'].map((id) => `integer ${id} | integer 1 | integer 0`),
  );
});

test('an apply of which nobody knows whether it happened keeps the one before it from being undone', async () => {
  const instances = await applied('UPDATE t SET v = 2 WHERE id = 1');
  write(instances.primary, 'UPDATE t SET v = 3 WHERE id IN (2, 3)');
  await instances.capture();
  await instances.replicate();
  const state = await openState({
    folder: `${instances.replica}-state`,
    database: instances.replica,
  });
  const {id, body, ...position} = known(await state.undos.newest());
  await state.drop(id);
  await state.intend(position, {body});
  await state.close();
  write(instances.replica, 'UPDATE t SET v = 9 WHERE id = 3');

  const before = typed(instances.replica, 't', cells);
  for (const dryRun of [true, false, false]) {
    await expect(instances.undo({dryRun})).rejects.toMatchObject({
      code: 'UNDO_STALE',
      exitCode: 22,
    });
    expect(typed(instances.replica, 't', cells)).toEqual(before);
  }
  await instances.replicate();
  expect(typed(instances.replica, 't', cells)).toEqual(typed(instances.primary, 't', cells));
  expect(await instances.undo()).toMatchObject({undone: true, sequence: 3});
});

test('going back by name to before what was undone does not release it', async () => {
  const instances = await applied('UPDATE t SET v = 2 WHERE id = 1');
  const {snapshot} = await instances.replicate();
  write(instances.primary, 'UPDATE t SET v = 3 WHERE id = 2');
  await instances.capture();
  await instances.replicate();
  await instances.undo();
  await instances.replicate({snapshot});
  await expect(instances.replicate()).rejects.toMatchObject({code: 'HELD'});
});

test('what was trimmed is told as not brought back', async () => {
  const instances = makeInstances({
    ddl: `${ddl}; CREATE TABLE h (id INTEGER PRIMARY KEY, t INTEGER REFERENCES t ON DELETE CASCADE); CREATE INDEX by_t ON h (t)`,
    primary: rows,
    replica: `${rows}; WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 12000) INSERT INTO h SELECT i, 3 FROM n`,
    tables: ['t'],
  });
  await instances.capture();
  await instances.replicate();
  write(instances.primary, 'DELETE FROM t WHERE id = 3');
  await instances.capture();
  expect(await instances.replicate()).toMatchObject({lock: {trimmed: {h: 12_000}}});
  expect(await instances.undo({dryRun: true})).toMatchObject({notRestored: {h: 12_000}});
});
