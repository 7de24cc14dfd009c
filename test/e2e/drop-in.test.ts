/** `rowplica run` with Replicator Kuma's variables alone, as that tool's container has them: every variable, mode and strategy. */
import {copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {hostname} from 'node:os';
import {join} from 'node:path';
import {afterEach, beforeAll, describe, expect, test} from 'vitest';
import {environment, password, refusal, rowplica} from '../helpers/cli.ts';
import {closeListeners, listen} from '../helpers/listener.ts';
import {runProcess} from '../helpers/run-process.ts';
import {
  eventually,
  killServices,
  ServiceProcess,
  type LogLine,
} from '../helpers/service-process.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTable, execute} from '../helpers/typed-dump.ts';
import {buildEmptyKuma, buildPopulatedKuma} from '../helpers/uptime-kuma/index.ts';

const templates = {folder: temporaryFolder(), primary: '', replica: '', repository: ''};

/** A primary as that tool's leader was, and a replica that has a proxy, a notification and a monitor of its own. */
beforeAll(async () => {
  const {folder} = templates;
  templates.primary = join(folder, 'primary.db');
  templates.replica = join(folder, 'replica.db');
  templates.repository = join(folder, 'repository');
  buildPopulatedKuma(templates.primary, {version: '2.5.3', monitors: 12, heartbeats: 1});
  buildEmptyKuma(templates.replica, {version: '2.5.3'});
  for (const path of [templates.primary, templates.replica])
    execute(path, 'PRAGMA journal_mode = WAL');
  execute(
    templates.replica,
    `INSERT INTO proxy (id, user_id, protocol, host, port, auth, active) VALUES (1, 1, 'http', 'here', 1, 0, 1);
     INSERT INTO notification (id, name, config, user_id) VALUES (900, 'here', '{}', 1);
     INSERT INTO tag (id, name, color) VALUES (900, 'here', 'red')`,
  );
  const captured = await rowplica([
    'capture',
    '--database',
    templates.primary,
    '--state',
    join(folder, 'state'),
    '--store',
    `restic:${templates.repository}`,
  ]);
  expect(captured.exitCode, captured.stderr).toBe(0);
}, 120_000);

afterEach(() => {
  killServices();
  closeListeners();
});

/** What a container has: a working directory with a folder `data`, and variables. */
class Container {
  readonly folder = temporaryFolder();
  readonly data = join(this.folder, 'data');
  readonly database = join(this.data, 'kuma.db');
  readonly env: NodeJS.ProcessEnv;

  constructor(env: NodeJS.ProcessEnv, content?: 'primary' | 'replica') {
    mkdirSync(this.data);
    this.env = {RESTIC_REPOSITORY: join(this.folder, 'repository'), ...env};
    if (content !== undefined) copyFileSync(templates[content], this.database);
  }

  /** The repository that the primary wrote. */
  get joined(): this {
    this.env['RESTIC_REPOSITORY'] = templates.repository;
    return this;
  }

  start(...command: readonly string[]): ServiceProcess {
    return new ServiceProcess(command, this.env, this.folder);
  }

  async snapshots(): Promise<readonly {readonly tags?: readonly string[]}[]> {
    const {stdout} = await restic([
      'snapshots',
      '--json',
      '--no-lock',
      '-r',
      String(this.env['RESTIC_REPOSITORY']),
    ]);
    return JSON.parse(stdout) as readonly {readonly tags?: readonly string[]}[];
  }
}

function restic(args: readonly string[], cwd?: string) {
  return runProcess(process.env['ROWPLICA_RESTIC'] || 'restic', args, {env: environment(), cwd});
}

const warningsOf = (lines: readonly LogLine[]): readonly string[] =>
  lines.filter(({level}) => level === 'warn' || level === 40).map(({msg}) => msg);

const REPLICA = {role: 'replica', intervalMs: 360_000, staleAfterMs: 1_800_000};
const PRIMARY = {role: 'primary', intervalMs: 300_000, staleAfterMs: 1_800_000};

/** Of tables that tell the presets apart: whether they became the primary's. */
type Fate = Readonly<
  Record<'tag' | 'monitor' | 'notification' | 'proxy' | 'user', 'same' | 'own' | 'rows'>
>;

const SNAPSHOT: Fate = {
  tag: 'same',
  monitor: 'same',
  notification: 'same',
  proxy: 'same',
  user: 'same',
};
const LOCAL: Fate = {...SNAPSHOT, proxy: 'rows'};
// References to proxies need them to be there; those of the replica stay as they are.
const INSERT_MERGE: Fate = {...SNAPSHOT, proxy: 'rows'};
const DEFAULT: Fate = {...INSERT_MERGE, notification: 'own'};

function fateOf(database: string): Fate {
  const one = (table: string): 'same' | 'own' | 'rows' => {
    const without = {monitor: ['dns_last_result'], user: ['twofa_last_token']}[table] ?? [];
    const dump = (path: string) => JSON.stringify(dumpTable(path, table, {without}));
    if (dump(database) === dump(templates.primary)) return 'same';
    if (dump(database) === dump(templates.replica)) return 'own';
    const ids = (path: string) =>
      dumpTable(path, table)
        .map(({id}) => Number(id?.slice('integer '.length)))
        .toSorted((a, b) => a - b)
        .join();
    return ids(database) === ids(templates.primary) ? 'rows' : 'own';
  };
  return {
    tag: one('tag'),
    monitor: one('monitor'),
    notification: one('notification'),
    proxy: one('proxy'),
    user: one('user'),
  };
}

type Row = {
  readonly env: NodeJS.ProcessEnv;
  readonly started: object;
  readonly fate: Fate;
  readonly warns?: RegExp;
};

const MODES: Readonly<Record<string, Row>> = {
  RESTORE: {env: {REPLICATOR_MODE: 'RESTORE'}, started: REPLICA, fate: SNAPSHOT},
  RESTORE_LOCAL_ENTITY_REPLICATION: {
    env: {REPLICATOR_MODE: 'RESTORE_LOCAL_ENTITY_REPLICATION'},
    started: REPLICA,
    fate: LOCAL,
  },
  'an empty mode': {
    env: {REPLICATOR_MODE: ''},
    started: REPLICA,
    fate: SNAPSHOT,
    warns: /is not set: this is a replica/,
  },
  'an unknown mode': {
    env: {REPLICATOR_MODE: 'backup'},
    started: REPLICA,
    fate: SNAPSHOT,
    warns: /is neither BACKUP.*: this is a replica/,
  },
  'no mode, beside SQLITE_DATABASE': {
    env: {SQLITE_DATABASE: './data/kuma.db'},
    started: REPLICA,
    fate: SNAPSHOT,
    warns: /is not set/,
  },
  SNAPSHOT: {
    env: {REPLICATOR_MODE: 'RESTORE', RESTORE_MERGE_STRATEGY: 'SNAPSHOT'},
    started: REPLICA,
    fate: SNAPSHOT,
    warns: /RESTORE_MERGE_STRATEGY: preset snapshot/,
  },
  NOTIFICATIONS_INSERT_MERGE: {
    env: {RESTORE_MERGE_STRATEGY: 'NOTIFICATIONS_INSERT_MERGE'},
    started: {...REPLICA, driftEveryMs: 360_000},
    fate: {...INSERT_MERGE, user: 'same'},
    warns: /preset notifications-insert-merge/,
  },
  DEFAULT: {
    env: {RESTORE_MERGE_STRATEGY: 'DEFAULT'},
    started: {...REPLICA, driftEveryMs: 360_000},
    fate: DEFAULT,
    warns: /preset default/,
  },
};

describe('a replica', () => {
  test.each(Object.entries(MODES))('by %s', async (_, {env, started, fate, warns}) => {
    const replica = new Container(env, 'replica').joined;
    const service = replica.start();
    const line = await service.says({did: 'replicated'});
    expect(line).toMatchObject({status: 'ok', applied: true});
    expect(service.lines.find(({msg}) => msg === 'started')).toMatchObject(started);
    expect(fateOf(replica.database)).toEqual(fate);
    const warnings = warningsOf(service.lines).join('\n');
    if (warns === undefined) expect(warnings).not.toMatch(/REPLICATOR_MODE|RESTORE_MERGE/);
    else expect(warnings).toMatch(warns);
    expect(await service.stop()).toEqual({exitCode: 0, signal: null});
  });

  test('waits for the first snapshot, and makes no repository', async () => {
    const replica = new Container({REPLICATOR_MODE: 'RESTORE'}, 'replica');
    await replica.start().says({status: 'waiting', did: 'looked'});
    expect(existsSync(String(replica.env['RESTIC_REPOSITORY']))).toBe(false);
  });

  test("is what Rowplica's own settings say, one by one", async () => {
    const replica = new Container(
      {
        REPLICATOR_MODE: 'BACKUP',
        ROWPLICA_ROLE: 'replica',
        ROWPLICA_INTERVAL: '7s',
        ROWPLICA_PRESET: 'default',
      },
      'replica',
    ).joined;
    const service = replica.start();
    await service.says({did: 'replicated'});
    expect(service.lines.find(({msg}) => msg === 'started')).toMatchObject({
      role: 'replica',
      intervalMs: 7_000,
    });
    expect(fateOf(replica.database)).toEqual(DEFAULT);
  });
});

describe('with no variable of that tool, a repository and a data folder make', () => {
  test('a replica of an instance that is new, with a warning', async () => {
    const replica = new Container({}).joined;
    buildEmptyKuma(replica.database, {version: '2.5.3'});
    const service = replica.start();
    await service.says({did: 'replicated', applied: true});
    expect(warningsOf(service.lines)).toContainEqual(
      expect.stringMatching(/REPLICATOR_MODE is not set: this is a replica/),
    );
    expect(fateOf(replica.database)).toEqual(SNAPSHOT);
    // From then on it is one: a start puts its edits back, as that tool did.
    execute(replica.database, "UPDATE tag SET name = 'edited'");
    await service.stop();
    await replica.start().says({did: 'replicated', applied: true});
    expect(fateOf(replica.database)).toEqual(SNAPSHOT);
  });

  test('nothing of one that has rows of its own, until somebody says so', async () => {
    const replica = new Container({}, 'replica').joined;
    const before = dumpTable(replica.database, 'tag');
    const service = replica.start();
    const line = await service.says({code: 'FUSE', status: 'held'});
    expect(line.msg).toMatch(/nobody said that it is one/);
    expect(line['hint']).toMatch(/REPLICATOR_MODE=RESTORE/);
    expect(dumpTable(replica.database, 'tag')).toEqual(before);
    await service.stop();
    replica.env['REPLICATOR_MODE'] = 'RESTORE';
    await replica.start().says({did: 'replicated', applied: true});
    expect(fateOf(replica.database)).toEqual(SNAPSHOT);
  });

  test('nothing where Rowplica is told of a database or a store, but no role', async () => {
    const replica = new Container({}, 'replica').joined;
    const result = await rowplica(['run', '--json', '--database', 'data/kuma.db'], {
      env: replica.env,
      cwd: replica.folder,
    });
    expect(refusal(result)).toMatchObject({exitCode: 2, message: expect.stringMatching(/^role/)});
  });
});

describe('a primary', () => {
  test('by BACKUP: makes the repository, stores at once, and tells NTFY_URL in the words of that tool', async () => {
    const {heard, url} = await listen();
    const primary = new Container(
      {REPLICATOR_MODE: 'BACKUP', NTFY_URL: url, HOSTNAME: 'kuma-eu'},
      'primary',
    );
    const service = primary.start();
    await service.says({did: 'captured', sequence: 1});
    expect(service.lines.find(({msg}) => msg === 'started')).toMatchObject(PRIMARY);
    expect(warningsOf(service.lines).join()).not.toMatch(/REPLICATOR_MODE/);
    await eventually('a word of it', () => heard.length === 1);
    expect(heard[0]?.body).toMatch(
      /^\[kuma-eu\] Replicator Kuma Backup Successful\. Time: \w{3} \w{3} [ \d]\d \d\d:\d\d:\d\d \S+ \d{4}$/,
    );
    expect(heard[0]?.headers).not.toHaveProperty('title');
    execute(primary.database, "UPDATE tag SET name = 'edited'");
    service.signal('SIGUSR1');
    await service.says({did: 'captured', sequence: 2});
    await eventually('another word', () => heard.length === 2);
    service.signal('SIGUSR1');
    await service.says({did: 'beat'}); // nothing new is no success
    await service.stop();
    expect(heard).toHaveLength(2);
    expect(service.stderr).not.toContain(url);
  });

  test('waits for an application that has not made its database yet', async () => {
    const primary = new Container({REPLICATOR_MODE: 'BACKUP'});
    const service = primary.start();
    await service.says({status: 'waiting', code: 'DATABASE_NOT_FOUND'});
    copyFileSync(templates.primary, primary.database);
    service.signal('SIGUSR1');
    await service.says({did: 'captured', sequence: 1});
  });

  test('starts the application of the image, which sees nothing of restic', async () => {
    const primary = new Container({REPLICATOR_MODE: 'BACKUP', UPTIME_KUMA_PORT: '4000'}, 'primary');
    const service = primary.start(
      '--',
      process.execPath,
      '-e',
      "require('fs').writeFileSync('seen', JSON.stringify(process.env)); setInterval(() => {}, 1000)",
    );
    await service.says({did: 'captured'});
    const seen = JSON.parse(
      readFileSync(join(primary.folder, 'seen'), 'utf8'),
    ) as NodeJS.ProcessEnv;
    expect(seen).toMatchObject({UPTIME_KUMA_PORT: '4000'});
    expect(Object.keys(seen).filter((name) => name.startsWith('RESTIC'))).toEqual([]);
    service.signal('SIGTERM');
    await service.ended;
  });
});

test('rows that were applied, and a status that is bad, are told to NTFY_URL', async () => {
  const {heard, url} = await listen();
  const replica = new Container({REPLICATOR_MODE: 'RESTORE', NTFY_URL: url}, 'replica').joined;
  await replica.start().says({did: 'replicated'});
  await eventually('a word of it', () => heard.length > 0);
  expect(heard[0]?.body).toMatch(/^\[[^\]]+\] Replicator Kuma Restored Successfully\. Time: /);
  expect(heard[0]?.body).toContain(`[${process.env['HOSTNAME'] || hostname()}]`);
  const other = new Container(
    {REPLICATOR_MODE: 'RESTORE', NTFY_URL: url, RESTIC_PASSWORD: 'another-password'},
    'replica',
  ).joined;
  await other.start().says({code: 'STORE_PASSWORD'});
  await eventually('a word of that', () => heard.length > 1);
  expect(heard[1]?.body).toMatch(/^\[[^\]]+\] Rowplica replica: failed\. .*password.*\. Time: /);
});

describe('the database is', () => {
  const places: Readonly<Record<string, {readonly env: NodeJS.ProcessEnv; readonly at: string}>> = {
    'data/kuma.db': {env: {}, at: 'data/kuma.db'},
    'that of SQLITE_DATABASE': {env: {SQLITE_DATABASE: './else/where.db'}, at: 'else/where.db'},
    'that in DATA_DIR': {env: {DATA_DIR: './else/'}, at: 'else/kuma.db'},
    'any, in a development set-up': {env: {REPLICAOTOR_DEV: '1'}, at: 'data/kuma.db'},
  };

  test.each(Object.entries(places))('%s', async (_, {env, at}) => {
    const primary = new Container({REPLICATOR_MODE: 'BACKUP', ...env});
    mkdirSync(join(primary.folder, 'else'));
    const path = join(primary.folder, at);
    buildEmptyKuma(path, {version: '1.23.17'});
    writeFileSync(join(path, '../db-config.json'), '{"type": "sqlite"}');
    await primary.start().says({did: 'captured', sequence: 1});
  });

  test.each(['mariadb', 'embedded-mariadb'])('refused where it is %s', async (type) => {
    const primary = new Container({REPLICATOR_MODE: 'BACKUP'});
    writeFileSync(
      join(primary.data, 'db-config.json'),
      JSON.stringify({type, password: 'hunter2'}),
    );
    const result = await rowplica(['run', '--json'], {env: primary.env, cwd: primary.folder});
    expect(refusal(result)).toMatchObject({
      exitCode: 2,
      code: 'CONFIG_INVALID',
      message: expect.stringMatching(`data in ${type}: .* not supported yet`),
    });
    expect(`${result.stdout}${result.stderr}`).not.toContain('hunter2');
  });
});

describe("restic's variables", () => {
  /** restic behind a script that notes which variables it saw. */
  function noting(container: Container): () => string {
    const [seen, script] = [join(container.folder, 'seen'), join(container.folder, 'restic')];
    const real = process.env['ROWPLICA_RESTIC'] || 'restic';
    writeFileSync(script, `#!/bin/sh\nenv >> '${seen}'\nexec '${real}' "$@"\n`, {mode: 0o755});
    container.env['ROWPLICA_RESTIC'] = script;
    return () => readFileSync(seen, 'utf8');
  }

  const passed = {
    AWS_DEFAULT_REGION: 'eu-central-1',
    AWS_ACCESS_KEY_ID: 'an id',
    AWS_SECRET_ACCESS_KEY: 'a secret',
    B2_ACCOUNT_ID: 'b2',
    AZURE_ACCOUNT_NAME: 'azure',
    GOOGLE_PROJECT_ID: 'google',
    RCLONE_BWLIMIT: '100M',
    RESTIC_REST_USERNAME: 'rest',
    RESTIC_COMPRESSION: 'max',
  };

  test('reach it untouched', async () => {
    const primary = new Container({REPLICATOR_MODE: 'BACKUP', ...passed}, 'primary');
    const seen = noting(primary);
    await primary.start().says({did: 'captured'});
    const lines = seen().split('\n');
    for (const [name, value] of Object.entries({...passed, RESTIC_PASSWORD: password}))
      expect(lines).toContain(`${name}=${value}`);
  });

  test('may be files', async () => {
    const primary = new Container(
      {REPLICATOR_MODE: 'BACKUP', RESTIC_REPOSITORY: '', RESTIC_PASSWORD: ''},
      'primary',
    );
    const file = (name: string, text: string): string => {
      const path = join(primary.folder, name);
      writeFileSync(path, text);
      return path;
    };
    const repository = join(primary.folder, 'in-a-file');
    primary.env['RESTIC_REPOSITORY_FILE'] = file('repository-file', repository);
    primary.env['RESTIC_PASSWORD_FILE'] = file('password-file', `${password}\n`);
    await primary.start().says({did: 'captured'});
    primary.env['RESTIC_REPOSITORY'] = repository;
    expect(await primary.snapshots()).not.toEqual([]);
  });
});

test('two beside each other need no address of their own', async () => {
  const first = new Container({REPLICATOR_MODE: 'RESTORE'}, 'replica').joined;
  const second = new Container({REPLICATOR_MODE: 'RESTORE'}, 'replica').joined;
  const services = [first.start(), second.start()];
  for (const service of services) await service.says({did: 'replicated'});
  expect(
    services.some(({lines}) =>
      warningsOf(lines).some((text) => text.startsWith('it answers nobody: http: cannot listen')),
    ),
  ).toBe(true);
});

describe('a repository that the old tool writes to', () => {
  /** As that tool does, its folder under the name that it has in its container. */
  async function backUp(container: Container, time: Date): Promise<void> {
    const [repository, folder] = [
      String(container.env['RESTIC_REPOSITORY']),
      join(container.folder, 'replicator_kuma/current'),
    ];
    mkdirSync(join(folder, 'sqlite_exports'), {recursive: true});
    writeFileSync(join(folder, 'sqlite_exports/tag.csv'), 'id,name\n1,one\n');
    if (!existsSync(repository)) await restic(['init', '-r', repository]);
    const stamp = time.toISOString().slice(0, 19).replace('T', ' ');
    const result = await runProcess('restic', ['backup', '-r', repository, '--time', stamp, '.'], {
      env: {...environment(), TZ: 'UTC'},
      cwd: folder,
    });
    expect(result.exitCode, result.stderr).toBe(0);
  }

  const minutesAgo = (minutes: number): Date => new Date(Date.now() - minutes * 60_000);

  test('is not touched, unless that is asked for', async () => {
    const primary = new Container({REPLICATOR_MODE: 'BACKUP'}, 'primary');
    await backUp(primary, minutesAgo(30));
    await backUp(primary, minutesAgo(8));
    const service = primary.start();
    const line = await service.says({code: 'FOREIGN_WRITER', status: 'held'});
    expect(line.msg).toMatch(/^Replicator Kuma seems to write to this repository still: host /);
    expect(line['hint']).toMatch(/ROWPLICA_TAKE_OVER=1/);
    expect(await primary.snapshots()).toHaveLength(2);
    expect(await service.stop()).toEqual({exitCode: 0, signal: null});
    expect(await primary.snapshots()).toHaveLength(2);
    primary.env['ROWPLICA_TAKE_OVER'] = '1';
    const again = primary.start();
    await again.says({did: 'captured', sequence: 1});
    await again.stop();
  });

  test('is not touched either where the clock over there is ahead', async () => {
    const primary = new Container({REPLICATOR_MODE: 'BACKUP'}, 'primary');
    await backUp(primary, minutesAgo(-25));
    await primary.start().says({code: 'FOREIGN_WRITER', status: 'held'});
    expect(await primary.snapshots()).toHaveLength(1);
  });

  test('is used once that has ended for two of its intervals', async () => {
    const primary = new Container({REPLICATOR_MODE: 'BACKUP'}, 'primary');
    await backUp(primary, minutesAgo(11));
    await primary.start().says({did: 'captured', sequence: 1});
    expect(await primary.snapshots()).toHaveLength(2);
  });

  test('is like any other to a primary of our own settings', async () => {
    const primary = new Container(
      {ROWPLICA_ROLE: 'primary', ROWPLICA_DATABASE: 'data/kuma.db'},
      'primary',
    );
    await backUp(primary, minutesAgo(1));
    await primary.start('--http', 'off').says({did: 'captured', sequence: 1});
  });
});
