/** Edits on the primary reach the replica as exactly those rows; its own history stays. */
import {join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {Instance} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {
  complaints,
  countRows,
  dumpTable,
  dumpTables,
  execute,
  fileDigests,
} from '../helpers/typed-dump.ts';
import {buildEmptyKuma, buildPopulatedKuma} from '../helpers/uptime-kuma/index.ts';
import {replicated, withoutOf} from './uptime-kuma-tables.ts';

const none = {inserted: 0, updated: 0, deleted: 0};
const updated = 2;
const deleted = 12;
const added = 5000;

describe('one monitor updated, one deleted, one added with a notification', () => {
  const folder = temporaryFolder();
  const primary = join(folder, 'primary.db');
  const replica = join(folder, 'replica.db');
  const store = `dir:${join(folder, 'store')}`;
  const source = new Instance({database: primary, store});
  const target = new Instance({database: replica, store});
  /** What the edit changes, counted on the primary itself. */
  const expected: Record<string, typeof none> = {};

  beforeAll(async () => {
    buildPopulatedKuma(primary, {version: '2.5.3', monitors: 20});
    buildEmptyKuma(replica, {version: '2.5.3'});
    await source.capture();
    await target.replicate();
    addHistory(replica);
    const links = ['monitor_notification', 'monitor_tag', 'monitor_group', 'monitor_maintenance'];
    for (const table of links) {
      const gone = countRows(primary, table, `monitor_id = ${deleted}`);
      if (gone > 0) expected[table] = {...none, deleted: gone};
    }
    expected['monitor'] = {inserted: 1, updated: 1, deleted: 1};
    expected['monitor_notification'] = {
      ...none,
      ...expected['monitor_notification'],
      inserted: 1,
    };
    execute(
      primary,
      `UPDATE monitor SET url = 'http://127.0.0.1/changed' WHERE id = ${updated};
       DELETE FROM monitor WHERE id = ${deleted};
       INSERT INTO monitor (id, name, user_id) VALUES (${added}, 'added', 1);
       INSERT INTO monitor_notification (monitor_id, notification_id) VALUES (${added}, 2);`,
    );
  });

  test('the capture counts them', async () => {
    const {tables} = await source.capture();
    const changed = Object.entries(tables).filter(([, counts]) => total(counts) > 0);
    const counts = changed.map(
      ([name, {inserted, updated: some, deleted: gone}]) =>
        [name, {inserted, updated: some, deleted: gone}] as const,
    );
    expect(Object.fromEntries(counts)).toEqual(expected);
    expect(tables['monitor']?.rows).toBe(countRows(primary, 'monitor'));
  });

  test('the dry run lists exactly these, writes nothing, and the apply reports the same', async () => {
    const before = fileDigests(replica);
    const heartbeats = `monitor_id <> ${deleted}`;
    const survivors = countRows(replica, 'heartbeat', heartbeats);
    const local = dumpTables(replica, (table) => !replicated.has(table) && !historic.has(table));
    const cascades = Object.fromEntries(
      [...historic].map((table) => [table, countRows(replica, table, `monitor_id = ${deleted}`)]),
    );
    expect(cascades).toEqual({heartbeat: 7, stat_daily: 1, stat_hourly: 1, monitor_tls_info: 1});

    const dry = await target.replicate('--dry-run');
    expect(dry).toMatchObject({applied: false, dryRun: true, cascades});
    const {changes, rest} = split(dry.tables);
    expect(changes).toEqual(expected);
    expect(rest.every((counts) => total(counts) === 0)).toBe(true);
    expect(fileDigests(replica)).toEqual(before);

    const applied = await target.replicate();
    expect(applied).toMatchObject({applied: true, dryRun: false, cascades, sequence: 2});
    expect(applied.tables).toEqual(dry.tables);
    expect(countRows(replica, 'heartbeat', heartbeats)).toBe(survivors);
    for (const table of historic) {
      expect(countRows(replica, table, `monitor_id = ${deleted}`), table).toBe(0);
    }
    expect(dumpTables(replica, (table) => !replicated.has(table) && !historic.has(table))).toEqual(
      local,
    );
    for (const table of Object.keys(applied.tables)) {
      const without = {without: withoutOf(table)};
      expect(dumpTable(replica, table, without), table).toEqual(dumpTable(primary, table, without));
    }
    expect(complaints(replica)).toEqual([]);
  });

  test('links that are remade with other ids are no change', async () => {
    execute(
      primary,
      `CREATE TEMP TABLE link AS SELECT * FROM monitor_notification;
       DELETE FROM monitor_notification;
       INSERT INTO monitor_notification (id, monitor_id, notification_id)
         SELECT id + 70000, monitor_id, notification_id FROM link ORDER BY id DESC;
       CREATE TEMP TABLE tagged AS SELECT * FROM monitor_tag;
       DELETE FROM monitor_tag;
       INSERT INTO monitor_tag (id, monitor_id, tag_id, value)
         SELECT id + 70000, monitor_id, tag_id, value FROM tagged ORDER BY id DESC;`,
    );
    expect(await source.capture()).toMatchObject({changed: false, sequence: 2});
    expect((await source.diff('live', 'latest')).equal).toBe(true);
    expect(await target.replicate()).toMatchObject({applied: false});
  });

  test('cells that the profile leaves out are no change, and stay as they are on the replica', async () => {
    execute(primary, `UPDATE monitor SET dns_last_result = 'volatile'`);
    execute(replica, `UPDATE monitor SET dns_last_result = 'own'`);
    expect(await source.capture()).toMatchObject({changed: false});
    execute(primary, `UPDATE monitor SET interval = 77 WHERE id = ${updated}`);
    await source.capture();
    await target.replicate();
    expect(countRows(replica, 'monitor', `dns_last_result IS NOT 'own'`)).toBe(0);
    expect(countRows(replica, 'monitor', 'interval = 77')).toBe(1);
  });

  test('drift on the replica is put right, and verify tells of it', async () => {
    execute(replica, `UPDATE monitor SET name = 'drifted' WHERE id = ${updated}`);
    const {exitCode, stdout} = await target.run('verify', '--json');
    expect(exitCode).toBe(4);
    expect(JSON.parse(stdout)).toMatchObject({equal: false, tables: {monitor: {equal: false}}});
    const applied = await target.replicate();
    expect(split(applied.tables).changes).toEqual({monitor: {...none, updated: 1}});
    expect((await target.verify()).equal).toBe(true);
  });
});

const historic = new Set(['heartbeat', 'stat_daily', 'stat_hourly', 'monitor_tls_info']);

/** Seven heartbeats and other history for each of two monitors that stay or change, and one that goes. */
function addHistory(path: string): void {
  const beats = [1, updated, deleted].flatMap((id) =>
    Array.from({length: 7}, (_, n) => `(1, ${id}, 1, '2026-11-01 08:00:0${n}', 1)`),
  );
  const each = [1, updated, deleted];
  execute(
    path,
    `INSERT INTO heartbeat (important, monitor_id, status, time, duration) VALUES ${beats.join(', ')};
     INSERT INTO stat_daily (monitor_id, timestamp, ping, up, down)
       VALUES ${each.map((id) => `(${id}, 1, 1.5, 2, 3)`).join(', ')};
     INSERT INTO stat_hourly (monitor_id, timestamp, ping, up, down)
       VALUES ${each.map((id) => `(${id}, 1, 1.5, 2, 3)`).join(', ')};
     INSERT INTO monitor_tls_info (monitor_id, info_json)
       VALUES ${each.map((id) => `(${id}, '{}')`).join(', ')};`,
  );
}

function split(tables: Readonly<Record<string, typeof none>>): {
  changes: Record<string, typeof none>;
  rest: (typeof none)[];
} {
  const entries = Object.entries(tables);
  return {
    changes: Object.fromEntries(entries.filter(([, counts]) => total(counts) > 0)),
    rest: entries.filter(([, counts]) => total(counts) === 0).map(([, counts]) => counts),
  };
}

function total({inserted, updated: changed, deleted: gone}: typeof none): number {
  return inserted + changed + gone;
}
