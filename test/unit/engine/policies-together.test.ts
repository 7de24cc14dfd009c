/** Tables of different policies, one of which refers to the other. */
import {rmSync} from 'node:fs';
import {describe, expect, test} from 'vitest';
import {BASE_SEARCH_MAX} from '../../../src/kernel/limits.ts';
import {silentLog} from '../../../src/index.ts';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {faults, makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import {smallKuma} from '../../helpers/small-kuma.ts';
import {execute} from '../../helpers/typed-dump.ts';

const rows = `
  INSERT INTO monitor (id, name) VALUES (1, 'a'), (2, 'b'), (3, 'c');
  INSERT INTO notification VALUES (1, 'n'), (2, 'm');
  INSERT INTO monitor_notification (monitor_id, notification_id) VALUES (1, 1), (1, 2), (2, 1)`;

const links = (path: string): string =>
  typed(path, 'monitor_notification', ['monitor_id', 'notification_id'])
    .map((line) => line.replace(/\D*(\d+)\D*(\d+)/, '$1-$2'))
    .join(' ');

async function started(tables: Readonly<Record<string, TablePolicy>>) {
  const instances = makeInstances({ddl: smallKuma, primary: rows, replica: ''});
  const policies = new Map(Object.entries(tables));
  const follow = (log = silentLog) => instances.replicate({policies, log});
  await instances.capture();
  await follow();
  return {
    primary: instances.primary,
    replica: instances.replica,
    follow,
    capture: (): ReturnType<Instances['capture']> => instances.capture(),
    loseState: () => rmSync(`${instances.replica}-state`, {recursive: true}),
  };
}

describe.each<[string, TablePolicy]>([
  ['merge', {policy: 'merge', onConflict: 'replicaWins'}],
  ['keep', {drift: 'keep'}],
])('links under %s, monitors a mirror', (_, policy) => {
  const tables = {monitor_notification: policy};

  test('a monitor that was deleted here comes back with its links', async () => {
    const {replica, follow} = await started(tables);
    execute(replica, 'DELETE FROM monitor WHERE id = 1');
    expect(links(replica)).toBe('2-1');
    await follow();
    expect(links(replica)).toBe('1-1 1-2 2-1');
    expect(await follow()).toMatchObject({
      applied: false,
      tables: {monitor_notification: {inserted: 0}},
    });
  });

  test('a link that was taken off here stays away when its monitor is edited, here or there', async () => {
    const {primary, replica, follow, capture} = await started(tables);
    execute(
      replica,
      "DELETE FROM monitor_notification WHERE monitor_id = 1; UPDATE monitor SET name = 'x'",
    );
    write(primary, "UPDATE monitor SET name = 'y'");
    await capture();
    await follow();
    expect(links(replica)).toBe('2-1');
    expect(faults(replica)).toEqual([]);
  });
});

test('an alert that the primary takes off, and puts on again later, comes back where it was taken off here', async () => {
  const {primary, replica, follow, capture} = await started({
    monitor_notification: {policy: 'merge', onConflict: 'replicaWins'},
  });
  const add = 'INSERT INTO monitor_notification (monitor_id, notification_id) VALUES (2, 1)';
  const remove = 'DELETE FROM monitor_notification WHERE monitor_id = 2';
  execute(replica, remove);
  execute(primary, `${remove}; ${add}; UPDATE monitor SET name = 'saved'`);
  await capture();
  await follow();
  expect(links(replica)).toBe('1-1 1-2');
  for (const sql of [remove, add]) {
    execute(primary, sql);
    await capture();
    await follow();
  }
  expect(links(replica)).toBe('1-1 1-2 2-1');
});

test('a replica that lost its state after it was away for longer than is looked back says that it is not sure', async () => {
  const policy: TablePolicy = {policy: 'merge', onConflict: 'replicaWins'};
  const {primary, replica, follow, capture, loseState} = await started({
    monitor_notification: policy,
  });
  execute(replica, 'DELETE FROM monitor_notification WHERE monitor_id = 2');
  for (let n = 0; n < BASE_SEARCH_MAX + 10; n++) {
    const link =
      n === 2
        ? 'INSERT INTO monitor_notification (monitor_id, notification_id) VALUES (3, 2);'
        : '';
    execute(primary, `${link} UPDATE monitor SET name = 'n${n}'`);
    await capture();
  }
  loseState();
  const said: string[] = [];
  await follow({...silentLog, warn: (message) => said.push(message)});
  expect(said).toEqual([expect.stringMatching(/may be older than the snapshots looked at/)]);
  expect(links(replica)).toBe('1-1 1-2');
});
