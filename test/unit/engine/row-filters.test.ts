/** Rows that a policy leaves out: those of either side that do not match, and those in a range of keys that is this instance's own. */
import {describe, expect, test} from 'vitest';
import type {CaptureResult, ReplicateResult} from '../../../src/index.ts';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {faults, makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

const ddl = `
  CREATE TABLE m (id INTEGER PRIMARY KEY AUTOINCREMENT, kind TEXT, v TEXT);
  CREATE TABLE link (id INTEGER PRIMARY KEY, m INTEGER REFERENCES m ON DELETE CASCADE, w TEXT)`;
const tables = ['m', 'link'];
const rows = `
  INSERT INTO m VALUES (1, 'http', 'a'), (2, 'push', 'b'), (3, NULL, 'c');
  INSERT INTO link VALUES (1, 1, 'of http'), (2, 2, 'of push')`;

const notPush: TablePolicy = {where: [{column: 'kind', not: ['push']}]};

type Pair = Pick<Instances, 'primary' | 'replica'> & {
  readonly capture: (policies?: Policies) => Promise<CaptureResult>;
  readonly follow: (policies?: Policies) => Promise<ReplicateResult>;
};
type Policies = Readonly<Record<string, TablePolicy>>;

function pair(replica = ''): Pair {
  const instances = makeInstances({ddl, primary: rows, replica, tables});
  const given = (policies: Policies = {}) => ({policies: new Map(Object.entries(policies))});
  return {
    ...instances,
    capture: (policies) => instances.capture(given(policies)),
    follow: (policies) => instances.replicate(given(policies)),
  };
}

const content = (path: string, table: string, columns: readonly string[]): string[] =>
  typed(path, table, columns).map((line) =>
    line
      .split(' | ')
      .map((cell) => cell.replace(/^\w+ /, '').replaceAll("'", ''))
      .join(' '),
  );
const rowsOfM = (path: string): string[] => content(path, 'm', ['id', 'kind', 'v']);
const links = (path: string): string[] => content(path, 'link', ['m', 'w']);
const nothing = {inserted: 0, updated: 0, deleted: 0};

describe.each<[string, Policies, Policies]>([
  ['the primary', {m: notPush}, {}],
  ['the replica', {}, {m: notPush}],
  ['both', {m: notPush}, {m: notPush}],
])('with a filter on %s', (_, there, here) => {
  test('rows that match travel, with what belongs to them; others of either side are left alone', async () => {
    const {primary, replica, capture, follow} = pair(
      "INSERT INTO m VALUES (90, 'push', 'own'); INSERT INTO link VALUES (90, 90, 'of own')",
    );
    await capture(there);
    await follow(here);
    expect(rowsOfM(replica)).toEqual(['1 http a', '3 NULL c', '90 push own']);
    expect(links(replica)).toEqual(['1 of http', '90 of own']);
    write(replica, "UPDATE m SET v = 'edited' WHERE id IN (1, 90)");
    expect(await follow(here)).toMatchObject({tables: {m: {updated: 1}}});
    expect(rowsOfM(replica)).toEqual(['1 http a', '3 NULL c', '90 push edited']);
    write(
      primary,
      "DELETE FROM link WHERE m = 1; DELETE FROM m WHERE id = 1; UPDATE m SET v = 'z' WHERE kind = 'push'",
    );
    await capture(there);
    await follow(here);
    expect(rowsOfM(replica)).toEqual(['3 NULL c', '90 push edited']);
    expect(links(replica)).toEqual(['90 of own']);
    expect(await follow(here)).toMatchObject({applied: false, tables: {m: nothing, link: nothing}});
    expect(faults(replica)).toEqual([]);
  });

  test('a row that the primary moves out of the rows that travel goes, one that it moves in comes', async () => {
    const {primary, replica, capture, follow} = pair();
    await capture(there);
    await follow(here);
    write(primary, "UPDATE m SET kind = CASE id WHEN 1 THEN 'push' ELSE 'http' END");
    await capture(there);
    await follow(here);
    expect(rowsOfM(replica)).toEqual(['2 http b', '3 http c']);
    expect(links(replica)).toEqual(['2 of push']);
    expect(faults(replica)).toEqual([]);
  });
});

describe('rows of the replica move out of and into the rows that travel', () => {
  const here = {m: notPush};

  test('a row that was made a push monitor here is left alone, whatever the primary does with it', async () => {
    const {primary, replica, capture, follow} = pair();
    await capture(here);
    await follow(here);
    write(replica, "UPDATE m SET kind = 'push' WHERE id = 1");
    expect(await follow(here)).toMatchObject({applied: false, tables: {m: nothing}});
    write(primary, "UPDATE m SET v = 'z' WHERE id = 1");
    await capture(here);
    await follow(here);
    expect(rowsOfM(replica)).toEqual(['1 push a', '3 NULL c']);
    expect(links(replica)).toEqual(['1 of http']);
    expect(await follow(here)).toMatchObject({applied: false, tables: {m: nothing, link: nothing}});
  });

  test('an own row that was made one that travels is drift: it goes', async () => {
    const {replica, capture, follow} = pair("INSERT INTO m VALUES (90, 'push', 'own')");
    await capture(here);
    await follow(here);
    write(replica, "UPDATE m SET kind = 'http' WHERE id = 90");
    expect(await follow(here)).toMatchObject({tables: {m: {deleted: 1}}});
  });

  test('a new row of the primary under the key of one that is left alone is refused by name, with nothing written', async () => {
    const {primary, replica, capture, follow} = pair("INSERT INTO m VALUES (4, 'push', 'own')");
    await capture(here);
    await follow(here);
    write(primary, "INSERT INTO m VALUES (4, 'http', 'd'); UPDATE m SET v = 'z' WHERE id = 1");
    await capture(here);
    await expect(follow(here)).rejects.toMatchObject({
      code: 'KEY_TAKEN',
      exitCode: 20,
      site: {table: 'm'},
      message: expect.stringContaining('m[id=4]'),
      hint: expect.stringContaining('ownKeys'),
    });
    expect(rowsOfM(replica)).toEqual(['1 http a', '3 NULL c', '4 push own']);
  });
});

describe('keys from 1000 on are this instance’s own', () => {
  const here: Policies = {m: {ownKeys: 1000}};

  test('its rows are left alone, and the application gives keys of the range to the next ones', async () => {
    const {primary, replica, capture, follow} = pair();
    await capture();
    await follow(here);
    write(replica, "INSERT INTO m (kind, v) VALUES ('push', 'own')");
    write(replica, "INSERT INTO link (m, w) VALUES (1000, 'of own')");
    expect(await follow(here)).toMatchObject({applied: false, tables: {m: nothing, link: nothing}});
    write(primary, "INSERT INTO m (kind, v) VALUES ('http', 'd'); DELETE FROM m WHERE id = 3");
    await capture();
    await follow(here);
    expect(rowsOfM(replica)).toEqual(['1 http a', '1000 push own', '2 push b', '4 http d']);
    expect(links(replica)).toEqual(['1 of http', '1000 of own', '2 of push']);
    write(replica, "INSERT INTO m (kind, v) VALUES ('push', 'next')");
    expect(rowsOfM(replica)).toContain('1001 push next');
    expect(faults(replica)).toEqual([]);
  });

  test('a row of the primary in the range is refused by name, with nothing written', async () => {
    const {primary, replica, capture, follow} = pair();
    await capture();
    await follow(here);
    write(primary, "INSERT INTO m VALUES (1000, 'http', 'd'); UPDATE m SET v = 'z' WHERE id = 1");
    await capture();
    await expect(follow(here)).rejects.toMatchObject({
      code: 'KEY_TAKEN',
      exitCode: 20,
      site: {table: 'm'},
      message: expect.stringContaining('m[id=1000]'),
    });
    expect(rowsOfM(replica)).toEqual(['1 http a', '2 push b', '3 NULL c']);
  });

  test.each<[string, Policies, RegExp]>([
    [
      'primaryWins',
      {m: {policy: 'merge', onConflict: 'primaryWins', ownKeys: 1000}},
      /m\[id=1000\]/,
    ],
    ['seed', {m: {policy: 'seed', ownKeys: 1000}}, /m\[id=1000\]/],
  ])('under %s too', async (_, policies, told) => {
    const {primary, replica, capture, follow} = pair();
    await capture();
    await follow(policies);
    write(replica, "INSERT INTO m (kind, v) VALUES ('push', 'own')");
    write(primary, "UPDATE m SET kind = 'z'");
    await capture();
    await follow(policies);
    expect(rowsOfM(replica)).toContain('1000 push own');
    write(primary, "INSERT INTO m VALUES (1000, 'http', 'd')");
    await capture();
    await expect(follow(policies)).rejects.toMatchObject({message: expect.stringMatching(told)});
  });
});
