/** Empty tables that are filled from a snapshot: what they are checked for before, while and after their rows are written. */
import type {View, WriteView} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import {VIOLATION_VALUES_MAX} from '../kernel/format-limits.ts';
import type {CanonicalRow, WireRow} from '../kernel/row.ts';
import type {Fill} from '../plan/plan.ts';
import {encodeReference} from '../plan/references.ts';
import {keyMatches} from '../plan/rows.ts';
import {withoutParent, type IsCarried} from './check-references.ts';
import {namingRow, notAsWritten} from './row-errors.ts';

/** The rows of tables that are filled, some hundred or thousand at a time and always the same. Throws where the run is to end. */
export type FillSource = {
  /** Cells alone, to be written and proved. */
  readonly cells: (fill: Fill) => AsyncIterable<Iterable<WireRow>>;
  /** Whole rows, checked one by one. */
  readonly rows: (fill: Fill) => AsyncIterable<readonly CanonicalRow[]>;
  /** Awaited between the pages of tables that are proved: lets other work in. What it throws takes everything back. */
  readonly listen: () => Promise<void>;
};

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
export async function runFill(view: WriteView, fill: Fill, source: FillSource): Promise<void> {
  let taken = 0;
  for await (const cells of source.cells(fill)) {
    const noted = function* (): Generator<WireRow> {
      for (const row of cells) {
        taken++;
        yield row;
      }
    };
    try {
      await view.fill(fill.shape, noted());
    } catch (cause) {
      throw await naming(fill, source, taken - 1, cause);
    }
  }
}

/** The error with the name of the row at this place. Where the snapshot is not as it has to be, reading it says so instead. */
async function naming(
  fill: Fill,
  source: FillSource,
  place: number,
  cause: unknown,
): Promise<unknown> {
  let first = 0;
  for await (const rows of source.rows(fill)) {
    const row = rows[place - first];
    if (row !== undefined) return namingRow('insert', fill.shape, row.key, cause);
    first += rows.length;
  }
  return cause;
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
export async function findMiswritten(view: View, fill: Fill, source: FillSource): Promise<void> {
  const {shape} = fill;
  for await (const rows of source.rows(fill)) {
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
