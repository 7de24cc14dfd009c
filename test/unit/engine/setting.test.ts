/** Settings of Uptime Kuma: which travel, and that two of them never part. */
import {describe, expect, test} from 'vitest';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import type {TablePolicy} from '../../../src/index.ts';

const ddl = `CREATE TABLE monitor (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE heartbeat (id INTEGER PRIMARY KEY);
  CREATE TABLE notification (id INTEGER PRIMARY KEY); CREATE TABLE monitor_notification (id INTEGER PRIMARY KEY, monitor_id, notification_id);
  CREATE TABLE setting (id INTEGER PRIMARY KEY AUTOINCREMENT, key VARCHAR(200) NOT NULL UNIQUE, value TEXT, type VARCHAR(20))`;
const rows = `INSERT INTO setting (key, value) VALUES ('jwtSecret', 'secret'), ('keepDataPeriodDays', '180'),
  ('primaryBaseURL', 'a'), ('webpushPublicVapidKey', 'pub'), ('webpushPrivateVapidKey', 'priv')`;

async function make(policy: TablePolicy | undefined): Promise<{
  instances: Instances;
  capture: () => Promise<unknown>;
  replicate: () => ReturnType<Instances['replicate']>;
}> {
  const instances = makeInstances({
    ddl,
    primary: rows,
    replica:
      "INSERT INTO setting (key, value) VALUES ('jwtSecret', 'own'), ('nscd', 'true'), ('keepDataPeriodDays', '7')",
  });
  const policies = policy && new Map([['setting', policy]]);
  const capture = (): Promise<unknown> => instances.capture({policies});
  const replicate = (): ReturnType<Instances['replicate']> => instances.replicate({policies});
  await capture();
  await replicate();
  return {instances, capture, replicate};
}

const settings = ({replica}: Instances): Record<string, string> =>
  Object.fromEntries(
    typed(replica, 'setting', ['key', 'value']).map((line) =>
      [...line.matchAll(/'([^']*)'/g)].map(([, text]) => text ?? ''),
    ) as [string, string][],
  );

describe('settings', () => {
  test('stay where they are, unless one line switches them on', async () => {
    const {instances} = await make(undefined);
    expect(settings(instances)).toEqual({jwtSecret: 'own', nscd: 'true', keepDataPeriodDays: '7'});
  });

  test('that are useful everywhere travel, and no others', async () => {
    const {instances, capture, replicate} = await make({policy: 'mirror'});
    const travelled = {
      jwtSecret: 'own',
      nscd: 'true',
      keepDataPeriodDays: '180',
      webpushPublicVapidKey: 'pub',
      webpushPrivateVapidKey: 'priv',
    };
    expect(settings(instances)).toEqual(travelled);
    write(instances.primary, "DELETE FROM setting WHERE key = 'keepDataPeriodDays'");
    await capture();
    await replicate();
    const {keepDataPeriodDays: _, ...rest} = travelled;
    expect(settings(instances)).toEqual(rest);
  });

  test('are merged without parting the keys that belong together', async () => {
    const {instances, capture, replicate} = await make({
      policy: 'merge',
      onConflict: 'replicaWins',
    });
    write(
      instances.replica,
      "UPDATE setting SET value = 'mine' WHERE key = 'webpushPublicVapidKey'",
    );
    write(
      instances.primary,
      "UPDATE setting SET value = 'new' WHERE key = 'webpushPrivateVapidKey'",
    );
    await capture();
    const {conflicts} = await replicate();
    expect(conflicts).toMatchObject([
      {kind: 'bothEdited', taken: 'ours'},
      {kind: 'bothEdited', taken: 'ours'},
    ]);
    expect(settings(instances)).toMatchObject({
      webpushPublicVapidKey: 'mine',
      webpushPrivateVapidKey: 'priv',
    });
    expect(await replicate()).toMatchObject({applied: false});
  });
});
