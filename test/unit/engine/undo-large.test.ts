/** Records of more rows than one part holds: they are read part by part, and as far as they are needed. */
import BetterSqlite3 from 'better-sqlite3';
import {expect, test} from 'vitest';
import {history} from '../../../src/engine/history.ts';
import {untoldChanges} from '../../../src/engine/applied-changes.ts';
import {HISTORY_BODY_CHARS_MAX, UNDO_PART_CHARS} from '../../../src/kernel/limits.ts';
import {openState, type State} from '../../../src/state/state.ts';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import {smallKuma} from '../../helpers/small-kuma.ts';
import {known} from '../../helpers/tables.ts';

const rows = 24;
const width = UNDO_PART_CHARS / 8;
const ids = `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) `;

async function filled(): Promise<Instances> {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, w)',
    primary: `${ids} INSERT INTO t SELECT i, hex(zeroblob(${width / 2})) FROM n`,
    replica: '',
    tables: ['t'],
  });
  await instances.capture();
  await instances.replicate();
  expect(partsIn(instances)).toBeGreaterThan(1);
  return instances;
}

function inState<T>({replica}: Instances, work: (db: BetterSqlite3.Database) => T): T {
  const db = new BetterSqlite3(`${replica}-state/instances/replica.db/state.db`);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

function partsIn(instances: Instances): unknown {
  return inState(instances, (db) =>
    db.prepare('SELECT count(*) FROM changeset_part').pluck().get(),
  );
}

async function onState<T>({replica}: Instances, work: (state: State) => Promise<T>): Promise<T> {
  const state = await openState({folder: `${replica}-state`, database: replica});
  try {
    return await work(state);
  } finally {
    await state.close();
  }
}

test('it is undone as any other, and its parts go with it', async () => {
  const instances = await filled();
  write(instances.primary, "UPDATE t SET w = 'later' WHERE id = 3");
  await instances.capture();
  expect((await instances.replicate()).tables).toEqual({t: {inserted: 0, updated: 1, deleted: 0}});
  await instances.undo();
  const undone = {undone: true, tables: {t: {inserted: 0, updated: 0, deleted: rows}}};
  expect(await instances.undo()).toMatchObject(undone);
  expect(typed(instances.replica, 't', ['id'])).toEqual([]);
  expect(partsIn(instances)).toBe(0);
});

test('a row of a later part that changed since is in the way of it', async () => {
  const instances = await filled();
  write(instances.replica, `UPDATE t SET w = 'own' WHERE id = ${rows}`);
  const stale = {code: 'UNDO_STALE', message: expect.stringContaining(`id=${rows}`)};
  await expect(instances.undo()).rejects.toMatchObject(stale);
});

test('one whose parts are gone is damaged, and brings nothing back', async () => {
  const instances = await filled();
  inState(instances, (db) => db.exec('DELETE FROM changeset_part WHERE part = 1'));
  await expect(instances.undo()).rejects.toMatchObject({code: 'NOTHING_TO_UNDO'});
  expect(typed(instances.replica, 't', ['id'])).toHaveLength(rows);
});

test('a run that died after COMMIT is known by the first rows, and can be undone by all', async () => {
  const instances = await filled();
  await onState(instances, async (state) => {
    const {id, body, previous: _, ...position} = known(await state.undos.newest());
    const parts: string[] = [];
    for await (const part of state.undos.parts({id})) parts.push(part);
    await state.drop(id);
    await state.intend(position, {body, parts: inTurn(parts)});
  });
  expect(await instances.status()).toMatchObject({interrupted: true});
  expect(await instances.undo()).toMatchObject({undone: true});
  expect(typed(instances.replica, 't', ['id'])).toEqual([]);
});

async function* inTurn<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

test('of links alone, all rows are asked', async () => {
  const links = (w: string): string =>
    `INSERT INTO monitor (id) VALUES (1); ${ids} INSERT INTO notification (id) SELECT i FROM n;
     ${ids} INSERT INTO monitor_notification SELECT i, 1, i, '${w}' || hex(zeroblob(${width / 2})) FROM n`;
  const instances = makeInstances({ddl: smallKuma, primary: links('a'), replica: links('b')});
  await instances.capture();
  await instances.replicate();
  expect(partsIn(instances)).toBeGreaterThan(1);
  await onState(instances, async (state) => {
    const {id, body, previous: _, ...position} = known(await state.undos.newest());
    const parts: string[] = [];
    for await (const part of state.undos.parts({id})) parts.push(part);
    await state.distrust();
    await state.drop(id);
    await state.intend(position, {body, parts: inTurn(parts)});
  });
  expect(await instances.undo()).toMatchObject({undone: true});
  const first = typed(instances.replica, 'monitor_notification', ['w'])[0];
  expect(first).toMatch(/^text 'b0/);
});

test('its rows are listed, and told, as long as they are few enough in all', async () => {
  const instances = await filled();
  const {replica} = instances;
  const options = {database: replica, state: `${replica}-state`, tables: ['t']} as never;
  const page = await history(options, {limit: 1000});
  expect(page.applies).toMatchObject([{listed: 'yes'}]);
  expect(page.rows.map(({key}) => key)).toEqual(
    Array.from({length: rows}, (_, at) => `id=${at + 1}`),
  );
  const untold = await onState(instances, (state) => untoldChanges(state, 0));
  expect(untold).toMatchObject({lost: undefined});
  expect(untold?.changes).toHaveLength(rows);

  const more = Math.ceil(HISTORY_BODY_CHARS_MAX / width);
  inState(instances, (db) => {
    const last = Number(db.prepare('SELECT max(part) FROM changeset_part').pluck().get());
    const insert = db.prepare(
      'INSERT INTO changeset_part SELECT changeset, ?, rows FROM changeset_part WHERE part = 0',
    );
    for (let part = 1; part <= more / 8 + 1; part++) insert.run(last + part);
  });
  expect((await history(options)).applies).toMatchObject([{listed: 'tooLong'}]);
  const lost = await onState(instances, (state) => untoldChanges(state, 0));
  expect(lost?.lost).toMatch(/too long/);
});
