/**
 * What rows become under policies: a naive model that holds everything in maps, written from docs/policies.md alone. It says which
 * rows a table comes to by itself, and whether they can stand side by side with those of the others.
 */
import {childTuple, keyOf, parentTuple, referencesOf} from '../actions.ts';
import type {TableSpec} from '../cases.ts';
import {accepted, type Content, type Row} from '../databases.ts';
import {settleBelonging} from './belonging.ts';
import {policyOf} from './cases.ts';
import {
  isAtRest,
  isFollowed,
  isOwn,
  mixed,
  sharedColumns,
  withdraw,
  type Known,
  type NaiveConflict,
} from './followed.ts';

export type Merged = {
  /** All tables; computed columns are as the database would have them where `fits`. */
  readonly wanted: Content;
  readonly conflicts: readonly NaiveConflict[];
  /** Keys that new rows of the primary have, and rows that are left alone. */
  readonly taken: readonly string[];
  /** False where rows of the result clash, or lack what they refer to: then some give way. */
  readonly fits: boolean;
};

export function mergeAll(known: Known): Merged {
  const conflicts: NaiveConflict[] = [];
  const taken: string[] = [];
  const content = new Map<string, readonly Row[]>();
  for (const table of known.tables) {
    const rows = table.replicated
      ? mergeTable(known, table, conflicts, taken)
      : (known.ours.get(table.name) ?? []);
    content.set(table.name, rows);
  }
  const isStable = settleBelonging(known, content, conflicts);
  const stored = accepted(known.tables, content);
  const fits = isStable && stored !== undefined && !dangles(known, content);
  return {wanted: stored ?? content, conflicts, taken, fits};
}

/** Rows come and go with the primary. */
function isCopied(known: Known, table: TableSpec): boolean {
  const {policy, drift} = policyOf(known.made, table.name);
  return policy !== 'merge' && drift !== 'keep';
}

function mergeTable(
  known: Known,
  table: TableSpec,
  conflicts: NaiveConflict[],
  taken: string[],
): readonly Row[] {
  const {made, base, ours, theirs} = known;
  const rows = ours.get(table.name) ?? [];
  if (isAtRest(known, table)) return rows;
  const test = isFollowed(made, table, 'both');
  const byKey = (content: Content): Map<string, Row> =>
    new Map((content.get(table.name) ?? []).filter(test).map((row) => [keyOf(table, row), row]));
  const [was, here, there] = [byKey(base), byKey(ours), byKey(theirs)];
  const result = rows.filter((row) => !test(row));
  const alone = new Set(result.map((row) => keyOf(table, row)));
  for (const key of new Set([...here.keys(), ...there.keys()])) {
    const merging = {known, table, conflicts};
    const merged = mergeRow(merging, {
      was: was.get(key),
      our: here.get(key),
      their: there.get(key),
    });
    if (merged === undefined) {
      if (alone.has(key)) withdraw(conflicts, table, key);
      continue;
    }
    // A row that was followed, and is left alone by now, is left alone from then on.
    if (!alone.has(key)) result.push(merged);
    else if (was.has(key)) withdraw(conflicts, table, key);
    else taken.push(`${table.name}[${key}]`);
  }
  for (const row of theirs.get(table.name) ?? []) {
    const {ownKeys} = policyOf(made, table.name);
    if (ownKeys !== undefined && isOwn(table, row, ownKeys)) taken.push(keyOf(table, row));
  }
  return result;
}

type Merging = {
  readonly known: Known;
  readonly table: TableSpec;
  readonly conflicts: NaiveConflict[];
};

type Versions = {
  readonly was: Row | undefined;
  readonly our: Row | undefined;
  readonly their: Row | undefined;
};

function mergeRow(
  {known, table, conflicts}: Merging,
  {was, our, their}: Versions,
): Row | undefined {
  const {made} = known;
  const {policy, onConflict, local} = policyOf(made, table.name);
  const shared = sharedColumns(made, table);
  if (isCopied(known, table)) {
    if (our === undefined || their === undefined) return their;
    return policy === 'seed' ? our : mixed(their, our, local);
  }
  const wins = policy === 'merge' ? onConflict : 'primaryWins';
  const side = wins === 'primaryWins' ? 'theirs' : 'ours';
  const merged = policy === 'seed' ? [] : shared;
  const differing = (a: Row, b: Row): readonly string[] =>
    merged.filter((name) => a[name] !== b[name]);
  const conflict = (kind: NaiveConflict['kind'], columns: readonly string[] = []): void => {
    conflicts.push({
      table: table.name,
      key: keyOf(table, our ?? their ?? {}),
      kind,
      columns,
      taken: side,
      open: wins === 'fail',
    });
  };
  if (our === undefined || their === undefined) {
    const left = our ?? their;
    if (left === undefined || was === undefined) return left;
    if (differing(was, left).length === 0) return undefined;
    conflict(our === undefined ? 'deletedHere' : 'editedHere');
    return side === 'ours' ? our : their;
  }
  const both = differing(our, their);
  const byRow = policy !== 'merge';
  const clash =
    was === undefined
      ? both
      : byRow
        ? differing(was, our).length > 0 && differing(was, their).length > 0
          ? both
          : []
        : both.filter((name) => was[name] !== our[name] && was[name] !== their[name]);
  if (clash.length > 0) conflict(was === undefined ? 'bothInserted' : 'bothEdited', clash);
  const cells: Record<string, string> = {...our};
  for (const name of both) {
    const isTheirs = clash.includes(name) ? side === 'theirs' : was?.[name] === our[name];
    if (isTheirs) cells[name] = their[name] ?? 'null';
  }
  return cells;
}

/** A reference among tables that are followed leads nowhere. */
function dangles({tables}: Known, content: Content): boolean {
  return referencesOf(tables)
    .filter(({child, parent}) => child.replicated && parent.replicated)
    .some((reference) => {
      const {child, parent} = reference;
      const there = new Set(
        (content.get(parent.name) ?? []).map((row) => parentTuple(reference, row)),
      );
      return (content.get(child.name) ?? []).some((row) => {
        const value = childTuple(reference, row);
        return value !== undefined && !there.has(value);
      });
    });
}
