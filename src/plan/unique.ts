/**
 * Unique values on the move: which row frees a value before another one takes it, and which rows have to
 * step aside because they exchange values.
 */
import {encodeKey, type Fold} from '../canonical/key.ts';
import {must} from '../kernel/assert.ts';
import type {CanonicalRow, Cell, RowChange} from '../kernel/row.ts';
import type {TableSchema, UniqueIndex} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {foldOf, requiredFirst, tuple} from './order.ts';

/** An update or an insert: what a row of the result holds. */
export type Write = Exclude<RowChange, {readonly op: 'delete'}>;

/** What a row holds in each unique index of its table, encoded; undefined where it holds nothing that is known. */
type Entries = readonly (string | undefined)[];

/** Cells of a row in each unique index, as the database worked them out; by the text of the row. */
export type TriedEntries = ReadonlyMap<string, readonly (readonly Cell[] | undefined)[]>;

export type OrderedWrites = {
  /** Every write once, such that a value is free before it is taken, but for what `exchanged` frees. */
  readonly writes: readonly Write[];
  /** Rows that must give up their values in some unique indexes (by their place) before any of the writes. */
  readonly exchanged: ReadonlyMap<Write & {readonly op: 'update'}, ReadonlySet<number>>;
};

/**
 * How the entries of an index are known: from the compared cells, by asking the database (its index is
 * partial or on expressions), or not at all, which leaves the order to chance and the verdict to the
 * database.
 */
type Source = 'cells' | 'database' | 'unknown';

function sourceOf(schema: TableSchema, shape: TableShape, index: UniqueIndex): Source {
  const compared = new Set(shape.columns.map(({name}) => name));
  const generated = new Set(schema.columns.filter((c) => c.generated).map(({name}) => name));
  const columns = index.columns.map(({column}) => column);
  if (index.columns.some(({collation}) => foldOf(collation) === undefined)) return 'unknown';
  const outside = columns.some(
    (name) => name !== undefined && !compared.has(name) && !generated.has(name),
  );
  if (outside) return 'unknown';
  const plain = columns.every((name) => name !== undefined && compared.has(name));
  return plain && !index.partial ? 'cells' : 'database';
}

/** True where rows have to be tried in the database to know what they hold. */
export function needsTrial(schema: TableSchema, shape: TableShape): boolean {
  return schema.uniques.some((index) => sourceOf(schema, shape, index) === 'database');
}

/** Gives the entries of rows of one table. `tried` serves those that only the database knows. */
export function entryReader(
  schema: TableSchema,
  shape: TableShape,
  tried: TriedEntries = new Map(),
): (row: CanonicalRow) => Entries {
  const readers = schema.uniques.map((index, at) => {
    const folds = foldsOf(index);
    const source = sourceOf(schema, shape, index);
    if (source === 'cells') {
      const columns = index.columns.map(({column}) => must(column, 'a plain index has columns'));
      return (row: CanonicalRow) => tuple(shape, columns, row, folds);
    }
    if (source === 'unknown') return () => undefined;
    return (row: CanonicalRow) => encodeEntry(index, tried.get(row.text)?.[at]);
  });
  return (row) => readers.map((read) => read(row));
}

/** Cells as the unique index sees them. */
export function encodeEntry(
  index: UniqueIndex,
  cells: readonly Cell[] | undefined,
): string | undefined {
  return cells === undefined ? undefined : encodeKey(cells, foldsOf(index));
}

function foldsOf({columns}: UniqueIndex): readonly Fold[] {
  return columns.map(({collation}) => foldOf(collation) ?? 'binary');
}

/**
 * Orders the writes of one table. Linear in writes and indexes.
 *
 * @param reluctant Rows that cannot step aside: where a cycle has others, these are taken.
 */
export function orderWrites(
  writes: readonly Write[],
  entriesOf: (row: CanonicalRow) => Entries,
  reluctant: ReadonlySet<Write> = new Set(),
): OrderedWrites {
  const after = new Map(writes.map((write) => [write, entriesOf(write.after)]));
  const holders = holdersOf(writes, entriesOf);
  const holderOf = (write: Write, index: number): Write | undefined => {
    const entry = after.get(write)?.[index];
    const holder = entry === undefined ? undefined : holders[index]?.get(entry);
    return holder === write ? undefined : holder;
  };
  const requires = (write: Write): readonly Write[] =>
    holders.map((_, index) => holderOf(write, index)).filter((holder) => holder !== undefined);
  const exchanged = new Map<Write & {readonly op: 'update'}, Set<number>>();
  // Whoever of a cycle is met first steps aside.
  const first = writes.filter((write) => !reluctant.has(write));
  const last = writes.filter((write) => reluctant.has(write));
  const order = requiredFirst([...first, ...last], requires, (write, holder) => {
    if (holder.op !== 'update') return;
    const indexes = exchanged.get(holder) ?? new Set();
    holders.forEach((_, index) => {
      if (holderOf(write, index) === holder) indexes.add(index);
    });
    exchanged.set(holder, indexes);
  });
  return {writes: order, exchanged};
}

/** For each index, which updated row holds an entry before the plan. */
function holdersOf(
  writes: readonly Write[],
  entriesOf: (row: CanonicalRow) => Entries,
): readonly ReadonlyMap<string, Write>[] {
  const holders: Map<string, Write>[] = [];
  for (const write of writes) {
    if (write.op !== 'update') continue;
    entriesOf(write.before).forEach((entry, index) => {
      const known = (holders[index] ??= new Map());
      if (entry !== undefined) known.set(entry, write);
    });
  }
  return holders;
}
