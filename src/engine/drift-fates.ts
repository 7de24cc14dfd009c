/** What becomes of local edits, by the policies of their tables, and by what becomes of the rows that they belong to. */
import type {RowChange} from '../kernel/row.ts';
import type {EffectivePolicy} from '../merge/policy.ts';
import {tuple} from '../plan/order.ts';
import {referenceFolds, type Tables} from '../plan/references.ts';
import {changedColumns} from '../plan/rows.ts';
import type {ForeignKey} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {belongs} from './followed.ts';
import type {Policies} from './policies.ts';
import {referenceOf} from './settling.ts';

/**
 * `repaired`: put back by the next replicate. `overwritten`: by the next new snapshot. `kept`: until the primary changes the same, and
 * then as the policy says.
 */
export type Fate = 'repaired' | 'overwritten' | 'kept';

type Drifted = {readonly shape: TableShape; readonly changes: readonly RowChange[]};

/** The fate of every change. Rows that were added, or deleted, with one that stays so stay so, too. */
export function fatesOf(
  schema: Tables,
  drifted: readonly Drifted[],
  policies: Policies,
): ReadonlyMap<RowChange, Fate> {
  const fates = new Map<RowChange, Fate>();
  for (const {shape, changes} of drifted)
    for (const change of changes) fates.set(change, fateOf(policies(shape.table), shape, change));
  const tables = new Map(drifted.map((one) => [one.shape.table, one]));
  const links = drifted.flatMap((child) =>
    (schema.get(child.shape.table)?.foreignKeys ?? []).filter(belongs).flatMap((key) => {
      const parent = tables.get(key.parent);
      return parent === undefined ? [] : [{child, parent, key}];
    }),
  );
  // What is kept along may have rows of its own.
  for (let round = 0; round < tables.size; round++)
    for (const link of links) keepAlong(schema, link, fates);
  return fates;
}

type Link = {readonly child: Drifted; readonly parent: Drifted; readonly key: ForeignKey};

function keepAlong(schema: Tables, {child, parent, key}: Link, fates: Map<RowChange, Fate>): void {
  const folds = referenceFolds(schema, key);
  const kept = new Set(
    parent.changes.flatMap((change) => {
      const row = wholeRow(change);
      if (row === undefined || fates.get(change) !== 'kept') return [];
      return [`${change.op} ${tuple(parent.shape, key.parentColumns, row, folds)}`];
    }),
  );
  for (const change of child.changes) {
    const value = referenceOf({schema}, child, key, wholeRow(change));
    if (value !== undefined && kept.has(`${change.op} ${value}`)) fates.set(change, 'kept');
  }
}

/** A row that was added or deleted. */
function wholeRow(change: RowChange): Parameters<typeof referenceOf>[3] {
  if (change.op === 'update') return undefined;
  return change.op === 'insert' ? change.after : change.before;
}

function fateOf(
  {policy, drift: rule, local}: EffectivePolicy,
  shape: TableShape,
  change: RowChange,
): Fate {
  const isEdit = change.op === 'update';
  if (policy === 'merge' || rule === 'keep' || (policy === 'seed' && isEdit)) return 'kept';
  const isLocal =
    isEdit &&
    changedColumns(shape, change).every((at) => local.includes(shape.columns[at]?.name ?? ''));
  if (isLocal) return 'kept';
  return rule === 'report' ? 'overwritten' : 'repaired';
}
