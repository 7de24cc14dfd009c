/**
 * What Replicator Kuma's modes and strategies did, and the presets do: which tables travel, and what becomes of local edits in each
 * cycle, at a start, and when there is a new snapshot.
 */
import {rmSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {capture, noProgress, replicate, silentLog, type EngineOptions} from '../../../src/index.ts';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {tempFolder} from '../../helpers/temp-db.ts';
import {complaints, countRows, dumpTable, execute} from '../../helpers/typed-dump.ts';
import {buildEmptyKuma, buildPopulatedKuma} from '../../helpers/uptime-kuma/index.ts';

/** What a user of the replica does to a table, and how it is seen that it still stands. */
type Edits = {
  readonly table: string;
  readonly edited?: readonly [set: string, where: string];
  readonly added: readonly [columns: string, values: string];
  readonly deleted: string;
};

const edits: readonly Edits[] = [
  {
    table: 'monitor',
    edited: ["name = 'mine'", 'id = 3'],
    added: ['id, name, interval, user_id, timeout', "500, 'mine', 60, 1, 48"],
    deleted: 'id = 6',
  },
  {
    table: 'notification',
    edited: ["name = 'mine'", 'id = 1'],
    added: ['id, name, user_id', "500, 'mine', 1"],
    deleted: 'id = 7',
  },
  {
    table: 'monitor_notification',
    added: ['monitor_id, notification_id', '5, 5'],
    deleted: 'monitor_id = 4',
  },
  {
    table: 'proxy',
    edited: ["host = 'mine'", 'id = 1'],
    added: ['id, user_id, protocol, host, port, auth', "500, 1, 'http', 'mine', 1, 0"],
    deleted: 'id = 40',
  },
  {
    table: 'remote_browser',
    edited: ["url = 'mine'", 'id = 1'],
    added: ['id, name, url', "500, 'mine', 'mine'"],
    deleted: 'id = 40',
  },
  {
    table: 'tag',
    edited: ["name = 'mine'", 'id = 1'],
    added: ['id, name, color', "500, 'mine', 'red'"],
    deleted: 'id = 6',
  },
  {
    table: 'docker_host',
    edited: ["name = 'mine'", 'id = 1'],
    added: ['id, user_id, name', "500, 1, 'mine'"],
    deleted: 'id = 40',
  },
  {
    table: 'status_page_cname',
    edited: ["domain = 'mine.invalid'", 'id = 1'],
    added: ['id, status_page_id, domain', "500, 1, 'mine too.invalid'"],
    deleted: 'id = 2',
  },
  {
    table: 'setting',
    edited: ["value = 'mine'", "key = 'steamAPIKey'"],
    added: ['key, value', "'mine', 'mine'"],
    deleted: "key = 'tlsExpiryNotifyDays'",
  },
  {
    table: 'user',
    edited: ["timezone = 'mine'", 'id = 1'],
    added: ['id, username', "500, 'mine'"],
    deleted: 'id = 2',
  },
];

const firstTables = ['monitor', 'tag'];
const withNotifications = [...firstTables, 'notification', 'monitor_notification'];
const allTables = [...withNotifications, 'proxy', 'remote_browser', 'user'];

type Moment = 'cycle' | 'start' | 'new snapshot';
type Fates = {
  readonly edited: boolean | undefined;
  readonly added: boolean;
  readonly deleted: boolean;
};

/** Which edits still stand, by the words for Replicator Kuma. */
const oldTool: Readonly<Record<string, (table: string, moment: Moment) => Fates>> = {
  default: (table) => all(!firstTables.includes(table)),
  'notifications-insert-merge': (table) => all(!withNotifications.includes(table)),
  snapshot: (table, moment) => all(!allTables.includes(table) || moment === 'cycle'),
  'local-entity': (table, moment) => {
    const isEntity = ['proxy', 'remote_browser'].includes(table);
    if (isEntity && moment !== 'cycle') return {edited: true, added: false, deleted: false};
    return all(!allTables.includes(table) || moment === 'cycle');
  },
};
const all = (stands: boolean): Fates => ({edited: stands, added: stands, deleted: stands});

type Pair = {
  readonly primary: string;
  readonly replica: string;
  readonly capture: () => Promise<unknown>;
  readonly replicate: (repair?: boolean) => ReturnType<typeof replicate>;
};

function makePair(
  preset: string | undefined,
  there = preset,
  tables: Readonly<Record<string, TablePolicy>> = {},
): Pair {
  const policies = new Map(Object.entries(tables));
  const folder = tempFolder();
  const optionsOf = (name: string): EngineOptions => ({
    database: join(folder, `${name}.db`),
    store: `dir:${join(folder, 'store')}`,
    state: join(folder, `${name}-state`),
    env: process.env,
    log: silentLog,
    progress: noProgress,
  });
  const [source, target] = [optionsOf('primary'), optionsOf('replica')];
  for (const {database} of [source, target]) {
    buildPopulatedKuma(database, {version: '2.5.3', monitors: 14, heartbeats: 1});
    // Nothing refers to these, so that they can be deleted.
    execute(
      database,
      `INSERT INTO user (id, username) VALUES (2, 'second');
       INSERT INTO proxy (id, user_id, protocol, host, port, auth) VALUES (40, 1, 'http', 'h', 1, 0);
       INSERT INTO remote_browser (id, name, url) VALUES (40, 'n', 'u');
       INSERT INTO docker_host (id, user_id, name) VALUES (40, 1, 'n')`,
    );
  }
  return {
    primary: source.database,
    replica: target.database,
    capture: () => capture({...source, policies, preset: there}),
    replicate: (repair) => replicate({...target, policies, preset, repair}),
  };
}

function editAll(path: string): void {
  for (const {table, edited, added, deleted} of edits)
    execute(
      path,
      `DELETE FROM ${table} WHERE ${deleted};
       INSERT INTO ${table} (${added[0]}) VALUES (${added[1]});
       ${edited === undefined ? '' : `UPDATE ${table} SET ${edited[0]} WHERE ${edited[1]}`}`,
    );
}

function standing(path: string, {table, edited, added, deleted}: Edits): Fates {
  const condition = zip(added[0].split(', '), added[1].split(', '));
  return {
    edited: edited && countRows(path, table, `${edited[0]} AND ${edited[1]}`) === 1,
    added: countRows(path, table, condition) === 1,
    deleted: countRows(path, table, deleted) === 0,
  };
}

const zip = (columns: readonly string[], values: readonly string[]): string =>
  columns.map((column, at) => `${column} = ${values[at]}`).join(' AND ');

describe.each(Object.keys(oldTool))('preset %s', (preset) => {
  test.each<Moment>(['cycle', 'start', 'new snapshot'])('local edits at a %s', async (moment) => {
    const pair = makePair(preset);
    await pair.capture();
    await pair.replicate();
    editAll(pair.replica);
    for (const of of edits)
      expect(Object.values(standing(pair.replica, of)), of.table).not.toContain(false);
    if (moment === 'new snapshot') {
      execute(pair.primary, "UPDATE monitor SET description = 'news' WHERE id = 1");
      await pair.capture();
    }
    await pair.replicate(moment === 'start');
    for (const of of edits) {
      const {edited, ...others} = oldTool[preset]?.(of.table, moment) ?? all(false);
      expect(standing(pair.replica, of), of.table).toEqual({
        edited: of.edited && edited,
        ...others,
      });
    }
    expect(complaints(pair.replica)).toEqual([]);
    expect(await pair.replicate(moment === 'start')).toMatchObject({applied: false});
  });
});

test.each([
  ['default', 10],
  ['notifications-insert-merge', 12],
  ['snapshot', 16],
  ['local-entity', 16],
])('preset %s captures its %d tables alone', async (preset, tables) => {
  const result = (await makePair(preset).capture()) as {readonly tables: object};
  expect(Object.keys(result.tables)).toHaveLength(tables);
  expect(result.tables).not.toHaveProperty('docker_host');
});

test.each(['proxy', 'remote_browser'])(
  'local-entity, %s: what the leader adds comes, what it deletes goes, what it edits stays as it is here',
  async (table) => {
    const {primary, replica, ...pair} = makePair('local-entity');
    const first = table === 'proxy' ? 'host' : 'url';
    const more =
      table === 'proxy'
        ? ", user_id, protocol, host, port, auth) VALUES (30, 1, 'http', 'new', 1, 0"
        : ", name, url) VALUES (30, 'new', 'new'";
    await pair.capture();
    await pair.replicate();
    const other = 40;
    const before = dumpTable(replica, table);
    execute(
      primary,
      `UPDATE ${table} SET ${first} = 'of the leader'; INSERT INTO ${table} (id${more}); DELETE FROM ${table} WHERE id = ${other}`,
    );
    await pair.capture();
    await pair.replicate();
    expect(dumpTable(replica, table)).toEqual(
      [
        ...before.filter(({id}) => id !== `integer ${other}`),
        ...dumpTable(primary, table).filter(({id}) => id === 'integer 30'),
      ].toSorted((a, b) =>
        JSON.stringify(Object.entries(a)) < JSON.stringify(Object.entries(b)) ? -1 : 1,
      ),
    );
    execute(primary, `UPDATE ${table} SET ${first} = 'again' WHERE id = 30`);
    await pair.capture();
    await pair.replicate(true);
    expect(countRows(replica, table, `id = 30 AND ${first} = 'new'`)).toBe(1);
    expect(await pair.replicate(true)).toMatchObject({applied: false});
  },
);

test('a preset of the replica alone chooses among the tables that the primary captured', async () => {
  const {primary, replica, ...pair} = makePair('default', undefined);
  await pair.capture();
  execute(
    primary,
    "UPDATE monitor SET name = 'news' WHERE id = 3; UPDATE docker_host SET name = 'news'; UPDATE notification SET name = 'news'",
  );
  await pair.capture();
  await pair.replicate();
  expect(countRows(replica, 'monitor', "name = 'news'")).toBe(1);
  expect(countRows(replica, 'docker_host', "name = 'news'")).toBe(0);
  expect(countRows(replica, 'notification', "name = 'news'")).toBe(0);
});

test('unlike the old tool, a reference to a row of a table that is not replicated is refused, not written', async () => {
  const {primary, replica, ...pair} = makePair('snapshot');
  execute(
    primary,
    "INSERT INTO docker_host (id, user_id, name) VALUES (9, 1, 'new'); UPDATE monitor SET docker_host = 9 WHERE id = 11",
  );
  await pair.capture();
  const before = dumpTable(replica, 'monitor');
  await expect(pair.replicate()).rejects.toMatchObject({
    code: 'FOREIGN_KEY',
    exitCode: 20,
    site: {table: 'monitor'},
  });
  expect(dumpTable(replica, 'monitor')).toEqual(before);
});

test('tables of the configuration go before the preset', async () => {
  const {primary, replica, ...pair} = makePair('snapshot', 'snapshot', {
    docker_host: {policy: 'mirror'},
    monitor: {local: ['description']},
  });
  execute(
    primary,
    "UPDATE docker_host SET name = 'news'; UPDATE monitor SET description = 'news', name = 'news'",
  );
  await pair.capture();
  await pair.replicate();
  expect(countRows(replica, 'docker_host', "name = 'news'")).toBe(3);
  expect(countRows(replica, 'monitor', "name = 'news'")).toBe(14);
  expect(countRows(replica, 'monitor', "description = 'news'")).toBe(0);
});

test('into an empty database too, where nothing refers to what does not travel', async () => {
  const {primary, replica, ...pair} = makePair('local-entity');
  execute(primary, 'UPDATE monitor SET docker_host = NULL');
  await pair.capture();
  rmSync(replica);
  buildEmptyKuma(replica, {version: '2.5.3'});
  await pair.replicate();
  for (const table of allTables)
    expect(countRows(replica, table), table).toBe(countRows(primary, table));
});
