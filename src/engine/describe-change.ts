/** One row that differs, as results tell of it: its key, and the names of its columns. */
import {must} from '../kernel/assert.ts';
import type {RowChange, WireCell} from '../kernel/row.ts';
import {changedColumns} from '../plan/rows.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';

export type DiffChange = {
  readonly table: string;
  /** The row's key, for example `id=42`. */
  readonly key: string;
  readonly op: RowChange['op'];
  /** Columns whose cells differ; all of them for an insert or delete. */
  readonly columns: readonly string[];
  /** Only where values were asked for: cells as snapshots hold them. */
  readonly values?:
    Readonly<Record<string, {readonly left: WireCell; readonly right: WireCell}>> | undefined;
};

/** Values are left out unless they are asked for: they may be secrets. */
export function describeChange(
  shape: TableShape,
  change: RowChange,
  showValues: boolean,
): DiffChange {
  const at =
    change.op === 'update' ? changedColumns(shape, change) : shape.columns.map((_, index) => index);
  const columns = at.map((index) => must(shape.columns[index], 'column').name);
  const {op} = change;
  const described = {table: shape.table, key: keyLabel(shape, change.key, showValues), op, columns};
  if (!showValues) return described;
  const [before, after] = [
    op === 'insert' ? undefined : change.before,
    op === 'delete' ? undefined : change.after,
  ];
  const values = at.map(
    (index, n) =>
      [
        columns[n] ?? '',
        {left: before?.cells[index] ?? null, right: after?.cells[index] ?? null},
      ] as const,
  );
  return {...described, values: Object.fromEntries(values)};
}
