/** Conflicts that wait: carried out where a person decided, dropped where they are over, kept otherwise. */
import {decodeKey} from '../canonical/key.ts';
import {rowText} from '../canonical/row.ts';
import type {CanonicalRow, WireCell} from '../kernel/row.ts';
import {sameCell} from '../merge/merge-row.ts';
import {joined, settled, type ConflictKind, type RowConflict, type Side} from '../merge/rules.ts';
import type {Position} from '../kernel/position.ts';
import type {ConflictCells, StoredConflict} from '../state/conflicts.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {heldBack, withCells, type DraftRow, type DraftTable} from './draft.ts';
import type {Settling} from './settling.ts';

/** A conflict as results tell of it. Values are left out: they may be secrets. */
export type ConflictReport = {
  readonly table: string;
  /** The row's key, for example `id=42`. */
  readonly key: string;
  readonly kind: string;
  /** The cells that it is about; empty where it is about the row. */
  readonly columns: readonly string[];
  /** Whose version stands now. */
  readonly taken: 'ours' | 'theirs';
  /** True until it is resolved. */
  readonly open: boolean;
};

/**
 * Puts decisions into the draft.
 *
 * @returns The conflicts that stay, with what the rows are now.
 */
export async function carryOut(
  settling: Settling,
  stored: readonly StoredConflict[],
): Promise<readonly StoredConflict[]> {
  const kept: StoredConflict[] = [];
  for (const conflict of stored) {
    const table = settling.draft.tables.get(conflict.table);
    // A table that is not followed now keeps its conflicts; one that is a copy by now, or waits to be one again, has none.
    if (table === undefined) kept.push(conflict);
    else if (table.merged !== undefined)
      kept.push(...(await carryOutOne(settling, table, conflict)));
  }
  return kept;
}

async function carryOutOne(
  settling: Settling,
  table: DraftTable,
  stored: StoredConflict,
): Promise<readonly StoredConflict[]> {
  const {shape} = table;
  const ours = await liveRow(settling, table, stored);
  if (ours !== undefined && !table.isFollowed(ours.cells)) return []; // left alone by now
  const theirs = await theirRow(settling, table, stored);
  const drafted = drafts(table, ours, stored.key);
  const conflict = besides(withoutLocal(table, stored), drafted?.conflict);
  const columns = columnsOf(table, conflict ?? stored);
  if (conflict === undefined || !diverges(columns, shape, ours, theirs)) return [];
  const isUnchanged =
    isSame(conflict, shape, conflict.ours, ours) &&
    isSame(conflict, shape, conflict.theirs, theirs);
  const isDecided = isUnchanged && conflict.take === 'theirs';
  if (!isDecided && table.divergent === 'fail') {
    const take = isUnchanged ? conflict.take : null;
    // Also where what was last applied had to be guessed, and the merge knows no better.
    if (drafted !== undefined) settling.draft.change(drafted, heldBack(drafted, columns));
    return [
      {...conflict, ours: cellsByName(shape, ours), theirs: cellsByName(shape, theirs), take},
    ];
  }
  if (!isDecided && winnerOf(table) === 'ours') return [];
  const row =
    ours !== undefined && theirs !== undefined
      ? withCells(shape, drafted?.row ?? ours, columns, (_, at) => theirs.cells[at] ?? null)
      : theirs;
  const met = drafted?.conflict ?? (isDecided ? undefined : byPolicy(conflict));
  const versions = {base: drafted?.base, ours, theirs, conflict: met};
  settling.draft.put(table, {...versions, row, decided: 'theirs'});
  return [];
}

/**
 * Who wins by a policy that asks nobody, and holds for what was left open before it, too. All but `merge` leave alone what is here
 * and the primary did not change again.
 */
function winnerOf({merged, divergent}: DraftTable): Side {
  return merged?.policy.policy === 'merge' && divergent === 'theirs' ? 'theirs' : 'ours';
}

function byPolicy({kind, columns}: StoredConflict): RowConflict {
  return settled({divergent: 'theirs'}, kind as ConflictKind, columns);
}

/** Cells that became this instance's own are nothing to decide about. */
function withoutLocal({merged}: DraftTable, stored: StoredConflict): StoredConflict | undefined {
  if (stored.columns.length === 0) return stored;
  const columns = stored.columns.filter((name) => merged?.rules.columns.has(name) !== true);
  return columns.length === 0 ? undefined : {...stored, columns};
}

/** Where the primary changed a cell again, that is another conflict; the other cells wait as before. */
function besides(
  stored: StoredConflict | undefined,
  newer: RowConflict | undefined,
): StoredConflict | undefined {
  if (stored === undefined || newer === undefined) return stored;
  if (newer.columns.length === 0) return undefined;
  const columns = stored.columns.filter((name) => !newer.columns.includes(name));
  return columns.length === 0 ? undefined : {...stored, columns};
}

/**
 * Puts conflicts that stay beside what was met about the same row in this run: one row has one conflict.
 *
 * @returns Those about rows that nothing else was met about.
 */
export function gathered(
  {draft}: Settling,
  kept: readonly StoredConflict[],
): readonly StoredConflict[] {
  return kept.filter(({table: name, key, columns}) => {
    const table = draft.tables.get(name);
    const row = table?.shape.keyKind === 'primary' ? table.rows.get(key) : undefined;
    if (table === undefined || row?.conflict?.isOpen !== true) return true;
    const was = {...row.conflict, columns};
    table.rows.set(row.id, {...row, conflict: joined(was, row.conflict)});
    return false;
  });
}

function drafts(
  table: DraftTable,
  ours: CanonicalRow | undefined,
  key: string,
): DraftRow | undefined {
  return [...table.rows.values()].find((row) =>
    ours === undefined
      ? (row.theirs ?? row.base)?.key === key
      : row.ours?.text === ours.text && row.ours.key === ours.key,
  );
}

async function liveRow(
  {draft}: Settling,
  table: DraftTable,
  {key, ours}: StoredConflict,
): Promise<CanonicalRow | undefined> {
  const {shape} = table;
  if (shape.keyKind === 'primary') {
    const names = shape.key.map(({name}) => name);
    return draft.at(table, {columns: names, cells: decodeKey(key)});
  }
  const text = textOf(shape, ours);
  const found = text && (await draft.inGroup(table, key)).find((row) => row.text === text);
  return found === '' ? undefined : found;
}

async function theirRow(
  {theirs}: Settling,
  {shape, isFollowed}: DraftTable,
  {table, key, theirs: known}: StoredConflict,
): Promise<CanonicalRow | undefined> {
  if (shape.keyKind === 'primary') {
    const row = await theirs.row(table, key);
    return row !== undefined && isFollowed(row.cells) ? row : undefined;
  }
  const text = textOf(shape, known);
  for await (const row of theirs.rows(table)) if (row.text === text) return row;
  return undefined;
}

/** What a decision is about: of a row, all cells that are not this instance's own. */
function columnsOf(
  {shape, merged}: DraftTable,
  {columns}: Pick<StoredConflict, 'columns'>,
): readonly string[] {
  if (columns.length > 0) return columns;
  return shape.columns
    .map(({name}) => name)
    .filter((name) => merged?.rules.columns.has(name) !== true);
}

function diverges(
  columns: readonly string[],
  shape: TableShape,
  ours: CanonicalRow | undefined,
  theirs: CanonicalRow | undefined,
): boolean {
  if (ours === undefined || theirs === undefined) return ours !== theirs;
  return shape.columns.some(
    ({name}, at) => columns.includes(name) && !sameCell(ours.cells[at], theirs.cells[at]),
  );
}

/** True where the cells that a conflict is about are those that it recorded. */
function isSame(
  {columns}: StoredConflict,
  shape: TableShape,
  recorded: ConflictCells,
  row: CanonicalRow | undefined,
): boolean {
  if (recorded === null || row === undefined) return recorded === null && row === undefined;
  return shape.columns.every(
    ({name}, at) =>
      (columns.length > 0 && !columns.includes(name)) || sameCell(recorded[name], row.cells[at]),
  );
}

function cellsByName({columns}: TableShape, row: CanonicalRow | undefined): ConflictCells {
  if (row === undefined) return null;
  return Object.fromEntries(columns.map(({name}, at) => [name, row.cells[at] ?? null]));
}

function textOf({columns}: TableShape, cells: ConflictCells): string {
  if (cells === null) return '';
  const byName: Readonly<Record<string, WireCell>> = cells;
  return rowText(columns.map(({name}) => byName[name] ?? null));
}

/** What is left open by this run, for the inbox. */
export function openConflicts(
  {draft}: Settling,
  position: Position,
  at: string,
): readonly StoredConflict[] {
  return draft.conflicts.flatMap(({conflict, ours, theirs, base, table}) => {
    const key = (ours ?? theirs ?? base)?.key;
    if (conflict?.isOpen !== true || key === undefined) return [];
    const {shape} = table;
    const {epoch, sequence, digest} = position;
    const [b, o, t] = [base, ours, theirs].map((row) => cellsByName(shape, row));
    const sides = {base: b ?? null, ours: o ?? null, theirs: t ?? null};
    const {kind, columns} = conflict;
    return [
      {table: shape.table, key, kind, columns, ...sides, epoch, sequence, digest, at, take: null},
    ];
  });
}

/** All conflicts of a run, and those that were open before it. */
export function reportOf(
  {draft}: Settling,
  kept: readonly StoredConflict[],
): readonly ConflictReport[] {
  const met = draft.conflicts.flatMap(({conflict, ours, theirs, base, table}) => {
    const key = (ours ?? theirs ?? base)?.key;
    if (conflict === undefined || key === undefined) return [];
    const {kind, columns, taken, isOpen} = conflict;
    return [
      {
        table: table.shape.table,
        key: keyLabel(table.shape, key),
        kind,
        columns,
        taken,
        open: isOpen,
      },
    ];
  });
  const waiting = kept.flatMap(({table, key, kind, columns, take}) => {
    const shape = draft.tables.get(table)?.shape;
    if (shape === undefined || take !== null) return [];
    return [{table, key: keyLabel(shape, key), kind, columns, taken: 'ours' as const, open: true}];
  });
  return [...met, ...waiting];
}
