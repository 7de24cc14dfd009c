/** What a merge is told of one table: who says which rows there are, and what they hold. Pure. */

/** The database that is written, or the snapshot. */
export type Side = 'ours' | 'theirs';

export type MergeRules = {
  /** Who says which rows there are; `merge` asks what changed since the base. */
  readonly rows: Side | 'merge';
  /** Who says what a row holds that both sides have. */
  readonly cells: Side | 'merge';
  /** Columns that follow one side, whatever the rule for cells. A row that only the other side has keeps its cells. */
  readonly columns: ReadonlyMap<string, Side>;
  /** Whose version is taken where both sides changed the same; `fail` takes ours, and leaves the conflict open. */
  readonly divergent: Side | 'fail';
  /** What counts as the same: a cell, or a row as a whole. */
  readonly grain: 'cell' | 'row';
};

/** Names of conflicts, as users meet them. */
export type ConflictKind =
  /** Both sides changed a cell (or, by rows, a row) and do not agree. */
  | 'bothEdited'
  /** A row was changed here, and deleted on the primary. */
  | 'editedHere'
  /** A row was deleted here, and changed on the primary. */
  | 'deletedHere'
  /** Both sides added a row of this key, and the rows differ. */
  | 'bothInserted'
  /** A row here holds a unique value that the primary's row has. */
  | 'uniqueTaken'
  /** The primary deleted a row to which a row here refers. */
  | 'referencedHere'
  /** The primary's row refers to a row that is not here. */
  | 'parentMissing';

export type RowConflict = {
  readonly kind: ConflictKind;
  /** The cells that it is about; empty where it is about the row. */
  readonly columns: readonly string[];
  readonly taken: Side;
  /** True until a person decides; ours is taken meanwhile. */
  readonly isOpen: boolean;
};

/** The conflict as the rules settle it. */
export function settled(
  {divergent}: Pick<MergeRules, 'divergent'>,
  kind: ConflictKind,
  columns: readonly string[] = [],
): RowConflict {
  const isOpen = divergent === 'fail';
  return {kind, columns, taken: divergent === 'fail' ? 'ours' : divergent, isOpen};
}

/** Two conflicts about one row, as one: what is open stays open, but for cells that the later one settled. */
export function joined(
  was: RowConflict | undefined,
  now: RowConflict | undefined,
): RowConflict | undefined {
  if (was === undefined || now === undefined) return now ?? was;
  if (!was.isOpen) return now;
  const isWhole = was.columns.length === 0 || now.columns.length === 0;
  if (now.isOpen)
    return {...now, columns: isWhole ? [] : [...new Set([...was.columns, ...now.columns])]};
  const columns = was.columns.filter((name) => !now.columns.includes(name));
  return columns.length === 0 && !isWhole ? now : {...was, columns};
}
