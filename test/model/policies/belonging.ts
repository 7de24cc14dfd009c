/** Rows that belong to others by ON DELETE CASCADE: they stay, go and come back with them. Part of the naive model. */
import {childTuple, keyOf, parentTuple, referencesOf} from '../actions.ts';
import type {TableSpec} from '../cases.ts';
import type {Content, Row} from '../databases.ts';
import {holds, policyOf} from './cases.ts';
import {isAtRest, isFollowed, mixed, withdraw, type Known, type NaiveConflict} from './followed.ts';

const ROUNDS_MAX = 10;

/**
 * Rows that belong to a row that is only here stay; rows of the snapshot that belong to a row that is not here are left out; a row
 * that comes back comes with all that belongs to it. False where that does not come to an end.
 */
export function settleBelonging(
  known: Known,
  content: Map<string, readonly Row[]>,
  conflicts: NaiveConflict[],
): boolean {
  const belonging = referencesOf(known.tables).filter(
    ({child, parent, onDelete}) => child.replicated && parent.replicated && onDelete === 'CASCADE',
  );
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const changed = belonging.map((reference) => {
      if (isAtRest(known, reference.child)) return false;
      const others = belonging.filter(
        (other) => other.child === reference.child && other !== reference,
      );
      return settleOne(known, {reference, others, content, conflicts});
    });
    if (!changed.includes(true)) return true;
  }
  return false;
}

type Settling = {
  readonly reference: ReturnType<typeof referencesOf>[number];
  /** By which the same rows belong to others, too. */
  readonly others: readonly Settling['reference'][];
  readonly content: Map<string, readonly Row[]>;
  readonly conflicts: NaiveConflict[];
};

/** True where it changed something. */
function settleOne(known: Known, settling: Settling): boolean {
  const {reference, content} = settling;
  const {child} = reference;
  const rows = byKey(child, content);
  const shown = parentsShown(known, settling);
  const changed = [
    keepBelonging(known, settling, rows, shown),
    keepFromOther(known, settling, rows, shown),
    bringBelonging(known, settling, rows, shown),
    leaveOut(known, settling, rows, shown),
  ];
  content.set(child.name, [...rows.values()]);
  return changed.includes(true);
}

/** What rows of the other table can be referred to, as tuples. */
type Parents = {
  readonly now: ReadonlySet<string | undefined>;
  /** Those that come back. */
  readonly back: ReadonlySet<string | undefined>;
  /** Of the snapshot, those that are followed. */
  readonly theirs: ReadonlySet<string | undefined>;
  /** All of the primary. */
  readonly onPrimary: ReadonlySet<string | undefined>;
};

function parentsShown(known: Known, {reference, content}: Settling): Parents {
  const {made, ours, theirs, source} = known;
  const {parent} = reference;
  const here = byKey(parent, ours);
  const isFollowedRow = isFollowed(made, parent, 'both');
  const tuples = (
    from: Content,
    test: (row: Row) => boolean = () => true,
  ): ReadonlySet<string | undefined> =>
    new Set((from.get(parent.name) ?? []).filter(test).map((row) => parentTuple(reference, row)));
  return {
    now: tuples(content),
    back: tuples(content, (row) => !here.has(keyOf(parent, row))),
    theirs: tuples(theirs, isFollowedRow),
    onPrimary: tuples(source),
  };
}

type Rows = Map<string, Row>;

function keepBelonging(known: Known, {reference}: Settling, rows: Rows, shown: Parents): boolean {
  const {child} = reference;
  const there = byKey(child, known.theirs);
  const test = isFollowed(known.made, child, 'both');
  const kept = [...byKey(child, known.ours)].filter(([key, row]) => {
    const value = childTuple(reference, row);
    if (rows.has(key) || there.has(key) || !test(row) || value === undefined) return false;
    return shown.now.has(value) && !shown.theirs.has(value);
  });
  for (const [key, row] of kept) rows.set(key, row);
  return kept.length > 0;
}

/** What belongs to a row that is left alone stays, where the row of its key on the primary belongs to none that is here. */
function keepFromOther(known: Known, settling: Settling, rows: Rows, shown: Parents): boolean {
  const {reference, conflicts} = settling;
  const {child, parent} = reference;
  const there = byKey(child, known.theirs);
  const test = isFollowed(known.made, child, 'both');
  const isFollowedParent = isFollowed(known.made, parent, 'both');
  const isLacking = lacking(known, settling, shown);
  const alone = new Set(
    (known.ours.get(parent.name) ?? [])
      .filter((row) => !isFollowedParent(row))
      .map((row) => parentTuple(reference, row)),
  );
  const kept = [...byKey(child, known.ours)].filter(([key, our]) => {
    const their = there.get(key);
    const value = childTuple(reference, our);
    if (their === undefined || value === undefined || !alone.has(value)) return false;
    if (!test(our) || !test(their) || childTuple(reference, their) === value) return false;
    return isLacking(their) && JSON.stringify(rows.get(key)) !== JSON.stringify(our);
  });
  for (const [key, our] of kept) {
    rows.set(key, our);
    withdraw(conflicts, child, key);
  }
  return kept.length > 0;
}

function bringBelonging(known: Known, settling: Settling, rows: Rows, shown: Parents): boolean {
  const {reference, others, conflicts} = settling;
  const {child} = reference;
  const here = byKey(child, known.ours);
  const test = isFollowed(known.made, child, 'both');
  const lacks = others.map((other) => lacking(known, {...settling, reference: other}));
  const isHeld = (key: string): boolean =>
    conflicts.some((one) => one.table === child.name && one.key === key);
  const brought = [...byKey(child, known.theirs)].filter(([key, row]) => {
    const value = childTuple(reference, row);
    if (rows.has(key) || here.has(key) || !test(row) || value === undefined) return false;
    return shown.back.has(value) && !isHeld(key) && !lacks.some((isLacking) => isLacking(row));
  });
  for (const [key, row] of brought) rows.set(key, row);
  return brought.length > 0;
}

/** Rows of the snapshot whose row is not here; a row that is here already keeps its reference. */
function leaveOut(known: Known, settling: Settling, rows: Rows, shown: Parents): boolean {
  const {reference, conflicts} = settling;
  const {made, ours} = known;
  const {child, columns} = reference;
  const here = byKey(child, ours);
  const test = isFollowed(made, child, 'both');
  const isLacking = lacking(known, settling, shown);
  const left = [...rows].filter(([key, row]) => {
    const our = here.get(key);
    if (!test(row) || !isLacking(row)) return false;
    return our === undefined || childTuple(reference, our) !== childTuple(reference, row);
  });
  for (const [key, row] of left) {
    const our = here.get(key);
    if (our !== undefined) {
      rows.set(key, mixed(row, our, columns));
      continue;
    }
    rows.delete(key);
    // Nothing is left to be in conflict about.
    withdraw(conflicts, child, key);
  }
  return left.length > 0;
}

/** True for rows that belong to one of the primary's which is not here. */
function lacking(
  known: Known,
  settling: Settling,
  shown: Parents = parentsShown(known, settling),
): (row: Row) => boolean {
  const {reference} = settling;
  const {where} = policyOf(known.made, reference.parent.name);
  const isPartial = where !== undefined && holds(where.at, 'primary');
  return (row) => {
    const value = childTuple(reference, row);
    if (value === undefined || shown.now.has(value)) return false;
    return shown.onPrimary.has(value) || isPartial;
  };
}

function byKey(table: TableSpec, content: Content): Rows {
  return new Map((content.get(table.name) ?? []).map((row) => [keyOf(table, row), row]));
}
