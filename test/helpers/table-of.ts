/** Tables of a database as compat steps are given them. */
import {decodeCell} from '../../src/canonical/cell.ts';
import type {SourceTable} from '../../src/compat/table-draft.ts';
import {openSqlite} from '../../src/database/sqlite/database.ts';
import {must} from '../../src/kernel/assert.ts';
import type {Cell} from '../../src/kernel/row.ts';
import {shapeTable} from '../../src/schema/table-shape.ts';

/** All columns that travel, and all rows in the order of their keys. */
export async function tableOf(
  path: string,
  name: string,
): Promise<{readonly table: SourceTable; readonly rows: readonly (readonly Cell[])[]}> {
  const database = openSqlite({path});
  try {
    return await database.view(async (view) => {
      const schema = must((await view.schema()).tables.get(name), name);
      const shape = shapeTable(schema, {table: name});
      const rows: (readonly Cell[])[] = [];
      for await (const page of view.rows(shape))
        rows.push(...page.map((row) => row.cells.map(decodeCell)));
      const declared = new Map(schema.columns.map((column) => [column.name, column]));
      const columns = shape.columns.map((column) => {
        const {declared: type, notNull} = must(declared.get(column.name), column.name);
        return {name: column.name, declared: type, notNull};
      });
      const key = schema.primaryKey.map((column) => column.name);
      return {table: {name, columns, omitted: [], key}, rows};
    });
  } finally {
    await database.close();
  }
}
