/** Unique values that move between rows, on real files: every kind of index, every way out, and none. */
import {describe, expect, test} from 'vitest';
import {faults, makeInstances, typed, write} from '../../helpers/instances.ts';

type Case = {
  readonly ddl: string;
  readonly rows: string;
  /** What the primary's rows become; unique values may pass through others on the way. */
  readonly change: string;
  readonly columns?: readonly string[];
};

const columns = ['id', 'u', 'v'];

async function outcomeOf(given: Case): Promise<readonly string[]> {
  const {ddl, rows, change} = given;
  const instances = makeInstances({ddl, primary: rows, replica: rows, tables: ['t']});
  write(instances.primary, `PRAGMA ignore_check_constraints = ON; ${change}`);
  await instances.capture();
  const before = typed(instances.replica, 't', given.columns ?? columns);
  try {
    await instances.replicate();
  } catch (error) {
    expect(typed(instances.replica, 't', given.columns ?? columns)).toEqual(before);
    throw error;
  }
  const after = typed(instances.replica, 't', given.columns ?? columns);
  expect(after).toEqual(typed(instances.primary, 't', given.columns ?? columns));
  expect(after).not.toEqual(before);
  expect(faults(instances.replica)).toEqual([]);
  return after;
}

const three = "INSERT INTO t (id, u, v) VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 2)";
const swapped =
  "UPDATE t SET u = 'zz' WHERE id = 1; UPDATE t SET u = 'a' WHERE id = 2; UPDATE t SET u = 'b' WHERE id = 1";
const table = (body: string, more = ''): string =>
  `CREATE TABLE t (id INTEGER PRIMARY KEY, ${body})${more}`;

describe('two rows swap values', () => {
  test.each([
    ['that may be NULL', table('u UNIQUE, v')],
    ['that may not be NULL', table('u TEXT NOT NULL UNIQUE, v')],
    ['under NOCASE', table('u TEXT NOT NULL COLLATE NOCASE UNIQUE, v')],
    ['with a conflict clause of the schema', table('u NOT NULL UNIQUE ON CONFLICT REPLACE, v')],
    ['in a STRICT table', table('u TEXT NOT NULL UNIQUE, v INTEGER', ' STRICT')],
    ['in a composite index', table('u TEXT NOT NULL, v NOT NULL, UNIQUE (v, u)')],
    ['in two indexes at once', table('u NOT NULL UNIQUE, v NOT NULL, UNIQUE (u, v)')],
    ['in a partial index', table('u NOT NULL, v', '; CREATE UNIQUE INDEX x ON t (u) WHERE v < 2')],
    [
      'in an index on an expression',
      table('u NOT NULL, v', '; CREATE UNIQUE INDEX x ON t (v, lower(u) COLLATE NOCASE DESC)'),
    ],
    ['through a generated column', table('u NOT NULL, v, g AS (upper(u)) STORED UNIQUE')],
    ['of a fixed length', table('u NOT NULL UNIQUE CHECK (length(u) = 1), v')],
    [
      'of a list that has one more',
      table("u NOT NULL UNIQUE CHECK (u IN ('a', 'b', 'c', 'zz')), v"),
    ],
    [
      'where only one of them can step aside',
      table("u UNIQUE, v, CHECK (id = 2 OR u IN ('a', 'b', 'c', 'zz') AND u IS NOT NULL)"),
    ],
  ])('%s', async (_, ddl) => {
    await outcomeOf({ddl, rows: three, change: swapped});
  });

  test.each([
    ['a and b alone', "CHECK (u IN ('a', 'b', 'c'))"],
    ['what is there', "CHECK (u < 'd' AND length(u) = 1 AND u >= 'a')"],
  ])('and are refused where a CHECK allows %s', async (_, check) => {
    const ddl = table(`u NOT NULL UNIQUE ${check}, v`);
    await expect(outcomeOf({ddl, rows: three, change: swapped})).rejects.toMatchObject({
      code: 'UNIQUE_CYCLE',
      exitCode: 20,
      site: {table: 't', constraint: 'u'},
    });
  });

  test('of integers, between the limits of a CHECK', async () => {
    const ddl = table('u INTEGER NOT NULL UNIQUE CHECK (u BETWEEN 1 AND 5), v');
    const rows = 'INSERT INTO t VALUES (1, 1, 0), (2, 2, 0), (4, 5, 0), (5, 4, 0)';
    const change =
      'UPDATE t SET u = 3 WHERE id = 1; UPDATE t SET u = 1 WHERE id = 2; UPDATE t SET u = 2 WHERE id = 1';
    await outcomeOf({ddl, rows, change});
  });

  test('of the largest integers', async () => {
    const ddl = table('u INTEGER NOT NULL UNIQUE, v');
    const rows = 'INSERT INTO t VALUES (1, 9223372036854775807, 0), (2, -9223372036854775808, 0)';
    const change =
      'UPDATE t SET u = 0 WHERE id = 1; UPDATE t SET u = 9223372036854775807 WHERE id = 2; UPDATE t SET u = -9223372036854775808 WHERE id = 1';
    await outcomeOf({ddl, rows, change});
  });

  test.each([
    ['reals', '0.5', '1e300'],
    ['blobs', "x'00'", "x''"],
    ['texts that are not valid', "CAST(x'ff' AS TEXT)", "CAST(x'fe41' AS TEXT)"],
    ['infinities', '9e999', '-9e999'],
    ['kinds', '1', "'1'"],
  ])('that are %s', async (_, a, b) => {
    const ddl = table('u NOT NULL UNIQUE, v');
    const rows = `INSERT INTO t VALUES (1, ${a}, 0), (2, ${b}, 0)`;
    const change = `UPDATE t SET u = 'zz' WHERE id = 1; UPDATE t SET u = ${a} WHERE id = 2; UPDATE t SET u = ${b} WHERE id = 1`;
    await outcomeOf({ddl, rows, change});
  });
});

test('an expression that takes no other kind of text still finds a value to step aside to', async () => {
  const ddl = table('u NOT NULL, v', "; CREATE UNIQUE INDEX x ON t (json_extract(u, '$.n'))");
  const rows = `INSERT INTO t VALUES (1, '{"n":1}', 0), (2, '{"n":2}', 0)`;
  const change = `UPDATE t SET u = '{"n":9}' WHERE id = 1; UPDATE t SET u = '{"n":1}' WHERE id = 2;
    UPDATE t SET u = '{"n":2}' WHERE id = 1`;
  await outcomeOf({ddl, rows, change});
});

test('a trigger that forbids the value stepped aside to is told as what it is', async () => {
  const trigger = `CREATE TRIGGER watch BEFORE UPDATE ON t WHEN new.u NOT IN ('a', 'b', 'c')
    BEGIN SELECT RAISE(ABORT, 'no'); END`;
  const ddl = `${table('u NOT NULL UNIQUE, v')}; ${trigger}`;
  const change = `DROP TRIGGER watch; ${swapped}; ${trigger}`;
  await expect(outcomeOf({ddl, rows: three, change})).rejects.toMatchObject({
    code: 'CONSTRAINT',
    site: {table: 't', constraint: 'a trigger'},
  });
});

test('two columns go round in opposite directions', async () => {
  const ddl = table('u NOT NULL UNIQUE, v INTEGER NOT NULL UNIQUE');
  const rows = "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3)";
  const change = `UPDATE t SET u = 'x' || u, v = -v; UPDATE t SET v = 1 + -v % 3,
    u = CASE u WHEN 'xa' THEN 'c' WHEN 'xb' THEN 'a' ELSE 'b' END`;
  await outcomeOf({ddl, rows, change});
});

test('a value that a delete frees goes to a row that comes', async () => {
  const change = "DELETE FROM t WHERE id = 1; INSERT INTO t VALUES (9, 'a', 5)";
  await outcomeOf({ddl: table('u NOT NULL UNIQUE, v'), rows: three, change});
});

test('rows pass values on along a chain that ends with a row that comes', async () => {
  const change = `UPDATE t SET u = 'd' WHERE id = 3; UPDATE t SET u = 'c' WHERE id = 2;
    UPDATE t SET u = 'b' WHERE id = 1; INSERT INTO t VALUES (9, 'a', 5)`;
  await outcomeOf({ddl: table('u NOT NULL UNIQUE, v'), rows: three, change});
});

test('values that would be free are not taken where another row is about to hold them', async () => {
  // The first value offered for parking is that of a row which comes.
  const ddl = table('u INTEGER NOT NULL UNIQUE, v');
  const rows = 'INSERT INTO t VALUES (1, 1, 0), (2, 2, 0)';
  const change = `UPDATE t SET u = 3 WHERE id = 1; UPDATE t SET u = 1 WHERE id = 2; UPDATE t SET u = 2 WHERE id = 1;
    INSERT INTO t VALUES (3, 3, 0), (4, 4, 0), (5, 0, 0)`;
  await outcomeOf({ddl, rows, change});
});

test('dependents of a row that is parked stay', async () => {
  const ddl = `${table('u NOT NULL UNIQUE, v')}; CREATE TABLE h (k INTEGER PRIMARY KEY,
    x REFERENCES t ON DELETE CASCADE, y REFERENCES t (u) ON UPDATE CASCADE ON DELETE CASCADE)`;
  const instances = makeInstances({
    ddl,
    primary: three,
    replica: `${three}; INSERT INTO h VALUES (10, 1, 'a'), (11, 2, 'b')`,
    tables: ['t'],
  });
  write(instances.primary, swapped);
  await instances.capture();
  expect((await instances.replicate()).cascades).toEqual({h: 2});
  expect(typed(instances.replica, 'h', ['k', 'x', 'y'])).toEqual([
    "integer 10 | integer 1 | text 'b'",
    "integer 11 | integer 2 | text 'a'",
  ]);
});

test('an index the replica alone has is refused before any row is looked at', async () => {
  const instances = makeInstances({ddl: table('u, v'), primary: three, replica: '', tables: ['t']});
  write(instances.replica, 'CREATE UNIQUE INDEX only_here ON t (v)');
  await instances.capture();
  await expect(instances.replicate()).rejects.toMatchObject({
    code: 'SCHEMA_MISMATCH',
    exitCode: 20,
  });
  expect(typed(instances.replica, 't', columns)).toEqual([]);
});
