/** The package as npm makes it, installed into an empty folder, under each Node that is supported. */
import {mkdirSync, readFileSync} from 'node:fs';
import {delimiter, join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {alertsSaid, makeAlertingServer} from '../helpers/alerting-server.ts';
import {environment, project, runProcess} from '../helpers/cli.ts';
import {nodeOf} from '../helpers/node-versions.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTable, execute} from '../helpers/typed-dump.ts';

type Packed = {readonly filename: string; readonly files: readonly {readonly path: string}[]};

const folder = temporaryFolder();
let packed: Packed;

beforeAll(async () => {
  const build = await runProcess('npm', ['run', '-s', 'build'], {cwd: project, env: process.env});
  expect(build).toMatchObject({exitCode: 0});
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  const {stdout} = await runProcess('npm', args, {cwd: project, env: process.env});
  [packed] = JSON.parse(stdout) as [Packed];
});

test('holds the program and what it reads, and nothing else', () => {
  const paths = packed.files.map(({path}) => path);
  expect(paths).toEqual(
    expect.arrayContaining([
      ...['main.js', 'read-worker.js', 'engine-worker.js'].map((file) => join('dist/cli', file)),
      'dist/index.js',
      'dist/index.d.ts',
      'README.md',
    ]),
  );
  expect(paths.some((path) => path.startsWith('migrations-compat/uptime-kuma/'))).toBe(true);
  const known = /^(dist|migrations-compat)\/|^(package\.json|README\.md|CHANGELOG\.md|LICENSE)$/;
  expect(paths.filter((path) => !known.test(path))).toEqual([]);
});

describe.each([22, 24, 26])('under Node %i', (version) => {
  test(
    'installs into an empty folder, captures, replicates, and runs as a service',
    {timeout: 300_000},
    async ({skip}) => {
      const node = await nodeOf(version);
      if (node === undefined) {
        expect(process.env['CI'], 'the npm registry has to be there in CI').toBeUndefined();
        return skip(`Node ${version} cannot be fetched`);
      }
      const place = join(folder, `node-${version}`);
      mkdirSync(place);
      const PATH = [node, environment()['PATH']].join(delimiter);
      const env = {...environment(), PATH};
      const tarball = join(folder, packed.filename);
      const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--loglevel=error'];
      const installed = await runProcess('npm', ['install', ...flags, tarball], {
        cwd: place,
        env: {...process.env, PATH}, // with what npm is configured to, as for a user
      });
      expect(installed, installed.stderr).toMatchObject({exitCode: 0});

      const command = join(place, 'node_modules', '.bin', 'rowplica');
      const run = (...args: string[]) => runProcess(command, args, {cwd: place, env});
      const [major] = (await runProcess('node', ['--version'], {env})).stdout.split('.');
      expect(major).toBe(`v${version}`);
      const [primary, replica] = [join(place, 'a.db'), join(place, 'b.db')];
      const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a REAL, b TEXT);';
      execute(primary, `${ddl} INSERT INTO t VALUES (1, 0.1, 'x'), (2, 1.0, NULL)`);
      execute(replica, `${ddl} INSERT INTO t VALUES (2, 2.0, NULL), (3, 3.0, 'gone')`);
      const shared = ['--tables', 't', '--store', `restic:${join(place, 'repository')}`];
      const captured = await run('capture', '--database', primary, ...shared);
      expect(captured).toMatchObject({exitCode: 0, stderr: ''});
      const replicated = await run('replicate', '--database', replica, ...shared);
      expect(replicated).toMatchObject({exitCode: 0, stderr: ''});
      expect(dumpTable(replica, 't')).toEqual(dumpTable(primary, 't'));
      const service = ['run', '--role', 'replica', '--http', 'off', '--database', replica];
      const stopped = await runProcess(command, [...service, ...shared], {
        cwd: place,
        env,
        onStart: (child) =>
          child.stderr?.on('data', (text) => {
            if (String(text).includes('"did":"replicated"')) child.kill('SIGTERM');
          }),
      });
      expect(stopped).toMatchObject({exitCode: 0});
    },
  );
});

test.each([16, 18, 20, 24])(
  'the script that has alerts name their machine is loaded by an application under Node %i',
  {timeout: 120_000},
  async (version) => {
    const node = await nodeOf(version);
    if (node === undefined) {
      expect(process.env['CI'], 'the npm registry has to be there in CI').toBeUndefined();
      return;
    }
    const place = join(folder, `alerts-${version}`);
    const notes = join(folder, `alerts-${version}.txt`);
    const built = join(project, 'dist', 'profiles', 'uptime-kuma', 'alerts', 'name-host.cjs');
    const server = makeAlertingServer(place);
    const ran = await runProcess(join(node, 'node'), ['--require', built, server, notes, 'once'], {
      env: {HOSTNAME: 'tokyo'},
    });
    expect(ran).toMatchObject({exitCode: 0, stderr: ''});
    const lines = readFileSync(notes, 'utf8').split('\n').slice(0, -2);
    expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual(alertsSaid('[tokyo] '));
  },
);
