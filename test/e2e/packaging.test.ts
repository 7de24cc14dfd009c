/**
 * What is packed for containers and service managers. No image is built here: the steps of the Dockerfile run in a plain folder, its
 * entry point starts what they made, and every path, setting and command that these files name has to be there.
 */
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import {dirname, join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {parse} from 'yaml';
import {environment, project, rowplica, runProcess} from '../helpers/cli.ts';
import {smallKuma} from '../helpers/small-kuma.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';

const packaging = join(project, 'packaging');
const read = (path: string): string => readFileSync(join(packaging, path), 'utf8');

type Step = {readonly stage: number; readonly verb: string; readonly rest: string};

/** Its instructions in order, comments left out and long lines joined. */
function stepsOf(dockerfile: string): readonly Step[] {
  const text = dockerfile.replaceAll(/^#.*\n/gm, '').replaceAll('\\\n', '');
  let stage = -1;
  return text.split('\n').flatMap((line) => {
    const [, verb, rest] = /^([A-Z]+) (.*)$/.exec(line) ?? [];
    if (verb === undefined || rest === undefined) return [];
    if (verb === 'FROM') stage += 1;
    return [{stage, verb, rest}];
  });
}

const copiesOf = (steps: readonly Step[], from: string | undefined): readonly string[][] =>
  steps
    .filter(({verb, rest}) => verb === 'COPY' && /^--from=(\S+) /.exec(rest)?.[1] === from)
    .map(({rest}) => rest.replace(/^--from=\S+ /, '').split(/ +/));

describe('the image', () => {
  const steps = stepsOf(read('docker/Dockerfile'));
  const build = temporaryFolder();
  const home = join(temporaryFolder(), 'rowplica');

  beforeAll(async () => {
    const middle = steps.filter(({stage}) => stage === 1);
    for (const {verb, rest} of middle) {
      if (verb === 'COPY') copy(project, build, rest.split(/ +/));
      if (verb !== 'RUN') continue;
      const done = await runProcess('sh', ['-ec', rest], {cwd: build, env: process.env});
      expect(done, `${rest}\n${done.stderr}`).toMatchObject({exitCode: 0});
    }
    mkdirSync(home);
    const last = steps.filter(({stage}) => stage === 2);
    for (const [from = '', to = ''] of copiesOf(last, 'build'))
      cpSync(from.replace('/build', build), to.replace('/opt/rowplica', home), {recursive: true});
    for (const parts of copiesOf(last, undefined))
      copy(project, home, [
        ...parts.slice(0, -1),
        parts.at(-1)?.replace('/opt/rowplica', '.') ?? '',
      ]);
  }, 300_000);

  test('holds what runs, for both processors, and nothing that only builds', () => {
    const binaries = join(home, 'node_modules/better-sqlite3/prebuilds');
    expect(readdirSync(binaries).toSorted()).toEqual(['linux-arm64.node', 'linux-x64.node']);
    for (const gone of ['typescript', 'vitest', 'node', '@types/node'])
      expect(existsSync(join(home, 'node_modules', gone)), gone).toBe(false);
    expect(globSync('**/*.{d.ts,map}', {cwd: home})).toEqual([]);
  });

  test('runs as whoever owns the database, and leaves no file to another user', async ({skip}) => {
    if (process.getuid?.() !== 0) return skip('only root becomes another user');
    const data = temporaryFolder();
    const owner = 12_345;
    const database = join(data, 'kuma.db');
    execute(
      database,
      `PRAGMA journal_mode = WAL; ${smallKuma}; INSERT INTO monitor (id, name) VALUES (1, 'a')`,
    );
    for (const name of ['.', ...globSync('*', {cwd: data})])
      chownSync(join(data, name), owner, owner);
    chmodSync(dirname(home), 0o755); // for the other user to reach it
    const env = {...environment(), HOME: data, RESTIC_CACHE_DIR: join(data, 'cache')};
    const command = join(data, 'rowplica'); // as the images link it
    symlinkSync(join(home, 'entrypoint.sh'), command);
    const started = await runProcess(command, ['run', '--role', 'primary', '--http', 'off'], {
      env: {
        ...env,
        ROWPLICA_DATABASE: database,
        ROWPLICA_STORE: `restic:${join(data, 'repository')}`,
      },
      onStart: (child) =>
        child.stderr?.on('data', (text) => {
          if (String(text).includes('"did":"captured"')) child.kill('SIGTERM');
        }),
    });
    expect(started, started.stderr).toMatchObject({exitCode: 0});
    const files = globSync('**', {cwd: data}).filter((name) => name !== 'rowplica');
    const owners = files.map((name) => statSync(join(data, name)).uid);
    expect(owners.length).toBeGreaterThan(10);
    expect(new Set(owners)).toEqual(new Set([owner]));
  });

  test('becomes a user with a home of its own', async ({skip}) => {
    if (process.getuid?.() !== 0) return skip('only root becomes another user');
    const image = temporaryFolder();
    chmodSync(image, 0o755);
    mkdirSync(join(image, 'bin'));
    cpSync(join(packaging, 'docker/entrypoint.sh'), join(image, 'entrypoint.sh'));
    writeFileSync(join(image, 'bin/node'), '#!/bin/sh\necho "$(id -u) $HOME"\n', {mode: 0o755});
    const data = temporaryFolder();
    const started = async (env: NodeJS.ProcessEnv): Promise<string> => {
      const given = {PATH: process.env['PATH'], ROWPLICA_DATABASE: join(data, 'kuma.db'), ...env};
      return (await runProcess(join(image, 'entrypoint.sh'), ['run'], {env: given})).stdout.trim();
    };
    expect(await started({HOME: '/root'})).toBe('0 /root');
    chownSync(data, 12_345, 12_345);
    expect(await started({HOME: '/root'})).toBe('12345 /tmp');
    expect(await started({HOME: '/srv'})).toBe('12345 /srv');
    const [name = '', , uid = '', , , home = ''] =
      readFileSync('/etc/passwd', 'utf8')
        .split('\n')
        .map((line) => line.split(':'))
        .find(([, , id, , , path = '']) => id !== '0' && existsSync(path)) ?? [];
    chownSync(data, Number(uid), 0);
    expect(await started({HOME: '/root'}), name).toBe(`${uid} ${home}`);
  });

  test('has a health check and a first command that the command line knows', async () => {
    const [check] = steps.filter(({verb}) => verb === 'HEALTHCHECK');
    const command = JSON.parse(check?.rest.replace(/^.* CMD /, '') ?? '[]') as readonly string[];
    expect(command).toEqual(['rowplica', 'health']);
    for (const name of ['run', 'health'])
      expect(await rowplica([name, '--help'])).toMatchObject({exitCode: 0});
  });

  test('is handed nothing by the builder but what it copies', () => {
    const [first, ...rest] =
      readFileSync(join(project, '.dockerignore'), 'utf8').match(/^[^#\n].*$/gm) ?? [];
    expect(first).toBe('*');
    const copied = [...copiesOf(steps, undefined)].flatMap((parts) => parts.slice(0, -1));
    expect(rest.map((line) => line.slice(1)).toSorted()).toEqual([...new Set(copied)].toSorted());
  });
});

test.each(['Dockerfile', 'uptime-kuma.Dockerfile'])(
  'what %s sets gives way to files and to the variables of the tool before',
  async (name) => {
    const set = stepsOf(read(`docker/${name}`)).filter(({verb}) => verb === 'ENV');
    const pairs = set.flatMap(({rest}) => rest.match(/\bROWPLICA_\w+=\S+/g) ?? []);
    const image = Object.fromEntries(pairs.map((pair) => pair.split('=')));
    const folder = temporaryFolder();
    const databaseBy = async (env: NodeJS.ProcessEnv, ...flags: string[]): Promise<unknown> => {
      const shown = await rowplica(['config', '--json', ...flags], {
        env: {...image, ...env},
        cwd: folder,
      });
      if (shown.exitCode !== 0) return shown.exitCode;
      const {settings} = JSON.parse(shown.stdout) as {settings: {database: {value: unknown}}};
      return settings.database.value;
    };
    expect(await databaseBy({ROWPLICA_ROLE: 'replica'})).toBe('/app/data/kuma.db');
    const file = join(folder, 'rowplica.yaml');
    writeFileSync(file, 'database: /srv/own.db');
    expect(await databaseBy({}, '--config', file)).toBe('/srv/own.db');
    expect(await databaseBy({SQLITE_DATABASE: '/srv/kuma.db'})).toBe('/srv/kuma.db');
    expect(await databaseBy({REPLICATOR_MODE: 'BACKUP', DATA_DIR: '/srv'})).toBe('/srv/kuma.db');
    const other = {REPLICATOR_MODE: 'RESTORE', UPTIME_KUMA_DB_TYPE: 'mariadb'};
    expect(await databaseBy(other)).toBe(2);
  },
);

test('the image with Uptime Kuma takes from the other one what is there, and starts both', () => {
  const own = stepsOf(read('docker/uptime-kuma.Dockerfile'));
  const other = stepsOf(read('docker/Dockerfile'));
  const there = copiesOf(other, 'restic').map((parts) => parts.at(-1));
  const taken = copiesOf(own, 'rowplica').flatMap((parts) => parts.slice(0, -1));
  expect(taken).toEqual(['/usr/local/bin/node', ...there, '/opt/rowplica']);
  const [command] = own.filter(({verb}) => verb === 'CMD');
  expect(JSON.parse(command?.rest ?? '[]')).toEqual(['run', '--', 'node', 'server/server.js']);
});

type Compose = {
  readonly services: Readonly<Record<string, ComposeService>>;
  readonly volumes: Readonly<Record<string, unknown>>;
};
type ComposeService = {
  readonly build?: {readonly context: string; readonly dockerfile: string};
  readonly environment?: Readonly<Record<string, string>>;
  readonly volumes: readonly string[];
  readonly profiles: readonly string[];
};

describe.each(['sidecar', 'in-image'])('the compose file %s', (name) => {
  const {services, volumes} = parse(read(`compose/${name}.yaml`), {merge: true}) as Compose;

  test('has a primary and two replicas, by files, volumes and settings that exist', async () => {
    const all = Object.values(services);
    const roles = all.flatMap(({environment: env}) => env?.['ROWPLICA_ROLE'] ?? []);
    expect(roles).toEqual(['primary', 'replica', 'replica']);
    expect(new Set(all.flatMap(({profiles}) => profiles)).size).toBe(3);
    for (const {build, volumes: mounts, environment: env = {}} of all) {
      if (build !== undefined) {
        const context = join(packaging, 'compose', build.context);
        expect(context).toBe(join(project));
        expect(existsSync(join(context, build.dockerfile))).toBe(true);
      }
      for (const mount of mounts) expect(Object.keys(volumes)).toContain(mount.split(':')[0]);
      if (env['ROWPLICA_ROLE'] === undefined) continue;
      const shown = await rowplica(['config', '--json'], {env});
      expect(shown, shown.stdout).toMatchObject({exitCode: 0});
      expect(shown.stdout).toContain('"environment ROWPLICA_ROLE"');
    }
  });
});

test('the unit for systemd is one that systemd takes, and its settings are ours', async ({
  skip,
}) => {
  const lines = read('systemd/rowplica.env').match(/^[A-Z].*$/gm) ?? [];
  const env = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s).slice(0, 2)));
  const shown = await rowplica(['config', '--json'], {env});
  expect(shown, shown.stdout).toMatchObject({exitCode: 0});
  const {stderr, exitCode} = await systemd().catch(() => ({stderr: '', exitCode: undefined}));
  if (exitCode === undefined) return skip('there is no systemd-analyze here');
  expect(stderr.split('\n').filter((line) => /rowplica\.service/.test(line))).toEqual([
    expect.stringMatching(/Command \/usr\/local\/bin\/rowplica is not executable/),
  ]);
});

function systemd() {
  const unit = join(packaging, 'systemd', 'rowplica.service');
  return runProcess('systemd-analyze', ['verify', '--man=no', unit], {env: process.env});
}

function copy(from: string, to: string, parts: readonly string[]): void {
  const target = join(to, parts.at(-1) ?? '');
  for (const name of parts.slice(0, -1)) {
    const isTree = statSync(join(from, name)).isDirectory();
    const place = isTree ? target : join(target, name.split('/').at(-1) ?? '');
    cpSync(join(from, name), place, {recursive: true});
  }
}
