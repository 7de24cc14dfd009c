/** Rows that refer to, or belong to, rows that are not here. */
import {must} from '../kernel/assert.ts';
import {SETTLE_ROUNDS_MAX} from '../kernel/limits.ts';
import type {CanonicalRow} from '../kernel/row.ts';
import {tuple} from '../plan/order.ts';
import {referenceFolds} from '../plan/references.ts';
import type {ForeignKey} from '../schema/table-schema.ts';
import {cellsOf, heldBack, type DraftRow, type DraftTable} from './draft.ts';
import {belongs} from './followed.ts';
import {isNowhere, isThere, linkOf, type Link} from './settle-references.ts';
import {conflictOf, referenceOf, type Settling} from './settling.ts';

/** Leaves out what belongs to rows that are not here, brings back what others need, and keeps what belongs to rows that stay. */
export async function settleParents(settling: Settling): Promise<boolean> {
  // What is left out needs nobody: that is known first.
  return (
    (await bringChildren(settling)) ||
    (await settleAll(settling, belongs)) ||
    (await settleAll(settling, (key) => !belongs(key)))
  );
}

/** Leaves out, and keeps, what belongs to rows that are not here, or are left alone: all that comes of a row's own place. */
export async function settleBelonging(settling: Settling): Promise<void> {
  for (let round = 0; round < SETTLE_ROUNDS_MAX; round++)
    if (!(await settleAll(settling, belongs))) return;
}

async function settleAll(
  settling: Settling,
  isMeant: (key: ForeignKey) => boolean,
): Promise<boolean> {
  let changed = false;
  for (const table of settling.draft.tables.values())
    for (const key of table.schema.foreignKeys.filter(isMeant))
      if (await settleReferences(settling, table, key)) changed = true;
  return changed;
}

async function settleReferences(
  settling: Settling,
  table: DraftTable,
  key: ForeignKey,
): Promise<boolean> {
  const parent = settling.draft.tables.get(key.parent);
  if (parent === undefined || !mayLack(settling, parent, key)) return false;
  const link = linkOf(settling, key, parent);
  let changed = false;
  const rows = [...table.rows.values()]; // they change on the way
  for (const row of rows) if (await settleReference(settling, row, link)) changed = true;
  return changed;
}

/** Rows of the snapshot may be missing from the table referred to. Into one at rest none is brought: what belongs to it can wait. */
function mayLack({resting}: Settling, {merged}: DraftTable, key: ForeignKey): boolean {
  return merged !== undefined || (belongs(key) && resting.has(key.parent));
}

async function settleReference(settling: Settling, row: DraftRow, link: Link): Promise<boolean> {
  const {key} = link;
  if (row.row === undefined) return belongs(key) && (await keepWithOwn(settling, row, link));
  if (belongs(key) && (await keepFromOther(settling, row, link))) return true;
  const value = referenceOf(settling, row.table, key, row.row);
  if (value === undefined || value === referenceOf(settling, row.table, key, row.ours))
    return false;
  if (await isThere(settling, row.row, link)) return false;
  if (belongs(key)) return leaveOut(settling, row, key, !(await isNowhere(settling, key, value)));
  const their = await settling.theirs.referred(settling.schema, key, value);
  if (their === undefined) return false; // it dangles on the primary, too, or is left to the plan to refuse
  return missingParent(settling, row, key, their);
}

/** What belongs to a row that was deleted here, or is left alone, stays away with it. */
function leaveOut({draft}: Settling, row: DraftRow, key: ForeignKey, isKnown: boolean): boolean {
  if (!isKnown || row.table.merged === undefined) return false;
  const left = heldBack(row, key.columns);
  if (left?.text === row.row?.text) return false;
  // There is nothing to decide of a row that is on neither side by then.
  draft.change(row, left, left === undefined ? null : undefined);
  return true;
}

/** A row that the snapshot lacks stays where it belongs to one that is only here: the primary says nothing of either. */
async function keepWithOwn(settling: Settling, row: DraftRow, link: Link): Promise<boolean> {
  const {key, parent} = link;
  const {draft, theirs, schema} = settling;
  const {ours, table} = row;
  if (ours === undefined || row.theirs !== undefined || table.merged === undefined) return false;
  const value = referenceOf(settling, table, key, ours);
  if (value === undefined || !(await isThere(settling, ours, link))) return false;
  const their = await theirs.referred(schema, key, value);
  if (their !== undefined && parent.isFollowed(their.cells)) return false;
  draft.change(row, ours);
  return true;
}

/** What belongs to a row that is left alone is no version of the primary's row of its key, where that one belongs to none that is here. */
async function keepFromOther(settling: Settling, row: DraftRow, link: Link): Promise<boolean> {
  const {key, parent} = link;
  const {draft} = settling;
  const {ours, theirs, table, conflict} = row;
  if (ours === undefined || theirs === undefined || table.merged === undefined) return false;
  if (parent.merged === undefined || (row.row?.text === ours.text && conflict === undefined))
    return false;
  const value = referenceOf(settling, table, key, theirs);
  if (value === undefined || value === referenceOf(settling, table, key, ours)) return false;
  const cells = cellsOf(table.shape, key.columns, ours);
  const live = await draft.at(parent, {columns: key.parentColumns, cells});
  if (live === undefined || parent.isFollowed(live.cells)) return false;
  if ((await isThere(settling, theirs, link)) || (await isNowhere(settling, key, value)))
    return false;
  draft.change(row, ours, null);
  return true;
}

async function missingParent(
  settling: Settling,
  row: DraftRow,
  key: ForeignKey,
  their: CanonicalRow,
): Promise<boolean> {
  const {draft} = settling;
  const {table} = row;
  const parent = must(draft.tables.get(key.parent), key.parent);
  const conflict = conflictOf(row, 'parentMissing', key.columns);
  if (conflict.taken === 'ours' && table.merged !== undefined) {
    draft.change(row, heldBack(row, key.columns), conflict);
    return true;
  }
  if (!parent.isFollowed(their.cells) || parent.shape.keyKind !== 'primary') return false;
  const known = parent.rows.get(their.key);
  const isLeftOut = known?.ours === undefined && known?.conflict === undefined;
  if (known !== undefined && isLeftOut) return false;
  if (known?.row !== undefined || known?.conflict?.kind === 'uniqueTaken') return false;
  const ours = known?.ours ?? (await draft.occupant(parent, their));
  if (ours !== undefined && known === undefined) return false;
  const versions = known ?? {base: undefined, ours: undefined, conflict: undefined};
  draft.put(parent, {...versions, theirs: their, row: their, conflict: {...conflict, columns: []}});
  return true;
}

/** A row that comes back to this database comes with all that belongs to it. */
async function bringChildren(settling: Settling): Promise<boolean> {
  let changed = false;
  for (const table of settling.draft.tables.values()) {
    if (table.merged === undefined) continue; // all of the primary's are here
    for (const key of table.schema.foreignKeys.filter(belongs))
      if (await bringBy(settling, table, key)) changed = true;
  }
  return changed;
}

async function bringBy(settling: Settling, table: DraftTable, key: ForeignKey): Promise<boolean> {
  const {draft, theirs} = settling;
  const parent = draft.tables.get(key.parent);
  const back = parent && returning(settling, parent, key);
  if (back === undefined || back.size === 0) return false;
  const known = new Map([...table.rows.values()].map((row) => [row.theirs?.text, row]));
  const others = linksBeside(settling, table, key);
  let changed = false;
  for await (const row of theirs.rows(table.shape.table)) {
    const value = referenceOf(settling, table, key, row);
    if (value === undefined || !back.has(value) || !table.isFollowed(row.cells)) continue;
    const left = known.get(row.text) ?? {base: undefined, ours: undefined, row: undefined};
    const {base, ours, row: now, conflict} = {conflict: undefined, ...left};
    if (ours !== undefined || now !== undefined || conflict !== undefined) continue;
    if (await draft.isHere(table, row)) continue; // referring to another row
    if (await isLeftOut(settling, row, others)) continue;
    draft.put(table, {base, ours, theirs: row, row, conflict});
    changed = true;
  }
  return changed;
}

/** The other rows that rows of the table belong to, where some may be missing. */
function linksBeside(settling: Settling, {schema}: DraftTable, by: ForeignKey): readonly Link[] {
  return schema.foreignKeys.flatMap((key) => {
    const parent = settling.draft.tables.get(key.parent);
    if (key === by || !belongs(key) || parent === undefined) return [];
    return mayLack(settling, parent, key) ? [linkOf(settling, key, parent)] : [];
  });
}

/** True where one of those rows is not here: what belongs to it would be left out again. */
async function isLeftOut(
  settling: Settling,
  row: CanonicalRow,
  links: readonly Link[],
): Promise<boolean> {
  for (const link of links) {
    if (await isThere(settling, row, link)) continue;
    const table = must(settling.draft.tables.get(link.key.table), link.key.table);
    const value = referenceOf(settling, table, link.key, row);
    if (value !== undefined && !(await isNowhere(settling, link.key, value))) return true;
  }
  return false;
}

/** Values of rows that are not here, and shall be. */
function returning({schema}: Settling, parent: DraftTable, key: ForeignKey): ReadonlySet<string> {
  const back = [...parent.rows.values()].filter(
    ({ours, row}) => ours === undefined && row !== undefined,
  );
  const folds = referenceFolds(schema, key);
  return new Set(
    back.flatMap(({row}) => (row && tuple(parent.shape, key.parentColumns, row, folds)) ?? []),
  );
}
