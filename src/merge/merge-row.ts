/** One row in its three versions → what it becomes. Pure: every cell of the result comes from base, ours or theirs. */
import {rowText} from '../canonical/row.ts';
import {must} from '../kernel/assert.ts';
import type {CanonicalRow, WireCell, WireRow} from '../kernel/row.ts';
import {settled, type MergeRules, type RowConflict, type Side} from './rules.ts';

/** The same row last applied, in the database that is written, and in the snapshot; undefined where it is not there. */
type Versions = {
  readonly base: CanonicalRow | undefined;
  readonly ours: CanonicalRow | undefined;
  readonly theirs: CanonicalRow | undefined;
};

export type MergedRow = Versions & {
  /** The row as it shall be; undefined where it shall not be there. `ours` itself where nothing changes. */
  readonly row: CanonicalRow | undefined;
  readonly conflict: RowConflict | undefined;
};

type Columns = readonly {readonly name: string}[];

/** What the rules say of each column. */
type ColumnRules = readonly (Side | 'merge')[];

/** Merges rows of one table. */
export type RowMerger = (versions: Versions) => MergedRow;

export function rowMerger(rules: MergeRules, columns: Columns): RowMerger {
  const by: ColumnRules = columns.map(({name}) => rules.columns.get(name) ?? rules.cells);
  const names = columns.map(({name}) => name);
  return (versions) => {
    const {row, conflict} = mergeRow({rules, by, names}, versions);
    return {...versions, row, conflict};
  };
}

type Merging = {
  readonly rules: MergeRules;
  readonly by: ColumnRules;
  readonly names: readonly string[];
};

type Result = Pick<MergedRow, 'row' | 'conflict'>;

function mergeRow(merging: Merging, {base, ours, theirs}: Versions): Result {
  if (ours !== undefined && theirs !== undefined) return mergeCells(merging, base, ours, theirs);
  const {rules} = merging;
  if (rules.rows !== 'merge')
    return {row: rules.rows === 'ours' ? ours : theirs, conflict: undefined};
  const left = ours ?? theirs;
  if (left === undefined || base === undefined) return {row: left, conflict: undefined};
  // One side deleted the row. That counts, unless the other one changed it.
  if (!differs(merging, base, left)) return {row: undefined, conflict: undefined};
  const conflict = settled(rules, ours === undefined ? 'deletedHere' : 'editedHere');
  return {row: conflict.taken === 'ours' ? ours : theirs, conflict};
}

/** True where two versions differ in a cell that is merged. */
function differs({by}: Pick<Merging, 'by'>, a: CanonicalRow, b: CanonicalRow): boolean {
  return by.some((rule, at) => rule === 'merge' && !sameCell(a.cells[at], b.cells[at]));
}

function mergeCells(
  merging: Merging,
  base: CanonicalRow | undefined,
  ours: CanonicalRow,
  theirs: CanonicalRow,
): Result {
  const {by, rules, names} = merging;
  const divergent = divergentCells(merging, base, ours, theirs);
  const kind = base === undefined ? 'bothInserted' : 'bothEdited';
  const conflict =
    divergent.length === 0
      ? undefined
      : settled(
          rules,
          kind,
          divergent.map((at) => must(names[at], 'column')),
        );
  const isDivergent = new Set(divergent);
  const cells = ours.cells.map((our, at) => {
    const their = theirs.cells[at] ?? null;
    const rule = must(by[at], 'column');
    if (rule !== 'merge') return rule === 'ours' ? our : their;
    if (conflict !== undefined && isDivergent.has(at))
      return conflict.taken === 'ours' ? our : their;
    return base !== undefined && sameCell(base.cells[at], our) ? their : our;
  });
  return {row: rowOf(ours, theirs, cells), conflict};
}

/**
 * Places of merged cells that both sides hold otherwise than the base, and than each other. By rows, where both sides
 * changed the row: of all that the sides hold otherwise than each other, so that the row is the winner's as a whole.
 */
function divergentCells(
  merging: Merging,
  base: CanonicalRow | undefined,
  ours: CanonicalRow,
  theirs: CanonicalRow,
): readonly number[] {
  const {by, rules} = merging;
  const bothChanged =
    base === undefined || (differs(merging, base, ours) && differs(merging, base, theirs));
  if (!bothChanged) return [];
  const isByRow = rules.grain === 'row';
  return by.flatMap((rule, at) => {
    const [our, their, was] = [ours.cells[at], theirs.cells[at], base?.cells[at]];
    if (rule !== 'merge' || sameCell(our, their)) return [];
    const isOneSided = base !== undefined && (sameCell(was, our) || sameCell(was, their));
    return isOneSided && !isByRow ? [] : [at];
  });
}

/** `ours` or `theirs` themselves, where the cells are theirs. */
function rowOf(ours: CanonicalRow, theirs: CanonicalRow, cells: WireRow): CanonicalRow {
  const text = rowText(cells);
  if (text === ours.text) return ours;
  if (text === theirs.text) return theirs;
  return {key: ours.key, text, cells};
}

/** Equal by type and value. Cells that are not plain have one spelling each. */
export function sameCell(a: WireCell | undefined, b: WireCell | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object') return false;
  return JSON.stringify(a) === JSON.stringify(b);
}
