/** Three ordered streams of rows of one table → what becomes of those that change, or are in conflict. Pure. */
import {inKeyOrder} from '../diff/diff-rows.ts';
import {fewestInGroup} from '../diff/fewest-changes.ts';
import {rowText} from '../canonical/row.ts';
import {must} from '../kernel/assert.ts';
import type {CanonicalRow, RowChange} from '../kernel/row.ts';
import {encodeKeyCell} from '../canonical/key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {rowMerger, type MergedRow, type RowMerger} from './merge-row.ts';
import type {MergeRules} from './rules.ts';

/** Rows that share a key: one of each version, or several where the key is that of a multiset. */
export type MergedGroup = {
  /** Without the number among rows of equal key. */
  readonly key: string;
  /** Those that change or are in conflict. */
  readonly rows: readonly MergedRow[];
  /** How many rows of this key there are in the database that is written. */
  readonly size: number;
};

type Sources = {
  readonly base: Iterable<CanonicalRow>;
  readonly ours: Iterable<CanonicalRow>;
  readonly theirs: Iterable<CanonicalRow>;
};

/**
 * Streams the groups in which something changes or is in conflict, in key order. Each side is in key order; held is one group.
 *
 * @throws {EngineError} `ROWS_UNSORTED` if a side breaks that order.
 */
export function* mergeTable(
  shape: TableShape,
  rules: MergeRules,
  {base, ours, theirs}: Sources,
): Generator<MergedGroup, void, undefined> {
  const merging: Merging = {
    merge: rowMerger(rules, shape.columns),
    isTold: asksBase(shape, rules),
    likenesses: likenessesOf(shape, rules),
  };
  const sides = [groupsOf(shape, base), groupsOf(shape, ours), groupsOf(shape, theirs)];
  const heads = sides.map((side) => side.next().value);
  for (;;) {
    const first = heads.reduce<Group | undefined>(
      (least, head) => (head && (!least || isBefore(head.key, least.key)) ? head : least),
      undefined,
    );
    if (first === undefined) return;
    const [was = [], here = [], there = []] = heads.map((head, at) => {
      if (head?.key !== first.key) return undefined;
      heads[at] = sides[at]?.next().value;
      return head.rows;
    });
    const rows = mergeGroup(merging, {was, here, there}).filter(
      ({row, ours: our, conflict}) => row?.text !== our?.text || conflict !== undefined,
    );
    if (rows.length > 0) yield {key: first.key, rows, size: here.length};
  }
}

type Merging = {
  readonly merge: RowMerger;
  readonly isTold: boolean;
  readonly likenesses: readonly Likeness[];
};

/**
 * True where something is merged, be it only the cells of rows that one side decides on. A key of its own tells in any case which
 * row was which.
 */
function asksBase({columns, keyKind}: TableShape, rules: MergeRules): boolean {
  const asks = ({name}: {readonly name: string}): boolean =>
    (rules.columns.get(name) ?? rules.cells) === 'merge';
  return keyKind === 'primary' || rules.rows === 'merge' || columns.some(asks);
}

/** The changes that make of ours what was merged. */
export function groupChanges(
  shape: TableShape,
  {key, rows, size}: MergedGroup,
): readonly RowChange[] {
  const changed = rows.filter(({row, ours}) => row?.text !== ours?.text);
  if (shape.keyKind === 'primary') return changed.map(changeOf);
  // Rows that are edited stand first on both sides, so that none is written in the place of one that goes.
  const isEdited = ({ours, row}: MergedRow): boolean => ours !== undefined && row !== undefined;
  const inPlace = [...changed.filter(isEdited), ...changed.filter((row) => !isEdited(row))];
  const befores = inPlace.flatMap(({ours}) => (ours === undefined ? [] : [ours]));
  const afters = inPlace.flatMap(({row}) => (row === undefined ? [] : [row]));
  return [...fewestInGroup(befores, afters, (at) => `${key},${encodeKeyCell(BigInt(size + at))}`)];
}

function changeOf({ours, row}: MergedRow): RowChange {
  if (ours === undefined) {
    const after = must(row, 'a row that is nowhere does not change');
    return {op: 'insert', key: after.key, after};
  }
  if (row === undefined) return {op: 'delete', key: ours.key, before: ours};
  return {op: 'update', key: ours.key, before: ours, after: row};
}

type Group = {readonly key: string; readonly rows: readonly CanonicalRow[]};

/** Rows of equal key stand together, since keys end with their number. */
function* groupsOf(
  shape: TableShape,
  rows: Iterable<CanonicalRow>,
): Generator<Group, undefined, undefined> {
  let key: string | undefined;
  let group: CanonicalRow[] = [];
  for (const row of inKeyOrder(shape.table, rows)) {
    const next = groupKey(shape, row.key);
    if (key !== undefined && next !== key) {
      yield {key, rows: group};
      group = [];
    }
    key = next;
    group.push(row);
  }
  if (key !== undefined) yield {key, rows: group};
  return undefined;
}

/** The key without the number among rows of equal key. */
export function groupKey({keyKind}: Pick<TableShape, 'keyKind'>, key: string): string {
  return keyKind === 'primary' ? key : key.slice(0, key.lastIndexOf(','));
}

/** As whole keys are ordered, in which a comma or nothing follows. */
function isBefore(a: string, b: string): boolean {
  return `${a},` < `${b},`;
}

type Lists = {
  readonly was: readonly CanonicalRow[];
  readonly here: readonly CanonicalRow[];
  readonly there: readonly CanonicalRow[];
};

/** Where something is merged, ours and theirs are told from the base; else from one another alone. */
function mergeGroup({merge, isTold, likenesses}: Merging, lists: Lists): readonly MergedRow[] {
  const {was, here, there} = isTold ? lists : {...lists, was: []};
  const ours = paired(likenesses, was, here);
  const theirs = paired(likenesses, was, there);
  const known = was.map((base, at) =>
    merge({base, ours: ours.found[at], theirs: theirs.found[at]}),
  );
  const added = paired(likenesses, ours.rest, theirs.rest);
  return [
    ...known,
    ...ours.rest.map((our, at) => merge({base: undefined, ours: our, theirs: added.found[at]})),
    ...added.rest.map((their) => merge({base: undefined, ours: undefined, theirs: their})),
  ];
}

/** What rows of one key have in common that are taken for the same. */
type Likeness = (row: CanonicalRow) => string;

/**
 * Of several rows with one key, those with equal text are the same row; then those that differ in columns of one
 * side alone, which are not meant to agree; of the rest, in the order of their text, the first on one side is the
 * first on the other.
 */
function likenessesOf({columns}: TableShape, rules: MergeRules): readonly Likeness[] {
  const isShared = columns.map(({name}) => !rules.columns.has(name));
  const shared: Likeness = ({cells}) => rowText(cells.filter((_, at) => isShared[at]));
  return [({text}) => text, ...(isShared.includes(false) ? [shared] : []), () => ''];
}

type Paired = {
  /** The partner of each row, in the order of the rows. */
  readonly found: readonly (CanonicalRow | undefined)[];
  /** Those that are nobody's partner. */
  readonly rest: readonly CanonicalRow[];
};

function paired(
  likenesses: readonly Likeness[],
  rows: readonly CanonicalRow[],
  others: readonly CanonicalRow[],
): Paired {
  const found = new Map<CanonicalRow, CanonicalRow>();
  const left = new Set(others);
  for (const alike of likenesses) {
    const free = Map.groupBy(left, alike);
    for (const row of rows) {
      const other = found.has(row) ? undefined : free.get(alike(row))?.shift();
      if (other === undefined) continue;
      found.set(row, other);
      left.delete(other);
    }
  }
  return {found: rows.map((row) => found.get(row)), rest: [...left]};
}
