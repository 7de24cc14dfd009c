/** The print of a range is another one wherever a cell is, by type or by value, or there is none. */
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {openSqlite} from '../../../../src/database/sqlite/database.ts';
import type {KeyRange} from '../../../../src/kernel/row.ts';
import {shapeTable, type TableShape} from '../../../../src/schema/table-shape.ts';
import {encodeKey} from '../../../../src/canonical/key.ts';
import {tempFolder} from '../../../helpers/temp-db.ts';

const ALL: KeyRange = {from: undefined, to: undefined};

type Printed = {readonly form: string; readonly print: string | undefined};
type Asked = {readonly range?: KeyRange; readonly shape?: Partial<TableShape>};

/** Of one connection that is held: after each of the statements the print of all rows that there are; undefined for a table without any. */
async function prints(
  ddl: string,
  statements: readonly string[],
  {range = ALL, shape = {}}: Asked = {},
): Promise<readonly (Printed | undefined)[]> {
  const path = join(tempFolder(), 'a.db');
  const db = new BetterSqlite3(path);
  db.exec(ddl);
  const database = openSqlite({path});
  const found: (Printed | undefined)[] = [];
  for (const statement of statements) {
    db.exec(statement);
    const rows = db.prepare('SELECT count(*) FROM t').pluck().get() as number;
    const printed = await database.view(async (view) => {
      const table = (await view.schema()).tables.get('t');
      if (table === undefined) throw new Error('the table was made');
      const of = view.prints({...shapeTable(table, {table: 't'}), ...shape});
      return of && {form: of.form, print: of.of(range, rows)};
    });
    found.push(printed);
  }
  await database.close();
  db.close();
  return found;
}

const texts = (printed: readonly (Printed | undefined)[]): readonly string[] =>
  printed.map((found) => {
    if (found?.print === undefined) throw new Error('there is a print');
    return found.print;
  });

const table = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b); INSERT INTO t VALUES (1, NULL, NULL)';

describe('a cell', () => {
  const values = [
    'NULL',
    "''",
    '1',
    '1.0',
    "'1'",
    "'1.0'",
    "'NULL'",
    "'null'",
    "'[]'",
    `'"'`,
    `'\\"'`,
    `'","'`,
    "'a'",
    "'A'",
    "'a' || char(0)",
    "'a' || char(0) || 'b'",
    "'a' || char(0) || 'c'",
    "'a\\u0000'",
    "CAST(x'ff' AS TEXT)",
    "CAST(x'fe' AS TEXT)",
    "CAST(x'eda080' AS TEXT)",
    "CAST(x'efbfbd' AS TEXT)",
    "CAST(x'22ff' AS TEXT)",
    "'é'",
    "'e' || char(769)",
    '0',
    '0.0',
    '0.1',
    '0.1 + 0.2',
    '0.3',
    '1e308',
    '9e999',
    '-9e999',
    "'9.0e+999'",
    '5e-324',
    '9223372036854775807',
    '9223372036854775806',
    '9223372036854775807.0',
    "','",
    'char(10)',
  ];
  test('of each of many values has a print of its own, and the same one again', async () => {
    const statements = values.map((value) => `UPDATE t SET a = ${value}`);
    const once = texts(await prints(table, statements));
    expect(new Set(once).size).toBe(values.length);
    expect(texts(await prints(table, statements))).toEqual(once);
  });

  // Blobs that SQLite takes for JSON of 1, null, [] and "a", and others.
  test.each(["x''", "x'31'", "x'1331'", "x'00'", "x'0b'", "x'1761'", "x'ff00'", '-0.0'])(
    'that is %s has none',
    async (value) => {
      const cell = value === '-0.0' ? 'CAST(-1 AS REAL) * 0' : value;
      const [none, some] = await prints(table, [
        `UPDATE t SET a = ${cell}`,
        'UPDATE t SET a = 0.0, b = 1',
      ]);
      expect(none?.print).toBeUndefined();
      expect(some?.print).toBeDefined();
    },
  );

  test('of one column is none of the other', async () => {
    const found = await prints(table, [
      "UPDATE t SET a = 'x', b = ''",
      "UPDATE t SET a = '', b = 'x'",
      "UPDATE t SET a = 'x,t', b = ''",
    ]);
    expect(new Set(texts(found)).size).toBe(3);
  });
});

test('SQLite writes no two reals alike that prints are made of', () => {
  const db = new BetterSqlite3(':memory:');
  db.exec('CREATE TABLE r (x REAL)');
  const insert = db.prepare('INSERT INTO r VALUES (?)');
  const seen = new Set<number>();
  db.transaction(() => {
    for (const real of closeReals()) {
      seen.add(real);
      insert.run(real);
    }
  })();
  const counted = 'SELECT count(DISTINCT x), count(DISTINCT json_array(x)) FROM r';
  expect(db.prepare(counted).raw().get()).toEqual([seen.size, seen.size]);
  db.close();
});

/** Neighbours, most of them where 17 digits tell them apart just so: below a power of two that is a little more than one of ten. */
function* closeReals(): Generator<number> {
  let state = 12345;
  const random = (): number => (state = (Math.imul(state, 1103515245) + 12345) >>> 0) / 2 ** 32;
  for (let power = -307; power <= 308; power++) {
    const above = 2 ** Math.ceil(Math.log2(10) * power);
    yield* neighbours(10 ** power);
    yield* neighbours(above);
    yield* neighbours(above * (1 - random() / 20));
    yield* neighbours(10 ** power * random());
  }
}

function* neighbours(real: number): Generator<number> {
  const bits = new DataView(new ArrayBuffer(8));
  bits.setFloat64(0, real);
  const middle = bits.getBigInt64(0);
  for (let step = -40n; step <= 40n; step++) {
    bits.setBigInt64(0, middle + step);
    const near = bits.getFloat64(0);
    if (Number.isFinite(near) && near > 0) yield near;
  }
}

test.each([
  ['by its rowid', 'CREATE TABLE t (id INTEGER PRIMARY KEY, a, b)'],
  ['by its key', 'CREATE TABLE t (id TEXT PRIMARY KEY, a, b) WITHOUT ROWID'],
  [
    'with columns named as rowids',
    'CREATE TABLE t (id INTEGER PRIMARY KEY NOT NULL, a, b, rowid, oid, _rowid_)',
  ],
])('rows of a table %s count each', async (_, ddl) => {
  const found = await prints(ddl, [
    "INSERT INTO t (id, a, b) VALUES (1, 'x', 'y'), (2, 'z', 'w')",
    'INSERT INTO t (id) VALUES (3)',
    "UPDATE t SET a = CASE id WHEN 1 THEN 'z' ELSE 'x' END WHERE id IN (1, 2)",
    'DELETE FROM t WHERE id = 1',
  ]);
  expect(new Set(texts(found)).size).toBe(found.length);
});

test('of what is changed and changed back there is one print', async () => {
  const found = await prints(table, [
    "UPDATE t SET a = 'x'",
    "UPDATE t SET a = 'y'",
    "UPDATE t SET a = 'x'",
  ]);
  const [before, , after] = texts(found);
  expect(after).toBe(before);
});

test('a range is from a key up to another one, and holds as many rows as it is said to', async () => {
  const at = (key: bigint): string => encodeKey([key], ['binary']);
  const rows = 'DELETE FROM t; INSERT INTO t (id) VALUES (2), (3)';
  const within = {range: {from: at(2n), to: at(4n)}};
  const [both, others, , more] = await prints(
    table,
    [
      rows,
      'DELETE FROM t WHERE id = 3; INSERT INTO t (id) VALUES (5)',
      rows,
      'INSERT INTO t (id) VALUES (1)',
    ],
    within,
  );
  expect(both?.print).toBeDefined();
  expect(others?.print, 'less').toBeUndefined();
  expect(more?.print, 'less than all').toBeUndefined();
  const [few] = await prints(table, [rows], {range: {from: at(3n), to: undefined}});
  expect(few?.print).toBeUndefined();
});

test('an empty range has none', async () => {
  expect((await prints(table, ['DELETE FROM t']))[0]?.print).toBeUndefined();
});

test.each([
  ['whose key may be NULL', 'CREATE TABLE t (id TEXT PRIMARY KEY, a)', {}],
  [
    'whose key an index orders otherwise',
    'CREATE TABLE t (id TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, a)',
    {},
  ],
  ['of UTF-16', `PRAGMA encoding = 'UTF-16le'; ${table}`, {}],
  ['of which some rows travel', table, {only: [{column: 'a', not: false, in: [1]}]}],
  ['of rows without a key', table, {keyKind: 'multiset'}],
] as const)('a table %s has none', async (_, ddl, shape) => {
  const asked = {shape: shape as unknown as Partial<TableShape>};
  expect(await prints(ddl, ['SELECT 1'], asked)).toEqual([undefined]);
});

test('a table of a thousand columns has prints, and one of more has none', async () => {
  const wide = (columns: number): string => {
    const names = Array.from({length: columns - 1}, (_, at) => `c${at}`);
    return `CREATE TABLE t (id INTEGER PRIMARY KEY, ${names.join()}); INSERT INTO t (id) VALUES (1)`;
  };
  expect((await prints(wide(1000), ['SELECT 1']))[0]?.print).toBeDefined();
  expect(await prints(wide(1001), ['SELECT 1'])).toEqual([undefined]);
});

test('tables of other columns have prints of another form', async () => {
  const forms = [
    table,
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a, c)',
    'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b)',
  ];
  const found = await Promise.all(forms.map((ddl) => prints(ddl, ['SELECT 1'])));
  expect(new Set(found.map(([printed]) => printed?.form)).size).toBe(forms.length);
});
