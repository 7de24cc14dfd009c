/**
 * How long a plan will hold the write lock, estimated from counts alone. Pure: measured constants
 * times what the plan does, on the slow side.
 */
import {counted} from '../kernel/counted.ts';
import {
  LOCK_CASCADE_DELETED_US,
  LOCK_CASCADE_UPDATED_US,
  LOCK_CELL_US,
  LOCK_FILL_CELL_US,
  LOCK_FILL_ROW_US,
  LOCK_PROOF_CELL_US,
  LOCK_ROW_US,
  LOCK_TRANSACTION_MS,
} from '../kernel/limits.ts';
import {
  isEmpty,
  rowSteps,
  sizeOf,
  type CascadeStep,
  type Fill,
  type ParkStep,
  type Plan,
  type Sweep,
} from './plan.ts';

/** What a lock is held for in one table. */
type LockPart = {
  readonly table: string;
  /** What takes the time, as people read it: `40,000 rows deleted with those they refer to`. */
  readonly what: string;
  readonly ms: number;
};

export type LockEstimate = {
  readonly ms: number;
  /** What takes most of it; undefined where nothing is written. */
  readonly largest: LockPart | undefined;
};

export type LockWork = {
  readonly plan: Plan;
  /** Tables digested before COMMIT; none where touched rows alone are proved. */
  readonly proof: readonly ProvedTable[];
  /** Tables whose dependent rows go before the transaction, and do not count. */
  readonly trimmed: ReadonlySet<string>;
};

type ProvedTable = {
  readonly name: string;
  readonly rows: number;
  readonly columns: readonly unknown[];
};

/** Every statement for the dependents of rows, in the order in which they run. */
export function cascadeSteps(plan: Plan): readonly CascadeStep[] {
  return [...plan.before, ...plan.after];
}

/** Milliseconds from the lock granted to the lock released. A plan without a write takes none. */
export function estimateLock({plan, proof, trimmed}: LockWork): LockEstimate {
  const cascades = cascadeSteps(plan).filter(({key}) => !trimmed.has(key.table));
  const parts = [
    ...rowParts([...rowSteps(plan), ...plan.parks]),
    ...plan.sweeps.map(sweepPart),
    ...plan.fills.map(fillPart),
    ...cascadeParts(cascades),
    ...proof.map(proofPart),
  ].filter(({ms}) => ms > 0);
  if (isEmpty({...plan, before: cascades, after: []})) return {ms: 0, largest: undefined};
  const ms = parts.reduce((sum, part) => sum + part.ms, LOCK_TRANSACTION_MS);
  return {ms: Math.ceil(ms), largest: parts.toSorted((a, b) => b.ms - a.ms)[0]};
}

/** Each row is read before, written, and read back. */
function rowParts(steps: readonly ParkStep[]): readonly LockPart[] {
  return [...Map.groupBy(steps, ({shape}) => shape.table)].map(([table, rows]) => {
    const cells = rows.reduce((sum, {shape}) => sum + shape.columns.length, 0);
    const ms = (rows.length * LOCK_ROW_US + cells * LOCK_CELL_US) / 1000;
    return {table, what: `${counted(rows.length, 'row')} written`, ms};
  });
}

/** As rows that are written one by one, and all rows of their ranges are read and digested besides. */
function sweepPart({shape, counts, rowsRead}: Sweep): LockPart {
  const [rows, columns] = [sizeOf(counts), shape.columns.length];
  const us =
    rows * (LOCK_ROW_US + columns * LOCK_CELL_US) + rowsRead * columns * LOCK_PROOF_CELL_US;
  const ms = us / 1000;
  return {table: shape.table, what: `${counted(rows, 'row')} written`, ms};
}

/** Rows of a table that is filled are neither looked for before nor read back one by one. */
function fillPart({shape, rows}: Fill): LockPart {
  const ms = (rows * (LOCK_FILL_ROW_US + shape.columns.length * LOCK_FILL_CELL_US)) / 1000;
  return {table: shape.table, what: `${counted(rows, 'row')} written`, ms};
}

function cascadeParts(steps: readonly CascadeStep[]): readonly LockPart[] {
  return [...Map.groupBy(steps, ({key}) => key.table)].map(([table, group]) => {
    const rows = group.reduce((sum, step) => sum + step.rows, 0);
    const ms = group.reduce((sum, step) => sum + cascadeMs(step), 0);
    return {
      table,
      what: `${counted(rows, 'row')} that ${rows === 1 ? 'refers' : 'refer'} to them`,
      ms,
    };
  });
}

function cascadeMs({statement, rows}: CascadeStep): number {
  const each = statement.op === 'deleteSet' ? LOCK_CASCADE_DELETED_US : LOCK_CASCADE_UPDATED_US;
  return (rows * each) / 1000;
}

function proofPart({name, rows, columns}: ProvedTable): LockPart {
  const ms = (rows * columns.length * LOCK_PROOF_CELL_US) / 1000;
  return {table: name, what: `the proof of ${counted(rows, 'row')}`, ms};
}
