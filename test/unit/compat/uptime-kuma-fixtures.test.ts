/** What the steps make of rows, against what real releases of Uptime Kuma made of the same rows. */
import Database from 'better-sqlite3';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {copyFixture, fixturesRoot} from '../../helpers/fixtures.ts';
import {temporaryFolder} from '../../helpers/temp-folder.ts';
import {
  declared,
  expectSame,
  kumaSteps,
  readReplicated,
  stepsBetween,
  takeSteps,
  type Replicated,
} from '../../helpers/compat.ts';

const steps = kumaSteps();
const skipped =
  fixturesRoot() === undefined ? ' (skipped: there are no databases of real releases)' : '';

type Fixture = {readonly data: Replicated; readonly migrations: readonly string[]};

function open(relative: string): Fixture {
  const path = copyFixture(relative, join(temporaryFolder(), 'kuma.db'));
  return {data: readReplicated(path), migrations: migrationsOf(path)};
}

function migrationsOf(path: string): readonly string[] {
  const db = new Database(path);
  try {
    const setting = db.prepare("SELECT value FROM setting WHERE key = 'databasePatchedFiles'");
    const patches = Object.keys(JSON.parse(setting.pluck().get() as string) as object);
    const knex = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'knex_migrations'").get();
    if (knex === undefined) return patches;
    return [
      ...patches,
      ...(db.prepare('SELECT name FROM knex_migrations').pluck().all() as string[]),
    ];
  } finally {
    db.close();
  }
}

describe.skipIf(skipped !== '')(`rows of real releases${skipped}`, () => {
  test.each([
    ['1.18.5/kuma.db', '1.23.17/kuma-upgraded-from-1.18.db', '1.23.17/kuma-empty.db'],
    ['1.23.17/kuma.db', '2.5.3/kuma-upgraded-from-1.23.db', '2.5.3/kuma-empty.db'],
  ])('%s lifted is what the release itself made of it: %s', (older, upgraded, born) => {
    const from = open(older);
    const to = open(upgraded);
    const lifted = takeSteps(
      stepsBetween(steps, from.migrations, to.migrations),
      'lift',
      from.data,
    );
    expectSame(lifted, to.data);
    expect(declared(lifted)).toEqual(declared(open(born).data, lifted));
  });

  test('steps from 1.18 to 2.5 at once are those to 1.23 and then those to 2.5', () => {
    const [older, between, newer] = ['1.18.5/kuma.db', '1.23.17/kuma.db', '2.5.3/kuma.db'].map(
      open,
    );
    if (older === undefined || between === undefined || newer === undefined) return;
    const all = stepsBetween(steps, older.migrations, newer.migrations);
    const first = stepsBetween(steps, older.migrations, between.migrations);
    const then = stepsBetween(steps, between.migrations, newer.migrations);
    const atOnce = takeSteps(all, 'lift', older.data);
    expectSame(atOnce, takeSteps(then, 'lift', takeSteps(first, 'lift', older.data)));
    expect(declared(atOnce)).toEqual(declared(newer.data, atOnce));
  });

  test.each([
    ['1.18.5/kuma.db', '1.23.17/kuma.db', ['mongodb', 'mysql', 'redis']],
    ['1.18.5/kuma.db', '2.5.3/kuma.db', ['mongodb', 'mysql', 'redis']],
    ['1.23.17/kuma.db', '2.5.3/kuma.db', []],
  ])('%s lifted to %s and lowered again is as it was', (older, newer, unknown) => {
    const {data, migrations} = open(older);
    const between = stepsBetween(steps, migrations, open(newer).migrations);
    const from = withoutTypes(data, unknown);
    const lifted = takeSteps(between, 'lift', from);
    expectSame(takeSteps(between, 'lower', lifted), from);
    for (const type of unknown) {
      const others = takeSteps(between, 'lift', withTypes(data, [type]));
      expect(() => takeSteps(between, 'lower', others), type).toThrow(
        expect.objectContaining({code: 'UPGRADE_FIRST', site: {table: 'monitor'}}),
      );
    }
  });

  test.each([
    [
      '2.5.3/kuma.db',
      '1.23.17/kuma.db',
      [
        'globalping',
        'manual',
        'ntp',
        'rabbitmq',
        'smtp',
        'snmp',
        'system-service',
        'websocket-upgrade',
      ],
    ],
    [
      '1.23.17/kuma.db',
      '1.18.5/kuma.db',
      [
        'gamedig',
        'group',
        'grpc-keyword',
        'json-query',
        'kafka-producer',
        'mongodb',
        'mysql',
        'real-browser',
        'redis',
        'tailscale-ping',
      ],
    ],
  ])('monitors of %s are not lowered to %s where it lacks their type', (newer, older, unknown) => {
    const {data, migrations} = open(newer);
    const between = stepsBetween(steps, open(older).migrations, migrations);
    const types = [...new Set(rowsOf(data).map(typeOf))].toSorted();
    const held = types.filter((type) => {
      try {
        takeSteps(between, 'lower', only(withTypes(data, [type]), 'monitor'));
        return false;
      } catch (error) {
        expect(error).toMatchObject({code: 'UPGRADE_FIRST', site: {table: 'monitor'}});
        return true;
      }
    });
    expect(held).toEqual(unknown);
  });
});

const monitors = (data: Replicated) => data.get('monitor') ?? fail('monitor');
const rowsOf = (data: Replicated) => {
  const {table, rows} = monitors(data);
  const at = table.columns.findIndex(({name}) => name === 'type');
  return rows.map((row) => ({row, type: row[at]}));
};
const typeOf = ({type}: {readonly type: unknown}): string => String(type);

function withTypes(data: Replicated, types: readonly string[]): Replicated {
  const rows = rowsOf(data).filter((one) => types.includes(typeOf(one)));
  return new Map(data).set('monitor', {...monitors(data), rows: rows.map(({row}) => row)});
}

function withoutTypes(data: Replicated, types: readonly string[]): Replicated {
  return withTypes(
    data,
    [...new Set(rowsOf(data).map(typeOf))].filter((type) => !types.includes(type)),
  );
}

function only(data: Replicated, name: string): Replicated {
  return new Map([...data].filter(([table]) => table === name));
}

function fail(table: string): never {
  throw new Error(`There is no table "${table}"`);
}
