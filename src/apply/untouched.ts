/** Rows that a plan does not name stay as they are, whatever triggers there are. */
import {digestOf} from '../canonical/digest.ts';
import type {View} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import type {RowStep} from '../plan/plan.ts';
import type {TableShape} from '../schema/table-shape.ts';

/** A number for all rows of each table, whatever their order: equal where the tables hold the same rows as often. */
export type ContentSums = ReadonlyMap<string, bigint>;

/** Reads the tables whole. */
export async function contentSums(view: View, shapes: readonly TableShape[]): Promise<ContentSums> {
  const sums = new Map<string, bigint>();
  for (const shape of shapes) {
    let sum = 0n;
    for await (const page of view.rows(shape)) for (const {text} of page) sum += valueOf(text);
    sums.set(shape.table, sum);
  }
  return sums;
}

/**
 * Looks at the tables again once the steps have run.
 *
 * @throws {EngineError} `PROOF_FAILED` naming the table that did not change by exactly what the steps say.
 */
export async function checkUntouched(
  view: View,
  shapes: readonly TableShape[],
  before: ContentSums,
  steps: readonly RowStep[],
): Promise<void> {
  const wanted = new Map(before);
  for (const {change, shape} of steps) {
    const lost = change.op === 'insert' ? 0n : valueOf(change.before.text);
    const gained = change.op === 'delete' ? 0n : valueOf(change.after.text);
    wanted.set(shape.table, (wanted.get(shape.table) ?? 0n) - lost + gained);
  }
  const now = await contentSums(view, shapes);
  const table = shapes.find((shape) => now.get(shape.table) !== wanted.get(shape.table))?.table;
  if (table === undefined) return;
  throw new EngineError(
    'PROOF_FAILED',
    `other rows of table "${table}" would change with it: a trigger of this database writes them`,
    {
      site: {table},
      hint: 'Remove the trigger on this instance, or put the rows right in the application; nothing was changed.',
    },
  );
}

/** A quarter of the digest, so that a sum of billions of them is still a small number. */
function valueOf(text: string): bigint {
  return BigInt(`0x${digestOf(Buffer.from(text)).slice(0, 32)}`);
}
