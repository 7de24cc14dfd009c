/** Values and names on which a careless copy would stumble survive bit by bit. */
import {join} from 'node:path';
import Database from 'better-sqlite3';
import {beforeAll, describe, expect, test} from 'vitest';
import {Instance} from '../helpers/cli.ts';
import {fillOdd, oddRows, oddSchema, oddTexts} from '../helpers/odd-values.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {complaints, countRows, dumpTable, execute, quote} from '../helpers/typed-dump.ts';

describe('values in columns of each kind', () => {
  const {primary, replica, source, target} = pair(['odd']);

  beforeAll(() => {
    execute(replica, oddSchema);
    fillOdd(primary);
  });

  test('the rows hold what they are meant to', () => {
    const rows = dumpTable(primary, 'odd');
    const has = (column: string, value: string) => rows.some((row) => row[column] === value);
    expect(rows).toHaveLength(oddRows);
    expect(has('untyped', 'real 8000000000000000'), '-0.0').toBe(true);
    expect(has('untyped', 'real 3ff0000000000000'), '1.0').toBe(true);
    expect(has('a_real', 'real 7ff0000000000000'), 'Infinity').toBe(true);
    expect(has('a_real', 'real 0000000000000001'), '5e-324').toBe(true);
    expect(has('an_integer', 'integer 9007199254740993')).toBe(true);
    expect(has('an_integer', 'real 4034800000000000'), 'REAL in INTEGER').toBe(true);
    expect(has('an_integer', 'text '), 'empty text in INTEGER').toBe(true);
    expect(has('a_text', 'text FF41'), 'invalid UTF-8').toBe(true);
    expect(has('a_blob', 'blob 31') && has('a_blob', 'text 31'), 'blob beside text').toBe(true);
    const longest = Math.max(...rows.map((row) => (row['a_text'] ?? '').length / 2));
    expect(longest).toBeGreaterThan(86_000);
  });

  test('they arrive by value and storage class, and a second look finds no difference', async () => {
    await source.capture();
    const {tables} = await target.replicate();
    expect(tables['odd']?.inserted).toBe(countRows(primary, 'odd'));
    expect(dumpTable(replica, 'odd')).toEqual(dumpTable(primary, 'odd'));
    expect(complaints(replica)).toEqual([]);
    expect((await source.capture()).changed).toBe(false);
    expect((await target.replicate()).applied).toBe(false);
    expect((await target.verify('--snapshot', 'latest')).equal).toBe(true);
  });

  test('a change of the storage class alone is a change, each way round', async () => {
    const swaps = [
      `untyped = 1.0 WHERE untyped IS 1 AND typeof(untyped) = 'integer'`,
      `untyped = '1' WHERE untyped = x'31'`,
      `a_blob = x'31' WHERE a_blob = '1'`,
      `a_text = x'6e756c6c' WHERE a_text = 'null'`,
    ];
    execute(primary, swaps.map((swap) => `UPDATE odd SET ${swap};`).join('\n'));
    setCell(primary, 'a_blob', 0, -0); // the row of the integer 0 becomes -0.0
    await source.capture();
    const {tables} = await target.replicate();
    expect(tables['odd']?.updated).toBeGreaterThanOrEqual(swaps.length);
    expect(dumpTable(replica, 'odd')).toEqual(dumpTable(primary, 'odd'));
  });
});

describe('names of tables and columns', () => {
  const names = [
    'select',
    'order by',
    `it's "quoted"`,
    'dotted.name',
    'a,b',
    'ключ 🔑',
    ' blanks ',
    '`tick`[x]',
    '%like_',
    'UPPER',
  ];
  const {primary, replica, source, target} = pair(names);

  beforeAll(() => {
    for (const name of names) {
      const ddl = `CREATE TABLE ${quote(name)} (${quote(`id ${name}`)} TEXT PRIMARY KEY, ${names.map(quote).join(', ')})`;
      execute(primary, ddl);
      execute(replica, ddl);
      const values = names.map((_, at) => `'${at}'`).join(', ');
      execute(primary, `INSERT INTO ${quote(name)} VALUES ('key', ${values}), ('two', ${values})`);
      execute(replica, `INSERT INTO ${quote(name)} (${quote(`id ${name}`)}) VALUES ('two'), ('x')`);
      execute(replica, `INSERT INTO ${quote(name)} (${quote(`id ${name}`)}) VALUES ('key')`);
    }
  });

  test('may hold quotes, dots, blanks, commas, emoji and keywords', async () => {
    const {tables} = await source.capture();
    expect(Object.keys(tables).sort()).toEqual([...names].sort());
    const applied = await target.replicate();
    for (const name of names) {
      expect(applied.tables[name], name).toEqual({inserted: 0, updated: 2, deleted: 1});
      expect(dumpTable(replica, name), name).toEqual(dumpTable(primary, name));
    }
  });
});

test('a database whose text is UTF-16 travels into one of the same kind', async () => {
  const {primary, replica, source, target} = pair(['note']);
  for (const path of [primary, replica]) {
    execute(path, `PRAGMA encoding = 'UTF-16le'; CREATE TABLE note (id INTEGER PRIMARY KEY, body)`);
  }
  const db = new Database(primary);
  const insert = db.prepare('INSERT INTO note (body) VALUES (?)');
  for (const text of oddTexts) insert.run(text);
  db.close();
  await source.capture();
  await target.replicate();
  expect(dumpTable(replica, 'note')).toEqual(dumpTable(primary, 'note'));
});

function setCell(path: string, column: string, from: unknown, to: unknown): void {
  const db = new Database(path);
  db.prepare(
    `UPDATE odd SET ${column} = ? WHERE ${column} = ? AND typeof(${column}) = 'integer'`,
  ).run(to, from);
  db.close();
}

function pair(tables: readonly string[]): {
  primary: string;
  replica: string;
  source: Instance;
  target: Instance;
} {
  const folder = temporaryFolder();
  const primary = join(folder, 'primary.db');
  const replica = join(folder, 'replica.db');
  const store = `dir:${join(folder, 'store')}`;
  return {
    primary,
    replica,
    source: new Instance({database: primary, store, tables}),
    target: new Instance({database: replica, store, tables}),
  };
}
