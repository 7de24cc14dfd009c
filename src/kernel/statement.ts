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

export type UpdateStatement = {
  readonly op: 'update';
  readonly table: string;
  readonly columns: readonly string[];
  readonly cells: readonly Cell[];
  readonly where: readonly Match[];
};

export type DeleteStatement = {
  readonly op: 'delete';
  readonly table: string;
  readonly where: readonly Match[];
};

export type Statement = InsertStatement | UpdateStatement | DeleteStatement;

export type StatementResult = {
  /** Rows that the statement itself changed. */
  readonly changed: number;
  /** The cells asked for by `returning`. */
  readonly returned: readonly Cell[];
};
