/** Rows that are only here may refer to rows that the primary deleted, or gave another key. */
import type {CanonicalRow} from '../kernel/row.ts';
import {encodeCell} from '../canonical/cell.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import {tuple} from '../plan/order.ts';
import {referenceFolds, referencesTo, referringRows} from '../plan/references.ts';
import type {ColumnSchema, ForeignKey} from '../schema/table-schema.ts';
import {
  addressColumns,
  cellsOf,
  heldBack,
  withCells,
  type DraftRow,
  type DraftTable,
} from './draft.ts';
import {isThere, isNowhere, linkOf} from './settle-references.ts';
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
      if (await danglesThere(settling, {key, value}, child)) continue;
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

/** The primary has the same reference, and it leads nowhere there, too. */
async function danglesThere(
  settling: Settling,
  {key, value}: {readonly key: ForeignKey; readonly value: string},
  child: DraftRow,
): Promise<boolean> {
  const their = await theirVersion(settling, child);
  if (referenceOf(settling, child.table, key, their) !== value) return false;
  return isNowhere(settling, key, value);
}

/** The snapshot's row, where it is known which one that is. */
async function theirVersion(
  {theirs: rows}: Settling,
  {table, ours, theirs}: DraftRow,
): Promise<CanonicalRow | undefined> {
  if (theirs !== undefined || ours === undefined) return theirs;
  if (table.shape.keyKind !== 'primary' || !table.isFollowed(ours.cells)) return undefined;
  const their = await rows.row(table.shape.table, ours.key);
  return their !== undefined && table.isFollowed(their.cells) ? their : undefined;
}

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

/** The child as the declared action leaves it, or as the primary has it. */
async function following(
  settling: Settling,
  lost: Lost,
  child: DraftRow,
): Promise<CanonicalRow | undefined | 'forbidden'> {
  const {row, key} = lost;
  const {table} = child;
  if (child.row === undefined) return undefined;
  const action = row.row === undefined ? key.onDelete : key.onUpdate;
  if (action === 'CASCADE' && row.row !== undefined) return reKeyed(lost, child, row.row);
  if (action === 'SET NULL' && key.columns.every((name) => mayBeNull(table, name)))
    return withCells(table.shape, child.row, key.columns, () => null);
  const their = await theirVersion(settling, child);
  const back =
    their && withCells(table.shape, child.row, key.columns, (_, at) => their.cells[at] ?? null);
  // A row that the primary has, too, does not go with one that it belongs to only here.
  if (action === 'CASCADE')
    return back && (await mayStand(settling, lost, back)) ? back : undefined;
  // Nothing is lost here that a table's own policy keeps, unless a person said so.
  const yields = row.decided === 'theirs' || conflictOf(child, 'referencedHere').taken === 'theirs';
  if (!yields) return 'forbidden';
  if (back !== undefined) return back;
  const givesWay = row.table.merged?.policy.policy === 'merge' || table.divergent === 'theirs';
  return givesWay && table.isFollowed(child.row.cells) ? undefined : 'forbidden';
}

function reKeyed(
  {row: {table: parent}, key}: Lost,
  {table, row: child}: DraftRow,
  row: CanonicalRow,
): CanonicalRow {
  const cells = cellsOf(parent.shape, key.parentColumns, row);
  const columnOf = (name: string): ColumnSchema | undefined =>
    table.schema.columns.find((column) => column.name === name);
  return withCells(table.shape, must(child, 'it is there'), key.columns, (name) =>
    encodeCell(storedIn(columnOf(name), cells[key.columns.indexOf(name)] ?? null)),
  );
}

/** True where what the row refers to will be there, or is not on the primary either. */
async function mayStand(
  settling: Settling,
  {row: {table: parent}, key}: Lost,
  child: CanonicalRow,
): Promise<boolean> {
  const table = must(settling.draft.tables.get(key.table), key.table);
  const value = referenceOf(settling, table, key, child);
  if (value === undefined || (await isThere(settling, child, linkOf(settling, key, parent))))
    return true;
  return isNowhere(settling, key, value);
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
