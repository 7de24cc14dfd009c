/** Empty tables that are filled from a snapshot: what they are checked for before, while and after their rows are written. */
import type {View, WriteView} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import {VIOLATION_VALUES_MAX} from '../kernel/limits.ts';
import type {CanonicalRow} from '../kernel/row.ts';
import type {Fill} from '../plan/plan.ts';
import {encodeReference} from '../plan/references.ts';
import {keyMatches} from '../plan/rows.ts';
import {withoutParent, type IsCarried} from './check-references.ts';
import {namingRow, notAsWritten} from './row-errors.ts';

/** The rows of a table that is filled, some hundred or thousand at a time. Throws where the run is to end. */
export type RowsOf = (fill: Fill) => AsyncIterable<readonly CanonicalRow[]>;

/** @throws {EngineError} `PLAN_STALE` where the application wrote rows meanwhile, or a trigger would see them come. */
export async function checkStillEmpty(view: View, fills: readonly Fill[]): Promise<void> {
  if (fills.length === 0) return;
  const {tables} = await view.schema();
  for (const {shape} of fills) {
    const {table} = shape;
    if ((await view.count(table, [])) > 0 || tables.get(table)?.triggers.length !== 0)
      throw notEmpty(table);
  }
}

/** Rows of one table are consistent with each other: whatever their order, none is in the way of another. */
export async function runFill(view: WriteView, fill: Fill, rowsOf: RowsOf): Promise<void> {
  const {shape} = fill;
  for await (const rows of rowsOf(fill)) {
    let last: CanonicalRow | undefined;
    const noted = function* (): Generator<CanonicalRow> {
      for (const row of rows) {
        last = row;
        yield row;
      }
    };
    try {
      await view.fill(shape, noted());
    } catch (cause) {
      throw namingRow('insert', shape, last?.key ?? '', cause);
    }
  }
}

/**
 * One look for each foreign key whose columns travel, where rows written one by one are looked up one by one.
 *
 * @throws {EngineError} `FOREIGN_KEY`.
 */
export async function checkFilledReferences(
  view: View,
  fills: readonly Fill[],
  isCarried: IsCarried,
): Promise<void> {
  if (fills.length === 0) return;
  const {tables} = await view.schema();
  const keys = fills.flatMap(({shape}) => {
    const travels = (name: string): boolean => shape.columns.some((column) => column.name === name);
    const all = tables.get(shape.table)?.foreignKeys ?? [];
    return all.filter(({columns}) => columns.every(travels));
  });
  for (const key of keys) {
    // Where the primary has more than that many, all are carried; else one of so many is not.
    for (const cells of await view.dangling(key, VIOLATION_VALUES_MAX + 1))
      if (!isCarried(key, encodeReference(tables, key, cells))) throw withoutParent(key);
  }
}

/** Names the first row that is not there as it was written. @throws {EngineError} `PROOF_FAILED`. */
export async function findMiswritten(view: View, fill: Fill, rowsOf: RowsOf): Promise<void> {
  const {shape} = fill;
  for await (const rows of rowsOf(fill)) {
    for (const row of rows) {
      const now = await view.rowAt(shape, keyMatches(shape, row));
      if (now?.text !== row.text) throw notAsWritten(shape, row.key, {now, wanted: row});
    }
  }
}

function notEmpty(table: string): EngineError {
  return new EngineError(
    'PLAN_STALE',
    `cannot apply table "${table}": it was empty, and is not any more`,
    {site: {table}, hint: 'Run replicate again: it plans afresh.', retryable: true},
  );
}
