/** A plan: every statement that will run, in order, printable before it runs. */
import type {Digest} from '../canonical/digest.ts';
import type {Segment} from '../diff/diff-chunks.ts';
import type {Cell, ChangeCounts, RowChange} from '../kernel/row.ts';
import type {Match, RowAddress, RowSet, SetStatement, Statement} from '../kernel/statement.ts';
import type {ForeignKey} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';

/** One row written, with what it replaces. */
export type RowStep = {
  readonly change: RowChange;
  readonly shape: TableShape;
  readonly statement: Statement;
  /** Where the row is found before and after; undefined for an insert whose id the database gives. */
  readonly address: RowAddress | undefined;
  /** Such an insert expects this many rows that are equal in the key columns. */
  readonly expected?: {readonly where: readonly Match[]; readonly rows: number} | undefined;
};

/** Rows of a table that is not replicated, written because a declared foreign key says so. */
export type CascadeStep = {
  readonly key: ForeignKey;
  readonly statement: SetStatement;
  /** What its rows refer to afterwards, as the columns referred to take it; undefined where they are deleted. */
  readonly arrivals: readonly (readonly Cell[])[] | undefined;
  /** The rows take over new values of those they refer to (ON UPDATE CASCADE). */
  readonly follows: boolean;
  /** Rows counted when the plan was made. */
  readonly rows: number;
};

/** Children that take over a new key are written once their parent has it; all others go first. */
export function runsBefore({follows}: CascadeStep): boolean {
  return !follows;
}

/** A parent that a written row refers to must be there. */
export type ParentCheck = {
  readonly key: ForeignKey;
  readonly where: readonly Match[];
  /** The values as an encoded key, as manifests list dangling ones. */
  readonly encoded: string;
};

/** No row may refer any more to values that are gone. */
export type ChildrenCheck = {readonly key: ForeignKey; readonly among: RowSet};

/** A row that gives up unique values for a moment, because others exchange values with it. Its write follows. */
export type ParkStep = {
  readonly shape: TableShape;
  readonly statement: Statement;
};

/**
 * An empty table that receives all rows of a snapshot, chunk by chunk, so that they are never all in memory. It is proved as a
 * whole: no row of it is a step of its own.
 */
export type Fill = {
  readonly shape: TableShape;
  readonly rows: number;
  readonly digest: string;
  readonly chunks: readonly ChunkEntry[];
};

/** A range of keys, with the chunk whose rows it shall hold, or none, and what its rows were when the plan was made. */
export type SweptRange = Segment & {readonly ours: Digest};

/**
 * Many rows of one table that change, each without regard to any other: they are compared anew when they are written, range by range,
 * so that they are never all in memory. Each range is proved: no row is a step of its own.
 */
export type Sweep = {
  readonly shape: TableShape;
  readonly counts: ChangeCounts;
  /** All rows of the ranges, which are read before and after. */
  readonly rowsRead: number;
  /** Of the texts of these rows, before and after together. */
  readonly characters: number;
  /** In key order and disjoint. */
  readonly ranges: readonly SweptRange[];
};

export type Plan = {
  /** In order: what cascades demand before, deletes, rows parked, updates and inserts, rows swept, tables filled, what cascades demand after. */
  readonly before: readonly CascadeStep[];
  readonly deletes: readonly RowStep[];
  readonly parks: readonly ParkStep[];
  readonly writes: readonly RowStep[];
  readonly sweeps: readonly Sweep[];
  readonly fills: readonly Fill[];
  readonly after: readonly CascadeStep[];
  readonly parents: readonly ParentCheck[];
  readonly children: readonly ChildrenCheck[];
  /** Local rows that refer to values which go over to another row: there were none when the plan was made. */
  readonly strangers: readonly ChildrenCheck[];
  /** Every replicated table, also those without a change. */
  readonly tables: ReadonlyMap<string, ChangeCounts>;
};

/** Every replicated row that the plan touches, once, in the order in which they are written; without those of tables that are filled or swept. */
export function rowSteps({deletes, writes}: Plan): readonly RowStep[] {
  return [...deletes, ...writes];
}

/** Rows that a plan changes in tables that are not replicated, by table. */
export function cascadeCounts(plan: Pick<Plan, 'before' | 'after'>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const {key, rows} of [...plan.before, ...plan.after]) {
    counts.set(key.table, (counts.get(key.table) ?? 0) + rows);
  }
  return counts;
}

/** Rows that went for the same reason count as one, whichever transaction took them. */
export function totals(
  a: ReadonlyMap<string, number>,
  b: ReadonlyMap<string, number>,
): ReadonlyMap<string, number> {
  const tables = new Set([...b.keys(), ...a.keys()]);
  return new Map([...tables].map((table) => [table, (a.get(table) ?? 0) + (b.get(table) ?? 0)]));
}

/** The plan with tables filled that it left alone. */
export function withFills(plan: Plan, fills: readonly Fill[]): Plan {
  const tables = new Map(plan.tables);
  for (const {shape, rows} of fills)
    tables.set(shape.table, {inserted: rows, updated: 0, deleted: 0});
  return {...plan, fills, tables};
}

/** The plan with rows swept of tables that it left alone, and with what these refer to. */
export function withSweeps(
  plan: Plan,
  sweeps: readonly (Sweep & {readonly parents: readonly ParentCheck[]})[],
): Plan {
  const tables = new Map(plan.tables);
  for (const {shape, counts} of sweeps) tables.set(shape.table, counts);
  const parents = [...plan.parents, ...sweeps.flatMap((sweep) => sweep.parents)];
  return {...plan, sweeps, parents, tables};
}

/** How many rows change, each a step of its own or not. */
export function rowsTouched(plan: Plan): number {
  const swept = plan.sweeps.reduce((sum, {counts}) => sum + sizeOf(counts), 0);
  return rowSteps(plan).length + swept + plan.fills.reduce((sum, {rows}) => sum + rows, 0);
}

/** Of the texts of a row before and after. */
export function charactersOf(change: RowChange): number {
  const before = change.op === 'insert' ? 0 : change.before.text.length;
  return before + (change.op === 'delete' ? 0 : change.after.text.length);
}

export function sizeOf({inserted, updated, deleted}: ChangeCounts): number {
  return inserted + updated + deleted;
}

export function isEmpty(plan: Plan): boolean {
  const steps = [...plan.before, ...plan.after, ...plan.sweeps, ...plan.fills];
  return rowSteps(plan).length === 0 && steps.length === 0;
}
