/** Values on which a row can be parked while others take what it held: which to try, in which order. Pure. */
import {decodeCell} from '../canonical/cell.ts';
import {PARK_TRIES_MAX} from '../kernel/limits.ts';
import type {Cell, RowChange, WireCell} from '../kernel/row.ts';
import type {ParkingHints} from '../kernel/statement.ts';
import type {ColumnSchema, TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';

/** One row that steps aside: these columns of it take passing values, until the row gets its own new cells. */
export type Park = {
  readonly change: RowChange & {readonly op: 'update'};
  readonly columns: readonly string[];
  readonly cells: readonly Cell[];
};

/** Compared columns of a unique index that may hold a passing value: not those by which the row is found. */
export function parkableColumns(
  schema: TableSchema,
  shape: TableShape,
  indexes: Iterable<number>,
): readonly ColumnSchema[] {
  const own = new Set<string | undefined>();
  let anyExpression = false;
  for (const index of indexes) {
    for (const {column} of schema.uniques[index]?.columns ?? []) own.add(column);
  }
  const byName = new Map(schema.columns.map((column) => [column.name, column]));
  // An expression may look at any column of the row.
  anyExpression = [...own].some((name) => name === undefined || byName.get(name)?.generated);
  const keys = new Set(shape.keyKind === 'primary' ? shape.key.map(({name}) => name) : []);
  const candidates = shape.columns
    .filter(({name}) => !keys.has(name) && (own.has(name) || anyExpression))
    .flatMap(({name}) => byName.get(name) ?? []);
  const rank = (column: ColumnSchema): number =>
    (own.has(column.name) ? 0 : 2) + (column.notNull ? 1 : 0);
  return candidates.toSorted((a, b) => rank(a) - rank(b));
}

/**
 * Values for one column, most likely first, at most `PARK_TRIES_MAX`. None is proven free yet.
 *
 * @param turn Counts the rows parked by this column, so that each is offered another value first.
 */
export function* candidateCells(
  column: ColumnSchema,
  own: WireCell,
  {hints, turn}: {readonly hints: ParkingHints; readonly turn: number},
): Generator<Cell> {
  let tries = 0;
  for (const cell of allCandidates(column, decodeCell(own), hints, turn)) {
    if (tries++ === PARK_TRIES_MAX) return;
    yield cell;
  }
}

function* allCandidates(
  column: ColumnSchema,
  own: Cell,
  hints: ParkingHints,
  turn: number,
): Generator<Cell> {
  if (!column.notNull) yield null;
  if (typeof own === 'string') yield `${own}~${turn}`;
  else if (typeof own === 'bigint') yield* integers(hints, turn);
  else if (typeof own === 'number') yield* [own + turn + 0.5, own * 2 + turn + 1, -own - turn - 1];
  else if (own instanceof Uint8Array) yield Buffer.concat([own, Buffer.from(`~${turn}`)]);
  else if (own !== null) yield {textBytes: Buffer.concat([own.textBytes, Buffer.from(`~${turn}`)])};
  yield* hints.constants;
  yield* hints.between;
  yield* integers(hints, turn);
  for (const constant of hints.constants) {
    if (typeof constant === 'bigint') yield hints.above - 1n + constant;
  }
  if (typeof own === 'string') yield* ofSameLength(own);
  yield* [`~${turn}`, 0.5 + turn, Buffer.from(`~${turn}`)];
}

const INTEGER_MIN = -(2n ** 63n);
const INTEGER_MAX = 2n ** 63n - 1n;

function* integers({above, below}: ParkingHints, turn: number): Generator<bigint> {
  if (above + BigInt(turn) <= INTEGER_MAX) yield above + BigInt(turn);
  if (below - BigInt(turn) >= INTEGER_MIN) yield below - BigInt(turn);
}

const LAST_CHARACTERS = '~-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';

/** For columns that demand a form: the text with another last character. */
function* ofSameLength(own: string): Generator<string> {
  const head = own.replace(/.$/su, '');
  for (const last of LAST_CHARACTERS) yield head + last;
}
