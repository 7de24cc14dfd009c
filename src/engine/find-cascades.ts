/** Asks the database what the plan's deletes and re-keys mean for tables that are not replicated. */
import type {View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import type {Cell} from '../kernel/row.ts';
import type {ReferenceDefault, RowSet, SetStatement} from '../kernel/statement.ts';
import {
  cascadeStatement,
  followers,
  forbidden,
  type DefaultsOf,
  type Following,
} from '../plan/cascades.ts';
import {gainedKeys, lostByCascade, lostKeys, withRetaken, type LostKey} from '../plan/lost-keys.ts';
import {
  encodeReference,
  referenceName,
  referencesTo,
  unreadable,
  unreadableReferences,
  type Tables,
} from '../plan/references.ts';
import type {Cascades, TableChanges} from '../plan/make-plan.ts';
import {runsBefore, type CascadeStep, type ChildrenCheck, type ParentCheck} from '../plan/plan.ts';
import type {ForeignKey} from '../schema/table-schema.ts';

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
  const search: Search = {
    view,
    schema,
    tables,
    seen: new Map(),
    needed: [],
    strangers: [],
    objections: [],
  };
  const steps: CascadeStep[] = [];
  let lost = newOnes(
    search,
    [...tables.values()].flatMap(({shape, changes}) => lostKeys(schema, shape, changes)),
  );
  while (lost.length > 0) {
    const next: LostKey[] = [];
    const local = lost.filter(({key}) => !tables.has(key.table));
    for (const following of followers(schema, local, await defaultsFor(view, local))) {
      const step = await stepFor(search, following);
      if (step === undefined) continue;
      steps.push(step);
      for (const item of await lostInTurn(search, step)) next.push(item);
    }
    lost = newOnes(search, withRetaken(schema, next));
  }
  const counted = await countedOnce(view, steps);
  for (const {key, among, why} of search.objections) {
    const rows = await rowsLeft(view, key, among, counted);
    if (rows > 0) throw forbidden(key, why, rows);
  }
  return {
    steps: counted,
    lost: withRetaken(schema, [...search.seen.values()]),
    needed: await parentsNeeded(search, counted),
    strangers: search.strangers,
  };
}

/** Of a set, the rows that no other reference deletes. */
async function rowsLeft(
  view: View,
  key: ForeignKey,
  among: RowSet,
  steps: readonly CascadeStep[],
): Promise<number> {
  const deleted = steps.filter(
    (step) =>
      step.key !== key &&
      step.statement.op === 'deleteSet' &&
      step.statement.among.table === among.table,
  );
  return view.countSet(
    among,
    deleted.map(({statement}) => statement.among),
  );
}

async function parentsNeeded(
  search: Search,
  steps: readonly CascadeStep[],
): Promise<readonly ParentCheck[]> {
  const needed: ParentCheck[] = [];
  for (const {key, among, where, encoded} of search.needed) {
    const rows = await rowsLeft(search.view, key, among, steps);
    if (rows === 0) continue;
    if (!(await willBeThere(search, key, where))) throw forbidden(key, WITHOUT_DEFAULT, rows);
    needed.push({key, where, encoded});
  }
  return needed;
}

const WITHOUT_DEFAULT = 'SET DEFAULT, and no row has the default';

type Search = {
  readonly view: View;
  readonly schema: Tables;
  readonly tables: TableChanges;
  readonly seen: Map<string, LostKey>;
  /** Parents that rows refer to by default now. */
  readonly needed: (ParentCheck & {readonly among: RowSet})[];
  /** Rows that cannot follow: nobody may be left of them. */
  readonly objections: {readonly key: ForeignKey; readonly among: RowSet; readonly why: string}[];
  /** Sets that nobody was in. */
  readonly strangers: ChildrenCheck[];
};

async function refuseUnreadable(view: View, schema: Tables, tables: TableChanges): Promise<void> {
  for (const {shape, changes} of tables.values()) {
    for (const key of unreadableReferences(schema, shape, changes)) {
      if (!tables.has(key.table) && (await view.count(key.table, [])) > 0) throw unreadable(key);
    }
  }
}

function newOnes({seen, schema}: Search, lost: readonly LostKey[]): readonly LostKey[] {
  return lost.filter((item) => {
    const name = nameOf(schema, item.key, item.values);
    if (seen.has(name)) return false;
    seen.set(name, item);
    return true;
  });
}

function nameOf(schema: Tables, key: ForeignKey, values: readonly Cell[]): string {
  return referenceName(key, encodeReference(schema, key, values));
}

async function defaultsFor(view: View, lost: readonly LostKey[]): Promise<DefaultsOf> {
  const defaults = new Map<ForeignKey, ReferenceDefault>();
  for (const {key} of lost) {
    const asked = key.onDelete === 'SET DEFAULT' || key.onUpdate === 'SET DEFAULT';
    if (asked && !defaults.has(key)) defaults.set(key, await view.referenceDefault(key));
  }
  return (key) => must(defaults.get(key), 'asked for every key whose action may need it');
}

async function stepFor(search: Search, following: Following): Promise<CascadeStep | undefined> {
  const {key, among, action, objection, follows, arrivals} = following;
  const rows = await search.view.countSet(among);
  if (rows === 0) {
    if (following.retaken) search.strangers.push({key, among});
    return undefined;
  }
  if (action === 'RESTRICT') throw forbidden(key, action, rows);
  if (objection !== undefined) {
    search.objections.push({key, among, why: objection});
    return undefined;
  }
  if (action === 'SET DEFAULT') noteDefault(search, following);
  return {key, statement: cascadeStatement(following), arrivals, rows, follows};
}

function noteDefault({schema, needed}: Search, {key, among, arrivals}: Following): void {
  for (const values of arrivals ?? []) {
    if (values.includes(null)) continue;
    const where = key.parentColumns.map((column, at) => ({column, is: values[at] ?? null}));
    needed.push({key, where, encoded: encodeReference(schema, key, values), among});
  }
}

/** Whether a row that is referred to by default is there when the plan has run. */
async function willBeThere(
  {view, schema, tables, seen}: Search,
  key: ForeignKey,
  where: ParentCheck['where'],
): Promise<boolean> {
  const values = where.map(({is}) => is);
  const lost = seen.get(nameOf(schema, key, values));
  if (lost?.retaken === true) return true;
  if (lost === undefined && (await view.count(key.parent, where)) > 0) return true;
  const changed = tables.get(key.parent);
  return (
    changed !== undefined &&
    gainedKeys(schema, changed.shape, key, changed.changes).has(
      encodeReference(schema, key, values),
    )
  );
}

async function lostInTurn(search: Search, {statement}: CascadeStep): Promise<readonly LostKey[]> {
  const {view, schema} = search;
  const lost: LostKey[] = [];
  for (const key of referencesTo(schema, statement.among.table)) {
    for (const single of singly(statement)) {
      const values = await view.distinctInSet(single.among, key.parentColumns);
      lost.push(...lostByCascade(schema, single, key, values));
    }
  }
  return lost;
}

/** A statement for each pair of values that are exchanged. */
function singly(
  statement: SetStatement,
): readonly Exclude<SetStatement, {readonly op: 'remapSet'}>[] {
  if (statement.op !== 'remapSet') return [statement];
  const {among, columns, cells} = statement;
  return among.values.map((values, at) => ({
    op: 'updateSet',
    among: {...among, values: [values]},
    columns,
    cells: cells[at] ?? [],
  }));
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
