/** The configuration as it is shown: every setting, its source, and no secret. */
import {readFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {loadConfig} from '../../../src/config/config.ts';
import {effectiveConfig, type EffectiveConfig} from '../../../src/config/effective.ts';
import {ALL_SETTINGS, type Config} from '../../../src/config/settings.ts';
import {temporaryFolder} from '../../helpers/temp-folder.ts';

const path = join(temporaryFolder(), 'rowplica.yaml');
const secret = 'hunter2-hunter2-hunter2';

type Sources = {
  readonly yaml?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly flags?: Config;
};

function effective({yaml = '', env = {}, flags = {}}: Sources): EffectiveConfig {
  writeFileSync(path, yaml);
  return effectiveConfig(loadConfig({file: path, env, flags}), env);
}

const unset = {value: null, source: 'default'};
const byDefault = (value: unknown): object => ({value, source: 'default'});

test('nothing said: every setting, with its default', () => {
  const {settings, warnings} = effective({});
  expect(warnings).toEqual([]);
  expect(Object.keys(settings)).toEqual(ALL_SETTINGS.map(([name]) => name));
  expect(settings).toMatchObject({
    database: unset,
    store: unset,
    state: unset,
    tables: unset,
    drift: byDefault('repair'),
    maxWriteLock: byDefault('500ms'),
    role: unset,
    interval: unset,
    driftInterval: byDefault('15m'),
    staleAfter: byDefault('30m'),
    stopTimeout: byDefault('10s'),
    http: byDefault('127.0.0.1:8480'),
    token: unset,
    keep: byDefault({last: 50, hourly: 48, daily: 30, weekly: 8, monthly: 12}),
    pruneEvery: byDefault('1d'),
    checkEvery: byDefault('1d'),
    drillEvery: byDefault('1d'),
    notify: unset,
    ntfy: unset,
    webhook: unset,
  });
});

test('what a database and a role decide', () => {
  const {settings} = effective({flags: {database: '/app/kuma.db', role: 'replica'}});
  expect(settings).toMatchObject({
    database: {value: '/app/kuma.db', source: 'flag --database'},
    state: byDefault('/app/.rowplica'),
    store: byDefault('restic:/app/.rowplica/repository'),
    role: {value: 'replica', source: 'flag --role'},
    interval: byDefault('15s'),
  });
  expect(effective({flags: {role: 'primary'}}).settings.interval).toEqual(byDefault('5s'));
});

test('each value has the source that counted', () => {
  const yaml = `store: dir:/f
state: /f
tables: {monitor: {policy: merge, where: {type: ${secret}}, local: [active]}}
http: "[::1]:0"
migrations: {table: history, column: f}
`;
  writeFileSync(`${path}.token`, secret);
  const env = {
    ROWPLICA_STATE: '/e',
    ROWPLICA_TABLES: 'a,b',
    ROWPLICA_MIGRATIONS_COLUMN: 'e',
    ROWPLICA_TOKEN_FILE: `${path}.token`,
    ROWPLICA_MAX_WRITE_LOCK: '2s',
  };
  const {settings} = effective({yaml, env, flags: {maxWriteLock: 90_000, compat: '/c'}});
  expect(settings).toMatchObject({
    store: {value: 'dir:/f', source: `file ${path}`},
    state: {value: '/e', source: 'environment ROWPLICA_STATE'},
    tables: {value: ['a', 'b'], source: 'environment ROWPLICA_TABLES'},
    policies: {
      value: {monitor: {policy: 'merge', local: ['active'], where: ['type']}},
      source: `file ${path}`,
    },
    'migrations.table': {value: 'history', source: `file ${path}`},
    'migrations.column': {value: 'e', source: 'environment ROWPLICA_MIGRATIONS_COLUMN'},
    maxWriteLock: {value: '90s', source: 'flag --max-write-lock'},
    compat: {value: '/c', source: 'flag --compat'},
    http: {value: '[::1]:0', source: `file ${path}`},
    token: {value: '********', source: 'environment ROWPLICA_TOKEN_FILE'},
  });
  expect(JSON.stringify(settings)).not.toContain('hunter2');
});

test('secrets are masked', () => {
  const yaml = `notify:
  - {ntfy: 'https://ntfy.sh/${secret}', token: ${secret}}
  - webhook: https://a.b/${secret}
token: ${secret}
store: restic:rest:https://user:${secret}@host/path
reload: {user: u, command: [curl, ${secret}]}
`;
  const env = {
    ROWPLICA_NTFY: `https://a.b/${secret}`,
    ROWPLICA_WEBHOOK: `https://a.b/${secret}`,
    ROWPLICA_RELOAD_PASSWORD: secret,
  };
  const {settings} = effective({yaml, env});
  expect(settings).toMatchObject({
    notify: {value: [{ntfy: '********', token: '********'}, {webhook: '********'}]},
    ntfy: {value: '********', source: 'environment ROWPLICA_NTFY'},
    webhook: {value: '********', source: 'environment ROWPLICA_WEBHOOK'},
    token: {value: '********'},
    'reload.password': {value: '********'},
    'reload.command': {value: ['curl', '********']},
    store: {value: 'restic:rest:https://user:***@host/path'},
  });
  expect(JSON.stringify(settings)).not.toContain('hunter2');
});

test.each(['hunter2/hunter2', 'hunter2 hunter2', 'hunter2@hunter2', 'hunter2"x', 'hunter2:x#'])(
  'of an address with the password %s nothing of it is shown',
  (password) => {
    const flags = {store: `restic:rest:https://user:${password}@host/path`};
    const {value} = effective({flags}).settings.store;
    expect(value).toMatch(/^restic:rest:https:\/\/user:.*@host\/path$/);
    expect(value).not.toContain('hunter2');
  },
);

test("the store of restic's own variables", () => {
  const repository = `rest:https://user:${secret}@host/`;
  const shown = {value: 'restic:rest:https://user:***@host/'};
  const source = 'environment RESTIC_REPOSITORY';
  expect(effective({env: {RESTIC_REPOSITORY: repository}}).settings.store).toEqual({
    ...shown,
    source,
  });
  writeFileSync(`${path}.repository`, repository);
  const env = {RESTIC_REPOSITORY_FILE: `${path}.repository`};
  expect(effective({env}).settings.store).toEqual({...shown, source: `${source}_FILE`});
});

test('warnings come with it, and contradictions are refused', () => {
  expect(effective({yaml: 'http: 0.0.0.0:80'}).warnings).toHaveLength(1);
  expect(() => effective({yaml: 'interval: 15m'})).toThrow(/^staleAfter \(default\): 30m/);
  expect(() => effective({yaml: 'store: /srv'})).toThrow(
    /^store \(file .*neither restic: nor dir:/,
  );
});

test('docs/configuration.md lists every setting, variable and flag', () => {
  const docs = readFileSync(join(import.meta.dirname, '../../../docs/configuration.md'), 'utf8');
  const names = ALL_SETTINGS.flatMap(([name, {variable, flag, otherwiseInFile}]) =>
    [otherwiseInFile ? undefined : name, variable, flag].filter((each) => each !== undefined),
  );
  expect(names.filter((name) => !docs.includes(`\`${name}\``))).toEqual([]);
});

test('policies that come with the variables of the tool before say so', () => {
  const env = {REPLICATOR_MODE: 'RESTORE', SQLITE_DATABASE: '/kuma.db'};
  const {settings} = effective({env});
  expect(settings.policies).toEqual({
    value: {docker_host: {policy: 'merge', onConflict: 'replicaWins'}},
    source: 'variables of Replicator Kuma',
  });
  expect(effective({env, yaml: 'tables: {tag: seed}'}).settings.policies).toMatchObject({
    value: {docker_host: {policy: 'merge'}, tag: {policy: 'seed'}},
    source: `file ${path}`,
  });
});
