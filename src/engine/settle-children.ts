/** Rows that are only here may refer to rows that the primary deleted, or gave another key. */
import type {CanonicalRow} from '../kernel/row.ts';
import {encodeCell} from '../canonical/cell.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import {tuple} from '../plan/order.ts';
import {referenceFolds, referencesTo, referringRows} from '../plan/references.ts';
import type {ForeignKey} from '../schema/table-schema.ts';
import {addressColumns, cellsOf, withCells, type DraftRow, type DraftTable} from './draft.ts';
import {conflictOf, labelOf, type Settling} from './settling.ts';
import {referenceOf} from './settle-parents.ts';

/** Follows the declared actions, or holds the primary's change back. True where something changed. */
export async function settleChildren(settling: Settling): Promise<boolean> {
  const {draft, schema} = settling;
  let changed = false;
  for (const parent of draft.tables.values())
    for (const key of referencesTo(schema, parent.shape.table))
      if (await settleReferring(settling, parent, key)) changed = true;
  return changed;
}

async function settleReferring(
  settling: Settling,
  parent: DraftTable,
  key: ForeignKey,
): Promise<boolean> {
  const table = settling.draft.tables.get(key.table);
  if (table?.merged === undefined || addressColumns(table).length === 0) return false;
  let changed = false;
  for (const row of lostRows(settling, parent, key))
    if (await settleLost(settling, {row, key, table})) changed = true;
  return changed;
}

/** Rows whose values, to which others may refer, will be gone. */
function lostRows({schema}: Settling, parent: DraftTable, key: ForeignKey): readonly DraftRow[] {
  const folds = referenceFolds(schema, key);
  const valueOf = (row: CanonicalRow | undefined): string | undefined =>
    row && tuple(parent.shape, key.parentColumns, row, folds);
  const rows = [...parent.rows.values()];
  const kept = new Set(rows.map(({row}) => valueOf(row)));
  return rows.filter(({ours}) => {
    const value = valueOf(ours);
    return value !== undefined && !kept.has(value);
  });
}

type Lost = {readonly row: DraftRow; readonly key: ForeignKey; readonly table: DraftTable};

async function settleLost(settling: Settling, lost: Lost): Promise<boolean> {
  const {draft, schema, view} = settling;
  const {row, key, table} = lost;
  const values = cellsOf(row.table.shape, key.parentColumns, must(row.ours, 'it was there'));
  const columns = addressColumns(table);
  let changed = false;
  for (const among of referringRows(schema, key, [values])) {
    for (const address of await view.distinctInSet(among, columns)) {
      const live = await draft.at(table, {columns, cells: address});
      const child = live && draft.of(table, live);
      if (child === undefined || !refersStill(settling, lost, child)) continue;
      await settleChild(settling, lost, child);
      changed = true;
      // Held back, it is not lost any more.
      if (lost.row.table.rows.get(row.id)?.row === row.ours) return true;
    }
  }
  return changed;
}

function refersStill(settling: Settling, {key, row}: Lost, child: DraftRow): boolean {
  const {schema} = settling;
  const value = tuple(
    row.table.shape,
    key.parentColumns,
    must(row.ours, 'it was there'),
    referenceFolds(schema, key),
  );
  return referenceOf(settling, child.table, key, child.row) === value;
}

async function settleChild(settling: Settling, lost: Lost, child: DraftRow): Promise<void> {
  const {draft} = settling;
  const {row, key} = lost;
  const conflict = conflictOf(row, 'referencedHere');
  if (conflict.taken === 'ours') {
    draft.change(row, row.ours, conflict);
    return;
  }
  const after = await following(settling, lost, child);
  if (after === 'forbidden') throw forbidden(row, child, key);
  draft.change(child, after, conflict);
}

/** The child as the declared action leaves it. */
async function following(
  {theirs}: Settling,
  {row, key}: Lost,
  child: DraftRow,
): Promise<CanonicalRow | undefined | 'forbidden'> {
  const {table} = child;
  if (child.row === undefined) return undefined;
  const action = row.row === undefined ? key.onDelete : key.onUpdate;
  if (action === 'CASCADE') {
    if (row.row === undefined) return undefined;
    const cells = cellsOf(row.table.shape, key.parentColumns, row.row);
    return withCells(table.shape, child.row, key.columns, (name) =>
      encodeCell(cells[key.columns.indexOf(name)] ?? null),
    );
  }
  if (action === 'SET NULL' && key.columns.every((name) => mayBeNull(table, name)))
    return withCells(table.shape, child.row, key.columns, () => null);
  const their = child.theirs ?? (await theirs.row(table.shape.table, child.row.key));
  if (their !== undefined && table.isFollowed(child.row.cells))
    return withCells(table.shape, child.row, key.columns, (_, at) => their.cells[at] ?? null);
  const givesWay = row.table.merged?.policy.policy === 'merge' && table.isFollowed(child.row.cells);
  return givesWay ? undefined : 'forbidden';
}

function mayBeNull({schema, shape}: DraftTable, name: string): boolean {
  const column = schema.columns.find((one) => one.name === name);
  return column?.notNull !== true && shape.columns.some((one) => one.name === name);
}

function forbidden(row: DraftRow, child: DraftRow, {onDelete}: ForeignKey): EngineError {
  return new EngineError(
    'FOREIGN_KEY',
    `cannot delete ${labelOf(row)}: ${labelOf(child)}, which is only here, refers to it (${onDelete})`,
    {
      site: {table: row.table.shape.table},
      hint: 'Change or delete that row on this instance first.',
    },
  );
}
