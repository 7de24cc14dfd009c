import {expect, test} from 'vitest';
import {tablesWritten} from '../../../../src/database/sqlite/ddl.ts';

const trigger = (body: string, event = 'AFTER UPDATE ON own'): string =>
  `CREATE TRIGGER x ${event} BEGIN ${body} END`;

test.each<[string, string, readonly string[]]>([
  ['nothing', trigger('SELECT 1;'), []],
  ['an insert', trigger('INSERT INTO log VALUES (new.id);'), ['log']],
  ['an insert or ignore', trigger('insert or ignore into Log values (1);'), ['log']],
  ['a replace', trigger('REPLACE INTO log SELECT * FROM other;'), ['log']],
  ['an update', trigger('UPDATE log SET n = n + 1;'), ['log']],
  ['an update or replace', trigger('UPDATE OR REPLACE log SET n = 1;'), ['log']],
  ['a delete', trigger('DELETE FROM log WHERE id = old.id;'), ['log']],
  [
    'several statements',
    trigger('DELETE FROM a; UPDATE b SET x = 1; INSERT INTO c VALUES (1);'),
    ['a', 'b', 'c'],
  ],
  ['one table twice', trigger('DELETE FROM a; DELETE FROM A;'), ['a']],
  [
    'an upsert',
    trigger('INSERT INTO log VALUES (1) ON CONFLICT (id) DO UPDATE SET n = 2;'),
    ['log'],
  ],
  ['columns named in its head', trigger('SELECT 1;', 'AFTER UPDATE OF a, b ON own'), []],
  ['an insert trigger', trigger('SELECT 1;', 'BEFORE INSERT ON own WHEN new.a > 0'), []],
  [
    'a delete trigger',
    trigger('DELETE FROM child WHERE p = old.id;', 'AFTER DELETE ON own'),
    ['child'],
  ],
  ['a double-quoted name', trigger('DELETE FROM "my ""log""";'), ['my "log"']],
  ['a name in backticks', trigger('UPDATE `my log` SET x = 1;'), ['my log']],
  ['a name in brackets', trigger('INSERT INTO [my log] VALUES (1);'), ['my log']],
  ['a name beyond ASCII', trigger('DELETE FROM größe;'), ['größe']],
  [
    'a keyword as a quoted name',
    trigger('DELETE FROM "from"; UPDATE "set" SET x = 1;'),
    ['from', 'set'],
  ],
  [
    'line comments',
    trigger('-- DELETE FROM no;\nUPDATE -- INSERT INTO no\n log SET x = 1;'),
    ['log'],
  ],
  ['block comments', trigger('/* DELETE FROM no; */ DELETE /* x */ FROM /**/ log;'), ['log']],
  ['texts', trigger("SELECT 'DELETE FROM no; it''s'; DELETE FROM log;"), ['log']],
  [
    'a text before BEGIN',
    trigger('DELETE FROM log;', "AFTER UPDATE ON own WHEN new.a = 'BEGIN DELETE FROM no'"),
    ['log'],
  ],
  [
    'a CASE',
    trigger('UPDATE log SET x = CASE WHEN 1 THEN 2 END; DELETE FROM last;'),
    ['log', 'last'],
  ],
  [
    'a common table expression',
    trigger('INSERT INTO log WITH q AS (SELECT 1) SELECT * FROM q;'),
    ['log'],
  ],
  ['CRLF', trigger('DELETE\r\nFROM\r\nlog;\r\n'), ['log']],
  [
    'no white space to spare',
    'CREATE TRIGGER x AFTER UPDATE ON own BEGIN DELETE FROM"log";END',
    ['log'],
  ],
])('finds what a trigger with %s writes', (_, ddl, tables) => {
  expect(tablesWritten(ddl)).toEqual(tables);
});
