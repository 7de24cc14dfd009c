/** A unique value that the primary's row takes may be held by a row that is only so here. */
import type {CanonicalRow} from '../kernel/row.ts';
import {EngineError} from '../kernel/errors.ts';
import {foldOf, tuple} from '../plan/order.ts';
import type {UniqueIndex} from '../schema/table-schema.ts';
import {cellsOf, heldBack, withCells, type Draft, type DraftRow, type DraftTable} from './draft.ts';
import {conflictOf, labelOf, type Settling} from './settling.ts';

/** Lets rows give way, or holds them back, until no two hold one value. True where something changed. */
export async function settleUnique(settling: Settling): Promise<boolean> {
  let changed = false;
  for (const table of settling.draft.tables.values()) {
    if (table.merged === undefined) continue;
    for (const index of table.schema.uniques) {
      const columns = plainColumns(table, index);
      if (columns === undefined) continue;
      if (await settleIndex(settling, table, index, columns)) changed = true;
    }
  }
  return changed;
}

/** Indexes on expressions and partial ones are left to the database, which refuses what they forbid. */
function plainColumns({shape}: DraftTable, index: UniqueIndex): readonly string[] | undefined {
  const compared = new Set(shape.columns.map(({name}) => name));
  const columns = index.columns.flatMap(({column}) => (column === undefined ? [] : [column]));
  const isPlain =
    columns.length === index.columns.length && columns.every((name) => compared.has(name));
  const isKnown = index.columns.every(({collation}) => foldOf(collation) !== undefined);
  return isPlain && isKnown && !index.partial ? columns : undefined;
}

async function settleIndex(
  settling: Settling,
  table: DraftTable,
  index: UniqueIndex,
  columns: readonly string[],
): Promise<boolean> {
  const folds = index.columns.map(({collation}) => foldOf(collation) ?? 'binary');
  const valueOf = (row: CanonicalRow | undefined): string | undefined =>
    row && tuple(table.shape, columns, row, folds);
  const held = new Map<string, DraftRow>();
  for (const row of table.rows.values()) {
    const value = valueOf(row.row);
    if (value !== undefined && value === valueOf(row.ours)) held.set(value, row);
  }
  const taken = new Map<string, DraftRow>();
  let changed = false;
  const rows = [...table.rows.values()]; // they change on the way
  for (const wanting of rows) {
    const value = valueOf(wanting.row);
    if (wanting.row === undefined || value === undefined || value === valueOf(wanting.ours))
      continue;
    const rival = held.get(value) ?? taken.get(value);
    const holder = rival ?? (await liveHolder(settling.draft, wanting, {index, columns}));
    if (holder === undefined || valueOf(holder.row) !== value || holder.id === wanting.id) {
      taken.set(value, wanting);
      continue;
    }
    await settleTwo(settling, {wanting, holder, columns, valueOf});
    changed = true;
  }
  return changed;
}

/** The live row that holds what this one wants. */
async function liveHolder(
  draft: Draft,
  {table, row}: DraftRow,
  {index, columns}: {readonly index: UniqueIndex; readonly columns: readonly string[]},
): Promise<DraftRow | undefined> {
  if (row === undefined) return undefined;
  const collations = index.columns.map(({collation}) => collation);
  const cells = cellsOf(table.shape, columns, row);
  const live = await draft.at(table, {columns, cells, collations});
  return live && draft.of(table, live);
}

type Clash = {
  readonly wanting: DraftRow;
  readonly holder: DraftRow;
  readonly columns: readonly string[];
  readonly valueOf: (row: CanonicalRow | undefined) => string | undefined;
};

async function settleTwo({draft, theirs}: Settling, clash: Clash): Promise<void> {
  const {wanting, holder, columns, valueOf} = clash;
  const {table} = wanting;
  const {shape} = table;
  const conflict = conflictOf(wanting, 'uniqueTaken', columns);
  if (conflict.taken === 'ours') {
    draft.change(wanting, heldBack(wanting, columns), conflict);
    return;
  }
  if (holder.ours !== undefined && !table.isFollowed(holder.ours.cells))
    throw leftAlone(wanting, holder);
  const their = holder.theirs ?? (await theirs.row(shape.table, holder.ours?.key ?? ''));
  const back =
    their === undefined || holder.row === undefined
      ? undefined
      : withCells(shape, holder.row, columns, (_, at) => their.cells[at] ?? null);
  // Where the primary's own value is the same, nothing but the row itself stands in the way.
  const row = valueOf(back) === valueOf(wanting.row) ? undefined : back;
  draft.change({...holder, theirs: their, decided: 'theirs'}, row, conflict);
}

function leftAlone(wanting: DraftRow, holder: DraftRow): EngineError {
  return new EngineError(
    'CONSTRAINT',
    `cannot write ${labelOf(wanting)}: ${labelOf(holder)}, which is this instance's own, holds its unique value`,
    {
      site: {table: wanting.table.shape.table},
      hint: 'Change that row on this instance, or on the primary.',
    },
  );
}
