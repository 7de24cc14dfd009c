/** What a plan is about to write, as it is kept in the state: intent before, undo record after. */
import {UNDO_BYTES_MAX} from '../kernel/limits.ts';
import {rowSteps, type Plan} from '../plan/plan.ts';

export type IntendedRow = {
  readonly table: string;
  readonly key: string;
  /** Text of the row before and after; null where there is none. */
  readonly before: string | null;
  readonly after: string | null;
};

/** Encodes the touched rows; a plan too large to keep gives an intent without rows. */
export function encodeIntent(plan: Plan): string {
  let size = 0;
  const rows: IntendedRow[] = [];
  for (const {change, shape} of rowSteps(plan)) {
    const before = change.op === 'insert' ? null : change.before.text;
    const after = change.op === 'delete' ? null : change.after.text;
    size += (before?.length ?? 0) + (after?.length ?? 0);
    if (size > UNDO_BYTES_MAX) return JSON.stringify({rows: null});
    rows.push({table: shape.table, key: change.key, before, after});
  }
  return JSON.stringify({rows});
}

/** The touched rows, or undefined where there were too many to keep. */
export function decodeIntent(body: string): readonly IntendedRow[] | undefined {
  const {rows} = JSON.parse(body) as {rows: readonly IntendedRow[] | null};
  return rows ?? undefined;
}
