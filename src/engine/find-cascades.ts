/** Asks the database what the plan's deletes and re-keys mean for tables that are not replicated. */
import type {View} from '../database/port.ts';
import type {Cell} from '../kernel/row.ts';
import {
  cascadeStep,
  encodeReference,
  lostByCascade,
  lostKeys,
  referencesTo,
  referringRows,
  type LostKey,
  type Tables,
} from '../plan/cascades.ts';
import type {TableChanges} from '../plan/make-plan.ts';
import type {CascadeStep} from '../plan/plan.ts';

/**
 * Follows lost keys through all tables that are not replicated, as the application's own foreign keys
 * would; parents come before their children.
 *
 * @throws {EngineError} `FOREIGN_KEY` where an action forbids the change.
 */
export async function findCascades(
  view: View,
  schema: Tables,
  tables: TableChanges,
): Promise<readonly CascadeStep[]> {
  const steps: CascadeStep[] = [];
  const seen = new Set<string>();
  let lost = [...tables.values()].flatMap(({shape, changes}) => lostKeys(schema, shape, changes));
  while (lost.length > 0) {
    const next: LostKey[] = [];
    for (const item of lost) {
      if (tables.has(item.key.table) || !isNew(seen, schema, item)) continue;
      const rows = await view.count(item.key.table, referringRows(schema, item.key, item.values));
      if (rows === 0) continue;
      const step = cascadeStep(schema, item, rows);
      steps.push(step);
      next.push(...(await lostInTurn(view, schema, step)));
    }
    lost = next;
  }
  return steps;
}

function isNew(seen: Set<string>, schema: Tables, {key, values}: LostKey): boolean {
  const name = [
    key.table,
    key.columns.join(),
    key.parent,
    encodeReference(schema, key, values),
  ].join('\n');
  if (seen.has(name)) return false;
  seen.add(name);
  return true;
}

async function lostInTurn(
  view: View,
  schema: Tables,
  step: CascadeStep,
): Promise<readonly LostKey[]> {
  const lost: LostKey[] = [];
  for (const key of referencesTo(schema, step.key.table)) {
    const values: readonly (readonly Cell[])[] = await view.distinct(
      step.key.table,
      key.parentColumns,
      step.statement.where,
    );
    lost.push(...lostByCascade(step, key, values));
  }
  return lost;
}
