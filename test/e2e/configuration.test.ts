/** Settings come from a file, the environment and flags, each overriding the one before. */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import type {StatusResult} from '../../src/index.ts';
import {rowplica} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';
import {buildPopulatedKuma} from '../helpers/uptime-kuma/index.ts';
import {listing} from './expectations.ts';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);
for (const name of ['file', 'env', 'flag']) {
  execute(
    path(`${name}.db`),
    'CREATE TABLE item (id INTEGER PRIMARY KEY); CREATE TABLE "a,b" (id INTEGER PRIMARY KEY)',
  );
}
writeFileSync(
  path('config.yaml'),
  `database: ${path('file.db')}
store: dir:${path('file-store')}
state: ${path('file-state')}
tables:
  - item
  - "a,b"
`,
);

const fromFile = ['--config', path('config.yaml')];

async function status(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<StatusResult> {
  const {exitCode, stdout, stderr} = await rowplica(['status', '--json', ...args], {env});
  expect(exitCode, stdout + stderr).toBe(0);
  return JSON.parse(stdout) as StatusResult;
}

test('a file is enough', async () => {
  const settings = {
    database: path('file.db'),
    store: `dir:${path('file-store')}`,
    state: path('file-state'),
  };
  expect(await status(fromFile)).toMatchObject(settings);
  expect(await status([], {ROWPLICA_CONFIG: path('config.yaml')})).toMatchObject(settings);
  const captured = await rowplica(['capture', '--json', ...fromFile]);
  expect(Object.keys((JSON.parse(captured.stdout) as {tables: object}).tables).sort()).toEqual([
    'a,b',
    'item',
  ]);
});

test('the environment overrides the file, flags override both', async () => {
  const env = {
    ROWPLICA_DATABASE: path('env.db'),
    ROWPLICA_STORE: `dir:${path('env-store')}`,
    ROWPLICA_STATE: path('env-state'),
  };
  expect(await status(fromFile, env)).toMatchObject({
    database: path('env.db'),
    store: `dir:${path('env-store')}`,
    state: path('env-state'),
  });
  const flags = ['--database', path('flag.db'), '--store', `dir:${path('flag-store')}`];
  expect(await status([...fromFile, ...flags], env)).toMatchObject({
    database: path('flag.db'),
    store: `dir:${path('flag-store')}`,
    state: path('env-state'),
  });
});

test('an empty variable counts as none', async () => {
  const env = {ROWPLICA_DATABASE: '', ROWPLICA_STORE: '', ROWPLICA_TABLES: ''};
  expect(await status(fromFile, env)).toMatchObject({database: path('file.db')});
});

test('tables are named by the environment with commas, and by a flag given twice without', async () => {
  const shared = ['--database', path('flag.db'), '--json'];
  const env = {ROWPLICA_TABLES: 'item'};
  const byEnv = await rowplica(
    ['capture', ...shared, '--store', `dir:${path('by-env')}`, '--state', path('by-env-state')],
    {env},
  );
  expect(Object.keys((JSON.parse(byEnv.stdout) as {tables: object}).tables)).toEqual(['item']);
  const twice = ['--tables', 'item', '--tables', 'a,b'];
  const byFlag = await rowplica(
    [
      'capture',
      ...shared,
      ...twice,
      '--store',
      `dir:${path('by-flag')}`,
      '--state',
      path('by-flag-state'),
    ],
    {env},
  );
  expect(Object.keys((JSON.parse(byFlag.stdout) as {tables: object}).tables).sort()).toEqual([
    'a,b',
    'item',
  ]);
});

test('a preset is named in the file, by the environment or by a flag', async () => {
  const database = path('kuma.db');
  buildPopulatedKuma(database, {version: '2.5.3', monitors: 2});
  writeFileSync(path('preset.yaml'), 'preset: default\n');
  const run = (name: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
    rowplica(
      ['capture', '--json', '--database', database, '--store', `dir:${path(`${name}-store`)}`]
        .concat('--state', path(`${name}-state`))
        .concat(args),
      {env},
    );
  const captured = async (...given: Parameters<typeof run>): Promise<readonly string[]> =>
    Object.keys((JSON.parse((await run(...given)).stdout) as {tables: object}).tables);
  const file = ['--config', path('preset.yaml')];
  expect(await captured('by-file', file)).not.toContain('notification');
  const env = {ROWPLICA_PRESET: 'notifications-insert-merge'};
  const byEnv = await captured('by-env', file, env);
  expect(byEnv).toContain('notification');
  expect(byEnv).not.toContain('proxy');
  expect(await captured('by-flag', [...file, '--preset', 'snapshot'], env)).toContain('proxy');
  const {exitCode, stdout} = await run('none', ['--preset', 'snapshots']);
  expect(exitCode).toBe(2);
  expect(stdout).toContain('has no preset \\"snapshots\\"');
});

test('without a store, RESTIC_REPOSITORY is it; the state folder is beside the database', async () => {
  const cwd = path('working');
  mkdirSync(cwd);
  execute(join(cwd, 'kuma.db'), 'CREATE TABLE item (id INTEGER PRIMARY KEY)');
  const env = {RESTIC_REPOSITORY: path('repository')};
  const args = ['capture', '--json', '--database', 'sqlite:kuma.db', '--tables', 'item'];
  const {exitCode, stdout} = await rowplica(args, {env, cwd});
  expect(exitCode, stdout).toBe(0);
  expect(listing(join(path('repository'), 'snapshots'))).toHaveLength(1);
  expect(listing(join(cwd, '.rowplica')).length).toBeGreaterThan(0);
});

test('stdout holds one JSON document, logs go to stderr', async () => {
  const {stdout, stderr} = await rowplica(['capture', '--json', ...fromFile], {
    env: {ROWPLICA_LOG: 'debug'},
  });
  expect(() => JSON.parse(stdout) as unknown).not.toThrow();
  for (const line of stderr.split('\n').filter((each) => each !== '')) {
    expect(JSON.parse(line)).toHaveProperty('msg');
  }
});
