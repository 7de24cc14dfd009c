/** How a database finds the rows of a multiset again, which their key columns do not tell apart. */
import type {TableSchema} from './table-schema.ts';
import type {TableShape} from './table-shape.ts';

/**
 * The columns whose cells address a row of a multiset: its own id where that does not travel, else the id
 * that the database keeps for itself. The latter holds within one transaction only, and what it addresses is
 * compared as a whole row before it is written. Empty where the key itself addresses rows.
 */
export function locatorColumns(schema: TableSchema, shape: TableShape): readonly string[] {
  if (shape.keyKind === 'primary') return [];
  if (!isKeyless(schema, shape)) return schema.primaryKey.map((column) => column.name);
  return schema.hiddenId === undefined ? [] : [schema.hiddenId];
}

/** True where nothing but all its cells identifies a row (`--keyless multiset`): it has no id that stays at home. */
export function isKeyless(schema: TableSchema, shape: TableShape): boolean {
  if (shape.keyKind === 'primary') return false;
  const compared = new Set(shape.columns.map((column) => column.name));
  return schema.primaryKey.every((column) => compared.has(column.name));
}

/** True for multisets whose key is the whole row, its columns in the order of the cells. */
export function isWholeRow({keyKind, key, columns}: TableShape): boolean {
  if (keyKind === 'primary' || key.length !== columns.length) return false;
  return key.every(({name}, at) => name === columns[at]?.name);
}
