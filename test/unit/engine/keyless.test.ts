/** Tables without a usable key, compared and repaired as multisets of whole rows. */
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import type {EngineOptions, ReplicateResult} from '../../../src/index.ts';
import {diff, doctor, noProgress, silentLog, verify} from '../../../src/index.ts';
import {faults, makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

const keyless = 'multiset' as const;
const ddl = 'CREATE TABLE t (a, b, c)';
const columns = ['a', 'b', 'c'];

type Rows = {readonly primary: string; readonly replica: string; readonly ddl?: string};

function instancesOf({primary, replica, ddl: own = ddl}: Rows): Instances {
  return makeInstances({ddl: own, primary, replica, tables: ['t']});
}

async function converge(instances: Instances, names = columns): Promise<ReplicateResult> {
  await instances.capture({keyless});
  const result = await instances.replicate({keyless});
  expect(typed(instances.replica, 't', names)).toEqual(typed(instances.primary, 't', names));
  expect(faults(instances.replica)).toEqual([]);
  const again = await instances.replicate({keyless});
  expect(again).toMatchObject({applied: false, tables: {t: counts(0, 0, 0)}});
  return result;
}

const counts = (inserted: number, updated: number, deleted: number): object => ({
  inserted,
  updated,
  deleted,
});

function optionsFor({folder}: Instances, database: string): EngineOptions {
  return {
    database,
    store: `dir:${folder}/store`,
    state: `${database}-state`,
    tables: ['t'],
    env: process.env,
    log: silentLog,
    progress: noProgress,
  };
}

describe('a table without a key', () => {
  const three = `INSERT INTO t VALUES (1, 'x', NULL), (1, 'x', NULL), (2, 'y', 0.5), (1, 'x', NULL)`;
  const one = `INSERT INTO t VALUES (2, 'y', 0.5), (1, 'x', NULL)`;

  test.each([
    ['lacks', three, one, counts(2, 0, 0)],
    ['has more', one, three, counts(0, 0, 2)],
  ])('whose replica %s of several equal rows takes the difference', async (_, a, b, expected) => {
    const {tables} = await converge(instancesOf({primary: a, replica: b}));
    expect(tables).toEqual({t: expected});
  });

  test('whose rows differ in a cell gets an insert and a delete', async () => {
    const {tables} = await converge(
      instancesOf({
        primary: "INSERT INTO t VALUES (1, 'new', NULL), (2, NULL, NULL)",
        replica: "INSERT INTO t VALUES (1, 'old', NULL), (2, NULL, NULL)",
      }),
    );
    expect(tables).toEqual({t: counts(1, 0, 1)});
  });

  test('holds every storage class as it is', async () => {
    const rows = `INSERT INTO t VALUES (1, '1', x'31'), (1.0, 1, NULL), (-0.0, 0.0, 0), (NULL, NULL, NULL),
      (9223372036854775807, -9223372036854775808, 9e999), (CAST(x'ff41' AS TEXT), x'ff41', ''),
      ('a' || char(0) || 'b', 'Ab', 'aB'), (9007199254740993, 9007199254740992, 9007199254740992.0),
      (NULL, NULL, NULL), (1.0, 1, NULL)`;
    const {tables} = await converge(instancesOf({primary: rows, replica: ''}));
    expect(tables).toEqual({t: counts(10, 0, 0)});
    const turned = await converge(instancesOf({primary: '', replica: rows}));
    expect(turned.tables).toEqual({t: counts(0, 0, 10)});
  });

  test('tells 1 from 1.0 and 0.0 from -0.0, and leaves those alone that stand on both sides', async () => {
    const spelt = await converge(
      instancesOf({
        primary: 'INSERT INTO t VALUES (1.0, 0, 0), (5, -0.0, 5)',
        replica: 'INSERT INTO t VALUES (1, 0, 0), (5, 0.0, 5)',
      }),
    );
    expect(spelt.tables).toEqual({t: counts(0, 2, 0)});
    const fewer = await converge(
      instancesOf({
        primary: 'INSERT INTO t VALUES (1.0, 0, 0)',
        replica: 'INSERT INTO t VALUES (1.0, 0, 0), (1, 0, 0)',
      }),
    );
    expect(fewer.tables).toEqual({t: counts(0, 0, 1)});
    const more = await converge(
      instancesOf({
        primary: 'INSERT INTO t VALUES (1.0, 0, 0), (1, 0, 0), (1, 0, 0)',
        replica: 'INSERT INTO t VALUES (1.0, 0, 0)',
      }),
    );
    expect(more.tables).toEqual({t: counts(2, 0, 0)});
  });

  test('may have columns that take names of the rowid, but not all of them', async () => {
    const two = 'CREATE TABLE t (rowid, "_RowID_", c)';
    const names = ['rowid', '_RowID_', 'c'];
    const instances = instancesOf({
      ddl: two,
      primary: 'INSERT INTO t VALUES (7, 7, 1), (7, 7, 1), (8, NULL, 2)',
      replica: 'INSERT INTO t VALUES (7, 7, 1), (7, 7, 3), (1, 1, 1)',
    });
    expect((await converge(instances, names)).tables).toEqual({t: counts(2, 0, 2)});
    const all = instancesOf({
      ddl: 'CREATE TABLE t (rowid, _rowid_, OID)',
      primary: '',
      replica: '',
    });
    await expect(all.capture({keyless})).rejects.toMatchObject({
      code: 'NO_KEY',
      site: {table: 't'},
    });
  });

  test('may have more columns than a function of SQLite takes arguments', async () => {
    const names = Array.from({length: 900}, (_, at) => `c${at}`);
    const nulls = names.slice(2).map(() => 'NULL');
    const row = (first: string, last: string): string =>
      `INSERT INTO t VALUES (${[first, ...nulls, last].join(', ')})`;
    const instances = instancesOf({
      ddl: `CREATE TABLE t (${names.join(', ')})`,
      primary: `${row('1', '2')}; ${row('1', '2')}; ${row('1', '3')}`,
      replica: `${row('1', '3')}; ${row('1', '4')}`,
    });
    const {tables} = await converge(instances, ['c0', 'c899']);
    expect(tables).toEqual({t: counts(2, 0, 1)});
  });

  test('keeps unique indexes, and hands values from one row to another', async () => {
    const {tables} = await converge(
      instancesOf({
        ddl: 'CREATE TABLE t (a UNIQUE, b, c)',
        primary: 'INSERT INTO t VALUES (1, 2, 3), (2, 1, 3)',
        replica: 'INSERT INTO t VALUES (1, 1, 3), (2, 2, 3)',
      }),
    );
    expect(tables).toEqual({t: counts(2, 0, 2)});
  });

  test('has one digest whatever the order of its rows, their rowids, and VACUUM', async () => {
    const instances = instancesOf({
      primary: "INSERT INTO t VALUES (1, 'x', 1.0), (1, 'x', 1), (3, 'z', NULL), (1, 'x', 1)",
      replica: `INSERT INTO t (_rowid_, a, b, c) VALUES (90, 3, 'z', NULL), (17, 1, 'x', 1), (5, 1, 'x', 1), (-4, 1, 'x', 1.0)`,
    });
    await instances.capture({keyless});
    expect(await instances.replicate({keyless})).toMatchObject({tables: {t: counts(0, 0, 0)}});
    write(instances.replica, 'VACUUM');
    expect((await verify({...optionsFor(instances, instances.replica), keyless})).equal).toBe(true);
    write(
      instances.primary,
      `CREATE TEMP TABLE u AS SELECT * FROM t ORDER BY c; DELETE FROM t; INSERT INTO t SELECT * FROM u; VACUUM`,
    );
    expect(await instances.capture({keyless})).toMatchObject({changed: false});
  });

  test('takes rows that refer to its own with them, but not where a row was only edited', async () => {
    const instances = instancesOf({
      ddl: 'CREATE TABLE t (a UNIQUE, b, c); CREATE TABLE child (id INTEGER PRIMARY KEY, t REFERENCES t (a) ON DELETE CASCADE)',
      primary: 'INSERT INTO t VALUES (1, 0, 0)',
      replica:
        'INSERT INTO t VALUES (1, 1, 0), (2, 0, 0); INSERT INTO child VALUES (1, 1), (2, 2), (3, 2)',
    });
    await instances.capture({keyless});
    expect(await instances.replicate({keyless})).toMatchObject({cascades: {child: 2}});
    expect(typed(instances.replica, 'child', ['id'])).toEqual(['integer 1']);
    expect(faults(instances.replica)).toEqual([]);
  });

  test('of many equal rows is cut into chunks, of which only the last changes', async () => {
    const many = (rows: number): string =>
      `WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows}) INSERT INTO t SELECT 1, 'x', NULL FROM n`;
    const instances = instancesOf({primary: many(34_000), replica: many(34_003)});
    expect((await converge(instances)).tables).toEqual({t: counts(0, 0, 3)});
    write(instances.primary, many(2));
    await instances.capture({keyless});
    const result = await instances.replicate({keyless});
    expect(result).toMatchObject({proof: 'touched', tables: {t: counts(2, 0, 0)}});
    expect(result.cost.objectsFetched).toBeLessThan(4);
    expect(typed(instances.replica, 't', ['a'])).toHaveLength(34_002);
  });
});

describe('without the option', () => {
  const noKey = {code: 'NO_KEY', exitCode: 20, site: {table: 't'}};
  const hint = expect.stringContaining('--keyless multiset') as string;

  test('a table without a key is refused, and told how it could be taken', async () => {
    const instances = instancesOf({primary: 'INSERT INTO t VALUES (1, 2, 3)', replica: ''});
    await expect(instances.capture()).rejects.toMatchObject({...noKey, hint});
    const found = await doctor(optionsFor(instances, instances.primary));
    expect(found).toMatchObject({ok: false, exitCode: 20});
    expect(JSON.stringify(found)).toContain('--keyless multiset');
  });

  test('a replica refuses such a snapshot with nothing written, in every command', async () => {
    const instances = instancesOf({primary: 'INSERT INTO t VALUES (1, 2, 3)', replica: ''});
    await instances.capture({keyless});
    await expect(instances.replicate()).rejects.toMatchObject({...noKey, hint});
    expect(typed(instances.replica, 't', columns)).toEqual([]);
    await instances.replicate({keyless});
    const options = optionsFor(instances, instances.replica);
    await expect(verify(options)).rejects.toMatchObject({...noKey, hint});
    const sides = {left: 'live', right: 'latest'};
    await expect(diff({...options, ...sides})).rejects.toMatchObject({...noKey, hint});
    expect((await diff({...options, ...sides, keyless})).equal).toBe(true);
  });
});

describe('a declared key that holds NULL', () => {
  const text = 'CREATE TABLE t (a TEXT PRIMARY KEY, b, c)';
  const nulls = `INSERT INTO t VALUES (NULL, 1, 1), (NULL, 1, 1), (NULL, 2, 2), ('k', 1, 1)`;

  test('makes its table a multiset, whose rows are found by their rowid', async () => {
    const {tables} = await converge(
      instancesOf({
        ddl: text,
        primary: nulls,
        replica: `INSERT INTO t VALUES (NULL, 1, 1), (NULL, 3, 3), (NULL, 3, 3), ('k', 2, 2)`,
      }),
    );
    expect(tables).toEqual({t: counts(3, 0, 3)});
  });

  test('in any of its columns does so', async () => {
    const {tables} = await converge(
      instancesOf({
        ddl: 'CREATE TABLE t (a, b, c, PRIMARY KEY (a, b))',
        primary: 'INSERT INTO t VALUES (1, NULL, 1), (1, NULL, 1), (1, 1, 1)',
        replica: 'INSERT INTO t VALUES (1, NULL, 1)',
      }),
    );
    expect(tables).toEqual({t: counts(2, 0, 0)});
  });

  test('on the primary makes replicas follow, also those without a NULL', async () => {
    const replica = `INSERT INTO t VALUES ('k', 1, 1)`;
    const instances = instancesOf({ddl: text, primary: nulls, replica});
    await instances.capture({keyless});
    await expect(instances.replicate()).rejects.toMatchObject({
      code: 'KEY_UNUSABLE',
      exitCode: 20,
      site: {table: 't'},
      hint: expect.stringContaining('--keyless multiset') as string,
    });
    expect((await instances.replicate({keyless})).tables).toEqual({t: counts(3, 0, 0)});
    write(instances.primary, 'DELETE FROM t WHERE a IS NULL');
    expect(await instances.capture({keyless})).toMatchObject({changed: true});
    await expect(instances.replicate({keyless})).rejects.toMatchObject({code: 'KEY_UNUSABLE'});
    write(instances.replica, 'DELETE FROM t WHERE a IS NULL');
    expect((await instances.replicate()).tables).toEqual({t: counts(0, 0, 0)});
  });

  test('on the replica alone is refused', async () => {
    const instances = instancesOf({
      ddl: text,
      primary: `INSERT INTO t VALUES ('k', 1, 1)`,
      replica: nulls,
    });
    await instances.capture({keyless});
    await expect(instances.replicate({keyless})).rejects.toMatchObject({
      code: 'KEY_UNUSABLE',
      site: {table: 't', column: 'a'},
    });
  });

  test('on one side of two databases makes whole rows be compared on both', async () => {
    const instances = instancesOf({
      ddl: text,
      primary: nulls,
      replica: `INSERT INTO t VALUES ('k', 1, 1)`,
    });
    const [a, b] = [instances.primary, instances.replica];
    for (const [left, right, expected] of [
      [a, b, counts(0, 0, 3)],
      [b, a, counts(3, 0, 0)],
    ] as const) {
      const result = await diff({...optionsFor(instances, a), left, right, keyless});
      expect(result.tables).toEqual({t: expected});
    }
  });
});

describe('a key whose equality is not known', () => {
  test('but whose collations are makes its table a multiset', async () => {
    const {tables} = await converge(
      instancesOf({
        ddl: 'CREATE TABLE t (a TEXT COLLATE NOCASE, b, c, PRIMARY KEY (a COLLATE BINARY))',
        primary: "INSERT INTO t VALUES ('k', 1, 1), ('K', 1, 1)",
        replica: "INSERT INTO t VALUES ('K', 1, 1), ('kk', 1, 1)",
      }),
    );
    expect(tables).toEqual({t: counts(1, 0, 1)});
  });

  test('because of a collation of the application can be read, but not written here', async () => {
    const german = 'CREATE TABLE t (a TEXT COLLATE GERMAN PRIMARY KEY, b, c)';
    const fill = (path: string, sql: string): void => {
      const db = new BetterSqlite3(path);
      // better-sqlite3 registers no collations; a schema edited in place gives one that nobody has.
      db.unsafeMode(true);
      db.exec(`CREATE TABLE t (a TEXT COLLATE NOCASE PRIMARY KEY, b, c); ${sql}`);
      db.exec(
        `PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = '${german}' WHERE name = 't'`,
      );
      db.close();
    };
    const instances = instancesOf({ddl: 'SELECT 1', primary: '', replica: ''});
    fill(instances.primary, "INSERT INTO t VALUES ('a', 1, 1), ('b', 1, 1)");
    fill(instances.replica, "INSERT INTO t VALUES ('b', 1, 1)");
    expect(await instances.capture({keyless})).toMatchObject({tables: {t: {rows: 2}}});
    await expect(instances.replicate({keyless})).rejects.toMatchObject({
      exitCode: 20,
      site: {table: 't'},
    });
    expect(typed(instances.replica, 't', ['b'])).toHaveLength(1);
  });

  test('in a table WITHOUT ROWID is refused', async () => {
    const instances = instancesOf({
      ddl: 'CREATE TABLE t (a TEXT COLLATE NOCASE, b, c, PRIMARY KEY (a COLLATE BINARY)) WITHOUT ROWID',
      primary: '',
      replica: '',
    });
    await expect(instances.capture({keyless})).rejects.toMatchObject({
      code: 'NO_KEY',
      site: {table: 't'},
    });
  });
});

test('a generated column does not tell rows apart', async () => {
  const {tables} = await converge(
    instancesOf({
      ddl: 'CREATE TABLE t (a, b, c AS (a || b) STORED)',
      primary: 'INSERT INTO t (a, b) VALUES (1, 2), (1, 2)',
      replica: 'INSERT INTO t (a, b) VALUES (1, 2), (3, 2)',
    }),
  );
  expect(tables).toEqual({t: counts(1, 0, 1)});
});

test.each(['UTF-16le', 'UTF-16be'])('%s makes no difference to whole rows', async (encoding) => {
  const rows = `INSERT INTO t VALUES ('é😀', 1, 0.0), ('é😀', 1.0, -0.0), ('é😀', 1, -0.0), ('a', NULL, x'00')`;
  const instances = makeInstances({ddl, primary: rows, replica: '', tables: ['t'], encoding});
  expect((await converge(instances)).tables).toEqual({t: counts(4, 0, 0)});
  const plain = instancesOf({primary: rows, replica: ''});
  await plain.capture({keyless});
  const wide = await verify({...optionsFor(instances, instances.replica), keyless});
  const narrow = await verify({...optionsFor(plain, plain.primary), keyless});
  expect(wide.tables).toEqual(narrow.tables);
});

test('doctor names the tables that are compared by whole rows', async () => {
  const instances = instancesOf({
    ddl: 'CREATE TABLE t (a TEXT PRIMARY KEY, b, c)',
    primary: 'INSERT INTO t VALUES (NULL, 1, 1)',
    replica: "INSERT INTO t VALUES ('k', 1, 1)",
  });
  const noted = async (database: string): Promise<readonly unknown[]> => {
    const {findings} = await doctor({...optionsFor(instances, database), keyless});
    return findings.filter(({level, subject}) => level === 'note' && subject === 't');
  };
  expect(await noted(instances.primary)).toMatchObject([
    {message: expect.stringContaining('whole rows') as string},
  ]);
  expect(await noted(instances.replica)).toEqual([]);
});

test('tables with a key go on by it', async () => {
  const {tables} = await converge(
    instancesOf({
      ddl: 'CREATE TABLE t (a INTEGER PRIMARY KEY, b, c)',
      primary: 'INSERT INTO t VALUES (1, 1, 1)',
      replica: 'INSERT INTO t VALUES (1, 2, 1)',
    }),
  );
  expect(tables).toEqual({t: counts(0, 1, 0)});
});

test('rows are named by a digest, and by their integers where they have nothing else', async () => {
  const instances = instancesOf({
    primary: '',
    replica: "INSERT INTO t VALUES (5, 'secret', 1), (5, 6, NULL), (5, 6, NULL), (5, 1.5, 1)",
  });
  await instances.capture({keyless});
  const sides = {
    ...optionsFor(instances, instances.replica),
    left: 'live',
    right: 'latest',
    keyless,
  };
  const keys = (await diff(sides)).changes.map(({key}) => key);
  expect(keys).toEqual([
    expect.stringMatching(/^row=digest:[0-9a-f]{8}$/),
    'a=5,b=6,c=null',
    'a=5,b=6,c=null#2',
    expect.stringMatching(/^row=digest:[0-9a-f]{8}$/),
  ]);
  const shown = (await diff({...sides, showValues: true})).changes.map(({key}) => key);
  expect(shown).toContain('a=5,b="secret",c=1');
});

describe('what the application changes between plan and apply', () => {
  /** Replicates while the application runs this SQL once, after the rows to plan with were read. */
  async function meanwhile(
    instances: Instances,
    sql: string,
  ): Promise<{readonly result: ReplicateResult; readonly afresh: readonly unknown[]}> {
    const afresh: unknown[] = [];
    let [fetching, written] = [false, false];
    const result = await instances.replicate({
      keyless,
      log: {...silentLog, info: (_, fields) => afresh.push(fields?.['code'])},
      progress: (doing) => {
        fetching ||= doing === 'fetching';
        if (!fetching || written || doing !== 'reading t') return;
        written = true;
        write(instances.replica, sql);
      },
    });
    expect(written).toBe(true);
    return {result, afresh};
  }

  const rows = `INSERT INTO t (rowid, a, b, c) VALUES (1, 'keep', 0, 0), (2, 'go', 0, 0), (3, 'go', 0, 0), (4, 'keep', 0, 0)`;
  const two = () => instancesOf({primary: "INSERT INTO t VALUES ('keep', 0, 0)", replica: rows});

  test.each([
    ['a row to be deleted', "UPDATE t SET a = 'keep' WHERE rowid = 3", ['PLAN_STALE']],
    [
      'which row has its rowid',
      'UPDATE t SET rowid = rowid + 10; UPDATE t SET rowid = (rowid - 10) % 4 + 1',
      ['PLAN_STALE'],
    ],
    ['that it is there', 'DELETE FROM t WHERE rowid = 2', ['PLAN_STALE']],
    [
      'its rowid to that of an equal row',
      "DELETE FROM t WHERE rowid = 2; UPDATE t SET rowid = 2 WHERE rowid = 3; INSERT INTO t (rowid, a, b, c) VALUES (3, 'go', 0, 0)",
      [],
    ],
  ])('%s: planned afresh, and never another row is taken', async (_, sql, codes) => {
    const instances = two();
    await instances.capture({keyless});
    const {afresh} = await meanwhile(instances, sql);
    expect(afresh).toEqual(codes);
    expect(typed(instances.replica, 't', ['a'])).toEqual(["text 'keep'"]);
  });

  test('by a row like the one to be inserted: planned afresh, and there is one', async () => {
    const instances = instancesOf({primary: "INSERT INTO t VALUES ('new', 0, 0)", replica: rows});
    await instances.capture({keyless});
    const {afresh} = await meanwhile(instances, "INSERT INTO t VALUES ('new', 0, 0)");
    expect(afresh).toEqual(['PROOF_FAILED']);
    expect(typed(instances.replica, 't', ['a'])).toEqual(["text 'new'"]);
  });
});
