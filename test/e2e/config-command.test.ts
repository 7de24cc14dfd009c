/** The command config: what is in effect, and where it was said. It needs neither database nor store. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {printed, rowplica, type CliResult} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';
import {listing} from './expectations.ts';

const folder = temporaryFolder();
const secret = 'hunter2-hunter2-hunter2';

function file(name: string, content: string): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const config = (args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<CliResult> =>
  rowplica(['config', ...args], {env, cwd: folder});

const yaml = file(
  'rowplica.yaml',
  `database: kuma.db
role: primary
http: 0.0.0.0:8480
notify: [{ntfy: 'https://ntfy.sh/${secret}'}]
`,
);

test('settings as JSON, with sources and warnings', async () => {
  const token = file('token', `${secret}\n`);
  const {exitCode, stdout, stderr} = await config(
    ['--json', '--config', yaml, '--role', 'replica', '--interval', '1.5m'],
    {ROWPLICA_STALE_AFTER: '1h', RESTIC_REPOSITORY: `rest:https://kuma:${secret}@host/`},
  );
  expect({exitCode, stderr}).toEqual({exitCode: 0, stderr: ''});
  expect(JSON.parse(stdout)).toMatchObject({
    settings: {
      database: {value: 'kuma.db', source: `file ${yaml}`},
      store: {value: 'restic:rest:https://kuma:***@host/', source: 'environment RESTIC_REPOSITORY'},
      state: {value: join(folder, '.rowplica'), source: 'default'},
      role: {value: 'replica', source: 'flag --role'},
      interval: {value: '90s', source: 'flag --interval'},
      staleAfter: {value: '1h', source: 'environment ROWPLICA_STALE_AFTER'},
      driftInterval: {value: '15m', source: 'default'},
      token: {value: null, source: 'default'},
      notify: {value: [{ntfy: '********'}], source: `file ${yaml}`},
    },
    warnings: [expect.stringMatching(/^http: 0\.0\.0\.0:8480 can be reached from other machines/)],
  });
  const flags = ['--http', '[::1]:0', '--stale-after', '2h', '--token-file', token];
  const byFlags = await config(['--json', '--config', yaml, '--max-write-lock', '1s', ...flags]);
  expect(JSON.parse(byFlags.stdout)).toMatchObject({
    settings: {
      http: {value: '[::1]:0', source: 'flag --http'},
      staleAfter: {value: '2h', source: 'flag --stale-after'},
      token: {value: '********', source: 'flag --token-file'},
      maxWriteLock: {value: '1s', source: 'flag --max-write-lock'},
    },
    warnings: [],
  });
});

test('the same as a table', async () => {
  const {exitCode, stdout, stderr} = await config(['--config', yaml], {
    ROWPLICA_KEEP: 'last=5,daily=7',
    ROWPLICA_WEBHOOK: `https://a.b/${secret}`,
  });
  expect({exitCode, stderr}).toEqual({exitCode: 0, stderr: ''});
  expect(stdout).toMatch(/^ +setting +value +source\n/);
  expect(stdout).toMatch(/ role +primary +file .*rowplica\.yaml\n/);
  expect(stdout).toMatch(/ interval +5s +default\n/);
  expect(stdout).toMatch(/ keep +\{last: 5, daily: 7\} +environment ROWPLICA_KEEP\n/);
  expect(stdout).toMatch(/ notify +\[\{ntfy: \*{8}\}\] +file /);
  expect(stdout).toMatch(/ webhook +\*{8} +environment ROWPLICA_WEBHOOK\n/);
  expect(stdout).toMatch(/\nwarning: http: 0\.0\.0\.0:8480 can be reached[^\n]*\n$/);
});

test('without a role it prints all the same', async () => {
  const {exitCode, stdout} = await config([]);
  expect(exitCode).toBe(0);
  expect(stdout).toMatch(/ role +not set +default\n/);
  expect(stdout).toMatch(/ interval +not set +default\n/);
  expect(stdout).toMatch(/ http +127\.0\.0\.1:8480 +default\n/);
});

test.for<[string, readonly string[], NodeJS.ProcessEnv, RegExp]>([
  ['a flag', ['--role', secret], {}, /^error: --role: it is neither primary nor replica\n/],
  ['a variable', [], {ROWPLICA_HTTP: secret}, /^error: ROWPLICA_HTTP: it is neither off nor host/],
  [
    'a file of a variable',
    [],
    {ROWPLICA_TOKEN_FILE: file('short', 'hunter2')},
    /^error: ROWPLICA_TOKEN_FILE: it is not a text of at least 16 printable/,
  ],
  [
    'a variable given twice',
    [],
    {ROWPLICA_NTFY: secret, ROWPLICA_NTFY_FILE: file('ntfy', secret)},
    /^error: ROWPLICA_NTFY and ROWPLICA_NTFY_FILE are both given\n/,
  ],
  [
    'a file',
    ['--config', file('wrong.yaml', `token: [${secret}]`)],
    {},
    /^error: configuration .*wrong\.yaml: "token": it is not a text of at least/,
  ],
  [
    'two settings together',
    ['--role', 'replica', '--interval', '20m'],
    {},
    /^error: staleAfter \(default\): 30m is less than 3 times the interval of 20m \(flag --interval\)\n/,
  ],
  [
    'a file of the log level',
    [],
    {ROWPLICA_LOG_FILE: join(folder, 'no.log')},
    /^error: ROWPLICA_LOG_FILE .*no\.log: there is no such file\n/,
  ],
])('a fault in %s is told in one line, and exits with 2', async ([, args, env, told]) => {
  const {exitCode, stdout, stderr} = await config(args, env);
  expect({exitCode, stdout}).toEqual({exitCode: 2, stdout: ''});
  expect(stderr).toMatch(told);
  expect(stderr).toMatch(/^error: [^\n]+\nwhat to do: [^\n]+\n$/);
  const {stdout: json} = await config([...args, '--json'], env);
  expect(JSON.parse(json)).toMatchObject({error: {code: 'CONFIG_INVALID'}});
});

test('the level of the log, and the path of restic, may be in files', async () => {
  const database = join(folder, 'item.db');
  execute(database, 'CREATE TABLE item (id INTEGER PRIMARY KEY)');
  const capture = ['capture', '--database', database, '--tables', 'item'];
  const store = ['--store', `restic:${join(folder, 'store')}`, '--state', join(folder, 'state')];
  const level = {ROWPLICA_LOG_FILE: file('level', 'debug\n')};
  const done = await rowplica([...capture, ...store], {env: level});
  expect(done.exitCode).toBe(0);
  expect(done.stderr).toContain('"msg":');
  const tool = {ROWPLICA_RESTIC: '', ROWPLICA_RESTIC_FILE: file('restic', 'no-such-restic')};
  const {exitCode, stdout} = await rowplica([...capture, ...store, '--json'], {env: tool});
  expect(exitCode).toBe(2);
  expect(JSON.parse(stdout)).toMatchObject({error: {code: 'STORE_TOOL_MISSING'}});
});

test('help has an example', async () => {
  const {exitCode, stdout} = await config(['--help']);
  expect(exitCode).toBe(0);
  expect(stdout).toContain('Example:\n  rowplica config --config rowplica.yaml --role replica');
  expect(stdout).toContain('--token-file');
});

test('it made no file, and told no secret', () => {
  expect(listing(folder)).not.toContain('.rowplica');
  expect(printed.join('')).not.toContain('hunter2');
});
