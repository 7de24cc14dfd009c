/** Rows that differ between two ordered streams. Pure. */
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow, RowChange} from '../kernel/row.ts';

/**
 * Streams the changes that turn `before` into `after`, in key order.
 *
 * Both sides are ordered by encoded key, without duplicates. The merge-join reads each side once and
 * holds one row of each, so memory does not grow with the table. Rows are equal when their texts are.
 *
 * @throws {EngineError} `ROWS_UNSORTED` if a side breaks that order.
 */
export function* diffRows(
  table: string,
  before: Iterable<CanonicalRow>,
  after: Iterable<CanonicalRow>,
): Generator<RowChange, void, undefined> {
  const olds = inKeyOrder(table, before);
  const news = inKeyOrder(table, after);
  let old = olds.next().value;
  let now = news.next().value;
  while (old && now) {
    if (old.key < now.key) {
      yield {op: 'delete', key: old.key, before: old};
      old = olds.next().value;
    } else if (now.key < old.key) {
      yield {op: 'insert', key: now.key, after: now};
      now = news.next().value;
    } else {
      if (old.text !== now.text) yield {op: 'update', key: old.key, before: old, after: now};
      old = olds.next().value;
      now = news.next().value;
    }
  }
  for (; old; old = olds.next().value) yield {op: 'delete', key: old.key, before: old};
  for (; now; now = news.next().value) yield {op: 'insert', key: now.key, after: now};
}

/**
 * Passes the rows of one side on.
 *
 * @throws {EngineError} `ROWS_UNSORTED` at the first key that does not increase.
 */
export function* inKeyOrder(
  table: string,
  rows: Iterable<CanonicalRow>,
): Generator<CanonicalRow, undefined, undefined> {
  let last: string | undefined;
  for (const row of rows) {
    if (last !== undefined && last >= row.key) {
      throw new EngineError(
        'ROWS_UNSORTED',
        `cannot compare table "${table}": two of its rows are out of order or share one key`,
        {
          site: {table},
          hint: 'Run PRAGMA integrity_check on the database: an index may be damaged.',
        },
      );
    }
    last = row.key;
    yield row;
  }
  return undefined;
}
