/** What policies say of tables and rows, as docs/policies.md has it; part of the naive model. */
import {referencesOf} from '../actions.ts';
import {columnOf, type TableSpec} from '../cases.ts';
import type {Content, Row} from '../databases.ts';
import {folded, literal} from '../values.ts';
import {holds, policyOf, type PolicyCase} from './cases.ts';

export type Known = {
  readonly made: PolicyCase;
  /** Tables that are off count as local. */
  readonly tables: readonly TableSpec[];
  /** What was last applied, as far as that is known. */
  readonly base: Content;
  readonly ours: Content;
  /** What was captured. */
  readonly theirs: Content;
  /** All rows of the primary. */
  readonly source: Content;
  /** True where the replica stands on this snapshot already. */
  readonly isOnRecord: boolean;
};

export type NaiveConflict = {
  readonly table: string;
  /** As `keyOf` names it. */
  readonly key: string;
  readonly kind: 'bothEdited' | 'editedHere' | 'deletedHere' | 'bothInserted';
  readonly columns: readonly string[];
  readonly taken: 'ours' | 'theirs';
  readonly open: boolean;
};

/** True for rows that are replicated, by what either side says of it. */
export function isFollowed(
  made: PolicyCase,
  table: TableSpec,
  side: 'primary' | 'both',
): (row: Row) => boolean {
  const {where, ownKeys} = policyOf(made, table.name);
  const isAsked = where !== undefined && (side === 'both' || holds(where.at, 'primary'));
  const listed = new Set(where?.values.map((value) => folded(literal(value), undefined)));
  return (row) => {
    if (ownKeys !== undefined && side === 'both' && isOwn(table, row, ownKeys)) return false;
    return !isAsked || listed.has(folded(row[where.column] ?? 'null', undefined)) !== where.isNot;
  };
}

export function isOwn({key}: TableSpec, row: Row, from: number): boolean {
  const value = row[key[0] ?? ''] ?? 'null';
  return value.startsWith('integer ') && BigInt(value.slice('integer '.length)) >= BigInt(from);
}

/** What a primary captures. */
export function captured(
  made: PolicyCase,
  tables: readonly TableSpec[],
  content: Content,
): Content {
  return new Map(
    tables
      .filter(({replicated}) => replicated)
      .map((table) => [
        table.name,
        (content.get(table.name) ?? []).filter(isFollowed(made, table, 'primary')),
      ]),
  );
}

export function isAtRest(
  {made, isOnRecord}: Pick<Known, 'made' | 'isOnRecord'>,
  {name}: TableSpec,
): boolean {
  const {policy, drift} = policyOf(made, name);
  return isOnRecord && policy !== 'merge' && drift === 'report';
}

/** Columns whose cells are merged or copied. */
export function sharedColumns(made: PolicyCase, table: TableSpec): readonly string[] {
  const {local} = policyOf(made, table.name);
  return table.columns
    .filter(({generated, name}) => generated === undefined && !local.includes(name))
    .map(({name}) => name);
}

/** Tables that are exact copies, whatever happens to others: nothing of theirs is left alone, and none of their rows belong to such rows. */
export function exactTables(made: PolicyCase, tables: readonly TableSpec[]): readonly TableSpec[] {
  const open = closedUnder(made, tables);
  return tables.filter(({name, replicated}) => {
    const {policy, drift, local} = policyOf(made, name);
    const isCopy = policy === 'mirror' && drift !== 'keep' && local.length === 0;
    return replicated && isCopy && !open.has(name);
  });
}

/** Tables whose keys are those of the snapshot. */
export function keyedTables(made: PolicyCase, tables: readonly TableSpec[]): readonly TableSpec[] {
  const open = closedUnder(made, tables);
  return tables.filter(({name, replicated}) => replicated && !open.has(name));
}

/** Tables that may hold rows of their own, and those whose rows belong to theirs. */
function closedUnder(made: PolicyCase, tables: readonly TableSpec[]): ReadonlySet<string> {
  const isOpen = ({name, replicated}: TableSpec): boolean => {
    const {policy, drift, where, ownKeys} = policyOf(made, name);
    const isMerged = policy === 'merge' || drift === 'keep';
    const mayRest = policy !== 'off' && drift === 'report';
    return replicated && (isMerged || mayRest || where !== undefined || ownKeys !== undefined);
  };
  const open = new Set(tables.filter(isOpen).map(({name}) => name));
  const belonging = referencesOf(tables).filter(
    ({child, onDelete}) => child.replicated && onDelete === 'CASCADE',
  );
  for (let size = -1; size !== open.size;) {
    size = open.size;
    for (const {child, parent} of belonging) if (open.has(parent.name)) open.add(child.name);
  }
  return open;
}

export function defaultOf(table: TableSpec, name: string): string {
  return literal(columnOf(table, name).default ?? 'NULL');
}

/** What a conflict was about is settled otherwise. */
export function withdraw(conflicts: NaiveConflict[], {name}: TableSpec, key: string): void {
  const at = conflicts.findIndex((one) => one.table === name && one.key === key);
  if (at >= 0) conflicts.splice(at, 1);
}

export function mixed(row: Row, other: Row, columns: readonly string[]): Row {
  return {...row, ...Object.fromEntries(columns.map((name) => [name, other[name] ?? 'null']))};
}
