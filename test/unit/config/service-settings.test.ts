/** What the service runs with: every default, and what contradicts itself. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {loadConfig} from '../../../src/config/config.ts';
import {serviceSettings, type ServiceSettings} from '../../../src/config/service-settings.ts';
import type {Config} from '../../../src/config/settings.ts';
import {temporaryFolder} from '../../helpers/temp-folder.ts';

const path = join(temporaryFolder(), 'value');

function settings(flags: Config, env: NodeJS.ProcessEnv = {}): ServiceSettings {
  return serviceSettings(loadConfig({file: undefined, env, flags}), env);
}

const refused = (told: RegExp, hint: RegExp): object =>
  expect.objectContaining({
    code: 'CONFIG_INVALID',
    message: expect.stringMatching(told),
    hint: expect.stringMatching(hint),
  });

const minutes = (count: number): number => count * 60_000;
const days = (count: number): number => count * 86_400_000;
const token = 'hunter2-hunter2-hunter2';

const noReload = {
  strategies: undefined,
  url: undefined,
  user: undefined,
  password: undefined,
  command: undefined,
  timeoutMs: 5_000,
};

test('a primary by default', () => {
  expect(settings({role: 'primary'})).toEqual({
    role: 'primary',
    intervalMs: 5_000,
    driftEveryMs: minutes(15),
    staleAfterMs: minutes(30),
    stopTimeoutMs: 10_000,
    http: {host: '127.0.0.1', port: 8480},
    isHttpOptional: false,
    token: undefined,
    keep: {last: 50, hourly: 48, daily: 30, weekly: 8, monthly: 12},
    pruneEveryMs: days(1),
    checkEveryMs: days(1),
    drillEveryMs: days(1),
    receivers: [],
    otherWriter: undefined,
    isGuess: false,
    repairsAtStart: false,
    namesHost: false,
    reload: noReload,
    warnings: [],
  });
});

test('a replica by default, but for its interval', () => {
  const {role, intervalMs, ...rest} = settings({role: 'replica'});
  const {role: _, intervalMs: _interval, ...primary} = settings({role: 'primary'});
  expect({role, intervalMs}).toEqual({role: 'replica', intervalMs: 15_000});
  expect(rest).toEqual(primary);
});

describe('a replica looks', () => {
  test.each([
    ['dir:/srv/store', 15_000],
    ['restic:/srv/backup', 15_000],
    ['restic:local:/srv/backup', 15_000],
    ['restic:sftp:backup@host:/srv', 15_000],
    ['restic:rest:https://host/', 15_000],
    ['restic:s3:s3.amazonaws.com/bucket', 120_000],
    ['restic:b2:bucket:path', 120_000],
    ['restic:azure:container:/', 120_000],
    ['restic:gs:bucket:/', 120_000],
    ['restic:swift:container:/path', 120_000],
    ['restic:rclone:remote:path', 120_000],
    ['dir:s3:odd-name', 15_000],
  ])('into %s every %d ms', (store, intervalMs) => {
    expect(settings({role: 'replica', store}).intervalMs).toBe(intervalMs);
    expect(settings({role: 'primary', store}).intervalMs).toBe(5_000);
    expect(settings({role: 'replica', store, interval: 7_000}).intervalMs).toBe(7_000);
  });

  test('into the repository that restic is told of', () => {
    const cloud = 's3:s3.amazonaws.com/bucket';
    const env = {RESTIC_REPOSITORY: cloud};
    expect(settings({role: 'replica'}, env).intervalMs).toBe(120_000);
    expect(settings({role: 'replica', store: 'restic:'}, env).intervalMs).toBe(120_000);
    expect(settings({role: 'replica', store: 'dir:/srv'}, env).intervalMs).toBe(15_000);
    writeFileSync(path, `${cloud}\n`);
    const file = {RESTIC_REPOSITORY: '', RESTIC_REPOSITORY_FILE: path};
    expect(settings({role: 'replica'}, file).intervalMs).toBe(120_000);
    expect(settings({role: 'replica'}, {RESTIC_REPOSITORY: '/srv'}).intervalMs).toBe(15_000);
  });

  test('nowhere, where the store has no address', () => {
    const store = `resitc:rest:https://u:${token}@host`;
    expect(() => settings({role: 'replica', store})).toThrow(
      refused(/^store \(flag --store\): the address is neither restic: nor dir:$/, /restic:/),
    );
    const env = {RESTIC_REPOSITORY_FILE: join(path, 'absent')};
    expect(() => settings({role: 'replica'}, env)).toThrow(/cannot read RESTIC_REPOSITORY_FILE/);
  });
});

test('what is set counts', () => {
  const given = {
    role: 'replica',
    interval: 1_000,
    driftInterval: 'off',
    staleAfter: 10_000,
    stopTimeout: 1_000,
    http: 'off',
    token,
    keep: {last: 1},
    pruneEvery: 'off',
    checkEvery: 1_000,
    drillEvery: 'off',
  } as const;
  expect(settings(given)).toEqual({
    role: 'replica',
    intervalMs: 1_000,
    driftEveryMs: 'off',
    staleAfterMs: 10_000,
    stopTimeoutMs: 1_000,
    http: 'off',
    isHttpOptional: false,
    token,
    keep: {last: 1},
    pruneEveryMs: 'off',
    checkEveryMs: 1_000,
    drillEveryMs: 'off',
    receivers: [],
    otherWriter: undefined,
    isGuess: false,
    repairsAtStart: false,
    namesHost: false,
    reload: noReload,
    warnings: [],
  });
  expect(settings({role: 'primary', keep: 'off'}).keep).toBe('off');
});

test('receivers of variables come beside those of the file', () => {
  const hook = {
    kind: 'webhook',
    url: 'https://a.b/c',
    token: 'x',
    events: ['status'],
  } as const;
  const env = {ROWPLICA_NTFY: 'https://ntfy.sh/t', ROWPLICA_WEBHOOK: 'http://127.0.0.1:9/'};
  expect(settings({role: 'primary', notify: [hook]}, env).receivers).toEqual([
    hook,
    {kind: 'ntfy', url: 'https://ntfy.sh/t', token: undefined, events: undefined},
    {kind: 'webhook', url: 'http://127.0.0.1:9/', token: undefined, events: undefined},
  ]);
});

test('without a role there is no service', () => {
  expect(() => settings({})).toThrow(
    refused(/^role: it is not set/, /--role primary or --role replica, set ROWPLICA_ROLE, .*file/),
  );
});

test('three intervals must fit into the time after which it is stale', () => {
  const env = {ROWPLICA_STALE_AFTER: '44s'};
  expect(() => settings({role: 'replica'}, env)).toThrow(
    refused(
      /^staleAfter \(environment ROWPLICA_STALE_AFTER\): 44s is less than 3 times the interval of 15s \(default\)$/,
      /staleAfter of at least 45s, or a shorter interval/,
    ),
  );
  expect(settings({role: 'primary'}, env).staleAfterMs).toBe(44_000);
  expect(settings({role: 'replica', staleAfter: 45_000}).staleAfterMs).toBe(45_000);
  expect(() => settings({role: 'primary', interval: minutes(10) + 1})).toThrow(
    refused(/^staleAfter \(default\): 30m .* \(flag --interval\)$/, /1800003ms/),
  );
  expect(settings({role: 'primary', interval: minutes(10)}).intervalMs).toBe(minutes(10));
});

describe('a warning', () => {
  test.each(['127.0.0.1', '127.1.2.3', '::1', '0:0:0:0:0:0:0:1', 'localhost', 'LOCALHOST'])(
    'is not given for %s',
    (host) => {
      expect(settings({role: 'primary', http: {host, port: 1}}).warnings).toEqual([]);
    },
  );

  test.each([
    ['0.0.0.0', '0.0.0.0:1'],
    ['192.168.1.2', '192.168.1.2:1'],
    ['::', '[::]:1'],
    ['kuma.example', 'kuma.example:1'],
    ['localhost.example', 'localhost.example:1'],
  ])('is given for %s, unless there is a token', (host, address) => {
    const http = {host, port: 1};
    const {warnings} = settings({role: 'primary', http});
    expect(warnings).toEqual([expect.stringContaining(`http: ${address} can be reached`)]);
    expect(warnings[0]).toMatch(/no token, so that only probes are answered/);
    expect(settings({role: 'primary', http, token}).warnings).toEqual([]);
    expect(settings({role: 'primary', http: 'off'}).warnings).toEqual([]);
  });
});

test.each([
  [{user: 'u'}, 'there is a user without a password'],
  [{password: 'p'}, 'there is a password without a user'],
  [{strategies: ['command'] as const}, 'the strategy is command, and none is given'],
])('a reload that lacks a part is refused: %j', (reload, why) => {
  expect(() => settings({role: 'replica', reload})).toThrow(why);
});
