/** What a user asks of one table, and the rules of merging that follow from it. */
import type {RowFilter} from '../schema/row-filter.ts';
import type {MergeRules, Side} from './rules.ts';

export const POLICY_NAMES = ['mirror', 'merge', 'seed', 'off'] as const;
export const CONFLICT_RULES = ['primaryWins', 'replicaWins', 'fail'] as const;
export const DRIFT_RULES = ['repair', 'keep', 'report'] as const;

export type PolicyName = (typeof POLICY_NAMES)[number];
export type ConflictRule = (typeof CONFLICT_RULES)[number];
export type DriftRule = (typeof DRIFT_RULES)[number];

/** As it is configured; what is left out falls to the profile, and then to the default. */
export type TablePolicy = {
  /**
   * `mirror`: an exact copy. `merge`: three ways. `seed`: rows come and go with the primary, contents are each instance's own.
   * `off`: not replicated.
   */
  readonly policy?: PolicyName | undefined;
  /** Of `merge`: who wins where both sides changed the same; default `fail`, which asks. */
  readonly onConflict?: ConflictRule | undefined;
  /**
   * Of `mirror` and `seed`: what becomes of local edits. `repair` (default) puts them back when it meets them, `report` leaves them
   * until there is a new snapshot, `keep` until the primary changes the same row.
   */
  readonly drift?: DriftRule | undefined;
  /** Columns that are each instance's own: the primary's cells come with a new row only. */
  readonly local?: readonly string[] | undefined;
  /** Only these rows are replicated; all others are left alone. */
  readonly where?: readonly RowFilter[] | undefined;
  /** Integer keys from here on belong to the instance: it gives them to its own rows, which are left alone. */
  readonly ownKeys?: number | undefined;
};

/** A policy with nothing left out. */
export type EffectivePolicy = TablePolicy & {
  readonly policy: PolicyName;
  readonly onConflict: ConflictRule;
  readonly drift: DriftRule;
  readonly local: readonly string[];
  readonly where: readonly RowFilter[];
};

export const DEFAULT_POLICY: EffectivePolicy = {
  policy: 'mirror',
  onConflict: 'fail',
  drift: 'repair',
  local: [],
  where: [],
};

/** True where local edits are told from the primary's by what was last applied. */
export function needsBase({policy, drift}: EffectivePolicy): boolean {
  return policy === 'merge' || drift === 'keep';
}

const WINNERS: Readonly<Record<ConflictRule, Side | 'fail'>> = {
  primaryWins: 'theirs',
  replicaWins: 'ours',
  fail: 'fail',
};

/**
 * The rules that a policy other than `off` stands for.
 *
 * @param own Further columns that only this database has.
 */
export function rulesOf(
  {policy, onConflict, drift, local}: EffectivePolicy,
  own: readonly string[] = [],
): MergeRules {
  const columns = new Map<string, Side>([...local, ...own].map((name) => [name, 'ours']));
  if (policy === 'merge')
    return {rows: 'merge', cells: 'merge', columns, divergent: WINNERS[onConflict], grain: 'cell'};
  const cells = policy === 'seed' ? 'ours' : 'theirs';
  // Local edits stay until the primary touches the row, and then it wins.
  if (drift === 'keep')
    return {
      rows: 'merge',
      cells: policy === 'seed' ? 'ours' : 'merge',
      columns,
      divergent: 'theirs',
      grain: 'row',
    };
  return {rows: 'theirs', cells, columns, divergent: 'theirs', grain: 'row'};
}
