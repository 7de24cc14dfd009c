/** Tables without a key through real files: equal multisets by type and bits, in the fewest statements. */
import {join} from 'node:path';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import type {Cell} from '../../src/kernel/row.ts';
import {cells, runs} from '../helpers/arbitraries.ts';
import {replicateRows} from '../helpers/tables.ts';
import {dump, insertRow, makeDb, tempFolder} from '../helpers/temp-db.ts';

const columns = ['a', 'b', 'c'];
const families = [
  'a, b, c',
  'a INTEGER, b REAL, c TEXT',
  'a TEXT PRIMARY KEY, b, c',
  'a, b NUMERIC, c BLOB, PRIMARY KEY (c, a)',
];

type Row = readonly Cell[];
type Case = {readonly ddl: string; readonly sides: readonly [readonly Row[], readonly Row[]]};

/** Two lists of rows of few values, so that many are equal, in a random order; 1 and 1.0 are among them. */
function twoLists(): fc.Arbitrary<Case> {
  const values = fc.array(fc.oneof(cells(), fc.constantFrom<Cell>(1n, 1, 0n, 0, -0, null)), {
    minLength: 1,
    maxLength: 3,
  });
  return fc.tuple(fc.constantFrom(...families), values).chain(([ddl, some]) => {
    const row = fc.tuple(...columns.map(() => fc.constantFrom(...some)));
    const side = fc.array(row, {maxLength: 10});
    return fc.record({ddl: fc.constant(ddl), sides: fc.tuple(side, side)});
  });
}

// Files with a synced transaction each: as often as a minute allows.
const fewer = {...runs, numRuns: 250};

test('law: random multisets converge in as many statements as the counts of their rows differ', async () => {
  const folder = tempFolder();
  await fc.assert(
    fc.asyncProperty(twoLists(), async ({ddl, sides}) => {
      const [primary, replica] = sides.map((rows, at) =>
        makeDb(join(folder, `${at}.db`), (db) => {
          db.exec(`CREATE TABLE t (${ddl})`);
          for (const row of rows) insertRow(db, {table: 't', cells: row});
        }),
      ) as [string, string];
      const wanted = dump(primary, 't', columns);
      const differences = countDifferences(dump(replica, 't', columns), wanted);
      const request = {table: 't', wholeRows: true};
      const changes = await replicateRows({from: primary, to: replica, request});
      expect(dump(replica, 't', columns)).toEqual(wanted);
      // An update is between spellings of one number, and stands for a delete and an insert.
      const updates = changes.filter(({op}) => op === 'update');
      expect(changes.length + updates.length).toBe(differences);
      expect(await replicateRows({from: primary, to: replica, request})).toEqual([]);
    }),
    fewer,
  );
});

test.each([
  ['a', 'b'],
  ['b', 'a'],
])(
  'law: link tables that hold nothing but the link converge, whatever the order of its columns: %s, %s',
  async (...key) => {
    const folder = tempFolder();
    const cell = fc.constantFrom<Cell>(1n, 1, 2n, 'x', null);
    const side = fc.array(fc.tuple(cell, cell), {maxLength: 8});
    await fc.assert(
      fc.asyncProperty(side, side, async (...sides) => {
        const [primary, replica] = sides.map((rows, at) =>
          makeDb(join(folder, `${at}.db`), (db) => {
            db.exec('CREATE TABLE link (id INTEGER PRIMARY KEY, a, b)');
            rows.forEach((row, id) =>
              insertRow(db, {table: 'link', cells: [BigInt(id + 7 * at), ...row]}),
            );
          }),
        ) as [string, string];
        await replicateRows({from: primary, to: replica, request: {table: 'link', key}});
        expect(dump(replica, 'link', ['a', 'b'])).toEqual(dump(primary, 'link', ['a', 'b']));
      }),
      {...runs, numRuns: 100},
    );
  },
);

/** The sum over distinct rows of how much their counts differ. */
function countDifferences(left: readonly string[], right: readonly string[]): number {
  const counts = new Map<string, number>();
  for (const row of left) counts.set(row, (counts.get(row) ?? 0) + 1);
  for (const row of right) counts.set(row, (counts.get(row) ?? 0) - 1);
  return [...counts.values()].reduce((sum, count) => sum + Math.abs(count), 0);
}
