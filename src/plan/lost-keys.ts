/** Values that rows can be referred to by, and lose: by the changes themselves, or by what follows from them. */
import {decodeCell} from '../canonical/cell.ts';
import type {CanonicalRow, Cell, RowChange} from '../kernel/row.ts';
import type {SetStatement} from '../kernel/statement.ts';
import {isKeyless} from '../schema/locator.ts';
import type {ForeignKey, TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {encodeReference, isReadable, referencesTo, type Tables} from './references.ts';

/** Values of referenced columns that a row held before the plan and does not hold after it. */
export type LostKey = {
  readonly key: ForeignKey;
  readonly values: readonly Cell[];
  /** What replaces them, where the row stays and only its values change. */
  readonly replacement: readonly Cell[] | undefined;
  /** Another row holds these values afterwards: whoever refers to them would change parents. */
  readonly retaken: boolean;
};

/** Referenced values that the changes of one replicated table take away from those who refer to them. */
export function lostKeys(
  schema: Tables,
  shape: TableShape,
  changes: readonly RowChange[],
): readonly LostKey[] {
  const parent = schema.get(shape.table);
  if (parent === undefined || changes.length === 0) return [];
  return referencesTo(schema, shape.table)
    .filter((key) => isReadable(parent, shape, key))
    .flatMap((key) => lostOf(schema, {table: parent, shape}, key, changes));
}

/** Values of the columns that `key` refers to which the changes bring to a table, encoded. */
export function gainedKeys(
  schema: Tables,
  shape: TableShape,
  key: ForeignKey,
  changes: readonly RowChange[],
): ReadonlySet<string> {
  const table = schema.get(shape.table);
  if (table === undefined || !isReadable(table, shape, key)) return new Set();
  const moves = changes.map((change) => moveOf({table, shape}, key, change));
  return new Set(
    moves.flatMap(({after}) => (after === undefined ? [] : [encodeReference(schema, key, after)])),
  );
}

type Parent = {readonly table: TableSchema; readonly shape: TableShape};

function lostOf(
  schema: Tables,
  parent: Parent,
  key: ForeignKey,
  changes: readonly RowChange[],
): readonly LostKey[] {
  const encode = (values: readonly Cell[]): string => encodeReference(schema, key, values);
  const moves = changes
    .map((change) => moveOf(parent, key, change))
    .filter(({before, after}) => {
      return before === undefined || after === undefined || encode(before) !== encode(after);
    });
  const gained = new Set(moves.flatMap(({after}) => (after === undefined ? [] : [encode(after)])));
  return moves.flatMap(({before, after}) => {
    if (before === undefined || before.includes(null)) return [];
    // An edited row of a keyless table goes and comes back: whoever refers to it stays.
    if (isKeyless(parent.table, parent.shape) && gained.has(encode(before))) return [];
    return [{key, values: before, replacement: after, retaken: gained.has(encode(before))}];
  });
}

/** Referenced cells of a row before and after a change; undefined where the row is not there. */
type Move = {
  readonly before: readonly Cell[] | undefined;
  readonly after: readonly Cell[] | undefined;
};

/** An id that does not travel stays with its row. */
function moveOf(parent: Parent, key: ForeignKey, change: RowChange): Move {
  const locator = change.op === 'insert' ? undefined : change.before.locator;
  const read = (row: CanonicalRow): readonly Cell[] => referenced(parent, key, {...row, locator});
  return {
    before: change.op === 'insert' ? undefined : read(change.before),
    after: change.op === 'delete' ? undefined : read(change.after),
  };
}

function referenced({table, shape}: Parent, key: ForeignKey, row: CanonicalRow): readonly Cell[] {
  return key.parentColumns.map((name) => {
    const at = shape.columns.findIndex((column) => column.name === name);
    if (at >= 0) return decodeCell(row.cells[at]);
    return row.locator?.[table.primaryKey.findIndex((column) => column.name === name)] ?? null;
  });
}

/**
 * What rows changed by a cascade take away from others in turn. A value that is only respelled is not lost.
 *
 * @param values Distinct values of the columns that `key` references, among the rows that change.
 */
export function lostByCascade(
  schema: Tables,
  statement: Exclude<SetStatement, {readonly op: 'remapSet'}>,
  key: ForeignKey,
  values: readonly (readonly Cell[])[],
): readonly LostKey[] {
  const whole = values.filter((cells) => !cells.includes(null));
  if (statement.op === 'deleteSet') {
    return whole.map((cells) => ({key, values: cells, replacement: undefined, retaken: false}));
  }
  if (!key.parentColumns.some((column) => statement.columns.includes(column))) return [];
  const encode = (cells: readonly Cell[]): string => encodeReference(schema, key, cells);
  return whole.flatMap((cells) => {
    const replacement = key.parentColumns.map((column, at) => {
      const changed = statement.columns.indexOf(column);
      return (changed < 0 ? cells[at] : statement.cells[changed]) ?? null;
    });
    if (encode(cells) === encode(replacement)) return [];
    return [{key, values: cells, replacement, retaken: false}];
  });
}

/** Notes which of the values are taken over by a row that gives up another of them. */
export function withRetaken(schema: Tables, lost: readonly LostKey[]): readonly LostKey[] {
  const taken = new Map<ForeignKey, Set<string>>();
  for (const {key, replacement} of lost) {
    if (replacement === undefined) continue;
    const values = taken.get(key) ?? new Set();
    taken.set(key, values.add(encodeReference(schema, key, replacement)));
  }
  return lost.map((item) => {
    const retaken = taken.get(item.key)?.has(encodeReference(schema, item.key, item.values));
    return retaken === true ? {...item, retaken} : item;
  });
}
