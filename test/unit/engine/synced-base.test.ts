/** What a merge will need of the state is on disk before the record says that it is there; the rest may get lost in a power failure. */
import {readdirSync, truncateSync} from 'node:fs';
import {basename, join} from 'node:path';
import {expect, test, vi} from 'vitest';
import type {TablePolicy} from '../../../src/merge/policy.ts';
import {isDigest} from '../../../src/canonical/digest.ts';
import {makeInstances, typed, write} from '../../helpers/instances.ts';

const synced = vi.hoisted(() => [] as string[]);
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const fsync = (file: number): void => {
    synced.push(fs.readlinkSync(`/proc/self/fd/${file}`));
    fs.fsyncSync(file);
  };
  return {...fs, fsyncSync: fsync};
});

const setting = {
  ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, b, c)',
  primary: `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
    INSERT INTO t SELECT i, 'v' || i, 0 FROM n`,
  replica: '',
};
const policy = (table: TablePolicy) => ({allowDeletes: ['t'], policies: new Map([['t', table]])});

function objectsIn(state: string): readonly string[] {
  return readdirSync(state, {recursive: true, withFileTypes: true})
    .filter((entry) => entry.isFile() && isDigest(entry.name))
    .map((entry) => join(entry.parentPath, entry.name));
}

test.each([
  ['merge', true],
  ['mirror', false],
] as const)('%s', async (kind, isSynced) => {
  const instances = makeInstances(setting);
  await instances.capture({tables: ['t']});
  synced.length = 0;
  await instances.replicate(policy({policy: kind}));
  const names = new Set(synced.map((path) => basename(path)));
  const objects = objectsIn(`${instances.replica}-state`);
  expect(objects.length).toBeGreaterThan(3);
  expect(objects.every((path) => names.has(basename(path)))).toBe(isSynced);
});

test('what a capture stored', async () => {
  const instances = makeInstances(setting);
  synced.length = 0;
  await instances.capture({tables: ['t']});
  const names = new Set(synced.map((path) => basename(path)));
  const objects = objectsIn(`${instances.primary}-state`);
  expect(objects.length).toBeGreaterThan(3);
  expect(objects.filter((path) => !names.has(basename(path)))).toEqual([]);
});

test('a damaged base comes from the store again', async () => {
  const instances = makeInstances(setting);
  const merge = policy({policy: 'merge'});
  await instances.capture({tables: ['t']});
  await instances.replicate(merge);
  write(instances.primary, 'UPDATE t SET b = 1 WHERE id % 400 = 77; DELETE FROM t WHERE id = 4000');
  write(instances.replica, 'UPDATE t SET c = 9 WHERE id % 400 = 78');
  await instances.capture({tables: ['t']});
  for (const path of objectsIn(`${instances.replica}-state`)) truncateSync(path, 0);
  const {tables} = await instances.replicate(merge);
  expect(tables).toEqual({t: {inserted: 0, updated: 23, deleted: 1}});
  const own = typed(instances.replica, 't', ['id', 'c']).filter((row) => row.endsWith(' 9'));
  expect(own).toHaveLength(23);
});
