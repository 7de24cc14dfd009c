/** What the steps of settling a merge share. */
import type {View} from '../database/port.ts';
import {settled, type ConflictKind, type RowConflict} from '../merge/rules.ts';
import type {Tables} from '../plan/references.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {Draft, DraftRow} from './draft.ts';
import type {TheirRows} from './their-rows.ts';

export type Settling = {
  readonly view: View;
  readonly schema: Tables;
  readonly draft: Draft;
  readonly theirs: TheirRows;
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
