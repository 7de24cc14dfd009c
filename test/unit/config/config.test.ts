import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {
  durationOf,
  loadConfig,
  type ConfigSources,
  type LoadedConfig,
} from '../../../src/config/config.ts';
import type {Config} from '../../../src/config/settings.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

function file(text: string): string {
  const path = join(tempFolder(), 'rowplica.yaml');
  writeFileSync(path, text);
  return path;
}

/** The values alone. */
function given(sources: ConfigSources): Omit<LoadedConfig, 'sources'> {
  const {sources: _, ...values} = loadConfig(sources);
  return values;
}

const load = (text: string, env: NodeJS.ProcessEnv = {}, flags: Config = {}) =>
  given({file: file(text), env, flags});

test('the environment overrides the file, and flags override both', () => {
  const text = 'database: f\nstore: f\nstate: f\nprofile: f\ntables: [f, g]\n';
  const env = {
    ROWPLICA_DATABASE: '',
    ROWPLICA_STORE: 'e',
    ROWPLICA_STATE: 'e',
    ROWPLICA_TABLES: 'e,h',
  };
  const flags = {state: 'x', profile: undefined};
  expect(load(text, env, flags)).toEqual({
    database: 'f',
    store: 'e',
    state: 'x',
    profile: 'f',
    tables: ['e', 'h'],
  });
});

test('the environment may name the file; the flag wins', () => {
  const [a, b] = [file('store: a'), file('store: b')];
  expect(given({file: undefined, env: {ROWPLICA_CONFIG: a}, flags: {}})).toEqual({store: 'a'});
  expect(given({file: b, env: {ROWPLICA_CONFIG: a}, flags: {}})).toEqual({store: 'b'});
  expect(given({file: undefined, env: {ROWPLICA_CONFIG: ''}, flags: {}})).toEqual({});
});

test.each([
  ['500ms', 500],
  ['2s', 2_000],
  ['1.5 s', 1_500],
  ['1m', 60_000],
  ['2h', 7_200_000],
  ['1d', 86_400_000],
])('a lock of %s is one of %d ms, wherever it is given', (text, ms) => {
  expect(load(`maxWriteLock: ${text}`)).toEqual({maxWriteLock: ms});
  expect(load('maxWriteLock: 1ms', {ROWPLICA_MAX_WRITE_LOCK: text})).toEqual({maxWriteLock: ms});
  expect(durationOf('--max-write-lock', text)).toBe(ms);
});

test.each(['500', '-1s', '0ms', '1w', 'soon'])(
  'refuses a lock of %s, naming where it is given',
  (text) => {
    const refused = (told: RegExp): object =>
      expect.objectContaining({code: 'CONFIG_INVALID', message: expect.stringMatching(told)});
    expect(() => load(`maxWriteLock: "${text}"`)).toThrow(
      refused(/"maxWriteLock": it is not a dur/),
    );
    expect(() => load('', {ROWPLICA_MAX_WRITE_LOCK: text})).toThrow(
      refused(/^ROWPLICA_MAX_WRITE_LOCK: /),
    );
    expect(() => durationOf('--max-write-lock', text)).toThrow(refused(/^--max-write-lock: /));
  },
);

test('the table of migrations and its column may come from different sources', () => {
  const migrations = {table: 'history', column: 'v'};
  const env = {ROWPLICA_MIGRATIONS_TABLE: 'history', ROWPLICA_MIGRATIONS_COLUMN: 'v'};
  expect(load('migrations: {table: history, column: v}').migrations).toEqual(migrations);
  expect(load('', env).migrations).toEqual(migrations);
  expect(
    load('migrations: {table: other, column: v}', {...env, ROWPLICA_MIGRATIONS_COLUMN: ''})
      .migrations,
  ).toEqual(migrations);
  expect(load('', env, {migrations: {table: undefined, column: 'w'}}).migrations).toEqual({
    table: 'history',
    column: 'w',
  });
  expect(load('').migrations).toBe(undefined);
});

test.each([
  [{table: 'history', column: undefined}, /the table is given, but not the column/],
  [{table: undefined, column: 'v'}, /the column is given, but not the table/],
])('half of %j is refused', (migrations, told) => {
  expect(() => load('', {}, {migrations})).toThrow(
    expect.objectContaining({code: 'CONFIG_INVALID', message: expect.stringMatching(told)}),
  );
});

test.each(['', '# nothing\n', '{}'])('a file of %j says nothing', (text) => {
  expect(load(text)).toEqual({});
});

test.each([
  ['an unknown setting', 'datbase: x', /datbase/],
  ['a setting of the wrong kind', 'tables: a', /"tables"/],
  ['an empty setting', 'store: ""', /"store"/],
  ['no tables', 'tables: []', /"tables"/],
  ['a table that is no text', 'tables: [1]', /"tables\.0"/],
  ['migrations without names', 'migrations: {table: ""}', /"migrations\.table"/],
  ['another part of migrations', 'migrations: {tabel: x}', /tabel/],
  ['a list', '- database', /expected/],
  ['bad YAML', 'database: [', /YAML/],
])('refuses %s, naming file and setting', (_, text, message) => {
  const path = file(text);
  const refused = {
    code: 'CONFIG_INVALID',
    exitCode: 2,
    site: {path},
    message: expect.stringMatching(message),
  };
  expect(() => loadConfig({file: path, env: {}, flags: {}})).toThrow(
    expect.objectContaining(refused),
  );
});

test('refuses a file that is not there', () => {
  const path = join(tempFolder(), 'absent.yaml');
  expect(() => loadConfig({file: path, env: {}, flags: {}})).toThrow(/there is no such file/);
});
