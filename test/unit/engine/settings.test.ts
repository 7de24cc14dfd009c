/** `setting` of Uptime Kuma: off unless asked for, then the keys that may travel, and some never. */
import {expect, test} from 'vitest';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {makeInstances, typed, write} from '../../helpers/instances.ts';
import {smallKuma} from '../../helpers/small-kuma.ts';

const ddl = smallKuma.replace('setting (key', 'setting (id INTEGER PRIMARY KEY, key');
const settings = (of: string): string =>
  ['jwtSecret', 'cloudflaredTunnelToken', 'primaryBaseURL', 'steamAPIKey', 'apiKeysEnabled']
    .map((key) => `INSERT INTO setting (key, value) VALUES ('${key}', '${of}')`)
    .join(';');
const make = () =>
  makeInstances({
    ddl,
    primary: `INSERT INTO setting VALUES (77, 'tlsExpiryNotifyDays', 'p'); ${settings('p')}`,
    replica: settings('r'),
  });
const setting = (policy: TablePolicy) => ({policies: new Map([['setting', policy]])});
const read = (path: string): readonly string[] =>
  typed(path, 'setting', ['key', 'value']).map((line) => line.replaceAll(/text |'/g, ''));

test('stays where it is unless the primary is told to let it travel', async () => {
  const {replica, ...instances} = make();
  const before = read(replica);
  expect(await instances.capture()).toMatchObject({
    tables: expect.not.objectContaining({setting: expect.anything()}),
  });
  await instances.replicate();
  expect(read(replica)).toEqual(before);
});

test('one line on the primary lets the safe keys travel, whatever ids they have; the others stay', async () => {
  const {replica, ...instances} = make();
  await instances.capture(setting({policy: 'mirror'}));
  await instances.replicate();
  expect(read(replica)).toEqual([
    'apiKeysEnabled | p',
    'cloudflaredTunnelToken | r',
    'jwtSecret | r',
    'primaryBaseURL | r',
    'steamAPIKey | p',
    'tlsExpiryNotifyDays | p',
  ]);
  write(replica, "UPDATE setting SET value = 'edited' WHERE key IN ('jwtSecret', 'steamAPIKey')");
  await instances.replicate(setting({policy: 'off'}));
  expect(read(replica)).toContain('steamAPIKey | edited');
  await instances.replicate();
  expect(read(replica)).toContain('steamAPIKey | p');
  expect(read(replica)).toContain('jwtSecret | edited');
});

test('keys of each site travel where both sides name them', async () => {
  const {replica, ...instances} = make();
  const named = setting({policy: 'mirror', where: [{column: 'key', in: ['primaryBaseURL']}]});
  await instances.capture(named);
  await instances.replicate(named);
  expect(read(replica)).toContain('primaryBaseURL | p');
  expect(read(replica)).toContain('steamAPIKey | r');
  const all = setting({policy: 'mirror', where: [{column: 'key', not: ['primaryBaseURL']}]});
  await instances.capture(all);
  await instances.replicate(all);
  expect(read(replica)).toContain('steamAPIKey | p');
  expect(read(replica)).toContain('jwtSecret | r');
  expect(read(replica)).toContain('cloudflaredTunnelToken | r');
});
