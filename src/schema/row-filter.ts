/** Which rows of a table are replicated: conditions on single columns, all of which a row has to meet. */
import {encodeWireKey} from '../canonical/key.ts';
import {EngineError} from '../kernel/errors.ts';
import type {WireCell, WireRow} from '../kernel/row.ts';

/**
 * One condition. Cells are compared by type and value, without any collation; as in keys, 1 and 1.0 are one value. NULL is a value
 * like any other: `not` holds for it unless it is listed.
 */
export type RowFilter = {
  readonly column: string;
} & (
  | {readonly in: readonly WireCell[]}
  | {readonly not: readonly WireCell[]}
  /** Integer keys below this one; those from there on belong to the instance. */
  | {readonly below: WireCell}
);

/** Whether a row of these columns meets all conditions. */
export type RowTest = (cells: WireRow) => boolean;

/** @throws {EngineError} `CONFIG_INVALID` naming a column that the table does not have, or that does not travel. */
export function rowTest(
  table: string,
  columns: readonly {readonly name: string}[],
  filters: readonly RowFilter[],
): RowTest {
  const tests = filters.map((filter) => {
    const at = columns.findIndex(({name}) => name === filter.column);
    if (at < 0) throw noColumn(table, filter.column);
    const holds = cellTest(filter);
    return (cells: WireRow) => holds(encoded(cells[at] ?? null));
  });
  return (cells) => tests.every((test) => test(cells));
}

function cellTest(filter: RowFilter): (cell: string) => boolean {
  if ('in' in filter) {
    const listed = new Set(filter.in.map(encoded));
    return (cell) => listed.has(cell);
  }
  if ('not' in filter) {
    const listed = new Set(filter.not.map(encoded));
    return (cell) => !listed.has(cell);
  }
  const bound = encoded(filter.below);
  return (cell) => cell < bound;
}

const encoded = (cell: WireCell): string => encodeWireKey([cell], ['binary']);

function noColumn(table: string, column: string): EngineError {
  return new EngineError(
    'CONFIG_INVALID',
    `rows of table "${table}" cannot be chosen by column "${column}": it is not one of the replicated ones`,
    {
      site: {table, column},
      hint: 'Name a column of the table that travels; an id of link rows does not.',
    },
  );
}
