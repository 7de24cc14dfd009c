/** Columns that only this database has: what the application writes there meanwhile is not written over. */
import {EngineError} from '../kernel/errors.ts';
import {rowText} from '../canonical/row.ts';
import type {RowChange, WireRow} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {groupOf} from './rows-now.ts';

/**
 * An adapted snapshot says of own columns what they held when it was made. A change that would write something else into
 * those of the same row was planned too late.
 *
 * @throws {EngineError} `PLAN_STALE`, retryable once the snapshot is adapted anew.
 */
export function refuseOutdated(
  shape: TableShape,
  own: readonly string[],
  changes: readonly RowChange[],
): void {
  if (own.length === 0) return;
  const isOwn = shape.columns.map(({name}) => own.includes(name));
  const textOf = (row: WireRow, ofOwn: boolean): string =>
    rowText(row.filter((_, at) => isOwn[at] === ofOwn));
  const groupIn = ({key}: RowChange): string => (shape.keyKind === 'primary' ? key : groupOf(key));
  for (const group of Map.groupBy(changes, groupIn).values()) {
    const befores = group.flatMap((change) =>
      change.op === 'insert' ? [] : [change.before.cells],
    );
    const afters = group.flatMap((change) => (change.op === 'delete' ? [] : [change.after.cells]));
    const [before, after] = [befores[0], afters[0]];
    const isOne = befores.length === 1 && afters.length === 1 && before && after;
    if (isOne && textOf(before, true) !== textOf(after, true)) throw outdated(shape);
    // Of several rows, each took over what an otherwise equal one had.
    const wanted = new Set(afters.map((row) => textOf(row, false)));
    if (!isOne && befores.some((row) => wanted.has(textOf(row, false)))) throw outdated(shape);
  }
}

function outdated({table}: TableShape): EngineError {
  return new EngineError(
    'PLAN_STALE',
    `cannot plan: rows of table "${table}" changed, in columns that the snapshot does not have, while it was adapted`,
    {site: {table}, hint: 'Run replicate again: it plans afresh.', retryable: true},
  );
}
