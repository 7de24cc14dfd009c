/** Settings of the service: what may be written in a file, a variable or a flag, and how each fault is told. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {loadConfig, type LoadedConfig} from '../../../src/config/config.ts';
import {settingOf, type SettingName} from '../../../src/config/settings.ts';
import {isEngineError} from '../../../src/kernel/errors.ts';
import {temporaryFolder} from '../../helpers/temp-folder.ts';

const path = join(temporaryFolder(), 'rowplica.yaml');
const secret = 'hunter2-hunter2-hunter2';

function fromFile(yaml: string): LoadedConfig {
  writeFileSync(path, yaml);
  return loadConfig({file: path, env: {}, flags: {}});
}

const fromEnv = (env: NodeJS.ProcessEnv): LoadedConfig =>
  loadConfig({file: undefined, env, flags: {}});

const refused = (told: RegExp): object =>
  expect.objectContaining({code: 'CONFIG_INVALID', message: expect.stringMatching(told)});

type Case = readonly [SettingName, string, string, unknown];

test.each<Case>([
  ['role', 'ROWPLICA_ROLE', 'primary', 'primary'],
  ['role', 'ROWPLICA_ROLE', 'replica', 'replica'],
  ['interval', 'ROWPLICA_INTERVAL', '1s', 1_000],
  ['interval', 'ROWPLICA_INTERVAL', '5m', 300_000],
  ['interval', 'ROWPLICA_INTERVAL', '1.005s', 1_005],
  ['driftInterval', 'ROWPLICA_DRIFT_INTERVAL', '10s', 10_000],
  ['driftInterval', 'ROWPLICA_DRIFT_INTERVAL', 'off', 'off'],
  ['staleAfter', 'ROWPLICA_STALE_AFTER', '10s', 10_000],
  ['staleAfter', 'ROWPLICA_STALE_AFTER', '366d', 31_622_400_000],
  ['stopTimeout', 'ROWPLICA_STOP_TIMEOUT', '1s', 1_000],
  ['http', 'ROWPLICA_HTTP', 'off', 'off'],
  ['http', 'ROWPLICA_HTTP', '127.0.0.1:0', {host: '127.0.0.1', port: 0}],
  ['http', 'ROWPLICA_HTTP', 'my-host.example:65535', {host: 'my-host.example', port: 65_535}],
  ['http', 'ROWPLICA_HTTP', '[::1]:8480', {host: '::1', port: 8480}],
  ['token', 'ROWPLICA_TOKEN', '0123456789abcde~', '0123456789abcde~'],
  ['keep', 'ROWPLICA_KEEP', 'off', 'off'],
  ['pruneEvery', 'ROWPLICA_PRUNE_EVERY', '1.5h', 5_400_000],
  ['pruneEvery', 'ROWPLICA_PRUNE_EVERY', 'off', 'off'],
  ['checkEvery', 'ROWPLICA_CHECK_EVERY', '7d', 604_800_000],
  ['checkEvery', 'ROWPLICA_CHECK_EVERY', 'off', 'off'],
  ['drillEvery', 'ROWPLICA_DRILL_EVERY', '30d', 2_592_000_000],
  ['drillEvery', 'ROWPLICA_DRILL_EVERY', 'off', 'off'],
])('%s takes, in a file and as %s, %s', (name, variable, text, value) => {
  const file = fromFile(`${name}: "${text}"`);
  expect(file[name as keyof LoadedConfig]).toEqual(value);
  expect(file.sources).toEqual({[name]: `file ${path}`});
  const env = fromEnv({[variable]: text});
  expect(env[name as keyof LoadedConfig]).toEqual(value);
  expect(env.sources).toEqual({[name]: `environment ${variable}`});
});

test.each<readonly [SettingName, string, string, RegExp]>([
  ['role', 'ROWPLICA_ROLE', 'Primary', /it is neither primary nor replica/],
  ['interval', 'ROWPLICA_INTERVAL', '999ms', /it is not a duration from 1s to 366d, such as/],
  ['interval', 'ROWPLICA_INTERVAL', 'off', /it is not a duration from 1s/],
  ['interval', 'ROWPLICA_INTERVAL', '367d', /to 366d/],
  ['driftInterval', 'ROWPLICA_DRIFT_INTERVAL', '9s', /neither off nor a duration from 10s/],
  ['staleAfter', 'ROWPLICA_STALE_AFTER', '9999ms', /it is not a duration from 10s/],
  ['http', 'ROWPLICA_HTTP', 'on', /it is neither off nor host:port/],
  ['http', 'ROWPLICA_HTTP', ':8480', /host:port/],
  ['http', 'ROWPLICA_HTTP', '8480', /host:port/],
  ['http', 'ROWPLICA_HTTP', '127.0.0.1', /host:port/],
  ['http', 'ROWPLICA_HTTP', '127.0.0.1:65536', /host:port/],
  ['http', 'ROWPLICA_HTTP', '127.0.0.1:-1', /host:port/],
  ['http', 'ROWPLICA_HTTP', '127.0.0.256:80', /host:port/],
  ['http', 'ROWPLICA_HTTP', '::1:8480', /host:port/],
  ['http', 'ROWPLICA_HTTP', '[127.0.0.1]:8480', /host:port/],
  ['http', 'ROWPLICA_HTTP', 'http://localhost:8480', /host:port/],
  ['stopTimeout', 'ROWPLICA_STOP_TIMEOUT', '0s', /not a duration from 1s/],
  ['token', 'ROWPLICA_TOKEN', 'hunter2-hunter2', /at least 16 printable ASCII/],
  ['token', 'ROWPLICA_TOKEN', 'hunter2 hunter2 hunter2', /without spaces/],
  ['token', 'ROWPLICA_TOKEN', 'hunter2-hunter2-hünter2', /ASCII/],
  ['keep', 'ROWPLICA_KEEP', 'last', /neither off nor such as last=50,daily=30/],
  ['keep', 'ROWPLICA_KEEP', 'last=-1', /neither off/],
  ['pruneEvery', 'ROWPLICA_PRUNE_EVERY', 'never', /neither off nor a duration from 1s/],
  ['checkEvery', 'ROWPLICA_CHECK_EVERY', '0s', /neither off nor a duration/],
  ['drillEvery', 'ROWPLICA_DRILL_EVERY', '1w', /neither off nor a duration/],
])('%s does not take, in a file and as %s, %s', (name, variable, text, told) => {
  const inFile = new RegExp(`^configuration .*: "${name}": .*${told.source}`);
  expect(() => fromFile(`${name}: "${text}"`)).toThrow(refused(inFile));
  const inVariable = new RegExp(`^${variable}: .*${told.source}`);
  expect(() => fromEnv({[variable]: text})).toThrow(refused(inVariable));
  expect(() => settingOf(name, '--flag', text)).toThrow(
    refused(new RegExp(`^--flag: .*${told.source}`)),
  );
});

test.each(['interval: 5', 'token: 1234567890123456', 'http: 8480', 'role: [primary]', 'keep: 50'])(
  'a file with %s is refused, naming the setting',
  (yaml) => {
    expect(() => fromFile(yaml)).toThrow(refused(new RegExp(`"${yaml.split(':')[0]}": it is n`)));
  },
);

describe('keep', () => {
  test.each([
    ['{last: 50, daily: 30}', 'last=50,daily=30', {last: 50, daily: 30}],
    ['{hourly: 0, yearly: 1}', 'hourly=0, yearly=1', {hourly: 0, yearly: 1}],
    ['{weekly: 4, monthly: 12}', 'weekly=4,monthly=12', {weekly: 4, monthly: 12}],
  ])('%s in a file is %s in a variable', (yaml, text, keep) => {
    expect(fromFile(`keep: ${yaml}`).keep).toEqual(keep);
    expect(fromEnv({ROWPLICA_KEEP: text}).keep).toEqual(keep);
  });

  test.each([
    ['{last: 0}', /"keep": it keeps no snapshot at all/],
    ['{}', /"keep": it keeps no snapshot at all/],
    ['{last: -1}', /"keep\.last"/],
    ['{last: 1.5}', /"keep\.last"/],
    ['{last: "1"}', /"keep\.last"/],
    ['{latest: 1}', /"keep": .*latest/],
  ])('%s is refused', (yaml, told) => {
    expect(() => fromFile(`keep: ${yaml}`)).toThrow(refused(told));
  });

  test.each(['last=1,last=2', 'latest=1', 'last=1;daily=2', 'last=1,', 'last=1.5', 'last=0'])(
    'ROWPLICA_KEEP=%s is refused',
    (text) => {
      expect(() => fromEnv({ROWPLICA_KEEP: text})).toThrow(refused(/^ROWPLICA_KEEP: it /));
    },
  );
});

describe('receivers', () => {
  test('a list in the file', () => {
    const yaml = `notify:
  - {ntfy: 'https://ntfy.sh/${secret}', token: tk_x}
  - webhook: http://127.0.0.1:9/hook?key=${secret}
`;
    expect(fromFile(yaml).notify).toEqual([
      {kind: 'ntfy', url: `https://ntfy.sh/${secret}`, token: 'tk_x'},
      {kind: 'webhook', url: `http://127.0.0.1:9/hook?key=${secret}`, token: undefined},
    ]);
  });

  test.each(['ntfy', 'webhook'] as const)('one of %s in a variable', (kind) => {
    const url = `https://example.org/${secret}`;
    expect(fromEnv({[`ROWPLICA_${kind.toUpperCase()}`]: url})).toMatchObject({[kind]: url});
    expect(() => fromFile(`${kind}: ${url}`)).toThrow(refused(/Unrecognized key: "/));
  });

  test.each([
    [`https://ntfy.sh/${secret}`, /"notify": it is not a list/],
    [`{ntfy: "https://ntfy.sh/${secret}"}`, /"notify": it is not a list/],
    [`["https://ntfy.sh/${secret}"]`, /"notify\.0": it is neither \{ntfy: URL\} nor/],
    [`[{"https://ntfy.sh/${secret}": x}]`, /"notify\.0": it is neither/],
    [`[{ntfy: "https://a.b", webhook: "https://a.b/${secret}"}]`, /"notify\.0": it is neither/],
    [`[{ntfy: "https://a.b", topic: ${secret}}]`, /"notify\.0": it is neither/],
    [`[{token: ${secret}}]`, /"notify\.0": it is neither/],
    [`[{ntfy: "ftp://a.b/${secret}"}]`, /"notify\.0\.ntfy": it is not a URL of http or https/],
    [`[{webhook: ${secret}}]`, /"notify\.0\.webhook": it is not a URL/],
    [`[{webhook: "https://a.b/${secret} x"}]`, /"notify\.0\.webhook": it is not a URL/],
    [`[{webhook: "https:///"}, 5]`, /"notify\.0\.webhook": it is not a URL/],
    [`[{ntfy: "https://a.b", token: "${secret} x"}]`, /"notify\.0\.token": it is not a text of/],
  ])('notify: %s is refused, and not quoted', (yaml, told) => {
    const load = (): unknown => fromFile(`notify: ${yaml}`);
    expect(load).toThrow(refused(told));
    expect(() => {
      try {
        load();
      } catch (error) {
        if (isEngineError(error)) throw new Error(`${error.message} ${error.hint}`);
      }
    }).toThrow(expect.objectContaining({message: expect.not.stringContaining('hunter2')}));
  });
});

test.each([
  ['muted', 'ROWPLICA_ALERTS_MUTED'],
  ['hostname', 'ROWPLICA_ALERTS_HOSTNAME'],
])('alerts.%s takes true and false, in a file and as %s', (name, variable) => {
  for (const value of [true, false]) {
    const file = fromFile(`alerts: {${name}: ${value}}`);
    expect(file.alerts).toEqual({[name]: value});
    expect(file.sources).toEqual({[`alerts.${name}`]: `file ${path}`});
    const env = fromEnv({[variable]: String(value)});
    expect(env.alerts).toEqual({[name]: value});
    expect(env.sources).toEqual({[`alerts.${name}`]: `environment ${variable}`});
  }
  for (const text of ['yes', '1', 'True'])
    expect(() => fromEnv({[variable]: text})).toThrow(refused(/: it is neither true nor false$/));
  expect(() => fromFile(`alerts: {${name}: 1}`)).toThrow(refused(/neither true nor false/));
  expect(() => fromFile('alerts: {mute: true}')).toThrow(refused(/"alerts": /));
});
