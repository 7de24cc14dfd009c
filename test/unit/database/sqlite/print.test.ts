/** The print of a table is another one wherever a cell is, by type or by value. */
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import type {View} from '../../../../src/database/port.ts';
import {openSqlite} from '../../../../src/database/sqlite/database.ts';
import {tempFolder} from '../../../helpers/temp-db.ts';

const columns = ['id', 'a', 'b'];

/** One print after each of the statements, all of them of one connection that is held. */
async function prints(ddl: string, statements: readonly string[]): Promise<readonly string[]> {
  const path = join(tempFolder(), 'a.db');
  const db = new BetterSqlite3(path);
  db.exec(`PRAGMA journal_mode = WAL; ${ddl}`);
  const database = openSqlite({path});
  const found: string[] = [];
  for (const statement of statements) {
    db.exec(statement);
    found.push(await database.view(async (view) => printed(view)));
  }
  await database.close();
  db.close();
  return found;
}

async function printed(view: View): Promise<string> {
  const parts: string[] = [];
  for await (const part of view.print('t', columns)) parts.push(part);
  return parts.join();
}

const table = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, NULL, NULL)';

describe('a cell', () => {
  const values = [
    'NULL',
    "''",
    "x''",
    '1',
    '1.0',
    "'1'",
    "x'31'",
    "'1.0'",
    "'NULL'",
    "'a'",
    "'A'",
    "'a' || char(0)",
    "'a' || char(0) || 'b'",
    "'a' || char(0) || 'c'",
    "CAST(x'ff' AS TEXT)",
    "CAST(x'fe' AS TEXT)",
    "'é'",
    "'e' || char(769)",
    '0.1',
    '0.1 + 0.2',
    '0.3',
    '1e308',
    '9e999',
    '-9e999',
    '5e-324',
    '9223372036854775807',
    '9223372036854775806',
    '9223372036854775807.0',
    "'t41'",
    "','",
    'char(10)',
  ];
  test('of each of many values has a print of its own, and the same one again', async () => {
    const statements = values.map((value) => `UPDATE t SET a = ${value}`);
    const once = await prints(table, statements);
    expect(new Set(once).size).toBe(values.length);
    expect(await prints(table, statements)).toEqual(once);
  });

  test('of one column is none of the other', async () => {
    const [left, right, both] = await prints(table, [
      "UPDATE t SET a = 'x', b = ''",
      "UPDATE t SET a = '', b = 'x'",
      "UPDATE t SET a = 'x,t', b = ''",
    ]);
    expect(new Set([left, right, both]).size).toBe(3);
  });
});

test.each([
  ['by its rowid', 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)'],
  ['by its key', 'CREATE TABLE t (id TEXT PRIMARY KEY, a, b) WITHOUT ROWID'],
  ['with columns named as rowids', 'CREATE TABLE t (id PRIMARY KEY, a, b, rowid, oid, _rowid_)'],
])('rows of a table %s count each', async (_, ddl) => {
  const found = await prints(ddl, [
    "INSERT INTO t (id, a, b) VALUES (1, 'x', 'y'), (2, 'z', 'w')",
    'INSERT INTO t (id) VALUES (3)',
    "UPDATE t SET a = CASE id WHEN 1 THEN 'z' ELSE 'x' END WHERE id IN (1, 2)",
    'DELETE FROM t WHERE id = 1',
    'DELETE FROM t',
  ]);
  expect(new Set(found).size).toBe(found.length);
});

test('of what is changed and changed back there is one print', async () => {
  const [before, , after] = await prints(table, [
    "UPDATE t SET a = 'x'",
    "UPDATE t SET a = 'y'",
    "UPDATE t SET a = 'x'",
  ]);
  expect(after).toBe(before);
});
