/** Rows that are compared anew under the write lock, range by range, written, and read back with all that lie beside them. */
import type {View, WriteView} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow, KeyRange, RowChange} from '../kernel/row.ts';
import {loneChanges} from '../plan/lone.ts';
import {rowStep} from '../plan/rows.ts';
import type {Sweep} from '../plan/plan.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {notAsWritten} from './row-errors.ts';
import {readBack, runRows} from './run-rows.ts';

/** Some changes, all of one range or of rows wherever they stand. */
export type Swept = {
  readonly changes: readonly RowChange[];
  /** The range, and all rows that it holds afterwards, in key order; undefined where each row is looked up instead. */
  readonly held?: SweptWhole | undefined;
};

type SweptWhole = {readonly range: KeyRange; readonly wanted: readonly CanonicalRow[]};

/** Something changed beside the rows to be written, maybe: planned row by row, nothing but these need to be as they were. */
export class StaleSweep extends EngineError {
  constructor({table}: TableShape, what: 'its schema' | 'rows') {
    super('PLAN_STALE', `cannot apply table "${table}": ${what} changed after the plan was made`, {
      site: {table},
      hint: 'Run replicate again: it plans afresh.',
      retryable: true,
    });
  }
}

export type SweepSource = {
  /**
   * The changes of one range after the other, as the rows of this view are now; each is written before the next one is read.
   *
   * @throws {EngineError} `PLAN_STALE` where they are not as they were when the plan was made.
   */
  readonly swept: (view: View, sweep: Sweep) => AsyncIterable<Swept>;
};

/**
 * Whether no row depends on another is looked at again, too: nobody but the plan for single rows knows what to do if one does.
 *
 * @throws {EngineError} `PLAN_STALE`, `CONSTRAINT`, `PROOF_FAILED`.
 */
export async function runSweep(view: WriteView, sweep: Sweep, source: SweepSource): Promise<void> {
  const {shape} = sweep;
  const {tables} = await view.schema();
  const table = must(tables.get(shape.table), 'replicated tables exist');
  const isLone = loneChanges(tables, shape);
  for await (const {changes, held} of source.swept(view, sweep)) {
    if (isLone === undefined || !changes.every(isLone)) throw new StaleSweep(shape, 'its schema');
    const steps = changes.map((change) => rowStep(table, shape, change));
    await runRows(view, steps);
    await (held === undefined ? readBack(view, steps, new Map()) : checkRange(view, sweep, held));
  }
}

/** All rows of a range, in key order. */
export async function rowsWithin(
  view: View,
  shape: TableShape,
  range: KeyRange,
): Promise<readonly CanonicalRow[]> {
  const rows: CanonicalRow[] = [];
  for await (const page of view.rows(shape, [range])) for (const row of page) rows.push(row);
  return rows;
}

/** Names the first row that is not there as it was written. */
async function checkRange(view: View, {shape}: Sweep, {range, wanted}: SweptWhole): Promise<void> {
  const found = await rowsWithin(view, shape, range);
  for (let at = 0; at < Math.max(found.length, wanted.length); at++) {
    const [now, then] = [found[at], wanted[at]];
    if (now?.text === then?.text) continue;
    const isMissing = now === undefined || (then !== undefined && then.key < now.key);
    const isSame = now?.key === then?.key;
    throw notAsWritten(shape, (isMissing ? then : now)?.key ?? '', {
      now: isMissing && !isSame ? undefined : now,
      wanted: isMissing || isSame ? then : undefined,
    });
  }
}
