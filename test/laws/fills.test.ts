/**
 * An empty table is filled chunk by chunk, any other is written row by row. Whatever the tables declare, both come to the same: the
 * same rows, counts and proof, or the same refusal of the same row.
 */
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {isEngineError} from '../../src/index.ts';
import {faults, makeInstances, typed, write, type Instances} from '../helpers/instances.ts';

/** Each with the columns that rows are made of, the key first; `p` is in the snapshot too, `outside` is not. */
const SCHEMAS: readonly {readonly ddl: string; readonly columns: readonly string[]}[] = [
  {ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY, a, b)', columns: ['k', 'a', 'b']},
  {ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY AUTOINCREMENT, a)', columns: ['k', 'a']},
  {ddl: 'CREATE TABLE t (k PRIMARY KEY NOT NULL, a TEXT, b BLOB)', columns: ['k', 'a', 'b']},
  {ddl: 'CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, a)', columns: ['k', 'a']},
  {
    ddl: 'CREATE TABLE t (k INTEGER NOT NULL, l TEXT COLLATE RTRIM NOT NULL, a REAL, PRIMARY KEY (l, k)) WITHOUT ROWID',
    columns: ['k', 'l', 'a'],
  },
  {
    ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY, up REFERENCES t (k), a)',
    columns: ['k', 'up', 'a'],
  },
  {ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY, ref REFERENCES p (k))', columns: ['k', 'ref']},
  {
    ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY, out INTEGER REFERENCES outside (id))',
    columns: ['k', 'out'],
  },
  {
    ddl: `CREATE TABLE t (k INTEGER PRIMARY KEY, a, b INTEGER, UNIQUE (b));
      CREATE UNIQUE INDEX partial ON t (lower(a)) WHERE a > ''`,
    columns: ['k', 'a', 'b'],
  },
  {
    ddl: `CREATE TABLE t (k INTEGER PRIMARY KEY, a, twice GENERATED ALWAYS AS (a || a) STORED UNIQUE,
      b NUMERIC CHECK (typeof(b) <> 'blob'))`,
    columns: ['k', 'a', 'b'],
  },
];
const COMMON = `CREATE TABLE p (k INTEGER PRIMARY KEY, u TEXT UNIQUE);
  CREATE TABLE outside (id INTEGER PRIMARY KEY)`;
/** What keeps a table from being filled, and changes nothing else. */
const ROW_BY_ROW = `CREATE TRIGGER idle_t AFTER DELETE ON t BEGIN SELECT 1; END;
  CREATE TRIGGER idle_p AFTER DELETE ON p BEGIN SELECT 1; END`;
const NUMBERS = '0 1 2 3 -1 7 1.0 2.5 -0.0 9e999 9007199254740993'.split(' ');
const TEXTS = ["''", "'a'", "'A'", "'a '", "'1'", "CAST(x'ff41' AS TEXT)"];
const value = fc.constantFrom('NULL', "x''", "x'31'", ...NUMBERS, ...TEXTS);

const scenario = fc.record({
  schema: fc.constantFrom(...SCHEMAS),
  rows: fc.array(fc.array(value, {minLength: 3, maxLength: 3}), {maxLength: 12}),
  parents: fc.array(fc.tuple(fc.integer({min: 0, max: 4}), value), {maxLength: 4}),
  outside: fc.uniqueArray(fc.integer({min: 0, max: 3})),
});

/** Refers to a row that this database lacks: of those made by chance, some runs have none. */
const WITHOUT_PARENT = {
  schema: must(SCHEMAS.find(({columns}) => columns.includes('out'))),
  rows: [['1', '2', '0']],
  parents: [],
  outside: [],
};

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('one of the schemas has it');
  return value;
}

function inserts(table: string, columns: readonly string[], values: readonly string[]): string {
  const list = columns.map((name) => `"${name}"`).join();
  return `INSERT OR IGNORE INTO ${table} (${list}) VALUES (${values.slice(0, columns.length).join()});`;
}

/** A rowid takes nothing but an integer. */
const keyIn = (ddl: string, key: string): string =>
  ddl.includes('k INTEGER') ? `CAST(coalesce(${key}, 5) AS INTEGER)` : key;

type Outcome = {readonly done: unknown; readonly rows: readonly unknown[]};

async function outcome(instances: Instances, columns: readonly string[]): Promise<Outcome> {
  const all = (): readonly unknown[] => [
    typed(instances.replica, 't', columns),
    typed(instances.replica, 'p', ['k', 'u']),
    typed(instances.replica, 'sqlite_master', ['name']).length,
  ];
  const filled = new Set<string>();
  const progress = (what: string): unknown => what.startsWith('filling') && filled.add(what);
  try {
    const {tables, proof, cascades} = await instances.replicate({progress});
    return {done: {tables, proof, cascades}, rows: [...all(), filled.size]};
  } catch (error) {
    if (!isEngineError(error)) throw error;
    const {code, message, site, hint, retryable} = error;
    return {done: {code, message, site, hint, retryable}, rows: [...all(), filled.size]};
  }
}

test('a table that is filled ends as it does row by row', async () => {
  const seen = {done: 0, refused: new Set<string>(), filled: 0};
  await fc.assert(
    fc.asyncProperty(scenario, async ({schema, rows, parents, outside}) => {
      const {ddl, columns} = schema;
      const local = outside.map((id) => inserts('outside', ['id'], [String(id)])).join('');
      const primary = [
        ...[0, 1, 2, 3].map((id) => inserts('outside', ['id'], [String(id)])),
        ...parents.map(([k, u]) => inserts('p', ['k', 'u'], [String(k), u])),
        ...rows.map(([k = '', ...others]) => inserts('t', columns, [keyIn(ddl, k), ...others])),
      ].join('');
      const setting = {ddl: `${COMMON}; ${ddl}`, primary, tables: ['p', 't']};
      const ways = [local, `${local}; ${ROW_BY_ROW}`].map((replica) =>
        makeInstances({...setting, replica}),
      );
      const [filling, stepping] = ways as [Instances, Instances];
      await filling.capture();
      await stepping.capture();
      const a = await outcome(filling, columns);
      const b = await outcome(stepping, columns);
      expect(a.done).toEqual(b.done);
      expect(a.rows.slice(0, 2)).toEqual(b.rows.slice(0, 2));
      expect(b.rows.at(-1)).toBe(0);
      seen.filled += Number(a.rows.at(-1));
      const {code} = a.done as {readonly code?: string};
      if (code === undefined) {
        seen.done++;
        expect(a.rows.slice(0, 2)).toEqual([
          typed(filling.primary, 't', columns),
          typed(filling.primary, 'p', ['k', 'u']),
        ]);
      } else {
        seen.refused.add(code);
        expect(a.rows.slice(0, 2)).toEqual([[], []]);
      }
      expect(faults(filling.replica).filter((fault) => typeof fault === 'string')).toEqual([]);
    }),
    {numRuns: 80, examples: [[WITHOUT_PARENT]]},
  );
  // Each of them came up often enough for the law to mean something.
  expect(seen.done).toBeGreaterThan(20);
  expect(seen.filled).toBeGreaterThan(20);
  expect([...seen.refused]).toEqual(['FOREIGN_KEY']);
});

test('an undo of it says and does the same', async () => {
  const undone = await Promise.all(
    ['', ROW_BY_ROW].map(async (replica) => {
      const instances = makeInstances({
        ddl: `${COMMON}; CREATE TABLE t (k INTEGER PRIMARY KEY, ref REFERENCES p, a)`,
        primary: `INSERT INTO p VALUES (1, 'x'), (2, NULL); INSERT INTO t VALUES (1, 1, 'ü"\\'), (2, 9, x'00')`,
        replica,
        tables: ['p', 't'],
      });
      await instances.capture();
      await instances.replicate();
      const {tables, cascades, held, undone: done} = await instances.undo();
      write(instances.replica, ''); // opens
      const rows = [typed(instances.replica, 't', ['k']), typed(instances.replica, 'p', ['k'])];
      return {tables, cascades, held, done, rows};
    }),
  );
  expect(undone[0]).toEqual(undone[1]);
  expect(undone[0]).toMatchObject({
    done: true,
    tables: {p: {deleted: 2}, t: {deleted: 2}},
    rows: [[], []],
  });
});
