/** The statements of single rows, one after the other. */
import type {WriteView} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import type {Cell} from '../kernel/row.ts';
import type {RowAddress, StatementResult} from '../kernel/statement.ts';
import type {ParkStep, RowStep} from '../plan/plan.ts';
import {namingRow} from './row-errors.ts';

/** Runs the row statements and returns where rows went whose id the database chose. */
export async function runRows(
  view: WriteView,
  steps: readonly RowStep[],
): Promise<ReadonlyMap<RowStep, RowAddress>> {
  const addresses = new Map<RowStep, RowAddress>();
  for (const step of steps) {
    const {changed, returned} = await runOne(view, step);
    if (changed !== 1) throw ignored(step);
    if (step.statement.op === 'insert' && step.statement.returning !== undefined) {
      addresses.set(step, addressFrom(step.statement.returning, returned));
    }
  }
  return addresses;
}

/** Names the row that a constraint forbids. */
async function runOne(
  view: WriteView,
  {statement, shape, change}: RowStep,
): Promise<StatementResult> {
  try {
    return await view.run(statement);
  } catch (cause) {
    throw namingRow(statement.op, shape, change.key, cause);
  }
}

/** The row was as planned a moment ago, under the same lock: only a trigger can keep it from being written. */
export function ignored({shape, statement}: ParkStep): EngineError {
  return new EngineError(
    'TRIGGER',
    `cannot ${statement.op} a row of table "${shape.table}": a trigger of this database prevents it`,
    {
      site: {table: shape.table},
      hint: 'Remove the trigger on this instance, or leave the table out; nothing was changed.',
    },
  );
}

function addressFrom(columns: readonly string[], cells: readonly Cell[]): RowAddress {
  return columns.map((column, at) => ({column, is: cells[at] ?? null}));
}
