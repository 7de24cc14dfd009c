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
  const olds = new Side(table, before);
  const news = new Side(table, after);
  let old = olds.next();
  let now = news.next();
  while (old && now) {
    if (old === now || old.key === now.key) {
      if (old.text !== now.text) yield {op: 'update', key: old.key, before: old, after: now};
      old = olds.next();
      now = news.next();
    } else if (old.key < now.key) {
      yield {op: 'delete', key: old.key, before: old};
      old = olds.next();
    } else {
      yield {op: 'insert', key: now.key, after: now};
      now = news.next();
    }
  }
  for (; old; old = olds.next()) yield {op: 'delete', key: old.key, before: old};
  for (; now; now = news.next()) yield {op: 'insert', key: now.key, after: now};
}

/** The rows of one side, one after the other; a generator would take three times as long. */
class Side {
  readonly #table: string;
  readonly #rows: Iterator<CanonicalRow, unknown, undefined>;
  #last: string | undefined;

  constructor(table: string, rows: Iterable<CanonicalRow>) {
    this.#table = table;
    this.#rows = rows[Symbol.iterator]();
  }

  next(): CanonicalRow | undefined {
    const {done, value} = this.#rows.next();
    if (done === true) return undefined;
    if (this.#last !== undefined && this.#last >= value.key) throw outOfOrder(this.#table);
    this.#last = value.key;
    return value;
  }
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
    if (last !== undefined && last >= row.key) throw outOfOrder(table);
    last = row.key;
    yield row;
  }
  return undefined;
}

function outOfOrder(table: string): EngineError {
  return new EngineError(
    'ROWS_UNSORTED',
    `cannot compare table "${table}": two of its rows are out of order or share one key`,
    {
      site: {table},
      hint: 'Run PRAGMA integrity_check on the database: an index may be damaged.',
    },
  );
}
