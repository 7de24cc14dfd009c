/** Which changes of a table nothing else depends on. */
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {diffRows} from '../../../src/diff/diff-rows.ts';
import {loneChanges} from '../../../src/plan/lone.ts';
import type {TableRequest, TableShape} from '../../../src/schema/table-shape.ts';
import {write} from '../../helpers/instances.ts';
import {allRows} from '../../helpers/tables.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

type More = {readonly request?: Partial<TableRequest>; readonly shape?: Partial<TableShape>};

/** Undefined where single changes do not tell. */
async function areLone(
  ddl: string,
  edit: string,
  {request, shape: altered}: More = {},
): Promise<boolean | undefined> {
  const path = join(tempFolder(), 'a.db');
  write(path, `${ddl}; INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c')`);
  const database = openSqlite({path});
  const wanted = {table: 't', ...request};
  try {
    const before = await database.view((view) => allRows(view, wanted));
    write(path, edit);
    return await database.view(async (view) => {
      const {shape, rows} = await allRows(view, wanted);
      const isLone = loneChanges((await view.schema()).tables, {...shape, ...altered});
      return isLone && [...diffRows('t', before.rows, rows)].every(isLone);
    });
  } finally {
    await database.close();
  }
}

const plain = 'CREATE TABLE t (k INTEGER PRIMARY KEY, a, b)';
const unique = 'CREATE TABLE t (k INTEGER PRIMARY KEY, a UNIQUE, b)';
const parent = `${plain}; CREATE TABLE c (x REFERENCES t (k))`;
const parentByA = `${unique}; CREATE TABLE c (x REFERENCES t (a))`;
const child = `CREATE TABLE p (k INTEGER PRIMARY KEY); CREATE TABLE t (k INTEGER PRIMARY KEY, a REFERENCES p, b)`;
const tree = 'CREATE TABLE t (k INTEGER PRIMARY KEY, a REFERENCES t (k), b)';
const update = 'UPDATE t SET b = 7';
const insert = "INSERT INTO t VALUES (9, 9, 'z')";
const remove = 'DELETE FROM t WHERE k = 2';

test.each<[string, string, string, boolean | undefined, More?]>([
  ['every change of a plain table', plain, `${update}; ${insert}; ${remove}`, true],
  ['updates and inserts beside unique values', unique, `${update}; ${insert}`, true],
  ['updates of unique values', unique, 'UPDATE t SET a = 10 WHERE k = 1', false],
  ['deletes that free unique values', unique, remove, false],
  ['updates and inserts of rows that are referred to', parent, `${update}; ${insert}`, true],
  ['deletes of rows that are referred to', parent, remove, false],
  ['updates beside values that are referred to', parentByA, update, true],
  ['updates of values that are referred to', parentByA, 'UPDATE t SET a = 10 WHERE k = 1', false],
  [
    'updates of values that are referred to and need not be unique',
    `${plain}; CREATE TABLE c (x REFERENCES t (b))`,
    update,
    false,
  ],
  ['changed references to other rows', child, `UPDATE t SET a = 7; ${insert}; ${remove}`, true],
  ['changed references to rows of the same table', tree, `UPDATE t SET a = 1; ${insert}`, true],
  ['deletes in a table that refers to itself', tree, remove, false],
  [
    'a respelled key',
    'CREATE TABLE t (k PRIMARY KEY NOT NULL, a, b)',
    'UPDATE t SET k = 1.0 WHERE k = 1',
    false,
  ],
  [
    'any change beside a unique expression',
    `${plain}; CREATE UNIQUE INDEX u ON t (a || b)`,
    update,
    undefined,
  ],
  [
    'any change beside values that are unique in part',
    `${plain}; CREATE UNIQUE INDEX u ON t (a) WHERE b > 1`,
    update,
    undefined,
  ],
  [
    'any change where a generated value is unique',
    'CREATE TABLE t (k INTEGER PRIMARY KEY, a, b, g AS (b || k) UNIQUE)'.replace(' g ', ' g TEXT '),
    update,
    undefined,
  ],
  [
    'any change beside a trigger',
    `${plain}; CREATE TRIGGER x AFTER DELETE ON t BEGIN SELECT 1; END`,
    update,
    undefined,
  ],
  [
    'any change where rows elsewhere may come to refer to others',
    `${plain}; CREATE TABLE c (x DEFAULT 1 REFERENCES t (k) ON DELETE SET DEFAULT)`,
    update,
    undefined,
  ],
  [
    'any change where a trigger of another table writes it',
    `${plain}; CREATE TABLE o (x); CREATE TRIGGER w AFTER INSERT ON o BEGIN UPDATE t SET b = 1; END`,
    update,
    undefined,
  ],
  [
    'every change where a trigger writes something else',
    `${plain}; CREATE TABLE o (x); CREATE TABLE q (x); CREATE TRIGGER w AFTER INSERT ON o BEGIN DELETE FROM q; END`,
    update,
    true,
  ],
  [
    'any change where what refers to it refers to others by the same column',
    `${plain}; CREATE TABLE p (k INTEGER PRIMARY KEY); CREATE TABLE c (x REFERENCES t (k) REFERENCES p (k))`,
    update,
    undefined,
  ],
  [
    'any change where keys do not come in order',
    'CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, a, b)',
    update,
    undefined,
  ],
  ['any change of links', plain, update, undefined, {request: {key: ['a']}}],
  [
    'any change where not all rows are followed',
    plain,
    update,
    undefined,
    {shape: {only: [{column: 'a', op: 'in', values: [1]}] as unknown as TableShape['only'] & {}}},
  ],
])('%s', async (_, ...[ddl, edit, expected, more]) => {
  expect(await areLone(ddl, edit, more)).toBe(expected);
});
