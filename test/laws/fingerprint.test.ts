/** Declarations drawn at random, and written twice as differently as SQLite allows. */
import BetterSqlite3 from 'better-sqlite3';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {readSchema} from '../../src/database/sqlite/schema.ts';
import {schemaDifferences, type SchemaDifference} from '../../src/schema/differences.ts';
import {fingerprintOf} from '../../src/schema/fingerprint.ts';
import type {TableSchema} from '../../src/schema/table-schema.ts';
import {known} from '../helpers/tables.ts';

/** Each opens a database. */
const runs = {numRuns: 300};

/** SQL in tokens: names begin with `@`, texts with a quote; all else is keywords, numbers and marks. */
type Sql = readonly string[];
type Table = {
  readonly columns: readonly Sql[];
  readonly constraints: readonly Sql[];
  readonly indexes: readonly Sql[];
};

const sql = (text: string): Sql => text.match(/'[^']*'|@\w+|[\w.]+|<>|[^\s\w]/g) ?? [];

const names = ['a', 'b', 'c', 'd'];
const optional = (...texts: readonly string[]): fc.Arbitrary<Sql> =>
  fc.constantFrom('', ...texts).map(sql);

const column = (name: string): fc.Arbitrary<Sql> =>
  fc
    .tuple(
      fc.constantFrom('', 'INTEGER', 'VARCHAR ( 9 )', 'REAL').map(sql),
      fc.shuffledSubarray(['type', 'null', 'default', 'collate', 'check', 'refers'], {
        maxLength: 4,
      }),
      fc.record({
        type: fc.constant<Sql>([]),
        null: optional('NOT NULL'),
        default: optional(
          "DEFAULT 'X'",
          'DEFAULT 1',
          'DEFAULT ( 1 + 2 )',
          'DEFAULT CURRENT_TIMESTAMP',
          'DEFAULT NULL',
        ),
        collate: optional('COLLATE NOCASE', 'COLLATE RTRIM'),
        check: optional(
          `CHECK ( @${name} > 1 )`,
          `CHECK ( length ( @${name} ) < 3 OR @${name} IN ( 'A' , 'a' ) )`,
        ),
        refers: optional(
          'REFERENCES @p',
          'REFERENCES @p ( @id ) ON DELETE CASCADE',
          'REFERENCES @p ON UPDATE SET NULL',
        ),
      }),
    )
    .map(([type, order, parts]) => [
      `@${name}`,
      ...type,
      ...order.flatMap((part) => parts[part as keyof typeof parts]),
    ]);

const some = (...texts: readonly string[]): fc.Arbitrary<readonly Sql[]> =>
  fc.subarray(texts.map(sql), {maxLength: 2});

const tables: fc.Arbitrary<Table> = fc.record({
  columns: fc.tuple(...names.map(column)),
  constraints: some(
    'UNIQUE ( @a , @b )',
    'CHECK ( @a <> @b )',
    'FOREIGN KEY ( @c ) REFERENCES @p ( @id )',
    'PRIMARY KEY ( @a )',
  ),
  indexes: some(
    '( @a )',
    '( @b , lower ( @a ) )',
    "( @c COLLATE NOCASE ) WHERE @b = 'X'",
    '( @d ) WHERE ( @a + 1 ) > 2',
  ),
});

/** Numbers that decide how each token is written. */
const whims = fc.array(fc.nat(1000), {minLength: 40, maxLength: 40});

test('law: however a declaration is written, its fingerprint is the same', () => {
  fc.assert(
    fc.property(tables, whims, whims, (table, one, other) => {
      const [a, b] = [read(table, one), read(table, other)];
      expect(schemaDifferences(a, b)).toEqual([]);
      expect(fingerprintOf(a)).toBe(fingerprintOf(b));
    }),
    runs,
  );
});

test('law: there are differences exactly where fingerprints differ, and both sides see the same ones', () => {
  fc.assert(
    fc.property(tables, tables, fc.nat(3), whims, (table, drawn, changed, spelling) => {
      const columns = table.columns.map((each, at) =>
        at === changed ? known(drawn.columns[at]) : each,
      );
      const other = changed === 3 ? {...table, indexes: drawn.indexes} : {...table, columns};
      const [a, b] = [read(table, spelling), read(other, spelling)];
      const found = schemaDifferences(a, b);
      expect(found.length === 0).toBe(fingerprintOf(a) === fingerprintOf(b));
      const mirrored = schemaDifferences(b, a).map((each) => ({
        ...each,
        here: each.there,
        there: each.here,
      }));
      expect(mirrored.map(folded)).toEqual(found.map(folded));
    }),
    runs,
  );
});

/** Both sides are told as they are spelled on their own. */
function folded(difference: SchemaDifference): SchemaDifference {
  return {...difference, name: difference.name.toLowerCase()};
}

function read({columns, constraints, indexes}: Table, spelling: readonly number[]): TableSchema {
  const whim = whimsOf(spelling);
  const parts = [...shuffled(columns, whim), ...shuffled(constraints, whim)].map((part) =>
    written(part, whim),
  );
  const made = shuffled(indexes, whim).map(
    (index, at) => `CREATE UNIQUE INDEX i${whim(9)}${at} ON t ${written(index, whim)}`,
  );
  const db = new BetterSqlite3(':memory:');
  try {
    db.exec(
      `CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE t (${parts.join(',')}); ${made.join(';')}`,
    );
    return known(readSchema(db).tables.get('t'));
  } finally {
    db.close();
  }
}

type Whim = (below: number) => number;

function whimsOf(numbers: readonly number[]): Whim {
  let at = 0;
  return (below) => (known(numbers[at % numbers.length]) + at++) % below;
}

function shuffled<T>(list: readonly T[], whim: Whim): readonly T[] {
  return list
    .map((item) => ({item, at: whim(1000)}))
    .sort((a, b) => a.at - b.at)
    .map(({item}) => item);
}

function written(tokens: Sql, whim: Whim): string {
  return tokens.map((token) => spelled(token, whim) + (blanks[whim(blanks.length)] ?? '')).join('');
}

const blanks = [' ', '  ', '\r\n', '\t', ' /* , ) CHECK ( */ ', ' -- UNIQUE (\n'];

function spelled(token: string, whim: Whim): string {
  if (token.startsWith("'")) return token;
  if (!token.startsWith('@')) return cased(token, whim);
  const name = cased(token.slice(1), whim);
  return [name, `"${name}"`, `\`${name}\``, `[${name}]`][whim(4)] ?? name;
}

function cased(text: string, whim: Whim): string {
  return [text, text.toLowerCase(), text.toUpperCase()][whim(3)] ?? text;
}
