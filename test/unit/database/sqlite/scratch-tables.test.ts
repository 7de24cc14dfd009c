/** Tables that a snapshot is restored to, read back as any others. */
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {openSqlite} from '../../../../src/database/sqlite/database.ts';
import {ScratchTables, type ScratchTable} from '../../../../src/database/sqlite/scratch-tables.ts';
import type {WireRow} from '../../../../src/kernel/row.ts';
import type {TableShape} from '../../../../src/schema/table-shape.ts';
import {tempFolder} from '../../../helpers/temp-db.ts';

const integer = {name: 'id', declared: 'INTEGER', collation: 'BINARY'};
const table = (given: Partial<ScratchTable>): ScratchTable => ({
  name: 't',
  columns: [integer],
  primaryKey: ['id'],
  keyIsAssigned: false,
  foreignKeys: [],
  ...given,
});
const shape: TableShape = {
  table: 't',
  columns: [{name: 'id', type: 'integer'}],
  keyKind: 'primary',
  key: [{name: 'id', fold: 'binary'}],
};

async function restored(
  given: ScratchTable,
  rows: readonly WireRow[],
): Promise<{readonly keyIsOrdered: boolean | undefined; readonly cells: readonly WireRow[]}> {
  const path = join(tempFolder(), 'restored.db');
  const scratch = new ScratchTables(path);
  scratch.create([given]);
  scratch.insert(shape, rows);
  scratch.close();
  const database = openSqlite({path});
  try {
    return await database.view(async (view) => {
      const cells: WireRow[] = [];
      for await (const page of view.rows(shape)) cells.push(...page.map((row) => row.cells));
      const {tables} = await view.schema();
      return {keyIsOrdered: tables.get('t')?.keyIsOrdered, cells};
    });
  } finally {
    await database.close();
  }
}

describe('tables to restore to', () => {
  test('are read in the order of their key without being sorted, which would take a hundred times as long', async () => {
    const {keyIsOrdered} = await restored(table({}), [[1]]);
    expect(keyIsOrdered).toBe(true);
  });

  test('hold what a key of integers may hold where it is not given by the database', async () => {
    const rows = [[1], [2.5], ['a']];
    expect((await restored(table({}), rows)).cells).toEqual(rows);
  });

  test('hold nothing but integers where it is', async () => {
    const assigned = table({keyIsAssigned: true});
    expect((await restored(assigned, [[1], [2]])).cells).toEqual([[1], [2]]);
    await expect(restored(assigned, [['a']])).rejects.toMatchObject({code: 'DATABASE_REFUSED'});
  });

  test('refuse two rows of one key', async () => {
    await expect(restored(table({}), [['a'], ['a']])).rejects.toMatchObject({code: 'CONSTRAINT'});
  });
});
