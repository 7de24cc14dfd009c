/** Changes that touch every row of a large table: right, and no slower than n log n; the times are printed. */
import {afterAll, expect, test} from 'vitest';
import {faults, makeInstances, typed, write} from '../helpers/instances.ts';

type Kind = {
  readonly ddl: string;
  readonly columns: readonly string[];
  /** SQL that fills a table from `c (i)`, which counts from 1 to n. */
  readonly rows: string;
  readonly change: (n: number) => string;
  readonly sizes: readonly number[];
};

const kinds: Readonly<Record<string, Kind>> = {
  'every unique value shifted by one': {
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, u INTEGER NOT NULL UNIQUE)',
    columns: ['id', 'u'],
    rows: 'INSERT INTO t SELECT i, i FROM c',
    change: () => 'UPDATE t SET u = -u; UPDATE t SET u = 1 - u',
    sizes: [25_000, 50_000, 100_000],
  },
  'a rotation over all rows': {
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT NOT NULL UNIQUE)',
    columns: ['id', 'u'],
    rows: "INSERT INTO t SELECT i, 'n' || i FROM c",
    change: (n) => `UPDATE t SET u = 'x' || id; UPDATE t SET u = 'n' || (id % ${n} + 1)`,
    sizes: [2_500, 5_000, 10_000],
  },
  'every other row swapped with the next': {
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, u TEXT COLLATE NOCASE NOT NULL UNIQUE)',
    columns: ['id', 'u'],
    rows: "INSERT INTO t SELECT i, 'n' || i FROM c",
    change: () => `UPDATE t SET u = 'x' || id; UPDATE t SET u = 'n' || (id - 1 + 2 * (id % 2))`,
    sizes: [5_000, 10_000, 20_000],
  },
  'a tree of rows turned upside down': {
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, p REFERENCES t ON DELETE CASCADE)',
    columns: ['id', 'p'],
    rows: 'INSERT INTO t SELECT i, NULLIF(i - 1, 0) FROM c',
    change: (n) => `UPDATE t SET p = CASE id WHEN ${n} THEN NULL ELSE id + 1 END`,
    sizes: [25_000, 50_000, 100_000],
  },
};

const printed: string[] = [];
afterAll(() => {
  process.stdout.write(['milliseconds to plan, and per n log n', ...printed, ''].join('\n'));
});

test.each(Object.entries(kinds))('%s', async (name, {ddl, columns, rows, change, sizes}) => {
  for (const n of sizes) {
    const fill = `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < ${n}) ${rows}`;
    const instances = makeInstances({ddl, primary: fill, replica: fill, tables: ['t']});
    write(instances.primary, change(n));
    await instances.capture();
    const start = performance.now();
    const planned = await instances.replicate({dryRun: true});
    const took = performance.now() - start;
    printed.push(
      `${name}, ${n} rows: ${took.toFixed(0)} (${((took * 1e6) / (n * Math.log2(n))).toFixed(0)} ns)`,
    );
    if (n !== sizes.at(-1)) continue;
    expect((await instances.replicate()).tables).toEqual(planned.tables);
    expect(planned.tables).toEqual({t: {inserted: 0, updated: n, deleted: 0}});
    expect(typed(instances.replica, 't', columns)).toEqual(typed(instances.primary, 't', columns));
    expect(faults(instances.replica)).toEqual([]);
  }
});
