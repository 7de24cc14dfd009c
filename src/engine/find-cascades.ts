/** Asks the database what the plan's deletes and re-keys mean for tables that are not replicated. */
import type {View} from '../database/port.ts';
import type {RowSet} from '../kernel/statement.ts';
import {
  cascadeStatement,
  followers,
  lostByCascade,
  lostKeys,
  referencesTo,
  unreadable,
  unreadableReferences,
  encodeReference,
  type LostKey,
  type Tables,
} from '../plan/cascades.ts';
import type {Cascades, TableChanges} from '../plan/make-plan.ts';
import {runsBefore, type CascadeStep} from '../plan/plan.ts';

/**
 * Follows lost keys through all tables that are not replicated, as the application's own foreign keys
 * would. Steps come in the order in which they run.
 *
 * @throws {EngineError} `FOREIGN_KEY` where an action forbids the change.
 */
export async function findCascades(
  view: View,
  schema: Tables,
  tables: TableChanges,
): Promise<Cascades> {
  await refuseUnreadable(view, schema, tables);
  const steps: CascadeStep[] = [];
  const seen = new Map<string, LostKey>();
  let lost = newOnes(
    seen,
    schema,
    [...tables.values()].flatMap(({shape, changes}) => lostKeys(schema, shape, changes)),
  );
  while (lost.length > 0) {
    const next: LostKey[] = [];
    const local = lost.filter(({key}) => !tables.has(key.table));
    for (const following of followers(schema, local)) {
      const rows = await view.countSet(following.among);
      if (rows === 0) continue;
      const step = {key: following.key, statement: cascadeStatement(following, rows), rows};
      steps.push(step);
      for (const item of await lostInTurn(view, schema, step)) next.push(item);
    }
    lost = newOnes(seen, schema, next);
  }
  return {steps: await countedOnce(view, steps), lost: [...seen.values()]};
}

async function refuseUnreadable(view: View, schema: Tables, tables: TableChanges): Promise<void> {
  for (const {shape, changes} of tables.values()) {
    for (const key of unreadableReferences(schema, shape, changes)) {
      if (!tables.has(key.table) && (await view.count(key.table, [])) > 0) throw unreadable(key);
    }
  }
}

function newOnes(
  seen: Map<string, LostKey>,
  schema: Tables,
  lost: readonly LostKey[],
): readonly LostKey[] {
  return lost.filter((item) => {
    const {key, values} = item;
    const name = JSON.stringify([
      key.table,
      key.columns,
      key.parent,
      encodeReference(schema, key, values),
    ]);
    if (seen.has(name)) return false;
    seen.set(name, item);
    return true;
  });
}

async function lostInTurn(
  view: View,
  schema: Tables,
  {statement}: CascadeStep,
): Promise<readonly LostKey[]> {
  const {among} = statement;
  const lost: LostKey[] = [];
  for (const key of referencesTo(schema, among.table)) {
    const values = await view.distinctInSet(among, key.parentColumns);
    for (const item of lostByCascade(statement, key, values)) lost.push(item);
  }
  return lost;
}

/** A row that several references delete goes with the first that runs: the others count what is left. */
async function countedOnce(
  view: View,
  steps: readonly CascadeStep[],
): Promise<readonly CascadeStep[]> {
  const deleted = new Map<string, RowSet[]>();
  const counted: CascadeStep[] = [];
  const inOrder = [
    ...steps.filter(runsBefore).toReversed(),
    ...steps.filter((step) => !runsBefore(step)),
  ];
  for (const step of inOrder) {
    const {among, op} = step.statement;
    const gone = deleted.get(among.table) ?? [];
    const rows = gone.length === 0 ? step.rows : await view.countSet(among, gone);
    if (rows > 0) counted.push({...step, rows});
    if (op === 'deleteSet') deleted.set(among.table, [...gone, among]);
  }
  return counted;
}
