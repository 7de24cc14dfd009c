/** Bad input: its own exit code, one clear line, a hint, and nothing written. */
import {mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {Instance, refusal, rowplica, type Refusal} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTables, execute, fileDigests} from '../helpers/typed-dump.ts';
import {expectRefusal, listing} from './expectations.ts';

const folder = temporaryFolder();
const store = join(folder, 'no-store-yet');
const database = join(folder, 'good.db');
execute(
  database,
  `CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT);
   INSERT INTO item VALUES (1, 'one'), (2, 'two');
   CREATE TABLE keyless (name TEXT);
   INSERT INTO keyless VALUES ('one');
   CREATE TABLE nullable (code TEXT PRIMARY KEY, name TEXT);
   INSERT INTO nullable VALUES ('a', 'one'), (NULL, 'two');
   CREATE VIEW shown AS SELECT * FROM item;`,
);

const path = (name: string): string => join(folder, name);
writeFileSync(path('text.db'), 'this is a text, not a database; '.repeat(40));
writeFileSync(path('empty.db'), '');
writeFileSync(path('short.db'), 'SQLite format 3\0');
writeFileSync(path('bad.yaml'), 'database: [unclosed\n');
writeFileSync(path('unknown.yaml'), `databse: ${database}\n`);
writeFileSync(path('type.yaml'), `database: ${database}\ntables: item\n`);
mkdirSync(path('folder.db'));

type Case = readonly [
  title: string,
  args: readonly string[],
  exitCode: number,
  code: string,
  told: RegExp,
];

const on = (file: string): string[] => ['--database', path(file), '--tables', 'item'];
const good = ['--database', database];
const cases: readonly Case[] = [
  ['a file that is not there', on('none.db'), 2, 'DATABASE_NOT_FOUND', /no database at .*none\.db/],
  ['a text file', on('text.db'), 2, 'NOT_A_DATABASE', /text\.db.*not an SQLite database/],
  ['an empty file', on('empty.db'), 2, 'NOT_A_DATABASE', /empty\.db.*the file is empty/],
  ['a file cut short', on('short.db'), 2, 'NOT_A_DATABASE', /short\.db/],
  ['a folder', on('folder.db'), 2, 'NOT_A_DATABASE', /folder\.db.*not a file/],
  ['a table that is not there', [...good, '--tables', 'itme'], 2, 'TABLE_NOT_FOUND', /"itme"/],
  ['a view named as a table', [...good, '--tables', 'shown'], 2, 'TABLE_NOT_FOUND', /"shown"/],
  ['an empty table name', [...good, '--tables', 'item,'], 2, 'USAGE', /empty name/],
  ['no profile and no tables', good, 2, 'USAGE', /no profile.*no tables/],
  ['an unknown profile', [...good, '--profile', 'none'], 2, 'PROFILE_NOT_FOUND', /"none"/],
  [
    'a profile of another application',
    [...good, '--profile', 'uptime-kuma'],
    2,
    'CONFIG_INVALID',
    /none of the tables of profile "uptime-kuma"/,
  ],
  ['no database', [], 2, 'USAGE', /no database was named/],
  [
    'a kind of database that is not supported',
    ['--database', 'postgres://localhost/x'],
    2,
    'USAGE',
    /"postgres".*not supported/,
  ],
  ['an unknown option', [...good, '--no-such-option'], 2, 'USAGE', /--no-such-option/],
  [
    'a store of no known kind',
    [...good, '--tables', 'item', '--store', 'ftp:x'],
    2,
    'USAGE',
    /neither restic: nor dir:/,
  ],
  [
    'a config file that is not there',
    ['--config', path('none.yaml')],
    2,
    'CONFIG_INVALID',
    /none\.yaml.*no such file/,
  ],
  [
    'a config file that is no YAML',
    ['--config', path('bad.yaml')],
    2,
    'CONFIG_INVALID',
    /bad\.yaml.*YAML/,
  ],
  [
    'a misspelt setting',
    ['--config', path('unknown.yaml')],
    2,
    'CONFIG_INVALID',
    /unknown\.yaml.*databse/,
  ],
  [
    'a setting of the wrong type',
    ['--config', path('type.yaml')],
    2,
    'CONFIG_INVALID',
    /type\.yaml.*"tables"/,
  ],
  ['a table without a key', [...good, '--tables', 'keyless'], 20, 'NO_KEY', /keyless/],
  ['NULL in a key', [...good, '--tables', 'nullable'], 20, 'KEY_UNUSABLE', /nullable/],
];

describe('capture refuses', () => {
  test.for(cases)('%s', async ([, args, exitCode, code, told]) => {
    const look = () => [
      fileDigests(database),
      dumpTables(database),
      listing(store).filter(isSnapshot),
    ];
    const before = look();
    const refused = refusal(await rowplica(['capture', ...withStore(args), '--json']));
    expectRefusal(refused, {exitCode, code, told});
    expect(look()).toEqual(before);
  });

  test.for(['an empty file', 'NULL in a key'])('%s, told to a person on stderr', async (title) => {
    const args = withStore(cases.find(([each]) => each === title)?.[1] ?? []);
    const asJson = refusal(await rowplica(['capture', ...args, '--json']));
    expectPlain(await rowplica(['capture', ...args]), asJson);
  });

  test('before it makes a store', async () => {
    const fresh = path('fresh-store');
    for (const table of ['itme', 'keyless', 'nullable']) {
      const instance = new Instance({database, store: `dir:${fresh}`, tables: [table]});
      await instance.refused('capture');
      expect(listing(fresh), table).toEqual([]);
    }
  });
});

function withStore(args: readonly string[]): string[] {
  return args.includes('--store') ? [...args] : ['--store', `dir:${store}`, ...args];
}

/** Whether a store may be made at all is a test of its own. */
function isSnapshot(name: string): boolean {
  return /^(objects|snapshots)\//.test(name);
}

test.for(['replicate', 'verify', 'status', 'doctor'])(
  '%s refuses a database that is not there',
  async (command) => {
    const args = [command, '--database', path('none.db'), '--store', `dir:${store}`];
    const refused = refusal(await rowplica([...args, '--json']));
    expectRefusal(refused, {exitCode: 2, code: 'DATABASE_NOT_FOUND', told: /none\.db/});
  },
);

test('an unknown command is refused', async () => {
  const asJson = refusal(await rowplica(['captur', '--json']));
  expectRefusal(asJson, {exitCode: 2, code: 'USAGE', told: /captur/});
  expectPlain(await rowplica(['captur']), asJson);
});

test('no command at all shows the help and exits 2', async () => {
  const {exitCode, stdout, stderr} = await rowplica([]);
  expect(exitCode).toBe(2);
  expect(stdout + stderr).toMatch(/capture[\s\S]*replicate/);
});

test('replicate refuses a table that the snapshot does not hold', async () => {
  const own = `dir:${path('own-store')}`;
  await new Instance({database, store: own, tables: ['item']}).capture();
  const replica = path('replica.db');
  execute(replica, 'CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT); CREATE TABLE other (x)');
  const before = fileDigests(replica);
  const target = new Instance({database: replica, store: own, tables: ['item', 'other']});
  expectRefusal(await target.refused('replicate'), {
    exitCode: 2,
    code: 'TABLE_NOT_FOUND',
    told: /"other"/,
  });
  expect(fileDigests(replica)).toEqual(before);
});

test('an unknown snapshot is refused', async () => {
  const own = `dir:${path('own-store-2')}`;
  const instance = new Instance({database, store: own, tables: ['item']});
  await instance.capture();
  for (const command of ['replicate', 'verify']) {
    expectRefusal(await instance.refused(command, '--snapshot', '0123456789abcdef'), {
      exitCode: 2,
      code: 'SNAPSHOT_UNKNOWN',
      told: /0123456789abcdef/,
    });
  }
});

test('--verify takes nothing but full', async () => {
  const result = await rowplica(['replicate', ...good, '--verify=half', '--json']);
  expectRefusal(refusal(result), {exitCode: 2, code: 'USAGE', told: /"full", not "half"/});
});

/** Without --json the same is said on stderr: one line, and what to do. */
function expectPlain(
  {exitCode, stdout, stderr}: Awaited<ReturnType<typeof rowplica>>,
  {exitCode: expected, message, hint}: Refusal,
): void {
  expect(exitCode).toBe(expected);
  expect(stdout).toBe('');
  expect(stderr).toBe(`error: ${message}\nwhat to do: ${hint}\n`);
}
