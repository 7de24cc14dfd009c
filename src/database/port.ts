/**
 * What the engine needs of a database. Rows come in pages through an async iterator: one await per
 * page, never per row, so that in-process and networked databases share one engine at full speed.
 */
import type {CanonicalRow, Cell, KeyRange, WireRow} from '../kernel/row.ts';
import type {
  Match,
  ParkingHints,
  ReferenceDefault,
  RowAddress,
  RowSet,
  SetStatement,
  Statement,
  StatementResult,
} from '../kernel/statement.ts';
import type {DatabaseSchema, ForeignKey} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';

/** What one transaction sees: nothing in it changes while it is open. */
export type View = {
  schema(): Promise<DatabaseSchema>;

  /**
   * Rows of a table in order of their encoded key, all or those in the ranges (in order, disjoint).
   * Memory holds one page.
   *
   * @throws {EngineError} `KEY_UNUSABLE` for NULL in a key. That keys strictly increase is for the
   * caller to check.
   */
  rows(shape: TableShape, ranges?: readonly KeyRange[]): AsyncIterable<readonly CanonicalRow[]>;

  /** Quick words for what ranges of a table hold; undefined where there are none for this table. */
  prints(shape: TableShape): Prints | undefined;

  /** The row at an address, or undefined. Its key is empty for tables keyed as multisets. */
  rowAt(shape: TableShape, address: RowAddress): Promise<CanonicalRow | undefined>;

  /** Cells of a small table, for what a profile needs to know; not for replicated rows. */
  select(
    table: string,
    columns: readonly string[],
    where?: readonly Match[],
  ): Promise<readonly (readonly Cell[])[]>;

  count(table: string, where: readonly Match[]): Promise<number>;

  /** How many rows are in a set and in none of the others, which are of the same table. */
  countSet(among: RowSet, except?: readonly RowSet[]): Promise<number>;

  /** Distinct values of some columns among the rows of a set. */
  distinctInSet(among: RowSet, columns: readonly string[]): Promise<readonly (readonly Cell[])[]>;

  /** True where `deleteSome` finds the rows of a set without reading the whole table. */
  mayDeleteSome(among: RowSet): Promise<boolean>;

  /** Distinct non-NULL values of a foreign key that refer to no row; at most `limit` of them. */
  dangling(key: ForeignKey, limit: number): Promise<readonly (readonly Cell[])[]>;

  /** What a row would be in its table by itself; undefined where that cannot be found out. */
  tryRow(shape: TableShape, row: WireRow): Promise<Trial | undefined>;

  /** True where a row of the table holds these cells in one of its unique indexes (by its place in `uniques`). */
  holds(table: string, unique: number, cells: readonly Cell[]): Promise<boolean>;

  /** What could be written to a column of integers, or of anything else, without meeting a value that is there. */
  parkingHints(table: string, column: string): Promise<ParkingHints>;

  /** What the columns of a foreign key get when an insert leaves them out. */
  referenceDefault(key: ForeignKey): Promise<ReferenceDefault>;

  /** The version that the application keeps in the database beside its tables, as a name; undefined where it keeps none. */
  ownVersion(): Promise<string | undefined>;

  /** Highest key that the table ever gave out by itself, 0 where it gave none; undefined where the database keeps no count. */
  counter(table: string): Promise<bigint | undefined>;

  /** How other threads read what this view sees; undefined where they cannot, and where the database is too small for it to pay. */
  readonly beside?: Beside | undefined;
};

/** Two ranges of the same print hold the same rows: every cell of the shape's columns is the same by type and value. */
export type Prints = {
  /** Names all that prints depend on besides the rows: those of another form tell nothing. */
  readonly form: string;

  /** The print of a range; undefined where it does not hold so many rows (at least 1), and where its rows have none. */
  of(range: KeyRange, rows: number): string | undefined;
};

/** Several views of the same moment. */
export type Beside = {
  /** Opens the database once more. Can be copied to another thread. */
  readonly source: DatabaseSource;

  /** True where a table has more rows than so many, from a key on, and can be read by ranges. */
  hasMore(shape: TableShape, rows: number, from?: string): boolean;

  /**
   * Encoded keys that part a table into ranges: about `rows` rows beyond the one before, each is the first for which `isCut` holds. None
   * where a table is smaller, or cannot be read by ranges.
   */
  cuts(shape: TableShape, rows: number, isCut: (key: string) => boolean): Iterable<string>;

  /** True where nothing was committed since this view began: one begun before this was asked sees the same. */
  isLatest(): boolean;
};

/** How to open a database once more. */
export type DatabaseSource = {
  readonly path: string;
  /** The way in which its rows are read. */
  readonly reading: Reading;
};

/**
 * The first of the ways of reading rows that is tried; `sorted` is the exact one without the help of an index. All give
 * the same rows: tests choose one to see that they do.
 */
export type Reading = 'fast' | 'typed' | 'exact' | 'sorted';

/** What a database makes of a row, leaving aside all other rows, triggers and foreign keys. */
export type Trial = {
  /** False where a constraint of the table forbids the row. */
  readonly accepted: boolean;
  /** Its cells in each of the table's `uniques`; undefined where it is not in that index, or holds NULL there. */
  readonly entries: readonly (readonly Cell[] | undefined)[];
};

export type WriteView = View & {
  /** @throws {EngineError} `CONSTRAINT` naming the constraint that forbids it. */
  run(statement: Statement): Promise<StatementResult>;
  /**
   * Inserts rows one after the other, in one go: other work waits until it is done. All columns of the shape are written.
   *
   * @throws {EngineError} `CONSTRAINT` naming the constraint that forbids the row taken last; those before it are written.
   */
  fill(shape: TableShape, rows: Iterable<WireRow>): Promise<void>;
  /** Writes all rows of a set; gives how many. @throws {EngineError} `CONSTRAINT`. */
  runSet(statement: SetStatement): Promise<number>;
  /**
   * Deletes rows of a set for which `mayDeleteSome` holds, at most `limit` of them; gives how many. Fewer
   * than `limit` means that none are left. @throws {EngineError} `CONSTRAINT`.
   */
  deleteSome(among: RowSet, limit: number): Promise<number>;
  /** Raises the table's own counter to at least this; never lowers it. */
  raiseCounter(table: string, atLeast: bigint): Promise<void>;
};

/** What differs between databases, stated so that shared code never asks which one it is. */
type Capabilities = {
  /** Name of the engine, as manifests record it. */
  readonly engine: string;
  /** Its version, for people. */
  readonly version: string;
};

export type Database = {
  readonly capabilities: Capabilities;
  /** What a person recognises it by; never a credential. */
  readonly name: string;

  /** Runs `work` in one read transaction over all tables. */
  view<T>(work: (view: View) => Promise<T>): Promise<T>;

  /**
   * Runs `work` in one write transaction that holds the write lock from its beginning. Commits
   * durably when `work` returns, rolls everything back when it throws. `onReleased` is told for how
   * many milliseconds the lock was held, either way.
   *
   * @throws {EngineError} `DATABASE_BUSY`, `DATABASE_READONLY`, `DATABASE_FULL`, and what `work` throws.
   */
  transact<T>(
    work: (view: WriteView) => Promise<T>,
    onReleased?: (heldMs: number) => void,
  ): Promise<T>;

  /**
   * A number that stays the same until another connection commits; then it is another one. One small read. It says nothing to
   * another `Database` on the same file.
   */
  commits(): Promise<number>;

  /** False once its name leads to another file than the one opened, or to none. */
  isCurrent(): boolean;

  close(): Promise<void>;
};
