/** Rows that are only here may refer to rows that the primary deleted, or gave another key. */
import type {CanonicalRow} from '../kernel/row.ts';
import {encodeCell} from '../canonical/cell.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import {tuple} from '../plan/order.ts';
import {referenceFolds, referencesTo, referringRows} from '../plan/references.ts';
import type {ForeignKey} from '../schema/table-schema.ts';
import {
  addressColumns,
  cellsOf,
  heldBack,
  withCells,
  type DraftRow,
  type DraftTable,
} from './draft.ts';
import {conflictOf, labelOf, referenceOf, storedIn, type Settling} from './settling.ts';

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
  const {draft, schema, view} = settling;
  const table = draft.tables.get(key.table);
  if (table?.merged === undefined || addressColumns(table).length === 0) return false;
  const lost = lostRows(settling, parent, key);
  const values = [...lost.values()].map(({ours}) =>
    cellsOf(parent.shape, key.parentColumns, must(ours, 'it was there')),
  );
  let changed = false;
  for (const among of referringRows(schema, key, values)) {
    for (const cells of await view.distinctInSet(among, addressColumns(table))) {
      const live = await draft.at(table, {columns: addressColumns(table), cells});
      const child = live && draft.of(table, live);
      const value = child && referenceOf(settling, table, key, child.row);
      const row = value === undefined ? undefined : lost.get(value);
      if (child === undefined || value === undefined || row === undefined) continue;
      const isHeld = await settleChild(settling, {row, key}, child);
      if (isHeld) lost.delete(value);
      changed = true;
    }
  }
  return changed;
}

/** Rows whose values, to which others may refer, will be gone; by that value. */
function lostRows({schema}: Settling, parent: DraftTable, key: ForeignKey): Map<string, DraftRow> {
  const folds = referenceFolds(schema, key);
  const valueOf = (row: CanonicalRow | undefined): string | undefined =>
    row && tuple(parent.shape, key.parentColumns, row, folds);
  const rows = [...parent.rows.values()];
  const kept = new Set(rows.map(({row}) => valueOf(row)));
  const lost = rows.flatMap((row) => {
    const value = valueOf(row.ours);
    return value === undefined || kept.has(value) ? [] : [[value, row] as const];
  });
  return new Map(lost);
}

type Lost = {readonly row: DraftRow; readonly key: ForeignKey};

/** True where the primary's change is held back. */
async function settleChild(settling: Settling, lost: Lost, child: DraftRow): Promise<boolean> {
  const {draft} = settling;
  const {row, key} = lost;
  const isDeleted = row.row === undefined;
  const conflict = conflictOf(row, 'referencedHere', isDeleted ? [] : key.parentColumns);
  if (conflict.taken === 'ours') {
    draft.change(row, heldBack(row, key.parentColumns), conflict);
    return true;
  }
  const after = await following(settling, lost, child);
  if (after === 'forbidden') throw forbidden(row, child, key);
  // What follows from it in turn is decided with it.
  draft.change({...child, decided: 'theirs'}, after, {...conflict, columns: []});
  return false;
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
      encodeCell(
        storedIn(
          table.schema.columns.find((column) => column.name === name),
          cells[key.columns.indexOf(name)] ?? null,
        ),
      ),
    );
  }
  if (action === 'SET NULL' && key.columns.every((name) => mayBeNull(table, name)))
    return withCells(table.shape, child.row, key.columns, () => null);
  // Nothing is lost here that a table's own policy keeps, unless a person said so.
  const yields = row.decided === 'theirs' || conflictOf(child, 'referencedHere').taken === 'theirs';
  if (!yields) return 'forbidden';
  const their = child.theirs ?? (await theirs.row(table.shape.table, child.row.key));
  if (their !== undefined && table.isFollowed(child.row.cells))
    return withCells(table.shape, child.row, key.columns, (_, at) => their.cells[at] ?? null);
  const givesWay =
    row.table.merged?.policy.policy === 'merge' || child.table.divergent === 'theirs';
  return givesWay && table.isFollowed(child.row.cells) ? undefined : 'forbidden';
}

function mayBeNull({schema, shape}: DraftTable, name: string): boolean {
  const column = schema.columns.find((one) => one.name === name);
  return column?.notNull !== true && shape.columns.some((one) => one.name === name);
}

function forbidden(row: DraftRow, child: DraftRow, {onDelete, onUpdate}: ForeignKey): EngineError {
  return new EngineError(
    'FOREIGN_KEY',
    `cannot ${row.row === undefined ? 'delete' : 're-key'} ${labelOf(row)}: ${labelOf(child)} refers to it here (${row.row === undefined ? onDelete : onUpdate})`,
    {
      site: {table: row.table.shape.table},
      hint: 'Change or delete that row on this instance first.',
    },
  );
}
