/** What a fingerprint covers, by DDL that SQLite itself reads. */
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {readSchema} from '../../../src/database/sqlite/schema.ts';
import {schemaDifferences} from '../../../src/schema/differences.ts';
import {fingerprintOf} from '../../../src/schema/fingerprint.ts';
import type {TableSchema} from '../../../src/schema/table-schema.ts';
import {copyFixture, fixturesRoot} from '../../helpers/fixtures.ts';
import {tempFolder} from '../../helpers/temp-db.ts';
import {known} from '../../helpers/tables.ts';

const parents = 'CREATE TABLE p (id INTEGER PRIMARY KEY, x, y, UNIQUE (x, y))';

function read(ddl: string): TableSchema {
  const db = new BetterSqlite3(':memory:');
  try {
    db.exec(`${parents}; ${ddl}`);
    return known(readSchema(db).tables.get('t'));
  } finally {
    db.close();
  }
}

const print = (ddl: string): string => fingerprintOf(read(ddl));

const base = `CREATE TABLE t (id INTEGER PRIMARY KEY AUTOINCREMENT, a VARCHAR(9) NOT NULL DEFAULT 'x' CHECK (length(a) < 6),
  b REAL COLLATE NOCASE DEFAULT (1 + 1), c REFERENCES p ON DELETE CASCADE, d AS (a || 'T') STORED, e, f,
  UNIQUE (a, b), FOREIGN KEY (e, f) REFERENCES p (x, y) ON UPDATE SET NULL);
  CREATE UNIQUE INDEX low ON t (lower(a)) WHERE b IS NOT NULL`;

describe('equal', () => {
  test.each<[string, string]>([
    ['white space, comments and CRLF', base.replaceAll(', ', ' /* , x */ ,\r\n\t-- CHECK (1)\r\n')],
    [
      'letter case of names and keywords',
      base.replace(/'[^']*'|\w+/g, (word) =>
        word.startsWith("'") || word === 't' ? word : swapped(word),
      ),
    ],
    [
      'quotes of names',
      base.replace(/'[^']*'|\b[a-f]\b|\bid\b/g, (word) =>
        word.startsWith("'") ? word : quoted(word),
      ),
    ],
    [
      'parentheses around defaults and conditions',
      base
        .replace("'x'", "(('x'))")
        .replace('(1 + 1)', '((1 + 1))')
        .replace('(length(a) < 6)', '((length(a) < 6))'),
    ],
    [
      'the order of columns, constraints and indexes, and where constraints stand',
      `CREATE TABLE t (f, e, c, b REAL DEFAULT (1+1) COLLATE NOCASE, d AS (a || 'T') STORED, a VARCHAR(9) DEFAULT 'x' NOT NULL, id INTEGER,
        FOREIGN KEY (f, e) REFERENCES p (y, x) ON UPDATE SET NULL, FOREIGN KEY (c) REFERENCES p (id) ON DELETE CASCADE,
        UNIQUE (b, a), PRIMARY KEY (id), CHECK (length(a) < 6));
       CREATE UNIQUE INDEX low ON t (lower(a)) WHERE b IS NOT NULL`,
    ],
    [
      'names of constraints and indexes',
      base
        .replace('UNIQUE (a', 'CONSTRAINT u UNIQUE (a')
        .replace('CHECK', 'CONSTRAINT short CHECK')
        .replace('REFERENCES p ON', 'CONSTRAINT fk REFERENCES p ON')
        .replace('INDEX low', 'INDEX other'),
    ],
    [
      'a unique index instead of a constraint',
      base.replace('UNIQUE (a, b), ', '').concat('; CREATE UNIQUE INDEX ab ON t (a DESC, b)'),
    ],
    ['a constraint said twice', base.concat('; CREATE UNIQUE INDEX again ON t (b, a)')],
    ['a default of NULL', base.replace('e, f', 'e DEFAULT NULL, f DEFAULT (null)')],
    [
      'other indexes and triggers',
      `${base}; CREATE INDEX i ON t (a); CREATE TRIGGER tr AFTER INSERT ON t BEGIN SELECT 1; END`,
    ],
    ['AUTOINCREMENT', base.replace(' AUTOINCREMENT', '')],
    ['where a generated column is kept', base.replace('STORED', 'VIRTUAL')],
    ['an ON CONFLICT clause', base.replace('UNIQUE (a, b)', 'UNIQUE (a, b) ON CONFLICT REPLACE')],
    [
      'when references are checked',
      base.replace('ON DELETE CASCADE', 'ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED'),
    ],
    [
      'a column added later',
      base
        .replace(', e, f,', ', e,')
        .replace('FOREIGN KEY (e, f) REFERENCES p (x, y) ON UPDATE SET NULL', 'CHECK (1)'),
    ],
  ])('%s', (title, ddl) => {
    const added = title === 'a column added later';
    const one = added
      ? base.replace('FOREIGN KEY (e, f) REFERENCES p (x, y) ON UPDATE SET NULL', 'CHECK (1)')
      : base;
    const other = added ? `${ddl}; ALTER TABLE t ADD COLUMN "f"` : ddl;
    expect(schemaDifferences(read(one), read(other))).toEqual([]);
    expect(print(other)).toBe(print(one));
  });
});

describe('named', () => {
  test.for<readonly [string, string, string, string, string | undefined, string | undefined]>([
    ['e, f', 'e, f, g INT', 'column', 'g', undefined, 'INT'],
    ['e, f', 'e INT, f', 'column', 'e', 'untyped', 'INT'],
    [' NOT NULL', '', 'not null', 'a', 'NOT NULL', undefined],
    ["'x'", "'X'", 'default', 'a', "'x'", "'X'"],
    [" DEFAULT 'x'", '', 'default', 'a', "'x'", undefined],
    ['COLLATE NOCASE', '', 'collation', 'b', 'NOCASE', 'BINARY'],
    ["a || 'T'", "a || 't'", 'generated', 'd', "a || 'T'", "a || 't'"],
    ['UNIQUE (a, b)', 'UNIQUE (a)', 'unique', '(a)', undefined, 'declared'],
    ['lower(a)', 'upper(a)', 'unique', '(lower(a)) WHERE b is not null', 'declared', undefined],
    [' WHERE b IS NOT NULL', '', 'unique', '(lower(a)) WHERE b is not null', 'declared', undefined],
    [
      ' ON DELETE CASCADE',
      '',
      'foreign key',
      '(c) → p (id)',
      'ON DELETE CASCADE ON UPDATE NO ACTION',
      'ON DELETE NO ACTION ON UPDATE NO ACTION',
    ],
    [
      'REFERENCES p ON',
      'REFERENCES q ON',
      'foreign key',
      '(c) → p (id)',
      'ON DELETE CASCADE ON UPDATE NO ACTION',
      undefined,
    ],
    ['length(a) < 6', 'length(a) < 7', 'check', 'length(a) < 6', 'declared', undefined],
    [' CHECK (length(a) < 6)', '', 'check', 'length(a) < 6', 'declared', undefined],
    ['PRIMARY KEY AUTOINCREMENT', '', 'key', '', '(id)', undefined],
  ])('%j made %j: %s %s', ([text, instead, kind, name, here, there]) => {
    const other = base.replace(text, instead);
    const found = schemaDifferences(read(base), read(other));
    expect(found).toContainEqual({table: 't', kind, name, here, there});
    expect(print(other)).not.toBe(print(base));
    const back = schemaDifferences(read(other), read(base));
    expect(back).toHaveLength(found.length);
    expect(back).toContainEqual({table: 't', kind, name, here: there, there: here});
  });

  test('the key, in its order and with its collation', () => {
    const key = (columns: string): TableSchema =>
      read(
        `CREATE TABLE t (a TEXT NOT NULL, b TEXT NOT NULL, PRIMARY KEY (${columns})) WITHOUT ROWID`,
      );
    expect(schemaDifferences(key('a, b'), key('b, a'))).toEqual([
      {table: 't', kind: 'key', name: '', here: '(a, b)', there: '(b, a)'},
    ]);
  });

  test('in one order: columns, then keys and constraints, each by name', () => {
    const found = schemaDifferences(
      read(base),
      read('CREATE TABLE t (id INT, b TEXT, z CHECK (z))'),
    );
    expect(found.map(({kind, name}) => `${kind} ${name}`)).toEqual([
      'column a',
      'column b',
      'column c',
      'column d',
      'column e',
      'column f',
      'column id',
      'column z',
      'affinity b',
      'default b',
      'collation b',
      'key ',
      'unique (a, b COLLATE NOCASE)',
      'unique (lower(a)) WHERE b is not null',
      'foreign key (c) → p (id)',
      'foreign key (e, f) → p (x, y)',
      'check length(a) < 6',
      'check z',
    ]);
  });
});

describe.skipIf(fixturesRoot() === undefined)(
  'tables of real releases of Uptime Kuma (skipped without ROWPLICA_FIXTURES)',
  () => {
    test.each([
      ['1.23.17', ['kuma', 'kuma-upgraded-from-1.18'], 21],
      ['2.5.3', ['kuma', 'kuma-upgraded-from-1.23'], 28],
    ] as const)(
      'of %s are equal, born in the release or upgraded into it',
      (release, files, count) => {
        const born = fixture(`${release}/kuma-empty.db`);
        expect(born.size).toBe(count);
        for (const file of files) {
          const other = fixture(`${release}/${file}.db`);
          expect([...other.keys()]).toEqual([...born.keys()]);
          for (const [name, table] of born) {
            expect(schemaDifferences(table, known(other.get(name)))).toEqual([]);
            expect(fingerprintOf(known(other.get(name)))).toBe(fingerprintOf(table));
          }
        }
      },
    );
  },
);

function fixture(path: string): ReadonlyMap<string, TableSchema> {
  const db = new BetterSqlite3(copyFixture(path, tempFolder()), {readonly: true});
  try {
    return readSchema(db).tables;
  } finally {
    db.close();
  }
}

function swapped(word: string): string {
  return word === word.toUpperCase() ? word.toLowerCase() : word.toUpperCase();
}

function quoted(name: string): string {
  return (
    ['"', '`', '['].map((mark) => `${mark}${name}${mark === '[' ? ']' : mark}`)[
      name.charCodeAt(0) % 3
    ] ?? name
  );
}
