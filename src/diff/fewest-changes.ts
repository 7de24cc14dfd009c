/** The fewest changes that bring one multiset to another. Pure. */
import type {CanonicalRow, RowChange} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';

/**
 * Drops from the changes of one table what cancels out.
 *
 * Rows of a multiset are paired by their number among those of equal key, so that one row less can look like
 * many that changed. Rows that stand on both sides are left alone here; what remains is paired again, and
 * the rest is inserted or deleted. Tables with a key of their own pass unchanged.
 *
 * @param changes In key order. Held are those of one key at a time, and only where rows of it differ.
 */
export function* fewestChanges(
  shape: TableShape,
  changes: Iterable<RowChange>,
): Generator<RowChange, void, undefined> {
  if (shape.keyKind === 'primary') return yield* changes;
  let group: RowChange[] = [];
  let groupKey: string | undefined;
  for (const change of changes) {
    const key = change.key.slice(0, change.key.lastIndexOf(','));
    if (key !== groupKey) {
      yield* paired(group);
      group = [];
    }
    groupKey = key;
    // Updates come first: a group that begins otherwise has rows on one side alone.
    if (group.length === 0 && change.op !== 'update') yield change;
    else group.push(change);
  }
  yield* paired(group);
}

function* paired(group: readonly RowChange[]): Generator<RowChange> {
  const befores = group.flatMap((change) => (change.op === 'insert' ? [] : [change.before]));
  const afters = group.flatMap((change) => (change.op === 'delete' ? [] : [change.after]));
  // As many rows are added as before, and they are numbered on from those that stand there.
  const numbers = group.flatMap(({op, key}) => (op === 'insert' ? [key] : []));
  yield* fewestInGroup(befores, afters, (at) => numbers[at]);
}

/**
 * Turns some rows of one key into others: rows that stand on both sides are left alone.
 *
 * @param keyOf The key of the n-th row that is added.
 */
export function* fewestInGroup(
  befores: readonly CanonicalRow[],
  afters: readonly CanonicalRow[],
  keyOf: (at: number) => string | undefined,
): Generator<RowChange> {
  const going = without(befores, afters);
  const coming = without(afters, befores);
  for (const [at, before] of going.entries()) {
    const after = coming[at];
    yield after === undefined
      ? {op: 'delete', key: before.key, before}
      : {op: 'update', key: before.key, before, after};
  }
  for (const [at, after] of coming.slice(going.length).entries())
    yield {op: 'insert', key: keyOf(at) ?? after.key, after};
}

/** Rows that have no equal among the others, each of which stands for one. */
function without(
  rows: readonly CanonicalRow[],
  others: readonly CanonicalRow[],
): readonly CanonicalRow[] {
  const counts = new Map<string, number>();
  for (const {text} of others) counts.set(text, (counts.get(text) ?? 0) + 1);
  return rows.filter(({text}) => {
    const left = counts.get(text) ?? 0;
    counts.set(text, left - 1);
    return left <= 0;
  });
}
