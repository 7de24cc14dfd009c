/** The statements of single rows, one after the other. */
import type {WriteView} from '../database/port.ts';
import {encodeKey} from '../canonical/key.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow, Cell} from '../kernel/row.ts';
import type {RowAddress, StatementResult} from '../kernel/statement.ts';
import type {ParkStep, RowStep} from '../plan/plan.ts';
import {keyMatches} from '../plan/rows.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {namingRow, notAsWritten} from './row-errors.ts';

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

/** @throws {EngineError} `PROOF_FAILED` naming the first row that is not there as it was written. */
export async function readBack(
  view: WriteView,
  steps: readonly RowStep[],
  inserted: ReadonlyMap<RowStep, RowAddress>,
): Promise<void> {
  const taken = new Set([...inserted].map(([step, address]) => placeOf(step.shape, address)));
  for (const step of steps) {
    const {change, shape} = step;
    if (change.op === 'delete' && taken.has(placeOf(shape, step.address ?? []))) continue;
    const wanted = change.op === 'delete' ? undefined : change.after;
    const address = inserted.get(step) ?? addressAfter(step, wanted);
    const now = await view.rowAt(shape, address);
    if (now?.text === wanted?.text) continue;
    throw notAsWritten(shape, change.key, {now, wanted});
  }
}

/** An id that a delete set free may have been given to an inserted row, which is read back as such. */
function placeOf({table}: TableShape, address: RowAddress): string {
  return `${table}\n${encodeKey(
    address.map(({is}) => is),
    address.map(() => 'binary'),
  )}`;
}

/** A respelled key is found under its new spelling. */
function addressAfter({shape, address}: RowStep, after: CanonicalRow | undefined): RowAddress {
  if (after !== undefined && shape.keyKind === 'primary') return keyMatches(shape, after);
  return must(address, 'rows without address were inserted');
}
