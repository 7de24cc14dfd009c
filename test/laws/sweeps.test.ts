/**
 * Many changes that nothing else depends on are compared anew when they are written, others are planned row by row. Whatever the tables
 * declare, both come to the same: the same rows, counts and proof, the same record for undo, or the same refusal of the same row.
 */
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {isEngineError} from '../../src/index.ts';
import {faults, makeInstances, typed, write, type Instances} from '../helpers/instances.ts';

type Schema = {readonly ddl: string; readonly columns: readonly string[]};

/** Each with the columns that rows are made of, the key first; `p` and `c` are in the snapshot too, `outside` and `local` are not. */
const SCHEMAS: readonly Schema[] = [
  {ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY, a, b)', columns: ['k', 'a', 'b']},
  {ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY AUTOINCREMENT, a)', columns: ['k', 'a']},
  {ddl: 'CREATE TABLE t (k PRIMARY KEY NOT NULL, a TEXT, b BLOB)', columns: ['k', 'a', 'b']},
  {ddl: 'CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY NOT NULL, a)', columns: ['k', 'a']},
  {
    ddl: 'CREATE TABLE t (k INTEGER NOT NULL, l TEXT NOT NULL, a REAL, PRIMARY KEY (l, k)) WITHOUT ROWID',
    columns: ['k', 'l', 'a'],
  },
  {
    ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY, up REFERENCES t (k), a)',
    columns: ['k', 'up', 'a'],
  },
  {
    ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY, ref REFERENCES p (k), a)',
    columns: ['k', 'ref', 'a'],
  },
  {
    ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY, out INTEGER REFERENCES outside (id), a)',
    columns: ['k', 'out', 'a'],
  },
  {
    ddl: 'CREATE TABLE t (k INTEGER PRIMARY KEY, a, b INTEGER UNIQUE)',
    columns: ['k', 'a', 'b'],
  },
  {
    ddl: `CREATE TABLE t (k INTEGER PRIMARY KEY, a, b); CREATE UNIQUE INDEX part ON t (b) WHERE a > 1`,
    columns: ['k', 'a', 'b'],
  },
  {
    ddl: `CREATE TABLE t (k INTEGER PRIMARY KEY, a, twice GENERATED ALWAYS AS (a || a) STORED UNIQUE, b)`,
    columns: ['k', 'a', 'b'],
  },
  {
    ddl: `CREATE TABLE t (k INTEGER PRIMARY KEY, a TEXT UNIQUE, b);
      CREATE TABLE local (id INTEGER PRIMARY KEY, k REFERENCES t (k) ON DELETE CASCADE, a REFERENCES t (a) ON UPDATE CASCADE);
      INSERT INTO local VALUES (1, 1, NULL), (2, 2, 'a'), (3, NULL, '1')`,
    columns: ['k', 'a', 'b'],
  },
  {
    ddl: `CREATE TABLE t (k INTEGER PRIMARY KEY, a, b);
      CREATE TABLE local (id INTEGER PRIMARY KEY, k DEFAULT 3 REFERENCES t (k) ON DELETE SET DEFAULT);
      INSERT INTO local VALUES (1, 1), (2, 2)`,
    columns: ['k', 'a', 'b'],
  },
];
const COMMON = `CREATE TABLE p (k INTEGER PRIMARY KEY, u TEXT UNIQUE);
  CREATE TABLE outside (id INTEGER PRIMARY KEY)`;
const NUMBERS = '0 1 2 3 -1 7 1.0 2.5 -0.0 9e999 9007199254740993'.split(' ');
const TEXTS = ["''", "'a'", "'A'", "'a '", "'1'", "CAST(x'ff41' AS TEXT)"];
const value = fc.constantFrom('NULL', "x''", "x'31'", ...NUMBERS, ...TEXTS);
const rows = fc.array(fc.array(value, {minLength: 3, maxLength: 3}), {maxLength: 10});

const scenario = fc.record({
  schema: fc.constantFrom(...SCHEMAS),
  /** What both hold at first. */
  first: rows,
  /** What the primary puts in the place of these, or beside them. */
  second: rows,
  /** Nothing but plain columns change: what most of such changes are. */
  plain: fc.boolean(),
  /** The replica's own edit, of rows whose key is one of these. */
  edited: fc.array(fc.integer({min: 0, max: 3}), {maxLength: 2}),
  outside: fc.uniqueArray(fc.integer({min: 0, max: 3})),
});

function inserts(table: string, columns: readonly string[], values: readonly string[]): string {
  const list = columns.map((name) => `"${name}"`).join();
  return `INSERT OR REPLACE INTO ${table} (${list}) VALUES (${values.slice(0, columns.length).join()});`;
}

/** A rowid takes nothing but an integer. */
const keyIn = (ddl: string, key: string): string =>
  ddl.includes('k INTEGER') ? `CAST(coalesce(${key}, 5) AS INTEGER)` : `coalesce(${key}, 5)`;

const rowsIn = ({ddl, columns}: Schema, given: readonly (readonly string[])[]): string =>
  given
    .map(([k = '', ...others]) => {
      const filled = columns[1] === 'l' ? others.map((each) => `coalesce(${each}, 'l')`) : others;
      return inserts('t', columns, [keyIn(ddl, k), ...filled]);
    })
    .join('');

type Outcome = {readonly done: unknown; readonly rows: readonly unknown[]; readonly swept: number};

async function outcome(
  instances: Instances,
  {columns}: Schema,
  work: (progress: (what: string) => void) => Promise<Readonly<Record<string, unknown>>>,
): Promise<Outcome> {
  const swept = new Set<string>();
  const done = await work((what) => void (what.startsWith('writing') && swept.add(what))).catch(
    (error: unknown) => {
      if (!isEngineError(error)) throw error;
      const {code, message, site, hint, retryable} = error;
      return {code, message, site, hint, retryable};
    },
  );
  const all = [typed(instances.replica, 't', columns), typed(instances.replica, 'p', ['k', 'u'])];
  const local = typed(instances.replica, 'sqlite_master', ['name']).some((name) =>
    name.includes("'local'"),
  );
  return {
    done,
    rows: local ? [...all, typed(instances.replica, 'local', ['id', 'k'])] : all,
    swept: swept.size,
  };
}

const replicated =
  (instances: Instances, heldRows: number) =>
  async (progress: (what: string) => void): Promise<Readonly<Record<string, unknown>>> => {
    const {tables, proof, cascades} = await instances.replicate({
      progress,
      heldRows,
    });
    return {tables, proof, cascades};
  };

const undone =
  (instances: Instances, heldRows: number) =>
  async (): Promise<Readonly<Record<string, unknown>>> => {
    const {tables, cascades, held, notRestored} = await instances.undo({heldRows});
    return {tables, cascades, held, notRestored};
  };

test('rows that are swept end as they do one by one', async () => {
  const seen = {done: 0, swept: 0, refused: new Set<string>()};
  await fc.assert(
    fc.asyncProperty(scenario, async ({schema, first, second, plain, edited, outside}) => {
      const others = [0, 1, 2, 3].map((id) => inserts('outside', ['id'], [String(id)])).join('');
      const parents =
        inserts('p', ['k', 'u'], ['1', "'x'"]) + inserts('p', ['k', 'u'], ['2', 'NULL']);
      const local = outside.map((id) => inserts('outside', ['id'], [String(id)])).join('');
      const setting = {
        ddl: `${COMMON}; ${schema.ddl}`,
        primary: others + parents + rowsIn(schema, [['0', '1', '2'], ['2', '1', '3'], ...first]),
        replica: local,
        tables: ['p', 't'],
      };
      const last = schema.columns.at(-1) ?? '';
      const change = plain
        ? `UPDATE OR IGNORE t SET "${last}" = coalesce("${last}", 4) + 1 WHERE typeof("${last}") <> 'blob'`
        : `DELETE FROM t WHERE k IN (1, 2, 'a'); ${rowsIn(schema, second)}`;
      const pairs = [0, 1_000_000].map((heldRows) => ({heldRows, pair: makeInstances(setting)}));
      const outcomes: (readonly Outcome[])[] = [];
      for (const {pair, heldRows} of pairs) {
        await pair.capture();
        const begun = await outcome(pair, schema, replicated(pair, heldRows));
        write(pair.primary, `UPDATE OR IGNORE t SET "${last}" = 11 WHERE k = 2; ${change}`);
        const keys = edited.join();
        write(pair.replica, `UPDATE OR IGNORE t SET "${last}" = 'mine' WHERE k IN (${keys})`);
        await pair.capture();
        const ended = await outcome(pair, schema, replicated(pair, heldRows));
        const back = await outcome(pair, schema, undone(pair, heldRows));
        outcomes.push([begun, ended, back]);
        expect(faults(pair.replica).filter((fault) => typeof fault === 'string')).toEqual([]);
      }
      const [sweeping = [], stepping = []] = outcomes;
      expect(sweeping.map(({done}) => done)).toEqual(stepping.map(({done}) => done));
      expect(sweeping.map((each) => each.rows)).toEqual(stepping.map((each) => each.rows));
      expect(stepping.map(({swept}) => swept)).toEqual([0, 0, 0]);
      seen.swept += sweeping[1]?.swept ?? 0;
      const {code} = (sweeping[1]?.done ?? {}) as {readonly code?: string};
      if (code === undefined) seen.done++;
      else seen.refused.add(code);
    }),
    {numRuns: 120},
  );
  // Each of them came up often enough for the law to mean something.
  expect(seen.done).toBeGreaterThan(40);
  expect(seen.swept).toBeGreaterThan(20);
  expect([...seen.refused]).toContain('FOREIGN_KEY');
});
