/** Policies that a database or its profile cannot take: told by the name of the setting, on primary and replica, with nothing stored or written. */
import {describe, expect, test} from 'vitest';
import type {EngineOptions} from '../../../src/index.ts';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {makeInstances, typed} from '../../helpers/instances.ts';
import {smallKuma} from '../../helpers/small-kuma.ts';

const rows =
  "INSERT INTO monitor (id, name) VALUES (1, 'a'); INSERT INTO setting VALUES ('steamAPIKey', 's')";
const kuma = () => makeInstances({ddl: smallKuma, primary: rows, replica: ''});
const policies = (tables: Readonly<Record<string, TablePolicy>>): Partial<EngineOptions> => ({
  policies: new Map(Object.entries(tables)),
});
const keys = (test: {in: readonly string[]} | {not: readonly string[]}): Partial<EngineOptions> =>
  policies({setting: {policy: 'mirror', where: [{column: 'key', ...test}]}});

const faults: readonly [string, Partial<EngineOptions>, RegExp][] = [
  [
    'an unknown local column',
    policies({monitor: {local: ['activ']}}),
    /^tables\.monitor\.local: it has no column "activ"$/,
  ],
  [
    'a key as local column',
    policies({monitor: {local: ['id']}}),
    /^tables\.monitor\.local: "id" is part of its key$/,
  ],
  [
    'what links a row as local column',
    policies({monitor_notification: {local: ['monitor_id']}}),
    /^tables\.monitor_notification\.local: "monitor_id" is part of its key$/,
  ],
  [
    'an unknown column in where',
    policies({monitor: {where: [{column: 'typ', not: ['push']}]}}),
    /table "monitor" .* column "typ": it is not one of/,
  ],
  [
    'a column in where that does not travel',
    policies({monitor: {where: [{column: 'dns_last_result', in: ['x']}]}}),
    /column "dns_last_result"/,
  ],
  [
    'own keys of texts',
    policies({tag: {ownKeys: 10}}),
    /^tables\.tag\.ownKeys: its key is not one integer column$/,
  ],
  [
    'own keys of links',
    policies({monitor_notification: {ownKeys: 10}}),
    /^tables\.monitor_notification\.ownKeys: /,
  ],
  ['a table that is not there', policies({monitr: {policy: 'seed'}}), /"monitr"/],
  ['an unknown preset', {preset: 'snapshots'}, /^profile "uptime-kuma" has no preset "snapshots"$/],
  ['a preset by a name that all objects have', {preset: 'constructor'}, /no preset "constructor"/],
  [
    'a setting that never travels',
    keys({in: ['steamAPIKey', 'jwtSecret']}),
    /^tables\.setting\.where: key "jwtSecret" never travels/,
  ],
  [
    'half of a pair of keys',
    keys({in: ['webpushPublicVapidKey']}),
    /^tables\.setting\.where: "webpushPublicVapidKey" and "webpushPrivateVapidKey" travel together or not at all$/,
  ],
  [
    'all but half of a pair of keys',
    keys({not: ['webpushPrivateVapidKey']}),
    /travel together or not at all$/,
  ],
];

describe.each(faults)('%s', (_, options, told) => {
  const refused = {
    exitCode: 2,
    code: expect.stringMatching(/^(CONFIG_INVALID|TABLE_NOT_FOUND)$/),
    message: expect.stringMatching(told),
    hint: expect.stringMatching(/\S/),
  };

  test('is refused on the primary', async () => {
    const instances = kuma();
    await expect(instances.capture(options)).rejects.toMatchObject(refused);
    await expect(instances.replicate()).rejects.toMatchObject({
      code: expect.stringMatching(/^STORE_MISSING|NO_SNAPSHOT/),
    });
  });

  test('is refused on the replica', async () => {
    const instances = kuma();
    await instances.capture();
    await expect(instances.replicate(options)).rejects.toMatchObject(refused);
    expect(typed(instances.replica, 'monitor', ['id'])).toEqual([]);
  });
});

test('a table that this release of the application lacks may be spoken of', async () => {
  const instances = kuma();
  const options = policies({remote_browser: {policy: 'seed'}});
  await instances.capture(options);
  expect(await instances.replicate(options)).toMatchObject({applied: true});
});

test('where every table is off there is nothing to do, and that is told', async () => {
  const off = {policy: 'off' as const};
  const all = policies({monitor: off, tag: off, notification: off, monitor_notification: off});
  await expect(kuma().capture(all)).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: /every table is off/,
  });
});

test('a preset needs a profile', async () => {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY)',
    primary: '',
    replica: '',
    tables: ['t'],
  });
  await expect(instances.capture({preset: 'snapshot'})).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    message: 'preset "snapshot" belongs to a profile, and none recognises this database',
  });
});
