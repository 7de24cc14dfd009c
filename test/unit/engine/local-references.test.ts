/** What follows from a change in tables that are not replicated, where several references meet: as SQLite does it, or refused. */
import {describe, expect, test} from 'vitest';
import {faults, makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

type Setting = {
  readonly local: string;
  readonly rows?: string;
  readonly change: string;
  readonly tables?: readonly string[];
};

const t = `CREATE TABLE t (id INTEGER PRIMARY KEY, u NOT NULL UNIQUE, v); INSERT INTO t VALUES (1, 'a', 0), (2, 'b', 0), (3, 'c', 0)`;

/** A primary and a replica with the same rows, of which the primary changes some. */
async function changed({local, rows = '', change, tables = ['t']}: Setting): Promise<Instances> {
  const instances = makeInstances({
    ddl: `${t}; ${local}; ${rows}`,
    primary: '',
    replica: '',
    tables,
  });
  await instances.capture();
  await instances.replicate();
  write(instances.primary, change);
  await instances.capture();
  return instances;
}

async function refusesAndKeeps(
  instances: Instances,
  table: string,
  columns: readonly string[],
): Promise<void> {
  const before = typed(instances.replica, table, columns);
  await expect(instances.replicate()).rejects.toMatchObject({code: 'FOREIGN_KEY', exitCode: 20});
  expect(typed(instances.replica, table, columns)).toEqual(before);
  expect(faults(instances.replica)).toEqual([]);
}

describe('nobody is left that refers to nothing', () => {
  const h = `CREATE TABLE h (k INTEGER PRIMARY KEY, y REFERENCES t (id) ON DELETE CASCADE,
    x UNIQUE REFERENCES t (u) ON UPDATE CASCADE)`;
  test.each(['CASCADE', 'SET NULL', 'NO ACTION'])(
    'where a row is deleted by one reference and re-keyed by another, and others follow it: %s',
    async (action) => {
      const instances = await changed({
        local: `${h}; CREATE TABLE g (k INTEGER PRIMARY KEY, z REFERENCES h (x) ON UPDATE CASCADE ON DELETE ${action})`,
        rows: "INSERT INTO h VALUES (1, 2, 'a'); INSERT INTO g VALUES (1, 'a')",
        change: "UPDATE t SET u = 'q' WHERE id = 1; DELETE FROM t WHERE id = 2",
      });
      await refusesAndKeeps(instances, 'g', ['k', 'z']);
    },
  );

  test('where both halves of a composite key are re-keyed', async () => {
    const instances = await changed({
      local: `CREATE TABLE s (id INTEGER PRIMARY KEY, w UNIQUE);
        CREATE TABLE h (a REFERENCES t (u) ON UPDATE CASCADE, b REFERENCES s (w) ON UPDATE CASCADE, PRIMARY KEY (a, b));
        CREATE TABLE g (k INTEGER PRIMARY KEY, a, b, FOREIGN KEY (a, b) REFERENCES h ON UPDATE CASCADE)`,
      rows: "INSERT INTO s VALUES (1, 's'); INSERT INTO h VALUES ('a', 's'); INSERT INTO g VALUES (1, 'a', 's')",
      change: "UPDATE t SET u = 'q' WHERE u = 'a'; UPDATE s SET w = 'p'",
      tables: ['t', 's'],
    });
    await refusesAndKeeps(instances, 'g', ['k', 'a', 'b']);
  });

  test('where a column belongs to two references, and only one of them follows', async () => {
    const instances = await changed({
      local: `CREATE TABLE p (ten, a, PRIMARY KEY (ten, a)); CREATE TABLE s (ten, b, PRIMARY KEY (ten, b));
        CREATE TABLE h (k INTEGER PRIMARY KEY, ten, a, b,
          FOREIGN KEY (ten, a) REFERENCES q (ten, a) ON UPDATE CASCADE, FOREIGN KEY (ten, b) REFERENCES s);
        CREATE TABLE q (id INTEGER PRIMARY KEY, ten, a, UNIQUE (ten, a))`,
      rows: 'INSERT INTO q VALUES (1, 1, 1); INSERT INTO s VALUES (1, 5); INSERT INTO h VALUES (1, 1, 1, 5)',
      change: 'UPDATE q SET ten = 2',
      tables: ['q'],
    });
    await refusesAndKeeps(instances, 'h', ['k', 'ten', 'a', 'b']);
  });
});

test.each(['SET NULL', 'RESTRICT', 'CASCADE'])(
  'a value that is only respelled where it arrives takes nobody along: %s',
  async (action) => {
    const instances = await changed({
      local: `CREATE TABLE h (k INTEGER PRIMARY KEY, x TEXT COLLATE NOCASE UNIQUE REFERENCES t (u) ON UPDATE CASCADE);
        CREATE TABLE g (k INTEGER PRIMARY KEY, z TEXT REFERENCES h (x) ON UPDATE ${action})`,
      rows: "INSERT INTO h VALUES (1, 'a'); INSERT INTO g VALUES (1, 'a')",
      change: "UPDATE t SET u = 'A' WHERE u = 'a'",
    });
    await instances.replicate();
    expect(typed(instances.replica, 'h', ['x'])).toEqual(["text 'A'"]);
    expect(typed(instances.replica, 'g', ['z'])).toEqual(["text 'a'"]);
  },
);

describe('unique indexes', () => {
  const swap =
    "UPDATE t SET u = 'x' WHERE id = 1; UPDATE t SET u = 'a' WHERE id = 2; UPDATE t SET u = 'b' WHERE id = 1";
  test('one that a constraint made is not taken for another of that name', async () => {
    const instances = await changed({
      local: 'CREATE TABLE other (x, y); CREATE INDEX u ON other (x) WHERE y > 0',
      change: swap,
    });
    expect(await instances.replicate()).toMatchObject({applied: true});
    expect(typed(instances.replica, 't', ['id', 'u'])).toEqual(
      typed(instances.primary, 't', ['id', 'u']),
    );
  });

  test('one whose terms fail for rows outside of it does not hide the others', async () => {
    const instances = await changed({
      local: `CREATE UNIQUE INDEX guarded ON t (json_extract(v, '$.n')) WHERE json_valid(v);
        CREATE UNIQUE INDEX folded ON t (lower(u))`,
      rows: "UPDATE t SET v = 'no JSON ' || id",
      change: swap,
    });
    expect(await instances.replicate()).toMatchObject({applied: true});
    expect(typed(instances.replica, 't', ['id', 'u'])).toEqual(
      typed(instances.primary, 't', ['id', 'u']),
    );
  });
});
