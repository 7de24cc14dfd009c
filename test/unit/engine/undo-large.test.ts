/** Records of more rows than one part holds: they are read part by part, and as far as they are needed. */
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {history} from '../../../src/engine/history.ts';
import {untoldChanges} from '../../../src/engine/applied-changes.ts';
import {evidence} from '../../../src/engine/evidence.ts';
import type {IntendedRow} from '../../../src/engine/intent.ts';
import type {ChangeCounts} from '../../../src/kernel/row.ts';
import type {Intended} from '../../../src/state/changeset.ts';
import type {UndoRecord} from '../../../src/state/undo-records.ts';
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
    const parts = await collected(state.undos.parts({id}));
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

/** As if the process had died after it noted what it was about to write; `sql` is what became of the rows. */
async function died(instances: Instances, sql: string): Promise<void> {
  await onState(instances, async (state) => {
    const {id, body, previous, ...position} = known(await state.undos.newest());
    const parts = await collected(state.undos.parts({id}));
    await state.reach(known(previous ?? undefined));
    await state.drop(id);
    await state.intend(position, {body, parts: inTurn(parts)});
  });
  write(instances.replica, sql);
}

async function collected<T>(items: AsyncIterable<T>): Promise<readonly T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

describe('where the first part is one long row', () => {
  const long = 'hex(zeroblob(150000))';
  const merging = {policies: new Map([['t', {policy: 'merge' as const}]])};

  async function applied(
    sql: string,
    how: Parameters<Instances['replicate']>[0] = {},
  ): Promise<Instances> {
    const instances = makeInstances({
      ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, w, x)',
      primary: `INSERT INTO t VALUES (1, ${long}, 'a'), (2, 'old', 'b'), (3, 'c', 'c')`,
      replica: '',
      tables: ['t'],
    });
    await instances.capture();
    await instances.replicate(how);
    write(instances.primary, sql);
    await instances.capture();
    await instances.replicate(how);
    expect(partsIn(instances)).toBeGreaterThan(0);
    return instances;
  }

  test('that the application deleted too, the other rows tell that nothing was written', async () => {
    const sql = "DELETE FROM t WHERE id = 1; UPDATE t SET w = 'new' WHERE id = 2";
    const instances = await applied(sql, merging);
    await died(instances, "UPDATE t SET w = 'old' WHERE id = 2");
    await instances.replicate(merging);
    const columns = ['id', 'w', 'x'];
    expect(typed(instances.replica, 't', columns)).toEqual(typed(instances.primary, 't', columns));
  });

  test('that the application put back, an own edit made since is kept', async () => {
    const sql = `UPDATE t SET x = 'A' WHERE id = 1; UPDATE t SET w = 'new' WHERE id = 2;
      UPDATE t SET w = 'cc', x = ${long} WHERE id = 3`;
    const instances = await applied(sql, merging);
    await died(instances, "UPDATE t SET x = 'a' WHERE id = 1");
    await instances.replicate(merging);
    expect(typed(instances.replica, 't', ['x']).includes("text 'a'")).toBe(true);
  });

  test('that the application put back, no earlier apply is undone in place of this one', async () => {
    const sql = `UPDATE t SET x = 'A' WHERE id = 1; UPDATE t SET w = 'new' WHERE id = 2`;
    const instances = await applied(sql);
    await died(instances, "UPDATE t SET x = 'a' WHERE id = 1");
    await expect(instances.undo()).rejects.toMatchObject({code: 'UNDO_STALE'});
  });

  test('an undo that did not happen is not taken for done', async () => {
    const sql = `INSERT INTO t VALUES (0, ${long}, 'z'); UPDATE t SET w = 'new' WHERE id = 2`;
    const instances = await applied(sql);
    await onState(instances, async (state) => {
      const record = known(await state.undos.newest());
      await state.undos.intend(record, await reversed(state, record));
    });
    write(instances.replica, 'DELETE FROM t WHERE id = 0');
    await expect(instances.undo()).rejects.toMatchObject({code: 'UNDO_STALE'});
  });
});

/** What an undo is about to write. */
async function reversed(state: State, {id, body}: UndoRecord): Promise<Intended> {
  const turned = (rows: readonly IntendedRow[]): IntendedRow[] =>
    rows.map((row) => ({...row, before: row.after, after: row.before}));
  const {rows, all, tables} = JSON.parse(body) as {
    rows: IntendedRow[];
    all: number;
    tables: object;
  };
  const counts = Object.entries(tables as Record<string, ChangeCounts>).map(
    ([table, {inserted, updated, deleted}]) =>
      [table, {inserted: deleted, updated, deleted: inserted}] as const,
  );
  const parts = (await collected(state.undos.parts({id}))).map((part) =>
    JSON.stringify(turned(JSON.parse(part) as IntendedRow[])),
  );
  const first = {rows: turned(rows), all, tables: Object.fromEntries(counts)};
  return {body: JSON.stringify(first), parts: inTurn(parts)};
}

test('an undo that had only to be written down tells of all of its rows', async () => {
  const instances = await filled();
  await onState(instances, async (state) => {
    const record = known(await state.undos.newest());
    await state.undos.intend(record, await reversed(state, record));
  });
  write(instances.replica, 'DELETE FROM t');
  const tables = {t: {inserted: 0, updated: 0, deleted: rows}};
  expect(await instances.undo()).toMatchObject({undone: true, tables});
  expect(partsIn(instances)).toBe(0);
});

test('rows of later parts are looked at, too, to see whether a database was put back from a copy', async () => {
  const instances = await filled();
  const look = async (): Promise<boolean> =>
    onState(instances, async (state) => {
      const database = openSqlite({path: instances.replica});
      try {
        const from = await state.position();
        return (await database.view((view) => evidence(view, state.undos, from))).isAsLeft;
      } finally {
        await database.close();
      }
    });
  expect(await look()).toBe(true);
  write(instances.replica, `UPDATE t SET w = 'own' WHERE id = ${rows}`);
  expect(await look()).toBe(false);
});

test('nothing is intended before all parts are there, and nobody is locked out meanwhile', async () => {
  const instances = await filled();
  const options = {database: instances.replica, state: `${instances.replica}-state`} as never;
  const part = JSON.stringify([{table: 't', key: 'Na1', before: null, after: 'x'.repeat(2 ** 20)}]);
  const counts = async (): Promise<unknown> =>
    inState(instances, (db) => db.prepare('SELECT DISTINCT status FROM changeset').pluck().all());
  await onState(instances, async (state) => {
    const {id: _, body, previous: __, ...position} = known(await state.undos.newest());
    const endsBadly = async function* (): AsyncGenerator<string> {
      for (let at = 0; at < 40; at++) yield part;
      expect(await state.pending()).toBeUndefined();
      expect(await counts()).toContain('preparing');
      expect((await history(options)).applies).toMatchObject([{listed: 'yes'}]);
      throw new Error('the disk is full');
    };
    await expect(state.intend(position, {body, parts: endsBadly()})).rejects.toThrow(
      'disk is full',
    );
    expect(await counts()).toEqual(['applied']);
  });
});

test('what died before all parts were there is nothing, and goes before the next', async () => {
  const instances = await filled();
  inState(instances, (db) =>
    db.exec(`INSERT INTO changeset (status, lineage, epoch, sequence, digest, author, manifest, at, body)
      SELECT 'preparing', lineage, epoch, sequence, digest, author, manifest, at, body FROM changeset`),
  );
  expect(await instances.status()).toMatchObject({interrupted: false});
  write(instances.primary, "UPDATE t SET w = 'later' WHERE id = 3");
  await instances.capture();
  await instances.replicate();
  const count = inState(instances, (db) =>
    db.prepare("SELECT count(*) FROM changeset WHERE status <> 'applied'").pluck().get(),
  );
  expect(count).toBe(0);
});

test('characters are counted, as for any other rows, where bytes are too many', async () => {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, w)',
    primary: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 240)
      INSERT INTO t SELECT i, replace(hex(zeroblob(50000)), '0', '漢') FROM n`,
    replica: '',
    tables: ['t'],
  });
  await instances.capture();
  await instances.replicate();
  expect(await instances.undo()).toMatchObject({undone: true});
}, 60_000);

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
    const parts = await collected(state.undos.parts({id}));
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

test('one whose rows were too many to be kept says nothing of older ones', async () => {
  const instances = await filled();
  write(instances.primary, 'UPDATE t SET w = id');
  await instances.capture();
  await instances.replicate();
  expect((await instances.status()).upToDate).toBe(true);
  inState(instances, (db) => {
    const last = 'id = (SELECT max(id) FROM changeset)';
    db.exec(`UPDATE changeset SET body = json_set(body, '$.rows', NULL) WHERE ${last}`);
  });
  expect((await instances.status()).upToDate).toBe(true);
});
