import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {affinityIn, logicalType} from '../../../../src/database/sqlite/column-types.ts';
import {readSchema, type SqliteTable} from '../../../../src/database/sqlite/schema.ts';
import {known} from '../../../helpers/tables.ts';

function read(ddl: string, table = 't'): SqliteTable {
  const db = new BetterSqlite3(':memory:');
  try {
    db.exec(ddl);
    return known(readSchema(db).tables.get(table));
  } finally {
    db.close();
  }
}

describe('the key', () => {
  test.each<[string, string, Partial<SqliteTable>]>([
    [
      'is the rowid',
      'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
      {keyIsAssigned: true, keyIsOrdered: true},
    ],
    [
      'is the rowid, declared below',
      'CREATE TABLE t (id INTEGER, a, PRIMARY KEY (id))',
      {keyIsAssigned: true, keyIsOrdered: true},
    ],
    [
      'is not the rowid as INT',
      'CREATE TABLE t (id INT PRIMARY KEY, a)',
      {keyIsAssigned: false, keyIsOrdered: true},
    ],
    [
      'is not the rowid as DESC',
      'CREATE TABLE t (id INTEGER PRIMARY KEY DESC, a)',
      {keyIsAssigned: false, keyIsOrdered: true},
    ],
    [
      'is not assigned without rowid',
      'CREATE TABLE t (id INTEGER PRIMARY KEY, a) WITHOUT ROWID',
      {keyIsAssigned: false, keyIsOrdered: true},
    ],
    [
      'is not in its order under NOCASE',
      'CREATE TABLE t (id TEXT COLLATE NOCASE PRIMARY KEY, a)',
      {keyIsAssigned: false, keyIsOrdered: false},
    ],
    [
      'is not in its order in UTF-16',
      "PRAGMA encoding = 'UTF-16'; CREATE TABLE t (id TEXT PRIMARY KEY, a)",
      {keyIsOrdered: false},
    ],
    [
      'is in its order as rowid in UTF-16',
      "PRAGMA encoding = 'UTF-16'; CREATE TABLE t (id INTEGER PRIMARY KEY, a)",
      {keyIsOrdered: true},
    ],
  ])('%s', (_, ddl, expected) => {
    const table = read(ddl);
    expect(table.primaryKey.map(({name}) => name)).toEqual(['id']);
    expect(table).toMatchObject(expected);
  });

  test('has its own order and its own collations', () => {
    const ddl = 'CREATE TABLE t (a, b COLLATE NOCASE, c COLLATE rtrim, PRIMARY KEY (c, a, b))';
    for (const tail of ['', ' WITHOUT ROWID']) {
      expect(read(ddl + tail).primaryKey).toMatchObject([
        {name: 'c', fold: 'rtrim'},
        {name: 'a', fold: 'binary'},
        {name: 'b', fold: 'nocase'},
      ]);
    }
  });

  test('is not known where it and the column are compared differently', () => {
    const [key] = read(
      'CREATE TABLE t (a COLLATE NOCASE, PRIMARY KEY (a COLLATE BINARY))',
    ).primaryKey;
    expect(key).toMatchObject({name: 'a', fold: undefined});
  });

  test('may be missing', () => {
    expect(read('CREATE TABLE t (a, b)').primaryKey).toEqual([]);
  });
});

test('columns tell type, NOT NULL, default and whether they are generated', () => {
  const ddl = `CREATE TABLE t (id integer PRIMARY KEY, n varchar( 255 )  NOT NULL DEFAULT 'x',
    v INT AS (id + 1), s INT AS (id + 2) STORED, plain)`;
  for (const spelled of [ddl, ddl.replaceAll('\n', '\r\n')]) {
    const told = read(spelled).columns.map(
      ({name, declared, notNull, default: value, generated}) => [
        name,
        declared,
        notNull,
        value,
        generated,
      ],
    );
    expect(told).toEqual([
      ['id', 'INTEGER', false, undefined, false],
      ['n', 'VARCHAR(255)', true, "'x'", false],
      ['v', 'INT', false, undefined, true],
      ['s', 'INT', false, undefined, true],
      ['plain', '', false, undefined, false],
    ]);
  }
});

test('unique indexes tell columns, collations, expressions and conditions', () => {
  const ddl = `CREATE TABLE t (id INTEGER PRIMARY KEY, a COLLATE NOCASE UNIQUE, b, c, UNIQUE (b, c));
    CREATE UNIQUE INDEX part ON t (c) WHERE b IS NULL;
    CREATE UNIQUE INDEX expr ON t (lower(b), c COLLATE RTRIM);
    CREATE INDEX plain ON t (b);`;
  expect(read(ddl).uniques.toSorted((x, y) => (x.name < y.name ? -1 : 1))).toEqual([
    {name: 'a', columns: [{column: 'a', collation: 'NOCASE'}], partial: false},
    {
      name: 'b, c',
      columns: ['b', 'c'].map((column) => ({column, collation: 'BINARY'})),
      partial: false,
    },
    {
      name: 'expr',
      columns: [
        {column: undefined, expression: 'lower(b)', collation: 'BINARY'},
        {column: 'c', collation: 'RTRIM'},
      ],
      partial: false,
    },
    {
      name: 'part',
      columns: [{column: 'c', collation: 'BINARY'}],
      partial: true,
      where: 'b is null',
    },
  ]);
});

test('CHECKs and what computes columns are read from the declaration, wherever they stand', () => {
  const ddl = `CREATE TABLE "t" (id INTEGER PRIMARY KEY, [a] TEXT /* CHECK (no) */ NOT NULL CHECK (length("A") < 6) DEFAULT 'CHECK (b)',
    "check" INT, s TEXT GENERATED ALWAYS AS (a || ')') STORED, n AS ((id+1)),
    CONSTRAINT short CHECK ("check" in (1,2)) CHECK ((a <> '')), UNIQUE (a))`;
  const table = read(ddl.replaceAll('\n', '\r\n'));
  expect(table.checks).toEqual(['length(a) < 6', 'check in(1, 2)', "a <> ''"]);
  expect(
    table.columns.flatMap(({name, expression}) => (expression ? [[name, expression]] : [])),
  ).toEqual([
    ['s', "a || ')'"],
    ['n', 'id + 1'],
  ]);
});

test('foreign keys name the parent as it is spelled, and its key where they leave it out', () => {
  const ddl = `CREATE TABLE Parent (x, y, PRIMARY KEY (y, x));
    CREATE TABLE t (id INTEGER PRIMARY KEY, a, b, self REFERENCES T ON DELETE CASCADE,
      lost REFERENCES nowhere (z) ON UPDATE SET NULL,
      FOREIGN KEY (a, b) REFERENCES parent ON DELETE SET DEFAULT ON UPDATE RESTRICT);`;
  const actions = {onDelete: 'NO ACTION', onUpdate: 'NO ACTION'};
  expect(read(ddl).foreignKeys.toSorted((x, y) => (x.parent < y.parent ? -1 : 1))).toEqual([
    {
      table: 't',
      columns: ['a', 'b'],
      parent: 'Parent',
      parentColumns: ['y', 'x'],
      onDelete: 'SET DEFAULT',
      onUpdate: 'RESTRICT',
    },
    {
      table: 't',
      columns: ['lost'],
      parent: 'nowhere',
      parentColumns: ['z'],
      ...actions,
      onUpdate: 'SET NULL',
    },
    {
      table: 't',
      columns: ['self'],
      parent: 't',
      parentColumns: ['id'],
      ...actions,
      onDelete: 'CASCADE',
    },
  ]);
});

test('triggers tell the other tables that they write', () => {
  const ddl = `CREATE TABLE t (a); CREATE TABLE log (a);
    CREATE TRIGGER quiet AFTER INSERT ON T BEGIN UPDATE "T" SET a = 1; END;
    CREATE TRIGGER loud AFTER INSERT ON t BEGIN INSERT INTO Log VALUES (1); END;`;
  expect(read(ddl).triggers.toSorted((x, y) => (x.name < y.name ? -1 : 1))).toEqual([
    {name: 'loud', writes: ['log']},
    {name: 'quiet', writes: []},
  ]);
});

test('views, virtual tables and the tables of SQLite itself are not among the tables', () => {
  const db = new BetterSqlite3(':memory:');
  db.exec(`CREATE TABLE "odd "" name" (id INTEGER PRIMARY KEY AUTOINCREMENT); CREATE TABLE sqlitex (a);
    CREATE VIEW v AS SELECT 1; CREATE VIRTUAL TABLE f USING fts5(a); ANALYZE;`);
  expect([...readSchema(db).tables.keys()]).toEqual(['odd " name', 'sqlitex']);
  db.close();
});

/** SQLite itself says which affinity a type has: by what becomes of '1.0', 1 and 1.5. */
const types = [
  '',
  'INT',
  'BIGINT',
  'CHARINT',
  'FLOATING POINT',
  'TEXT',
  'VARCHAR(9)',
  'CLOB',
  'BLOB',
  'REAL',
  'DOUBLE',
];
test.each([
  ...types,
  'FLOAT',
  'NUMERIC',
  'DECIMAL(9,2)',
  'BOOLEAN',
  'DATE',
  'DATETIME',
  'ANY',
  'STRING',
  'JSON',
  'xblobx',
  'TEXTBLOB',
  'REALBLOB',
])('affinity of %j is what SQLite makes of it', (type) => {
  const db = new BetterSqlite3(':memory:');
  db.exec(`CREATE TABLE t (a ${type}); INSERT INTO t VALUES ('1.0'), (1)`);
  const stored = db.prepare('SELECT typeof(a) FROM t').pluck().all().join();
  db.close();
  const affinities: Readonly<Record<string, string>> = {
    'text,integer': 'none',
    'text,text': 'text',
    'real,real': 'real',
    'integer,integer': 'integer or numeric',
  };
  const affinity = affinityIn(type, false);
  const told = ['integer', 'numeric'].includes(affinity) ? 'integer or numeric' : affinity;
  expect(told).toBe(affinities[stored]);
});

test('ANY holds everything as it is in a STRICT table, and is numeric elsewhere', () => {
  expect([affinityIn('ANY', true), affinityIn('any', true), affinityIn('ANY', false)]).toEqual([
    'none',
    'none',
    'numeric',
  ]);
});

test.each([
  ['INTEGER', 'integer'],
  ['TINYINT(1)', 'integer'],
  ['BOOLEAN', 'boolean'],
  ['DATETIME', 'datetime'],
  ['TIMESTAMP', 'datetime'],
  ['DATE', 'date'],
  ['TIME', 'time'],
  ['VARCHAR(255)', 'text'],
  ['JSON', 'json'],
  ['UUID', 'uuid'],
  ['DECIMAL(10,2)', 'decimal'],
  ['NUMERIC', 'numeric'],
  ['FLOAT', 'real'],
  ['BLOB', 'blob'],
  ['', 'any'],
  ['ANY', 'any'],
])('type %j means %s', (declared, type) => {
  expect(logicalType(declared)).toBe(type);
});

test.each([
  ['a TEXT COLLATE nocase', 'NOCASE'],
  ["'a' TEXT COLLATE 'nocase'", 'NOCASE'],
  ['a TEXT COLLATE rtrim COLLATE nocase', 'NOCASE'],
  ["a TEXT DEFAULT (',' COLLATE rtrim) CHECK (a <> ')' COLLATE rtrim) COLLATE nocase", 'NOCASE'],
  ['a TEXT /* , b COLLATE rtrim */ -- COLLATE rtrim', 'BINARY'],
])('the collation of %s is the one SQLite uses', (definition, collation) => {
  const ddl = `CREATE TABLE t (id INTEGER PRIMARY KEY, ${definition}\n, "x, y" TEXT COLLATE rtrim, CHECK (1))`;
  expect(read(ddl).columns.map((column) => column.collation)).toEqual([
    'BINARY',
    collation,
    'RTRIM',
  ]);
});

describe('a schema that was read before', () => {
  const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT); CREATE UNIQUE INDEX u ON t (a)';
  const open = (more = ''): BetterSqlite3.Database =>
    new BetterSqlite3(':memory:').exec(ddl + more);

  test('is not read again, by whichever connection', () => {
    const [one, other] = [open(), open()];
    expect(readSchema(other)).toBe(readSchema(one));
    expect(readSchema(open('; INSERT INTO t VALUES (1, 2)'))).toBe(readSchema(one));
  });

  test.each([
    'ALTER TABLE t ADD COLUMN b',
    'ALTER TABLE t RENAME COLUMN a TO b',
    'ALTER TABLE t RENAME TO t2',
    'DROP INDEX u',
    'DROP INDEX u; CREATE UNIQUE INDEX u ON t (a COLLATE NOCASE)',
    'CREATE TRIGGER r AFTER DELETE ON t BEGIN SELECT 1; END',
    'CREATE TABLE other (x REFERENCES t)',
    'DROP TABLE t; CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT NOT NULL)',
  ])('is read again after %s', (change) => {
    const db = open();
    const before = readSchema(db);
    db.exec(change);
    expect(readSchema(db)).not.toEqual(before);
    expect(readSchema(open(`; ${change}`))).toEqual(readSchema(db));
  });

  test('is another one where texts have another encoding', () => {
    const wide = new BetterSqlite3(':memory:').exec(`PRAGMA encoding = 'UTF-16le'; ${ddl}`);
    expect(readSchema(open()).encoding).toBe('UTF-8');
    expect(readSchema(wide).encoding).toBe('UTF-16le');
  });
});
