/** What the steps of settling a merge share. */
import {encodeKey} from '../canonical/key.ts';
import {stored, textOfReal} from '../compat/values.ts';
import type {View} from '../database/port.ts';
import {settled, type ConflictKind, type RowConflict} from '../merge/rules.ts';
import type {CanonicalRow, Cell} from '../kernel/row.ts';
import {referenceFolds, type Tables} from '../plan/references.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {ColumnSchema, ForeignKey} from '../schema/table-schema.ts';
import type {ManifestTable} from '../snapshot/manifest.ts';
import {cellsOf, type Draft, type DraftRow, type DraftTable} from './draft.ts';
import type {TheirRows} from './their-rows.ts';

export type Settling = {
  readonly view: View;
  readonly schema: Tables;
  readonly draft: Draft;
  readonly theirs: TheirRows;
  /** Tables that wait for a new snapshot: nothing is written to them, and they may lack rows of this one. */
  readonly resting: ReadonlyMap<string, ManifestTable>;
};

/** The conflict about a row, as a person decided or else its table's policy. */
export function conflictOf(
  {decided, table}: DraftRow,
  kind: ConflictKind,
  columns: readonly string[] = [],
): RowConflict {
  return settled({divergent: decided ?? table.divergent}, kind, columns);
}

/** A row as messages name it. */
export function labelOf({table, ours, row, theirs, base}: DraftRow): string {
  const {shape} = table;
  const key = (ours ?? row ?? theirs ?? base)?.key ?? '';
  return `${shape.table}[${keyLabel(shape, key)}]`;
}

/** The values that a row refers to, encoded as the columns referred to see them; undefined where one is NULL. */
export function referenceOf(
  {schema}: Pick<Settling, 'schema'>,
  {shape}: Pick<DraftTable, 'shape'>,
  key: ForeignKey,
  row: CanonicalRow | undefined,
): string | undefined {
  if (row === undefined) return undefined;
  const cells = cellsOf(shape, key.columns, row);
  if (cells.includes(null)) return undefined;
  const parents = schema.get(key.parent)?.columns ?? [];
  const seen = cells.map((cell, at) =>
    storedIn(
      parents.find(({name}) => name === key.parentColumns[at]),
      cell,
    ),
  );
  return encodeKey(seen, referenceFolds(schema, key));
}

/** What a column makes of a value: numbers of texts that spell them, texts of numbers. */
export function storedIn(
  column: Pick<ColumnSchema, 'stores' | 'type'> | undefined,
  cell: Cell,
): Cell {
  switch (column?.stores) {
    case 'number':
      return stored(column.type === 'real' ? 'real' : 'numeric', cell) ?? cell;
    case 'text':
      return typeof cell === 'number' ? textOfReal(cell) : (stored('text', cell) ?? cell);
    case 'any':
    case undefined:
      return cell;
  }
}
