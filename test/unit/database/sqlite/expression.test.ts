import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {canonicalDefault, canonicalExpression} from '../../../../src/database/sqlite/expression.ts';
import {known} from '../../../helpers/tables.ts';

const columns = new Set(['a', 'b', 'odd name', 'null']);
const canonical = (text: string): string => canonicalExpression(text, columns);

test.each([
  ['length(a) > 3', ['LENGTH ( "A" )>3', '((length(`a`)\r\n> 3))', 'length(a) /* ) */ > 3 -- 4']],
  ["a in('1', '2c', '3')", ["`a` in('1' , '2c' , '3')", "A IN('1','2c','3')"]],
  ["a <> '' and b is not null", ["a<>'' AND b IS NOT NULL", "(a <> '' and b is not null)"]],
  ['"odd name" = 1', ['[odd name]=1', '`Odd Name` = 1']],
  ["a collate nocase = 'x'", [`A COLLATE "NOCASE"='x'`, "a collate 'nocase' = 'x'"]],
  ["a = x'ab' or a = 1.5e3", ["a=X'AB' OR a=1.5E3"]],
  ['lower(a) = rowid', ['"lower"(a) = "ROWID"']],
  ['t.a - - 1', ['t . a - -1', '"T"."A"- - 1']],
])('%s is the one spelling of others', (one, others) => {
  for (const other of others) expect(canonical(other)).toBe(one);
  expect(canonical(one)).toBe(one);
});

test.each([
  ["a = 'x'", "a = 'X'"],
  ["a = 'x y'", "a = 'x  y'"],
  ["a = '--'", "a = ''"],
  ['a = "b"', `a = 'b'`],
  ['a = "c"', `a = "C"`],
  ['a IS null', 'a IS "null"'],
  ['a > 1', 'a >= 1'],
  ['(a + b) * 2', 'a + (b * 2)'],
  ['(a) = (b)', 'a) = (b'],
  ["a = x'61'", "a = 'a'"],
  ['a - 1', 'a - -1'],
])('%s is something else than %s', (one, other) => {
  expect(canonical(one)).not.toBe(canonical(other));
});

describe('a default', () => {
  test.each<[string | null, string | undefined]>([
    [null, undefined],
    ['NULL', undefined],
    ['( null )', undefined],
    ['20', '20'],
    ['((20))', '20'],
    ['-1', '- 1'],
    ["'0'", "'0'"],
    ["'it''s'", "'it''s'"],
    ['TRUE', 'true'],
    ['current_TIMESTAMP', 'current_timestamp'],
    ["DATETIME ( 'now' )", "datetime('now')"],
    ['1 - -1', '1 - - 1'],
  ])('of %j is %j', (written, one) => {
    expect(canonicalDefault(written)).toBe(one);
  });

  test.each(['Word', '"Word"', '[Word]', '`Word`', "'Word'", '"true"', '[null]'])(
    'that is written %s is the text that SQLite takes it for',
    (written) => {
      const db = new BetterSqlite3(':memory:');
      db.exec(`CREATE TABLE t (id, v DEFAULT ${written}); INSERT INTO t (id) VALUES (1)`);
      const stored = db.prepare('SELECT v FROM t').pluck().get();
      const read = db.prepare("SELECT dflt_value FROM pragma_table_info('t') WHERE name = 'v'");
      const one = known(canonicalDefault(read.pluck().get() as string));
      expect(db.prepare(`SELECT ${one}`).pluck().get()).toBe(stored);
      db.close();
    },
  );
});
