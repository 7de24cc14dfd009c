/** `--keyless multiset` from outside: by flag, by environment, by file. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {Instance, refusal, rowplica} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTable, execute} from '../helpers/typed-dump.ts';
import {expectRefusal} from './expectations.ts';

const folder = temporaryFolder();
const path = (name: string): string => join(folder, name);
const keyless = ['--keyless', 'multiset'];

/** A log of three equal rows on the primary and one on the replica, and a setting whose key is NULL. */
function twoInstances(name: string): {readonly primary: Instance; readonly replica: Instance} {
  const make = (side: string, rows: string): Instance => {
    const database = path(`${name}-${side}.db`);
    execute(
      database,
      `CREATE TABLE log (line TEXT, size REAL); CREATE TABLE setting (name TEXT PRIMARY KEY, value); ${rows}`,
    );
    const store = `dir:${path(`${name}-store`)}`;
    return new Instance({database, store, tables: ['log', 'setting']});
  };
  return {
    primary: make(
      'primary',
      `INSERT INTO log VALUES ('a', 1), ('a', 1), ('b', NULL), ('a', 1); INSERT INTO setting VALUES (NULL, 1), (NULL, 1)`,
    ),
    replica: make('replica', "INSERT INTO log VALUES ('b', NULL), ('a', 1), ('c', 1)"),
  };
}

test('every command takes the flag, and a second round changes nothing', async () => {
  const {primary, replica} = twoInstances('flag');
  expect(await primary.capture(...keyless)).toMatchObject({tables: {log: {rows: 4}}});
  const expected = {
    log: {inserted: 2, updated: 0, deleted: 1},
    setting: {inserted: 2, updated: 0, deleted: 0},
  };
  const dry = await replica.replicate('--dry-run', ...keyless);
  expect(dry.tables).toEqual(expected);
  expect((await replica.replicate(...keyless)).tables).toEqual(expected);
  for (const table of ['log', 'setting'])
    expect(dumpTable(replica.database, table)).toEqual(dumpTable(primary.database, table));
  expect(await replica.verify(...keyless)).toMatchObject({equal: true});
  expect(await replica.diff('live', 'latest', ...keyless)).toMatchObject({equal: true});
  expect(await replica.replicate(...keyless)).toMatchObject({applied: false});
  expect(await primary.capture(...keyless)).toMatchObject({changed: false});
  expect((await primary.snapshots()).snapshots).toHaveLength(1);
  const examined = JSON.parse((await primary.run('doctor', '--json', ...keyless)).stdout) as object;
  expect(examined).toMatchObject({ok: true});
});

test('a replica without it refuses, and names it', async () => {
  const {primary, replica} = twoInstances('missing');
  await primary.capture(...keyless);
  const refused = await replica.refused('replicate');
  expectRefusal(refused, {exitCode: 20, code: 'NO_KEY', told: /"log"/});
  expect(refused.hint).toContain('--keyless multiset');
  expect(dumpTable(replica.database, 'log')).toHaveLength(3);
});

test('the environment and a file say it too', async () => {
  const {primary, replica} = twoInstances('settings');
  const env = {ROWPLICA_KEYLESS: 'multiset'};
  const {database, store, state} = primary;
  const args = ['--database', database, '--store', store, '--state', state];
  const captured = await rowplica(['capture', '--json', '--tables', 'log,setting', ...args], {env});
  expect(captured.exitCode, captured.stdout).toBe(0);
  writeFileSync(path('keyless.yaml'), 'keyless: multiset\n');
  await replica.replicate('--config', path('keyless.yaml'));
  expect(dumpTable(replica.database, 'log')).toEqual(dumpTable(primary.database, 'log'));
});

test.for<[string, readonly string[], NodeJS.ProcessEnv, string]>([
  ['a flag', ['--keyless', 'rows'], {}, 'USAGE'],
  ['a variable', [], {ROWPLICA_KEYLESS: 'rows'}, 'CONFIG_INVALID'],
  ['a file', ['--config', path('wrong.yaml')], {}, 'CONFIG_INVALID'],
])('%s takes nothing but multiset', async ([, args, env, code]) => {
  writeFileSync(path('wrong.yaml'), 'keyless: rows\n');
  const database = path('some.db');
  execute(database, 'CREATE TABLE IF NOT EXISTS log (line)');
  const shared = ['--database', database, '--tables', 'log', '--json'];
  const result = await rowplica(['capture', ...shared, ...args], {env});
  expectRefusal(refusal(result), {exitCode: 2, code, told: /keyless.*multiset/i});
});
