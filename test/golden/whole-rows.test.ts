/** Bytes of a multiset of whole rows: keys over all columns, equal rows by number, by their text where keys are equal. */
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {openSqlite} from '../../src/database/sqlite/database.ts';
import {makeDb, tempFolder} from '../helpers/temp-db.ts';
import {allRows, chunksOf} from '../helpers/tables.ts';

const rows = [
  ['Na1,T78,A,N0', '[1,"x",null]'],
  ['Na1,T78,A,Na1', '[1,"x",null]'],
  ['Na1,T78,A,Na2', '[{"r":"1"},"x",null]'],
  ['T79,N0,X00,N0', '["y",0,{"b":"AA=="}]'],
  ['T79,N0,X00,Na1', '["y",{"r":"-0"},{"b":"AA=="}]'],
  ['T79,N0,X00,Na2', '["y",{"r":"0"},{"b":"AA=="}]'],
];

test('whole rows have these keys, texts and digest', async () => {
  const path = makeDb(join(tempFolder(), 'a.db'), (db) => {
    db.exec(`CREATE TABLE t (a, b, c); INSERT INTO t VALUES ('y', 0.0, x'00'), (1.0, 'x', NULL), ('y', -0.0, x'00'),
      (1, 'x', NULL), ('y', 0, x'00'), (1, 'x', NULL)`);
  });
  const database = openSqlite({path});
  const read = await database.view((view) => allRows(view, {table: 't', wholeRows: true}));
  await database.close();
  expect(read.rows.map(({key, text}) => [key, text])).toEqual(rows);
  const {digest} = await chunksOf(read.shape, read.rows);
  expect(digest).toBe('13193d07123a7cb9c8635f4f800c42cedf5d363fb109c609b7c60e657a21cb3a');
});
