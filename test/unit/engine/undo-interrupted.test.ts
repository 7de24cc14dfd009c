/** An undo that ended in the middle: the rows tell what happened, as they do for an apply. */
import {expect, test} from 'vitest';
import {openState, type State} from '../../../src/state/state.ts';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import {smallKuma} from '../../helpers/small-kuma.ts';
import {known} from '../../helpers/tables.ts';

const link = (w: string): string =>
  `INSERT INTO monitor (id) VALUES (1); INSERT INTO notification (id) VALUES (1);
   INSERT INTO monitor_notification VALUES (1, 1, 1, '${w}')`;

const settings = {
  t: {
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, w)',
    primary: "INSERT INTO t VALUES (1, 'after')",
    replica: "INSERT INTO t VALUES (1, 'before')",
    tables: ['t'],
  },
  monitor_notification: {ddl: smallKuma, primary: link('after'), replica: link('before')},
} as const;

type Body = {rows: {before: string | null; after: string | null}[]};

/** As if the process had died after it noted its intent; `w` is what the row then holds. */
async function interrupted(table: keyof typeof settings, w: string): Promise<Instances> {
  const instances = makeInstances(settings[table]);
  await instances.capture();
  await instances.replicate();
  await onState(instances, async (state) => {
    const record = known(await state.undos.newest());
    const {rows} = JSON.parse(record.body) as Body;
    const swapped = rows.map((row) => ({...row, before: row.after, after: row.before}));
    await state.undos.intend(record, {body: JSON.stringify({rows: swapped})});
  });
  expect(await instances.status()).toMatchObject({interrupted: true, held: null});
  write(instances.replica, `UPDATE ${table} SET w = '${w}'`);
  return instances;
}

async function onState({replica}: Instances, work: (state: State) => Promise<void>): Promise<void> {
  const state = await openState({folder: `${replica}-state`, database: replica});
  await work(state);
  await state.close();
}

const tables = ['t', 'monitor_notification'] as const;

test.each(tables)(
  'one that was committed is finished, in %s: the replica is held',
  async (table) => {
    const instances = await interrupted(table, 'before');
    await expect(instances.replicate()).rejects.toMatchObject({code: 'HELD'});
    expect(typed(instances.replica, table, ['w'])).toEqual(["text 'before'"]);
    expect(await instances.status()).toMatchObject({
      interrupted: false,
      held: 'undone',
      position: null,
    });
    await expect(instances.undo()).rejects.toMatchObject({code: 'NOTHING_TO_UNDO'});
    expect(await instances.resume()).toMatchObject({resumed: true});
    await instances.replicate();
    expect(typed(instances.replica, table, ['w'])).toEqual(["text 'after'"]);
  },
);

test.each(tables)('one that was rolled back never was, in %s', async (table) => {
  const instances = await interrupted(table, 'after');
  expect(await instances.replicate()).toMatchObject({held: null, applied: false});
  expect(await instances.status()).toMatchObject({interrupted: false, held: null});
  expect(await instances.undo()).toMatchObject({undone: true, sequence: 1});
  expect(typed(instances.replica, table, ['w'])).toEqual(["text 'before'"]);
});

test('undo itself finishes it, and does not undo the apply before it too', async () => {
  const instances = await interrupted('t', 'before');
  expect(await instances.undo()).toMatchObject({
    undone: true,
    sequence: 1,
    tables: {t: {inserted: 0, updated: 1, deleted: 0}},
    held: 'undone',
  });
  await expect(instances.undo()).rejects.toMatchObject({code: 'NOTHING_TO_UNDO'});
  expect(await instances.status()).toMatchObject({held: 'undone', interrupted: false});
});

test('resume finishes it first, and releases what it held', async () => {
  const instances = await interrupted('t', 'before');
  expect(await instances.resume()).toMatchObject({resumed: true, undone: {sequence: 1}});
});

test.each(tables)(
  'where nobody can tell, in %s, rows are compared, and nothing is applied unasked',
  async (table) => {
    const instances = await interrupted(table, 'something else');
    await expect(instances.replicate()).rejects.toMatchObject({code: 'HELD'});
    expect(await instances.status()).toMatchObject({
      interrupted: false,
      held: 'undone',
      position: {sequence: 1, trusted: false},
    });
    await expect(instances.undo()).rejects.toMatchObject({code: 'UNDO_STALE'});
    await instances.resume();
    await instances.replicate();
    expect(typed(instances.replica, table, ['w'])).toEqual(["text 'after'"]);
  },
);

test('an apply of links alone that was committed is known for one, and can be undone', async () => {
  const instances = makeInstances(settings.monitor_notification);
  await instances.capture();
  await instances.replicate();
  await onState(instances, async (state) => {
    const {body, ...position} = known(await state.undos.newest());
    await state.distrust();
    await state.drop(position.id);
    await state.intend(position, {body});
  });
  expect(await instances.undo()).toMatchObject({undone: true});
  expect(typed(instances.replica, 'monitor_notification', ['w'])).toEqual(["text 'before'"]);
});
