/** A plan: every statement that will run, in order, printable before it runs. */
import type {ChangeCounts, RowChange} from '../kernel/row.ts';
import type {
  DeleteStatement,
  Match,
  RowAddress,
  Statement,
  UpdateStatement,
} from '../kernel/statement.ts';
import type {ForeignKey} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';

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
  readonly statement: UpdateStatement | DeleteStatement;
  /** Rows counted when the plan was made. */
  readonly rows: number;
};

/** A reference that the plan may have broken, looked at before COMMIT. */
export type ReferenceCheck = {
  readonly key: ForeignKey;
  /** Values of the referring columns, none of them NULL. */
  readonly where: readonly Match[];
  /** `parent`: such a parent must be there. `children`: no row may refer to it any more. */
  readonly demands: 'parent' | 'children';
  /** The values as an encoded key, as manifests list dangling ones. */
  readonly encoded: string;
};

export type Plan = {
  /** In order: what cascades demand before, rows deleted, updated, inserted, what cascades demand after. */
  readonly before: readonly CascadeStep[];
  readonly rows: readonly RowStep[];
  readonly after: readonly CascadeStep[];
  readonly checks: readonly ReferenceCheck[];
  /** Every replicated table, also those without a change. */
  readonly tables: ReadonlyMap<string, ChangeCounts>;
};

/** Rows that a plan changes in tables that are not replicated, by table. */
export function cascadeCounts(plan: Pick<Plan, 'before' | 'after'>): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const {key, rows} of [...plan.before, ...plan.after]) {
    counts.set(key.table, (counts.get(key.table) ?? 0) + rows);
  }
  return counts;
}

export function isEmpty(plan: Plan): boolean {
  return plan.rows.length === 0 && plan.before.length === 0 && plan.after.length === 0;
}
