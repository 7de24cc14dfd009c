/** From rows to rows through real files: read both sides, compare, plan, apply, look again. */
import {join} from 'node:path';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {isEngineError} from '../../src/kernel/errors.ts';
import type {Cell} from '../../src/kernel/row.ts';
import type {TableRequest} from '../../src/schema/table-shape.ts';
import {cells, integers, keyCells, runs} from '../helpers/arbitraries.ts';
import {dump, insertRow, makeDb, tempFolder} from '../helpers/temp-db.ts';
import {replicateRows, known} from '../helpers/tables.ts';

type Outcome = 'converged' | 'refused';

/** Brings the rows of one file to another; a refusal must be an EngineError. */
async function replicate(from: string, to: string, request: TableRequest): Promise<Outcome> {
  try {
    await replicateRows({from, to, request});
    return 'converged';
  } catch (error) {
    if (isEngineError(error)) return 'refused';
    throw error;
  }
}

type Family = {readonly ddl: string; readonly key: readonly number[]; readonly whole?: boolean};

/** Four columns each; `key` says which of them identify a row, `whole` that the key is the rowid. */
const free: readonly Family[] = [
  {ddl: 'k INTEGER PRIMARY KEY, a TEXT, b REAL, c', key: [0], whole: true},
  {ddl: 'a NUMERIC, b BLOB, c INTEGER, k INTEGER PRIMARY KEY AUTOINCREMENT', key: [3], whole: true},
  {ddl: 'k TEXT PRIMARY KEY, a INTEGER, b, c DATETIME', key: [0]},
  {ddl: 'k PRIMARY KEY, a INTEGER DEFAULT 5, b, c', key: [0]},
  {ddl: 'a, k, j, b, PRIMARY KEY (k, j)', key: [1, 2]},
  {ddl: 'a, k DECIMAL, j REAL, b, PRIMARY KEY (j DESC, k)', key: [1, 2]},
  {ddl: 'k BLOB PRIMARY KEY DESC, a, b, c', key: [0]},
];
const bare: readonly Family[] = [
  {ddl: 'a, k, j, b, PRIMARY KEY (k, j)) WITHOUT ROWID; --', key: [1, 2]},
  {ddl: 'k ANY PRIMARY KEY, a ANY, b INT, c TEXT) STRICT, WITHOUT ROWID; --', key: [0]},
  {ddl: 'k TEXT COLLATE NOCASE PRIMARY KEY, a, b, c', key: [0]},
  {ddl: 'k COLLATE RTRIM PRIMARY KEY, a, b, c) WITHOUT ROWID; --', key: [0]},
];
const bound: readonly Family[] = [
  {ddl: 'k INTEGER PRIMARY KEY, u UNIQUE, b, c', key: [0], whole: true},
  {
    ddl: 'k INTEGER PRIMARY KEY, u TEXT COLLATE NOCASE UNIQUE ON CONFLICT REPLACE, b, c',
    key: [0],
    whole: true,
  },
  {ddl: 'k PRIMARY KEY, u, v, c, UNIQUE (u, v), UNIQUE (v, c)', key: [0]},
  {ddl: 'k PRIMARY KEY, u, v, c); CREATE UNIQUE INDEX x ON t (u) WHERE v IS NULL; --', key: [0]},
  {ddl: 'k PRIMARY KEY, u, v, c); CREATE UNIQUE INDEX x ON t (lower(u)); --', key: [0]},
];

/** Two lists of rows for one table that share keys and values. */
function twoTables(families: readonly Family[]): fc.Arbitrary<{
  readonly family: Family;
  readonly sides: readonly (readonly (readonly Cell[])[])[];
}> {
  return fc.constantFrom(...families).chain((family) => {
    const key = family.whole === true ? integers() : keyCells();
    return fc
      .tuple(
        fc.array(key, {minLength: 1, maxLength: 6}),
        fc.array(cells(), {minLength: 1, maxLength: 4}),
      )
      .chain(([keys, values]) => {
        const cellAt = [0, 1, 2, 3].map((at) =>
          fc.constantFrom(...(family.key.includes(at) ? keys : values)),
        );
        const side = fc.array(fc.tuple(...cellAt), {maxLength: 8});
        return fc.record({family: fc.constant(family), sides: fc.tuple(side, side)});
      });
  });
}

async function outcomeOf(
  folder: string,
  {
    family,
    sides,
  }: {readonly family: Family; readonly sides: readonly (readonly (readonly Cell[])[])[]},
): Promise<Outcome> {
  const [primary, replica] = ['primary.db', 'replica.db'].map((name, at) =>
    makeDb(join(folder, name), (db) => {
      db.exec(`CREATE TABLE t (${family.ddl}\n)`.replace(/; --\n\)$/, ''));
      for (const row of known(sides[at])) insertRow(db, {table: 't', cells: row});
    }),
  );
  const columns = ['a', 'b', 'c', 'j', 'k', 'u', 'v'].filter((name) =>
    new RegExp(`(^|[ (])${name}( |,|\\)|$)`).test(
      family.ddl.replace(/PRIMARY KEY \(.*|CREATE.*|UNIQUE \(.*/g, ''),
    ),
  );
  const before = dump(known(replica), 't', columns);
  const outcome = await replicate(known(primary), known(replica), {table: 't'});
  const wanted = outcome === 'converged' ? dump(known(primary), 't', columns) : before;
  expect(dump(known(replica), 't', columns)).toEqual(wanted);
  return outcome;
}

// Files with a synced transaction each: these laws run as often as two minutes allow.
const fewer = {...runs, numRuns: 250};

test('law: a replica takes over every row by value and storage class, whatever the key', async () => {
  const folder = tempFolder();
  await fc.assert(
    fc.asyncProperty(twoTables([...free, ...bare]), async (tables) => {
      expect(await outcomeOf(folder, tables)).toBe('converged');
    }),
    fewer,
  );
});

test('law: a replica takes over every row whatever unique values move between rows', async () => {
  const folder = tempFolder();
  await fc.assert(
    fc.asyncProperty(twoTables(bound), async (tables) => {
      expect(await outcomeOf(folder, tables)).toBe('converged');
    }),
    fewer,
  );
});

// --- tables matched by what they link ---------------------------------------------------------------

const link = fc.tuple(
  fc.constantFrom<Cell>(1n, 2n, 1, null),
  fc.constantFrom<Cell>('a', 'A', null, 7n),
  fc.constantFrom<Cell>('x', 'y'),
);
const links = fc.array(link, {maxLength: 9});

test.each(['AUTOINCREMENT', ''])(
  'law: link tables come to equal multisets, and equal rows keep their ids %s',
  async (automatic) => {
    const folder = tempFolder();
    const make = (name: string, start: number, rows: readonly (readonly Cell[])[]): string =>
      makeDb(join(folder, name), (db) => {
        db.exec(`CREATE TABLE link (id INTEGER PRIMARY KEY ${automatic}, m, t, w)`);
        rows.forEach((row, at) =>
          insertRow(db, {table: 'link', cells: [BigInt(start + at * 3), ...row]}),
        );
      });
    await fc.assert(
      fc.asyncProperty(links, links, fc.integer({min: 1, max: 50}), async (a, b, start) => {
        const primary = make('primary.db', 1, a);
        const replica = make('replica.db', start, b);
        const before = groupsOf(replica);
        const outcome = await replicate(primary, replica, {table: 'link', key: ['m', 't']});
        expect(outcome).toBe('converged');
        expect(dump(replica, 'link', ['m', 't', 'w'])).toEqual(
          dump(primary, 'link', ['m', 't', 'w']),
        );
        const [after, wanted] = [groupsOf(replica), groupsOf(primary)];
        for (const [group, rows] of before) {
          const now = after.get(group) ?? [];
          const kept = rows.filter(({id}) => now.some((row) => row.id === id));
          expect(kept.length).toBe(Math.min(rows.length, now.length));
          const contents = (list: typeof rows): readonly string[] => list.map(({w}) => w).sort();
          const same = contents(rows).join() === contents(wanted.get(group) ?? []).join();
          if (same) expect(now).toEqual(rows);
        }
      }),
      fewer,
    );
  },
);

/** Rows by what they link; 1 and 1.0 are one value to a unique index. */
function groupsOf(path: string): Map<string, {id: string; w: string}[]> {
  const groups = new Map<string, {id: string; w: string}[]>();
  for (const row of dump(path, 'link', ['m', 't', 'w', 'id'])) {
    const [m = '', t = '', w = '', id = ''] = row.split(' | ');
    const group = `${m.replace('real 3ff0000000000000', 'integer 1')} ${t}`;
    groups.set(group, [...(groups.get(group) ?? []), {id, w: `${m} ${w}`}]);
  }
  return groups;
}
