/** A muted replica: it alerts nobody, follows all else, and takes its alerts back before anybody follows it. */
import {copyFileSync, renameSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {beforeEach, describe, expect, test} from 'vitest';
import {
  capture,
  drift,
  noProgress,
  replicate,
  silentLog,
  undo,
  unmute,
  verify,
  type EngineOptions,
  type ReplicateResult,
  type TablePolicy,
} from '../../../src/index.ts';
import {openState} from '../../../src/state/state.ts';
import {temporaryFolder} from '../../helpers/temp-folder.ts';
import {known} from '../../helpers/tables.ts';
import {complaints, countRows, dumpTable, execute} from '../../helpers/typed-dump.ts';
import {
  buildEmptyKuma,
  buildPopulatedKuma,
  type KumaVersion,
} from '../../helpers/uptime-kuma/index.ts';

const links = 'monitor_notification';
const muted = {muted: true};
const folder = temporaryFolder();
let count = 0;
let primary: EngineOptions;
let replica: EngineOptions;

function instance(name: string): EngineOptions {
  const database = join(folder, `${count}-${name}.db`);
  return {
    database,
    store: `dir:${join(folder, `${count}-store`)}`,
    state: `${database}-state`,
    env: {},
    log: silentLog,
    progress: noProgress,
  };
}

/** Both hold the same rows, links among them. */
async function same(version: KumaVersion = '2.5.3'): Promise<void> {
  count++;
  [primary, replica] = [instance('primary'), instance('replica')];
  buildPopulatedKuma(primary.database, {version, monitors: 8});
  buildEmptyKuma(replica.database, {version: '2.5.3'});
  await capture(primary);
  await replicate(replica);
}

beforeEach(async () => same());

const linksOf = ({database}: EngineOptions) => dumpTable(database, links, {without: ['id']});
const rows = ({database}: EngineOptions, where = '1'): number => countRows(database, links, where);
/** Tables in which anything was written. */
const written = ({tables}: Pick<ReplicateResult, 'tables'>): readonly string[] =>
  Object.entries(tables).flatMap(([table, {inserted, updated, deleted}]) =>
    inserted + updated + deleted > 0 ? [table] : [],
  );
const policy = (of: TablePolicy) => ({policies: new Map([[links, of]])});

test('its links go in spite of the fuse, and stay away; all else is as on the primary', async () => {
  expect(rows(replica)).toBeGreaterThan(5);
  const done = await replicate({...replica, ...muted});
  expect(done).toMatchObject({applied: true, proof: 'full', muted: [links], merged: []});
  expect(done.tables).toMatchObject({[links]: {inserted: 0, updated: 0, deleted: rows(primary)}});
  expect(written(done)).toEqual([links]);
  expect(rows(replica)).toBe(0);
  execute(
    primary.database,
    `INSERT INTO ${links} (monitor_id, notification_id) VALUES (1, 7); UPDATE monitor SET name = 'new' WHERE id = 1`,
  );
  await capture(primary);
  expect(written(await replicate({...replica, ...muted}))).toEqual(['monitor']);
  expect(rows(replica)).toBe(0);
  expect((await verify({...replica, ...muted})).equal).toBe(true);
  expect(await drift({...replica, ...muted})).toMatchObject({rows: 0});
  expect(written(await replicate({...replica, ...muted}))).toEqual([]);
  expect(complaints(replica.database)).toEqual([]);
});

test('what is linked there by hand is drift, and goes with the next look', async () => {
  await replicate({...replica, ...muted});
  execute(replica.database, `INSERT INTO ${links} (monitor_id, notification_id) VALUES (1, 1)`);
  expect((await verify({...replica, ...muted})).equal).toBe(false);
  const found = await drift({...replica, ...muted});
  expect(found.changes).toMatchObject([{table: links, op: 'insert', fate: 'repaired'}]);
  await replicate({...replica, ...muted});
  expect(rows(replica)).toBe(0);
});

test('an empty replica comes up without a link', async () => {
  count++;
  const fresh = instance('fresh');
  buildEmptyKuma(fresh.database, {version: '2.5.3'});
  const {store} = replica;
  await replicate({...fresh, store, ...muted});
  expect(rows(fresh)).toBe(0);
  expect(countRows(fresh.database, 'monitor', '1')).toBe(8);
  await replicate({...fresh, store});
  expect(linksOf(fresh)).toEqual(linksOf(primary));
});

test('the primary of another version can be followed muted, too', async () => {
  await same('1.23.17');
  await replicate({...replica, ...muted});
  expect(rows(replica)).toBe(0);
  await replicate(replica);
  expect(linksOf(replica)).toEqual(linksOf(primary));
});

describe('switched off, the links come back', () => {
  const ways: readonly (readonly [string, Partial<EngineOptions>])[] = [
    ['mirror', {}],
    ['local edits that wait for a new snapshot', {drift: 'report'}],
    ['local edits that stay', {drift: 'keep'}],
    ['merge', policy({policy: 'merge', onConflict: 'replicaWins'})],
    ['seed', policy({policy: 'seed'})],
    ['a preset', {preset: 'snapshot'}],
  ];
  test.each(ways)('%s', async (_, options) => {
    await replicate({...replica, ...options, ...muted});
    expect(rows(replica)).toBe(0);
    await replicate({...replica, ...options});
    expect(linksOf(replica)).toEqual(linksOf(primary));
    expect(written(await replicate({...replica, ...options}))).toEqual([]);
  });

  test('and after a new snapshot meanwhile', async () => {
    await replicate({...replica, ...muted});
    execute(primary.database, `DELETE FROM ${links} WHERE monitor_id = 1`);
    await capture(primary);
    await replicate({...replica, ...muted});
    await replicate(replica);
    expect(linksOf(replica)).toEqual(linksOf(primary));
  });

  test('an undo brings them back, too', async () => {
    await replicate({...replica, ...muted});
    await undo({...replica, ...muted});
    expect(linksOf(replica)).toEqual(linksOf(primary));
  });
});

test('monitors of its own go on alerting', async () => {
  const own = {policies: new Map([['monitor', {ownKeys: 1000}]]), ...muted};
  execute(
    replica.database,
    `INSERT INTO monitor (id, name, type, user_id, interval, timeout) VALUES (1000, 'own', 'http', 1, 60, 48);
     INSERT INTO ${links} (monitor_id, notification_id) VALUES (1000, 1)`,
  );
  await replicate({...replica, ...own});
  expect(rows(replica)).toBe(1);
  expect(rows(replica, 'monitor_id = 1000')).toBe(1);
  expect(written(await replicate({...replica, ...own}))).toEqual([]);
});

describe('a muted replica that becomes the primary', () => {
  const edits = `UPDATE monitor SET name = 'mine' WHERE id = 2; DELETE FROM monitor WHERE id = 1;
    INSERT INTO tag (name, color) VALUES ('mine', 'red')`;

  test('captures nothing before its links are back; nothing else is changed by that', async () => {
    await replicate({...replica, ...muted});
    execute(replica.database, `PRAGMA foreign_keys = ON; ${edits}`);
    const refused = {code: 'MUTED', exitCode: 20};
    await expect(capture(replica)).rejects.toMatchObject(refused);
    await expect(capture({...replica, ...muted, takeOver: true})).rejects.toMatchObject(refused);
    const {unmuted, applied} = await unmute({...replica, ...muted});
    expect(unmuted).toBe(true);
    expect(written(known(applied ?? undefined))).toEqual([links]);
    const left = linksOf(primary).filter(({monitor_id: of}) => of !== 'integer 1');
    expect(left.length).toBeLessThan(rows(primary));
    expect(linksOf(replica)).toEqual(left);
    for (const where of ["name = 'mine' AND id = 2", 'id = 1'])
      expect(countRows(replica.database, 'monitor', where)).toBe(where === 'id = 1' ? 0 : 1);
    expect(countRows(replica.database, 'tag', "name = 'mine'")).toBe(1);
    expect(await capture({...replica, ...muted})).toMatchObject({tookOver: true, epoch: 2});
    await replicate({...primary, allowDeletes: [links]});
    expect(linksOf(primary)).toEqual(left);
    expect(await unmute(replica)).toEqual({unmuted: false, applied: null});
  });

  test('also where it was interrupted in between, and where the state is lost', async () => {
    await replicate({...replica, ...muted});
    await unmute({...replica, ...muted});
    await replicate({...replica, ...muted});
    expect(rows(replica)).toBe(0);
    rmSync(String(replica.state), {recursive: true});
    await expect(capture({...replica, ...muted})).rejects.toMatchObject({code: 'MUTED'});
    expect(await unmute({...replica, ...muted})).toMatchObject({unmuted: false});
    await replicate(replica);
    expect(linksOf(replica)).toEqual(linksOf(primary));
    expect(await capture({...replica, ...muted, takeOver: true})).toMatchObject({tookOver: true});
  });

  test('with policies of its own, which are what they were afterwards', async () => {
    const options = {...replica, ...policy({policy: 'merge', onConflict: 'replicaWins'})};
    execute(replica.database, `DELETE FROM ${links} WHERE monitor_id = 2`);
    await replicate(options);
    await replicate({...options, ...muted});
    await unmute({...options, ...muted});
    expect(linksOf(replica)).toEqual(linksOf(primary));
  });
});

describe('muted once, a table counts as that until its rows are back', () => {
  const refused = {code: 'MUTED', exitCode: 20};

  test('also while it is off, or no part of a preset', async () => {
    for (const options of [policy({policy: 'off'}), {preset: 'default'}]) {
      await replicate({...replica, ...muted});
      await replicate({...replica, ...options});
      expect(rows(replica)).toBe(0);
      await expect(capture(replica)).rejects.toMatchObject(refused);
      await unmute({...replica, ...options});
      expect(linksOf(replica)).toEqual(linksOf(primary));
    }
  });

  test('and is filled by the next replicate that follows it, whatever becomes of local edits', async () => {
    await replicate({...replica, ...muted});
    await replicate({...replica, ...policy({policy: 'off'})});
    await replicate({...replica, drift: 'report'});
    expect(linksOf(replica)).toEqual(linksOf(primary));
  });

  test('also where the snapshots since do not hold it', async () => {
    await replicate({...replica, ...muted});
    const {snapshot} = await capture({...primary, ...policy({policy: 'off'})});
    expect(await replicate(replica)).toMatchObject({applied: true, snapshot});
    await expect(capture(replica)).rejects.toMatchObject(refused);
    await expect(unmute(replica)).rejects.toMatchObject({...refused, site: {table: links}});
    await capture(primary);
    await replicate(replica);
    expect(linksOf(replica)).toEqual(linksOf(primary));
    expect(await capture(replica)).toMatchObject({changed: false});
  });

  test('also where an undo takes them away again', async () => {
    await replicate({...replica, ...muted});
    await unmute(replica);
    await undo(replica);
    expect(rows(replica)).toBe(0);
    await expect(capture(replica)).rejects.toMatchObject(refused);
    await unmute(replica);
    expect(linksOf(replica)).toEqual(linksOf(primary));
  });
});

test('killed while it muted, and linked anew since, it counts as muted', async () => {
  await replicate({...replica, ...muted});
  const state = await openState({folder: String(replica.state), database: replica.database});
  const {id, body, previous, ...position} = known(await state.undos.newest());
  await state.reach(known(previous ?? undefined));
  await state.drop(id);
  await state.intend(position, {body});
  await state.close();
  execute(replica.database, `INSERT INTO ${links} (monitor_id, notification_id) VALUES (1, 1)`);
  await expect(capture(replica)).rejects.toMatchObject({code: 'MUTED', exitCode: 20});
  await unmute(replica);
  expect(linksOf(replica)).toEqual(linksOf(primary));
  expect(await capture(replica)).toMatchObject({changed: false});
});

describe('links that were made while it was muted', () => {
  const all = `INSERT INTO ${links} (monitor_id, notification_id)
    SELECT monitor.id, notification.id FROM monitor CROSS JOIN notification`;

  test('stay when it becomes the primary, beside those that come back', async () => {
    await replicate({...replica, ...muted});
    execute(replica.database, all);
    const made = rows(replica);
    expect(made).toBeGreaterThan(2 * rows(primary));
    const {applied} = await unmute(replica);
    expect(written(known(applied ?? undefined))).toEqual([]);
    expect(rows(replica)).toBe(made);
    expect(await capture(replica)).toMatchObject({tookOver: true});
  });

  test('are not taken for what was left of those that it had', async () => {
    await replicate({...replica, ...muted});
    // As after a copy of the whole machine: what was last applied is looked for by the rows.
    const {database} = replica;
    copyFileSync(database, `${database}-new`);
    renameSync(`${database}-new`, database);
    execute(database, `INSERT INTO ${links} (monitor_id, notification_id) VALUES (1, 1)`);
    await unmute(replica);
    expect(linksOf(replica)).toEqual(linksOf(primary));
  });
});

describe('is refused where nothing could bring the links back', () => {
  const refused = {code: 'CONFIG_INVALID', exitCode: 2};

  test('the table is off here', async () => {
    const options = {...replica, ...muted, ...policy({policy: 'off'})};
    await expect(replicate(options)).rejects.toMatchObject(refused);
    await expect(replicate({...replica, ...muted, preset: 'default'})).rejects.toMatchObject(
      refused,
    );
    expect(linksOf(replica)).toEqual(linksOf(primary));
  });

  test('the snapshot lacks it', async () => {
    await capture({...primary, ...policy({policy: 'off'})});
    await expect(replicate({...replica, ...muted})).rejects.toMatchObject(refused);
  });

  test('nobody knows how the application alerts', async () => {
    count++;
    const [a, b] = [instance('a'), instance('b')];
    for (const {database} of [a, b]) execute(database, 'CREATE TABLE t (id INTEGER PRIMARY KEY)');
    await capture({...a, tables: ['t']});
    await expect(replicate({...b, ...muted})).rejects.toMatchObject(refused);
  });
});
