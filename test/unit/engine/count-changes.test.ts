/** What a capture says it changed is what was changed, whichever way it is counted. */
import {rmSync} from 'node:fs';
import {expect, test} from 'vitest';
import {makeInstances, write} from '../../helpers/instances.ts';

const ROWS = 40_000;
const rows = (table: string): string =>
  `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${ROWS})
   INSERT INTO ${table} SELECT i, 'value ' || i FROM n;`;
const none = {inserted: 0, updated: 0, deleted: 0};

test.each([
  ['rows here and there', 'UPDATE t SET v = 1 WHERE id % 1000 = 7', {updated: 40}],
  ['every row', 'UPDATE t SET v = 1', {updated: ROWS}],
  ['rows at the end', "INSERT INTO t SELECT id + 1000000, 'x' FROM t", {inserted: ROWS}],
  ['rows in the middle', 'DELETE FROM t WHERE id BETWEEN 10000 AND 29999', {deleted: 20_000}],
  ['all rows', 'DELETE FROM t', {deleted: ROWS}],
  [
    'of each kind',
    `DELETE FROM t WHERE id % 5000 = 1; UPDATE t SET v = NULL WHERE id % 5000 = 2;
     INSERT INTO t SELECT -id, v FROM t WHERE id % 5000 = 3`,
    {inserted: 8, updated: 8, deleted: 8},
  ],
])('%s', async (_, sql, counts) => {
  const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v)';
  const instances = makeInstances({ddl, primary: rows('t'), replica: '', tables: ['t']});
  const first = await instances.capture();
  expect(first.tables).toEqual({t: {...none, rows: ROWS, inserted: ROWS}});
  write(instances.primary, sql);
  const {tables} = await instances.capture();
  expect(tables['t']).toMatchObject({...none, ...counts});
});

test('rows of a multiset, wherever their likes stand', async () => {
  const ddl = 'CREATE TABLE loose (a, b)';
  const primary = `${rows('loose')} UPDATE loose SET a = a / 20000`;
  const instances = makeInstances({ddl, primary, replica: '', tables: ['loose']});
  const keyless = 'multiset' as const;
  await instances.capture({keyless});
  write(instances.primary, "DELETE FROM loose WHERE b IN ('value 1', 'value 39999')");
  write(instances.primary, "INSERT INTO loose VALUES (0, 'value 2')");
  const {tables} = await instances.capture({keyless});
  expect(tables).toEqual({loose: {rows: ROWS - 1, inserted: 1, updated: 0, deleted: 2}});
});

test.each([2000, 60_000])('rows whose key is another column now: %i', async (rowsMade) => {
  const table = (key: string): string =>
    `(a INT NOT NULL, b INT NOT NULL, PRIMARY KEY (${key})) WITHOUT ROWID`;
  const primary = `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${rowsMade})
    INSERT INTO t SELECT i, ${rowsMade} + 1 - i FROM n`;
  const ddl = `CREATE TABLE t ${table('a')}`;
  const instances = makeInstances({ddl, primary, replica: '', tables: ['t']});
  await instances.capture();
  write(
    instances.primary,
    `CREATE TABLE u ${table('b')}; INSERT INTO u SELECT * FROM t; DROP TABLE t; ALTER TABLE u RENAME TO t`,
  );
  const {tables} = await instances.capture();
  expect(tables).toEqual({t: {...none, rows: rowsMade, updated: rowsMade}});
});

test('a multiset that got a key and lost its rows, counted by who takes over, is not emptied', async () => {
  const ddl = 'CREATE TABLE t (a NOT NULL, b)';
  const instances = makeInstances({ddl, primary: rows('t'), replica: '', tables: ['t']});
  await instances.capture({keyless: 'multiset'});
  write(instances.primary, 'DROP TABLE t; CREATE TABLE t (a INTEGER PRIMARY KEY, b)');
  rmSync(`${instances.primary}-state`, {recursive: true});
  await expect(instances.capture({takeOver: true})).rejects.toMatchObject({code: 'FUSE'});
});
