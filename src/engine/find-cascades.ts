/** Asks the database what the plan's deletes and re-keys mean for tables that are not replicated. */
import type {View} from '../database/port.ts';
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

/**
 * In the order in which they run, each with the rows that are left for it: a row that several references
 * delete goes with the first of them, and one whose reference was set to NULL is not found by it again.
 * Sets of one foreign key hold different values, so only those of others can take rows away.
 */
async function countedOnce(
  view: View,
  steps: readonly CascadeStep[],
): Promise<readonly CascadeStep[]> {
  const counted: CascadeStep[] = [];
  for (const step of inOrder(steps)) {
    const taken = counted.filter((earlier) => earlier.key !== step.key && takesFrom(earlier, step));
    const except = taken.map(({statement}) => statement.among);
    const rows =
      except.length === 0 ? step.rows : await view.countSet(step.statement.among, except);
    if (rows > 0) counted.push({...step, rows});
  }
  return counted;
}

/** Children before parents, and deletes before updates, which may change what a delete goes by. */
function inOrder(steps: readonly CascadeStep[]): readonly CascadeStep[] {
  const before = steps.filter(runsBefore).toReversed();
  const isDelete = ({statement}: CascadeStep): boolean => statement.op === 'deleteSet';
  return [
    ...before.filter(isDelete),
    ...before.filter((step) => !isDelete(step)),
    ...steps.filter((step) => !runsBefore(step)),
  ];
}

function takesFrom({statement: earlier}: CascadeStep, {statement: later}: CascadeStep): boolean {
  if (earlier.among.table !== later.among.table) return false;
  if (earlier.op === 'deleteSet') return true;
  return later.among.columns.some(({name}) => earlier.columns.includes(name));
}
