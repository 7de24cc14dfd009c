/** Declared actions on tables that are not replicated, compared with what SQLite itself does. */
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {diffRows} from '../../../src/diff/diff-rows.ts';
import {planChanges} from '../../../src/engine/plan-changes.ts';
import {applyPlan} from '../../../src/apply/apply-plan.ts';
import {checkTriggers} from '../../../src/plan/make-plan.ts';
import {cascadeCounts} from '../../../src/plan/plan.ts';
import {dumpRows, makeDb, tempFolder} from '../../helpers/temp-db.ts';
import {allRows, schemaWith} from '../../helpers/tables.ts';

type Case = {
  readonly ddl: string;
  readonly rows: string;
  /** What the application did on the primary to the replicated table `p`. */
  readonly change: string;
  /** Tables to compare, with a column each. */
  readonly watch: Readonly<Record<string, readonly string[]>>;
};

/** Counts of cascades, after the replica was found equal to what SQLite's own enforcement gives. */
async function cascadesOf({
  ddl,
  rows,
  change,
  watch,
}: Case): Promise<Readonly<Record<string, number>>> {
  const folder = tempFolder();
  const make = (name: string): string =>
    makeDb(join(folder, name), (db) => db.exec(`${ddl};${rows}`));
  const [primary, replica] = [make('primary.db'), make('replica.db')];
  const oracle = new BetterSqlite3(primary);
  oracle.pragma('foreign_keys = ON');
  oracle.exec(change);
  const [a, b] = [openSqlite({path: primary}), openSqlite({path: replica})];
  try {
    const theirs = await a.view((view) => allRows(view, {table: 'p'}));
    const plan = await b.view(async (view) => {
      const ours = await allRows(view, {table: 'p'});
      const changes = [...diffRows('p', ours.rows, theirs.rows)];
      const changed = new Map([['p', {shape: theirs.shape, changes}]]);
      return planChanges(view, changed);
    });
    const request = {plan, guard: async () => {}, counters: new Map(), isCarried: () => false};
    const applied = await applyPlan(b, request);
    expect(Object.fromEntries(applied.cascades)).toEqual(Object.fromEntries(cascadeCounts(plan)));
    const written = new BetterSqlite3(replica);
    for (const [table, columns] of Object.entries(watch)) {
      expect(dumpRows(written, table, columns)).toEqual(dumpRows(oracle, table, columns));
    }
    expect(written.pragma('foreign_key_check')).toEqual([]);
    written.close();
    return Object.fromEntries(applied.cascades);
  } finally {
    oracle.close();
    await a.close();
    await b.close();
  }
}

const parent = 'CREATE TABLE p (id INTEGER PRIMARY KEY, u UNIQUE, n)';
const child = (action: string, more = ''): string =>
  `${parent}; CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p ${action})${more}`;
const rows =
  "INSERT INTO p VALUES (1, 'a', 0), (2, 'b', 0), (3, 'c', 0); INSERT INTO c VALUES (10, 1), (11, 1), (12, 2), (13, NULL)";
const gone = 'DELETE FROM p WHERE id = 1';
const c = {c: ['id', 'p']};

describe('a row that goes', () => {
  test('takes its children along under CASCADE', async () => {
    expect(
      await cascadesOf({ddl: child('ON DELETE CASCADE'), rows, change: gone, watch: c}),
    ).toEqual({c: 2});
  });
  test('leaves them without parent under SET NULL', async () => {
    expect(
      await cascadesOf({ddl: child('ON DELETE SET NULL'), rows, change: gone, watch: c}),
    ).toEqual({c: 2});
  });
  test('without children takes nothing along', async () => {
    const change = 'DELETE FROM p WHERE id = 3';
    expect(await cascadesOf({ddl: child('ON DELETE RESTRICT'), rows, change, watch: c})).toEqual(
      {},
    );
  });
  test.each(['', 'ON DELETE RESTRICT', 'ON DELETE NO ACTION'])(
    'is refused while children refer to it, %j',
    async (action) => {
      // The primary has no such children: they live in a table that is not replicated.
      const change = `UPDATE c SET p = NULL WHERE p = 1; ${gone}`;
      await expect(cascadesOf({ddl: child(action), rows, change, watch: {}})).rejects.toMatchObject(
        {
          code: 'FOREIGN_KEY',
          exitCode: 20,
          site: {table: 'c', column: 'p'},
        },
      );
    },
  );
  const defaulted = (value: string): string =>
    `${parent}; CREATE TABLE c (id INTEGER PRIMARY KEY, p DEFAULT ${value} REFERENCES p ON DELETE SET DEFAULT)`;
  test('gives its children their default under SET DEFAULT', async () => {
    expect(await cascadesOf({ddl: defaulted('(1 + 2)'), rows, change: gone, watch: c})).toEqual({
      c: 2,
    });
  });
  test('gives its children a default that comes with the same change', async () => {
    const change = `INSERT INTO p VALUES (9, 'new', 0); ${gone}`;
    expect(await cascadesOf({ddl: defaulted('9'), rows, change, watch: c})).toEqual({c: 2});
  });
  test.each(['1', '9'])(
    'is refused where no row has the default %s of its children',
    async (value) => {
      const change = `UPDATE c SET p = NULL WHERE p = 1; ${gone}`;
      await expect(
        cascadesOf({ddl: defaulted(value), rows, change, watch: {}}),
      ).rejects.toMatchObject({code: 'FOREIGN_KEY', site: {table: 'c', column: 'p'}});
    },
  );
  test('is refused where SET NULL meets a column that may not be NULL', async () => {
    const ddl = `${parent}; CREATE TABLE c (id INTEGER PRIMARY KEY, p NOT NULL REFERENCES p ON DELETE SET NULL)`;
    const change = `DELETE FROM c; ${gone}`;
    await expect(
      cascadesOf({ddl, rows: rows.replace(', (13, NULL)', ''), change, watch: {}}),
    ).rejects.toMatchObject({code: 'FOREIGN_KEY', site: {table: 'c', column: 'p'}});
  });
  test('takes grandchildren along, and frees those of SET NULL', async () => {
    const more = `; CREATE TABLE g (id INTEGER PRIMARY KEY, c REFERENCES c ON DELETE CASCADE);
      CREATE TABLE h (id INTEGER PRIMARY KEY, g REFERENCES g ON DELETE SET NULL)`;
    const grand =
      '; INSERT INTO g VALUES (20, 10), (21, 12), (22, 11); INSERT INTO h VALUES (30, 20), (31, 21)';
    expect(
      await cascadesOf({
        ddl: child('ON DELETE CASCADE', more),
        rows: rows + grand,
        change: gone,
        watch: {...c, g: ['id', 'c'], h: ['id', 'g']},
      }),
    ).toEqual({c: 2, g: 2, h: 1});
  });
  test('takes a tree of rows along that refer to each other', async () => {
    const ddl = `${parent}; CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p ON DELETE CASCADE,
      up REFERENCES c ON DELETE CASCADE)`;
    const tree =
      "INSERT INTO p VALUES (1, 'a', 0), (2, 'b', 0); INSERT INTO c VALUES (10, 1, NULL), (11, NULL, 10), (12, NULL, 11), (13, 2, NULL)";
    expect(
      await cascadesOf({ddl, rows: tree, change: gone, watch: {c: ['id', 'p', 'up']}}),
    ).toEqual({c: 3});
  });
  test('is refused where a grandchild forbids it', async () => {
    const more = '; CREATE TABLE g (id INTEGER PRIMARY KEY, c REFERENCES c)';
    const change = `DELETE FROM g; ${gone}`;
    const grand = '; INSERT INTO g VALUES (20, 10)';
    await expect(
      cascadesOf({ddl: child('ON DELETE CASCADE', more), rows: rows + grand, change, watch: {}}),
    ).rejects.toMatchObject({code: 'FOREIGN_KEY', site: {table: 'g'}});
  });
});

describe('a referenced value that changes', () => {
  const byName = (action: string): string =>
    `${parent}; CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p (u) ${action})`;
  const named = rows.replace('(10, 1), (11, 1), (12, 2)', "(10, 'a'), (11, 'a'), (12, 'b')");
  const change = "UPDATE p SET u = 'z' WHERE id = 1";
  test('is followed under CASCADE', async () => {
    expect(
      await cascadesOf({ddl: byName('ON UPDATE CASCADE'), rows: named, change, watch: c}),
    ).toEqual({c: 2});
  });
  test('is forgotten under SET NULL', async () => {
    expect(
      await cascadesOf({ddl: byName('ON UPDATE SET NULL'), rows: named, change, watch: c}),
    ).toEqual({c: 2});
  });
  test('is refused without an action', async () => {
    const freed = `UPDATE c SET p = NULL; ${change}`;
    await expect(
      cascadesOf({ddl: byName(''), rows: named, change: freed, watch: {}}),
    ).rejects.toMatchObject({
      code: 'FOREIGN_KEY',
      site: {table: 'c'},
    });
  });
  test('that moves to another row keeps its children where nothing is declared', async () => {
    const moved = "DELETE FROM p WHERE id = 1; INSERT INTO p VALUES (9, 'a', 1)";
    const primary = `PRAGMA foreign_keys = OFF; ${moved}`;
    expect(await cascadesOf({ddl: byName(''), rows: named, change: primary, watch: c})).toEqual({});
  });
  test('that moves to another row is refused under RESTRICT', async () => {
    const moved = "DELETE FROM p WHERE id = 1; INSERT INTO p VALUES (9, 'a', 1)";
    const primary = `PRAGMA foreign_keys = OFF; ${moved}`;
    const ddl = byName('ON DELETE RESTRICT');
    await expect(cascadesOf({ddl, rows: named, change: primary, watch: c})).rejects.toMatchObject({
      code: 'FOREIGN_KEY',
      site: {table: 'c'},
    });
  });
  test('that moves to another row when its own is deleted takes the children of that along', async () => {
    const moved = "DELETE FROM p WHERE id = 1; INSERT INTO p VALUES (9, 'a', 1)";
    const ddl = byName('ON DELETE CASCADE');
    expect(await cascadesOf({ddl, rows: named, change: moved, watch: c})).toEqual({c: 2});
  });
  const swapped = `UPDATE p SET u = 'x' WHERE id = 1; UPDATE p SET u = 'a' WHERE id = 2;
    UPDATE p SET u = 'b' WHERE id = 1`;
  test('that two rows swap is followed by the children of both', async () => {
    const ddl = byName('ON UPDATE CASCADE');
    expect(await cascadesOf({ddl, rows: named, change: swapped, watch: c})).toEqual({c: 3});
  });
  test('that shifts down a chain is followed by the children of each', async () => {
    const ddl = byName('ON UPDATE CASCADE');
    const shifted =
      "UPDATE p SET u = 'd' WHERE id = 3; UPDATE p SET u = 'c' WHERE id = 2; UPDATE p SET u = 'b' WHERE id = 1";
    expect(await cascadesOf({ddl, rows: named, change: shifted, watch: c})).toEqual({c: 3});
  });
  test('that two rows swap is followed by grandchildren, too', async () => {
    const ddl = `${parent}; CREATE TABLE c (id INTEGER PRIMARY KEY, p UNIQUE REFERENCES p (u) ON UPDATE CASCADE);
      CREATE TABLE g (id INTEGER PRIMARY KEY, c REFERENCES c (p) ON UPDATE CASCADE)`;
    const grand =
      "INSERT INTO p VALUES (1, 'a', 0), (2, 'b', 0); INSERT INTO c VALUES (10, 'a'); INSERT INTO g VALUES (20, 'a'), (21, 'a')";
    const watch = {...c, g: ['id', 'c']};
    expect(await cascadesOf({ddl, rows: grand, change: swapped, watch})).toEqual({c: 1, g: 2});
  });
  test('that passes from row to row is followed by grandchildren, too', async () => {
    const ddl = `${parent}; CREATE TABLE c (id INTEGER PRIMARY KEY, p UNIQUE REFERENCES p (u) ON UPDATE CASCADE);
      CREATE TABLE g (id INTEGER PRIMARY KEY, c REFERENCES c (p) ON UPDATE CASCADE)`;
    const grand =
      "INSERT INTO p VALUES (1, 'a', 0), (2, 'b', 0); INSERT INTO c VALUES (10, 'a'), (11, 'b'); INSERT INTO g VALUES (20, 'a'), (21, 'b')";
    const passed = "UPDATE p SET u = 'q' WHERE id = 1; UPDATE p SET u = 'a' WHERE id = 2";
    const watch = {...c, g: ['id', 'c']};
    expect(await cascadesOf({ddl, rows: grand, change: passed, watch})).toEqual({c: 2, g: 2});
  });
  test('that children get by default is not passed on with those who leave it', async () => {
    const ddl = `${parent}; CREATE TABLE c (id INTEGER PRIMARY KEY,
      p DEFAULT 'a' REFERENCES p (u) ON UPDATE CASCADE ON DELETE SET DEFAULT)`;
    // SQLite does it row by row: the deleted one last, so that none of its children moves twice.
    const left =
      "UPDATE p SET u = 'q' WHERE id = 1; INSERT INTO p VALUES (9, 'a', 0); DELETE FROM p WHERE id = 2";
    expect(await cascadesOf({ddl, rows: named, change: left, watch: c})).toEqual({c: 3});
  });
  test('that two rows swap is forgotten by the children of both under SET NULL', async () => {
    const ddl = byName('ON UPDATE SET NULL');
    expect(await cascadesOf({ddl, rows: named, change: swapped, watch: c})).toEqual({c: 3});
  });
  test('that becomes NULL makes its children NULL under CASCADE', async () => {
    const ddl = byName('ON UPDATE CASCADE ON DELETE CASCADE');
    const nulled = 'UPDATE p SET u = NULL WHERE id = 1';
    expect(await cascadesOf({ddl, rows: named, change: nulled, watch: c})).toEqual({c: 2});
  });
  test('is found as the collation of the parent sees it', async () => {
    const ddl = byName('ON DELETE CASCADE').replace('u UNIQUE', 'u COLLATE NOCASE UNIQUE');
    const mixed = named.replace("(11, 'a')", "(11, 'A')");
    expect(await cascadesOf({ddl, rows: mixed, change: gone, watch: c})).toEqual({c: 2});
  });
});

test('a table whose trigger writes another one is refused by the name of the trigger', () => {
  const quiet = schemaWith('q', ['k'], {triggers: [{name: 'own', writes: []}]});
  const loud = schemaWith('t', ['k'], {
    triggers: [
      {name: 'own', writes: []},
      {name: 'spill', writes: ['log']},
    ],
  });
  const unread = schemaWith('u', ['k'], {triggers: [{name: 'dark', writes: undefined}]});
  const schema = new Map([
    ['q', quiet],
    ['t', loud],
    ['u', unread],
  ]);
  expect(() => checkTriggers(schema, ['q'])).not.toThrow();
  for (const [table, constraint] of [
    ['t', 'spill'],
    ['u', 'dark'],
  ] as const) {
    expect(() => checkTriggers(schema, ['q', table])).toThrow(
      expect.objectContaining({code: 'TRIGGER', exitCode: 20, site: {table, constraint}}),
    );
  }
});
