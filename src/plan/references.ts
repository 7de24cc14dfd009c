/** Foreign keys: who refers to whom, and by which values. */
import {encodeKey, type Fold} from '../canonical/key.ts';
import {EngineError} from '../kernel/errors.ts';
import {COMPOSITE_REFERENCES_PER_STATEMENT, REFERENCES_PER_STATEMENT} from '../kernel/limits.ts';
import type {Cell, RowChange} from '../kernel/row.ts';
import type {ReferenceComparison, RowSet, RowSetColumn} from '../kernel/statement.ts';
import type {ColumnSchema, ForeignKey, TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {foldOf} from './order.ts';

export type Tables = ReadonlyMap<string, TableSchema>;

/** Foreign keys of any table that refer to `table`. */
export function referencesTo(schema: Tables, table: string): readonly ForeignKey[] {
  return [...schema.values()].flatMap(({foreignKeys}) =>
    foreignKeys.filter(
      (key) => key.parent === table && key.columns.length === key.parentColumns.length,
    ),
  );
}

/** Values as the parent's unique index sees them. */
export function encodeReference(schema: Tables, key: ForeignKey, values: readonly Cell[]): string {
  return encodeKey(values, referenceFolds(schema, key));
}

/** Tells a reference by its key, of which a column may have several, and what it refers to, encoded. */
export function referenceName(key: ForeignKey, encoded: string): string {
  const {table, columns, parent, parentColumns} = key;
  return JSON.stringify([table, columns, parent, parentColumns, encoded]);
}

/** Which texts are one value to the parent's unique index, for each column. */
export function referenceFolds(schema: Tables, key: ForeignKey): readonly Fold[] {
  return key.parentColumns.map(
    (name) => foldOf(parentColumn(schema, key, name)?.collation ?? 'BINARY') ?? 'binary',
  );
}

function parentColumn(schema: Tables, key: ForeignKey, name: string): ColumnSchema | undefined {
  return schema.get(key.parent)?.columns.find((column) => column.name === name);
}

/** The rows that refer to any of these values, in sets that fit a statement. */
export function referringRows(
  schema: Tables,
  key: ForeignKey,
  values: readonly (readonly Cell[])[],
): readonly RowSet[] {
  const columns = referringColumns(schema, key);
  const size = columns.length === 1 ? REFERENCES_PER_STATEMENT : COMPOSITE_REFERENCES_PER_STATEMENT;
  const sets: RowSet[] = [];
  for (let at = 0; at < values.length; at += size) {
    sets.push({table: key.table, columns, values: values.slice(at, at + size)});
  }
  return sets;
}

export function referringColumns(schema: Tables, key: ForeignKey): readonly RowSetColumn[] {
  return key.columns.map((name, at) =>
    referringColumn(schema, key, name, key.parentColumns[at] ?? ''),
  );
}

/** References are compared under the collation and the affinity of the column referred to. */
function referringColumn(
  schema: Tables,
  key: ForeignKey,
  name: string,
  parentName: string,
): RowSetColumn {
  const parent = parentColumn(schema, key, parentName);
  const child = schema.get(key.table)?.columns.find((column) => column.name === name);
  const wanted = parent?.collation ?? 'BINARY';
  // Left out where it is the column's own, so that an index on it serves.
  const collation = wanted === (child?.collation ?? 'BINARY') ? undefined : wanted;
  return {name, collation, compare: comparison(parent?.stores ?? 'any', child?.stores ?? 'any')};
}

function comparison(
  parent: ColumnSchema['stores'],
  child: ColumnSchema['stores'],
): ReferenceComparison {
  if (parent === child) return 'plain';
  return parent === 'any' ? 'exact' : parent;
}

/** True where rows of the plan carry every referenced column, or the id under which the database has them. */
export function isReadable(parent: TableSchema, shape: TableShape, key: ForeignKey): boolean {
  return key.parentColumns.every(
    (name) =>
      shape.columns.some((column) => column.name === name) ||
      (shape.keyKind === 'multiset' && parent.primaryKey.some((column) => column.name === name)),
  );
}

/** References to columns that do not travel (computed or ignored ones): what the plan does to them is not known. */
export function unreadableReferences(
  schema: Tables,
  shape: TableShape,
  changes: readonly RowChange[],
): readonly ForeignKey[] {
  const parent = schema.get(shape.table);
  if (parent === undefined || changes.every((change) => change.op === 'insert')) return [];
  return referencesTo(schema, shape.table).filter((key) => !isReadable(parent, shape, key));
}

export function unreadable(key: ForeignKey): EngineError {
  const columns = key.parentColumns.join(', ');
  return new EngineError(
    'FOREIGN_KEY',
    `cannot change rows of table "${key.parent}": rows of "${key.table}" refer to its column ${columns}, which does not travel`,
    {
      site: {table: key.table, column: key.columns.join(', ')},
      hint: `Empty table "${key.table}" on this instance, or leave table "${key.parent}" out.`,
    },
  );
}
