/** What is written to a database, in terms that every engine understands. */
import type {Cell} from './row.ts';

/** Equality of one column with a cell, as the column's collation (or the one named) sees it; NULL equals NULL. */
export type Match = {
  readonly column: string;
  readonly is: Cell;
  readonly collation?: string | undefined;
};

/** One way of finding a row again: every match holds for it and for no other. */
export type RowAddress = readonly Match[];

export type InsertStatement = {
  readonly op: 'insert';
  readonly table: string;
  readonly columns: readonly string[];
  readonly cells: readonly Cell[];
  /** Columns whose stored values the caller wants back, such as an assigned id. */
  readonly returning?: readonly string[] | undefined;
};

type UpdateStatement = {
  readonly op: 'update';
  readonly table: string;
  readonly columns: readonly string[];
  readonly cells: readonly Cell[];
  readonly where: readonly Match[];
};

type DeleteStatement = {
  readonly op: 'delete';
  readonly table: string;
  readonly where: readonly Match[];
};

export type Statement = InsertStatement | UpdateStatement | DeleteStatement;

/**
 * How a referring value is compared with a referenced one: as the referenced column's affinity makes of
 * it. `plain` where both columns store alike.
 */
export type ReferenceComparison = 'plain' | 'number' | 'text' | 'exact';

export type RowSetColumn = {
  readonly name: string;
  readonly compare: ReferenceComparison;
  /** Collation of the comparison; undefined for the column's own. */
  readonly collation: string | undefined;
};

/** What a foreign key's columns hold where nothing is said of them. */
export type ReferenceDefault = {
  /** As an insert writes it. */
  readonly cells: readonly Cell[];
  /** As the columns referred to take it once it is stored: both sides may convert it. */
  readonly arrival: readonly Cell[];
};

/** Rows whose columns equal one of the tuples. No cell of a tuple is NULL. */
export type RowSet = {
  readonly table: string;
  readonly columns: readonly RowSetColumn[];
  readonly values: readonly (readonly Cell[])[];
};

/** A write to all rows of a set: deletes them, or gives their columns other cells. */
export type SetStatement =
  | {readonly op: 'deleteSet'; readonly among: RowSet}
  | {
      readonly op: 'updateSet';
      readonly among: RowSet;
      readonly columns: readonly string[];
      readonly cells: readonly Cell[];
    }
  | {
      /** All at once, as values may be exchanged: rows equal to the n-th tuple get the n-th cells. */
      readonly op: 'remapSet';
      readonly among: RowSet;
      readonly columns: readonly string[];
      readonly cells: readonly (readonly Cell[])[];
    };

export type StatementResult = {
  /** Rows that the statement itself changed. */
  readonly changed: number;
  /** The cells asked for by `returning`. */
  readonly returned: readonly Cell[];
};

/** What to offer to a row that has to give up a unique value for a moment. */
export type ParkingHints = {
  /** From here on, and from here down, the column holds no integer. */
  readonly above: bigint;
  readonly below: bigint;
  /** Some integers that it leaves free in between. */
  readonly between: readonly bigint[];
  /** Constants that the declaration of its table speaks of, such as those of a CHECK. */
  readonly constants: readonly Cell[];
};
