/** References into and out of tables that are not replicated: followed as SQLite would, or refused. */
import {describe, expect, test} from 'vitest';
import {faults, makeInstances, typed, write, type Setting} from '../../helpers/instances.ts';

const parent = 'CREATE TABLE p (id INTEGER PRIMARY KEY, n)';
const two = 'INSERT INTO p VALUES (1, 0), (2, 0)';

function child(column: string): string {
  return `${parent}; CREATE TABLE h (k INTEGER PRIMARY KEY, ${column})`;
}

type Case = Omit<Setting, 'tables'> & {
  readonly tables?: readonly string[];
  readonly change: string;
};

/** Replicates a change of the primary; dry run and real run agree, and no reference dangles. */
async function cascades({
  tables = ['p'],
  change,
  ...given
}: Case): Promise<Readonly<Record<string, number>>> {
  const instances = makeInstances({...given, tables});
  await instances.capture();
  write(instances.primary, change);
  await instances.capture();
  const dry = await instances.replicate({dryRun: true});
  const real = await instances.replicate();
  expect(real.cascades).toEqual(dry.cascades);
  expect(faults(instances.replica)).toEqual([]);
  expect(typed(instances.replica, 'p', ['id', 'n'])).toEqual(
    typed(instances.primary, 'p', ['id', 'n']),
  );
  return real.cascades;
}

const gone = 'DELETE FROM p WHERE id = 1';
const local = `${two}; INSERT INTO h VALUES (10, 1), (11, 2)`;

describe('rows that refer to one that goes are found', () => {
  test.each([
    ['by a column spelled in other letters', 'x REFERENCES P (ID) ON DELETE CASCADE', local],
    [
      'by a text that reads as the number',
      'x TEXT REFERENCES p ON DELETE CASCADE',
      `${two}; INSERT INTO h VALUES (10, '01'), (11, '2')`,
    ],
    [
      'by an untyped text',
      'x REFERENCES p ON DELETE CASCADE',
      `${two}; INSERT INTO h VALUES (10, '1'), (11, 2)`,
    ],
  ])('%s', async (_, column, replica) => {
    expect(await cascades({ddl: child(column), primary: two, replica, change: gone})).toEqual({
      h: 1,
    });
  });

  test('by each of two references, and counted once', async () => {
    const ddl = child('a REFERENCES p ON DELETE CASCADE, b REFERENCES p ON DELETE CASCADE');
    const replica = `INSERT INTO p VALUES (1, 0), (2, 0), (3, 0); INSERT INTO h VALUES (10, 1, 2), (11, 2, NULL), (12, 3, 3)`;
    const change = 'DELETE FROM p WHERE id < 3';
    const primary = 'INSERT INTO p VALUES (1, 0), (2, 0), (3, 0)';
    expect(await cascades({ddl, primary, replica, change})).toEqual({h: 2});
  });

  test('by the collation of the column, not of another index', async () => {
    const ddl = `CREATE TABLE p (id INTEGER PRIMARY KEY, n UNIQUE); CREATE UNIQUE INDEX u ON p (n COLLATE NOCASE);
      CREATE TABLE h (k INTEGER PRIMARY KEY, x REFERENCES p (n) ON DELETE CASCADE)`;
    const primary = "INSERT INTO p VALUES (1, 'A'), (2, 'b')";
    const change = "DELETE FROM p WHERE id = 1; INSERT INTO p VALUES (3, 'a')";
    const replica = `${primary}; INSERT INTO h VALUES (10, 'A'), (11, 'b')`;
    expect(await cascades({ddl, primary, replica, change})).toEqual({h: 1});
  });
});

test('a value that goes from one row to another does not take the children of the first along', async () => {
  const ddl = `CREATE TABLE p (id INTEGER PRIMARY KEY, n UNIQUE);
    CREATE TABLE h (k INTEGER PRIMARY KEY, x REFERENCES p (n) ON UPDATE CASCADE ON DELETE CASCADE)`;
  const primary = 'INSERT INTO p VALUES (1, 1), (2, 2)';
  const instances = makeInstances({
    ddl,
    primary,
    replica: `${primary}; INSERT INTO h VALUES (10, 2), (11, 1)`,
    tables: ['p'],
  });
  write(instances.primary, 'UPDATE p SET n = 3 WHERE id = 2; UPDATE p SET n = 2 WHERE id = 1');
  await instances.capture();
  expect((await instances.replicate()).cascades).toEqual({h: 2});
  expect(typed(instances.replica, 'h', ['k', 'x'])).toEqual([
    'integer 10 | integer 3',
    'integer 11 | integer 2',
  ]);
});

describe('rows whose parent stays are left alone', () => {
  const primary = "INSERT INTO p VALUES (1, 'a'), (2, 'A')";
  test.each(['NOCASE', 'RTRIM'])('under a child column of collation %s', async (collation) => {
    const ddl = `CREATE TABLE p (id INTEGER PRIMARY KEY, n TEXT UNIQUE);
      CREATE TABLE h (k INTEGER PRIMARY KEY, x TEXT COLLATE ${collation} REFERENCES p (n) ON DELETE CASCADE)`;
    const replica = `${primary}; INSERT INTO h VALUES (10, 'a'), (11, 'A')`;
    expect(await cascades({ddl, primary, replica, change: gone})).toEqual({h: 1});
  });
});

test('a row that two composite references share a column of is deleted once, and nulled once', async () => {
  const ddl = `CREATE TABLE p (id INTEGER PRIMARY KEY, n, UNIQUE (n, id));
    CREATE TABLE h (k INTEGER PRIMARY KEY, n, a, b, FOREIGN KEY (n, a) REFERENCES p (n, id) ON DELETE SET NULL,
      FOREIGN KEY (n, b) REFERENCES p (n, id) ON DELETE CASCADE)`;
  const primary = 'INSERT INTO p VALUES (1, 7), (2, 7), (3, 7)';
  const replica = `${primary}; INSERT INTO h VALUES (10, 7, 1, 2), (11, 7, 1, 3)`;
  const change = 'DELETE FROM p WHERE id < 3';
  expect(await cascades({ddl, primary, replica, change})).toEqual({h: 2});
});

test('tens of thousands of lost rows are followed in parts', async () => {
  const many = `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 35000) INSERT INTO p SELECT i, 0 FROM c`;
  const ddl = child('x REFERENCES p ON DELETE CASCADE');
  const replica = `${many}; INSERT INTO h SELECT id, id FROM p`;
  expect(
    await cascades({ddl, primary: many, replica, change: 'DELETE FROM p WHERE id > 1'}),
  ).toEqual({h: 34999});
});

test.each([
  ['numbers', 'id'],
  ['texts', "printf('%d \"ü\\', id)"],
])('tens of thousands of %s are followed through two references at once', async (_, value) => {
  const many = `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 25000) INSERT INTO p (id) SELECT i FROM c; UPDATE p SET n = ${value}`;
  const ddl = `CREATE TABLE p (id INTEGER PRIMARY KEY, n UNIQUE);
    CREATE TABLE h (k INTEGER PRIMARY KEY, a REFERENCES p (n) ON DELETE CASCADE, b REFERENCES p (n) ON DELETE CASCADE)`;
  const replica = `${many}; INSERT INTO h SELECT id, n, n FROM p; UPDATE h SET a = NULL WHERE k % 3 = 0`;
  expect(
    await cascades({ddl, primary: many, replica, change: 'DELETE FROM p WHERE id > 1'}),
  ).toEqual({h: 24999});
});

describe('what cannot be followed is refused, and nothing is written', () => {
  const untouched = async (given: Case, error: object): Promise<void> => {
    const instances = makeInstances({...given, tables: given.tables ?? ['p']});
    await instances.capture();
    await instances.replicate();
    write(instances.primary, given.change);
    await instances.capture();
    const before = [
      typed(instances.replica, 'p', ['id', 'n']),
      typed(instances.replica, 'h', ['k']),
    ];
    await expect(instances.replicate()).rejects.toMatchObject(error);
    expect([
      typed(instances.replica, 'p', ['id', 'n']),
      typed(instances.replica, 'h', ['k']),
    ]).toEqual(before);
  };

  test('a reference to a column that is computed', async () => {
    const ddl = `CREATE TABLE p (id INTEGER PRIMARY KEY, n, g AS (id * 2) STORED UNIQUE);
      CREATE TABLE h (k INTEGER PRIMARY KEY, x REFERENCES p (g) ON DELETE CASCADE)`;
    const primary = 'INSERT INTO p (id, n) VALUES (1, 0), (2, 0)';
    const replica = 'INSERT INTO h VALUES (10, 2)';
    await untouched(
      {ddl, primary, replica, change: gone},
      {code: 'FOREIGN_KEY', site: {table: 'h', column: 'x'}},
    );
  });

  test('a cascade through a local table that ends in a replicated one', async () => {
    const ddl = `${parent}; CREATE TABLE h (k INTEGER PRIMARY KEY, x REFERENCES p ON DELETE CASCADE);
      CREATE TABLE r (id INTEGER PRIMARY KEY, h REFERENCES h)`;
    const rows = `${two}; INSERT INTO h VALUES (10, 1); INSERT INTO r VALUES (5, 10)`;
    const error = {code: 'FOREIGN_KEY', site: {table: 'r', column: 'h'}};
    await untouched(
      {
        ddl,
        primary: rows,
        replica: 'INSERT INTO h VALUES (10, 1)',
        change: gone,
        tables: ['p', 'r'],
      },
      error,
    );
  });
});

test('children that the application adds after the plan are part of the next plan', async () => {
  const ddl = `${child('x REFERENCES p ON DELETE CASCADE')}; CREATE TABLE g (k INTEGER PRIMARY KEY, h REFERENCES h ON DELETE CASCADE)`;
  const instances = makeInstances({ddl, primary: two, replica: two, tables: ['p']});
  write(instances.primary, gone);
  await instances.capture();
  let added = false;
  const result = await instances.replicate({
    progress: (step) => {
      if (added || step !== 'fetching') return;
      added = true;
      write(instances.replica, 'INSERT INTO h VALUES (10, 1); INSERT INTO g VALUES (20, 10)');
    },
  });
  expect(result.cascades).toEqual({h: 1, g: 1});
  expect(faults(instances.replica)).toEqual([]);
});

test.each([
  ['k', 'u'],
  ['u', 'k'],
])(
  'of two references of one column to one table, by %s and by %s, each is looked at',
  async (...by) => {
    const [first, second] = by;
    const instances = makeInstances({
      ddl: `CREATE TABLE p (k INTEGER PRIMARY KEY, u INTEGER UNIQUE);
      CREATE TABLE t (k INTEGER PRIMARY KEY, a REFERENCES p (${first}) REFERENCES p (${second}))`,
      primary: 'INSERT INTO p VALUES (5, 5); INSERT INTO t VALUES (1, NULL)',
      replica: 'INSERT INTO p VALUES (1, 5); INSERT INTO t VALUES (1, NULL)',
      tables: ['t'],
    });
    await instances.capture();
    await instances.replicate();
    write(instances.primary, 'UPDATE t SET a = 5');
    await instances.capture();
    await expect(instances.replicate()).rejects.toMatchObject({code: 'FOREIGN_KEY'});
    expect(faults(instances.replica)).toEqual([]);
  },
);
