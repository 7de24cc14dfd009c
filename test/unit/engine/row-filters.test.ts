/** Rows that a policy leaves out: those of either side that do not match, and those in a range of keys that is this instance's own. */
import {describe, expect, test} from 'vitest';
import type {ReplicateResult} from '../../../src/index.ts';
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

type Pair = Instances & {
  capture(policies?: Policies): ReturnType<Instances['capture']>;
  follow(policies?: Policies): Promise<ReplicateResult>;
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
