/** Replicator Kuma's variables: what each of them, and each value, is made into. */
import {describe, expect, test} from 'vitest';
import type {Inheritance, Surroundings} from '../../../src/profiles/predecessor.ts';
import {inheritanceOf} from '../../../src/profiles/predecessors.ts';
import {applicationPort} from '../../../src/profiles/uptime-kuma/drop-in.ts';

type Given = {
  readonly env?: NodeJS.ProcessEnv;
  readonly own?: Surroundings['own'];
  /** What is there, and what it holds. */
  readonly files?: Readonly<Record<string, string>>;
};

function inherit({env = {}, own = {}, files = {}}: Given): Inheritance | undefined {
  const there = Object.keys(files);
  return inheritanceOf({
    env,
    own,
    files: {
      exists: (path) => there.some((each) => each === path || each.startsWith(`${path}/`)),
      read: (path) => files[path],
    },
  });
}

/** Each setting as `value (source)`. */
function settings(given: Given): Record<string, string> {
  const all = inherit(given)?.settings ?? [];
  return Object.fromEntries(all.map(({name, value, source}) => [name, `${value} (${source})`]));
}

const mode = 'environment REPLICATOR_MODE';
const strategy = 'environment RESTORE_MERGE_STRATEGY';

describe('modes', () => {
  test('BACKUP is a primary every 300 s, with all tables', () => {
    const given = {env: {REPLICATOR_MODE: 'BACKUP'}};
    expect(settings(given)).toEqual({
      database: 'data/kuma.db (found in the data folder)',
      role: `primary (${mode})`,
      interval: `300s (${mode})`,
    });
    expect(inherit(given)).toMatchObject({warnings: [], isGuess: false});
  });

  test.each([
    ['RESTORE', 'snapshot'],
    ['RESTORE_LOCAL_ENTITY_REPLICATION', 'local-entity'],
  ])('%s is a replica every 360 s, with the preset %s', (REPLICATOR_MODE, preset) => {
    const given = {env: {REPLICATOR_MODE}};
    expect(settings(given)).toMatchObject({
      role: `replica (${mode})`,
      interval: `360s (${mode})`,
      preset: `${preset} (${mode})`,
    });
    expect(inherit(given)?.warnings).toEqual([]);
  });

  test.each(['', 'backup', 'BACKUP ', 'LEADER'])(
    'anything else (%j) is a replica, with a warning',
    (REPLICATOR_MODE) => {
      const given = {env: {REPLICATOR_MODE}};
      expect(settings(given)).toMatchObject({
        role: expect.stringMatching(/^replica /),
        interval: expect.stringMatching(/^360s /),
        preset: expect.stringMatching(/^snapshot /),
      });
      expect(inherit(given)?.warnings).toEqual([
        expect.stringMatching(/^REPLICATOR_MODE is .*: this is a replica/),
      ]);
    },
  );

  test('none at all is a replica too, beside another variable of that tool', () => {
    const given = {env: {SQLITE_DATABASE: '/srv/kuma.db'}};
    expect(settings(given)).toEqual({
      database: '/srv/kuma.db (environment SQLITE_DATABASE)',
      role: 'replica (REPLICATOR_MODE is not set)',
      interval: '360s (REPLICATOR_MODE is not set)',
      preset: 'snapshot (REPLICATOR_MODE is not set)',
    });
    expect(inherit(given)).toMatchObject({
      warnings: [expect.stringMatching(/^REPLICATOR_MODE is not set: this is a replica/)],
      isGuess: false,
    });
  });
});

describe('strategies', () => {
  test.each([
    ['SNAPSHOT', {preset: `snapshot (${strategy})`}],
    [
      'NOTIFICATIONS_INSERT_MERGE',
      {preset: `notifications-insert-merge (${strategy})`, driftInterval: `360s (${strategy})`},
    ],
    ['DEFAULT', {preset: `default (${strategy})`, driftInterval: `360s (${strategy})`}],
    ['OTHER', {preset: `snapshot (${mode})`}],
    ['', {preset: `snapshot (${mode})`}],
  ])('%j', (RESTORE_MERGE_STRATEGY, expected) => {
    const given = {env: {REPLICATOR_MODE: 'RESTORE', RESTORE_MERGE_STRATEGY}};
    const {database: _, role: _role, interval: _interval, ...rest} = settings(given);
    expect(rest).toEqual(expected);
    expect(inherit(given)?.warnings).toHaveLength(RESTORE_MERGE_STRATEGY === '' ? 0 : 1);
  });

  test('give way to local entities, and say nothing to a primary; both with a warning', () => {
    const env = {RESTORE_MERGE_STRATEGY: 'DEFAULT'};
    const local = {env: {...env, REPLICATOR_MODE: 'RESTORE_LOCAL_ENTITY_REPLICATION'}};
    expect(settings(local)['preset']).toBe(`local-entity (${mode})`);
    expect(inherit(local)?.warnings).toEqual([expect.stringMatching(/gives way/)]);
    const primary = {env: {...env, REPLICATOR_MODE: 'BACKUP'}};
    expect(settings(primary)['preset']).toBeUndefined();
    expect(inherit(primary)?.warnings).toEqual([expect.stringMatching(/nothing to a primary/)]);
  });
});

describe("Rowplica's own settings", () => {
  test('decide the role, with the rhythm that goes with it', () => {
    const own = {role: 'replica', database: '/own.db'};
    expect(settings({env: {REPLICATOR_MODE: 'BACKUP'}, own})).toEqual({
      interval: `360s (${mode})`,
      preset: `snapshot (${mode})`,
    });
    const primary = {env: {REPLICATOR_MODE: 'nonsense'}, own: {role: 'primary'}};
    expect(settings(primary)['preset']).toBeUndefined();
    expect(inherit(primary)?.warnings).toEqual([]);
  });

  test('choose tables by name without a preset', () => {
    const env = {REPLICATOR_MODE: 'RESTORE'};
    expect(settings({env, own: {tables: ['monitor']}})['preset']).toBeUndefined();
  });
});

describe('without any variable of that tool', () => {
  const env = {RESTIC_REPOSITORY: '/srv/backup'};
  const files = {'data/kuma.db': ''};

  test('a repository and a data folder are taken for its replica, as a guess', () => {
    expect(settings({env, files})).toMatchObject({
      database: 'data/kuma.db (found in the data folder)',
      role: 'replica (REPLICATOR_MODE is not set)',
    });
    expect(inherit({env, files})).toMatchObject({
      isGuess: true,
      warnings: [expect.stringMatching(/REPLICATOR_MODE is not set/)],
    });
  });

  test.each<[string, Given]>([
    ['no repository', {files}],
    ['no data folder', {env}],
    ['a database of our own', {env, files, own: {database: '/x.db'}}],
    ['a store of our own', {env, files, own: {store: 'dir:/srv'}}],
    ['a role of our own', {env, files, own: {role: 'primary'}}],
  ])('nothing is guessed with %s', (_, given) => {
    expect(inherit(given)).toBeUndefined();
  });
});

describe('the database', () => {
  const env = {REPLICATOR_MODE: 'RESTORE'};
  const found = (path: string): string => `${path} (found in the data folder)`;

  test.each<[string, Given, string]>([
    [
      'named',
      {env: {...env, SQLITE_DATABASE: '/s.db', DATA_DIR: '/d'}},
      '/s.db (environment SQLITE_DATABASE)',
    ],
    ['in DATA_DIR', {env: {...env, DATA_DIR: '/d/'}}, '/d/kuma.db (environment DATA_DIR)'],
    [
      'beside the application',
      {env, files: {'data/kuma.db': '', '/app/data/kuma.db': ''}},
      found('data/kuma.db'),
    ],
    [
      'in the image',
      {env, files: {'data/other': '', '/app/data/kuma.db': ''}},
      found('/app/data/kuma.db'),
    ],
    ['yet to be made', {env, files: {'/app/data/other': ''}}, found('/app/data/kuma.db')],
    ['nowhere', {env}, found('data/kuma.db')],
  ])('%s', (_, given, expected) => {
    expect(settings(given)['database']).toBe(expected);
  });

  const secret = 'hunter2';
  const kept = (config: string): Given => ({env, files: {'data/db-config.json': config}});

  test.each<[string, Given]>([
    ['sqlite', kept('{"type": "sqlite"}')],
    ['nothing yet', kept(' \n')],
    [
      'another one than the variable',
      {...kept('{"type": "mariadb"}'), env: {...env, UPTIME_KUMA_DB_TYPE: 'sqlite'}},
    ],
    ['one that is not asked', {...kept('{"type": "mariadb"}'), own: {database: '/own.db'}}],
  ])('may be kept where db-config.json says %s', (_, given) => {
    expect(inherit(given)).toBeDefined();
  });

  test.each<[string, Given, RegExp]>([
    [
      'mariadb',
      kept(`{"type": "mariadb", "password": "${secret}"}`),
      /data\/db-config\.json says .* in mariadb: .* not supported yet/,
    ],
    ['embedded-mariadb', kept('{"type": "embedded-mariadb"}'), /in embedded-mariadb/],
    ['something else', kept(`{"type": "${secret}"}`), /not known/],
    ['no kind', kept(`{"password": "${secret}"}`), /does not say/],
    ['what is no JSON', kept(`{"password": ${secret}`), /does not say/],
    [
      'sqlite, and the variable mariadb',
      {...kept('{"type": "sqlite"}'), env: {...env, UPTIME_KUMA_DB_TYPE: 'mariadb'}},
      /^UPTIME_KUMA_DB_TYPE says/,
    ],
  ])('is refused where it says %s', (_, given, told) => {
    const error = refusalOf(given);
    expect(error).toMatchObject({code: 'CONFIG_INVALID', exitCode: 2});
    expect(error.message).toMatch(told);
    expect(`${error.message} ${error.hint}`).not.toContain(secret);
  });
});

function refusalOf(given: Given): Error & {readonly hint?: string} {
  try {
    inherit(given);
  } catch (error) {
    return error as Error;
  }
  throw new Error('it was taken');
}

describe('NTFY_URL', () => {
  const inherited = inherit({env: {REPLICATOR_MODE: 'BACKUP', NTFY_URL: 'https://ntfy.sh/t'}});
  const said = {role: 'replica', status: 'stale', reason: 'why', host: 'kuma-2'} as const;
  const at = '2026-11-01T07:05:00.000Z';

  test('is a receiver', () => {
    expect(inherited?.settings).toContainEqual({
      name: 'ntfy',
      value: 'https://ntfy.sh/t',
      source: 'environment NTFY_URL',
    });
  });

  test.each([
    [
      'captured',
      /^\[kuma-2\] Replicator Kuma Backup Successful\. Time: \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d [\w+:-]+ 2026$/,
    ],
    ['applied', /^\[kuma-2\] Replicator Kuma Restored Successfully\. Time: /],
    ['status', /^\[kuma-2\] Rowplica replica: stale\. why\. Time: /],
  ] as const)('is told of %s', (event, text) => {
    expect(inherited?.words({...said, event, at})).toMatch(text);
  });
});

test.each([
  [{}, 3001],
  [{UPTIME_KUMA_PORT: '4000', PORT: '5000'}, 4000],
  [{PORT: '5000'}, 5000],
  [{UPTIME_KUMA_PORT: 'no port'}, 3001],
])('the port of the application by %j is %d', (env, port) => {
  expect(applicationPort(env)).toBe(port);
});

test('rows that are referred to come with a preset that lacks their table, beside those of the replica', () => {
  const policies = (env: NodeJS.ProcessEnv, own = {}) => inherit({env, own})?.policies;
  const merged = {policy: 'merge', onConflict: 'replicaWins'};
  expect(policies({REPLICATOR_MODE: 'BACKUP'})).toEqual({});
  expect(policies({REPLICATOR_MODE: 'RESTORE'})).toEqual({docker_host: merged});
  const all = {docker_host: merged, proxy: merged, remote_browser: merged};
  expect(policies({RESTORE_MERGE_STRATEGY: 'DEFAULT'})).toEqual(all);
  expect(policies({REPLICATOR_MODE: 'RESTORE'}, {preset: 'default'})).toEqual(all);
});
