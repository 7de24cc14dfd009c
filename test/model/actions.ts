/**
 * What the declared actions make of the rows of local tables when rows of replicated tables vanish or
 * change: a naive model, row by row, until nothing more follows.
 */
import {columnOf, type Action, type ReferenceSpec, type TableSpec} from './cases.ts';
import type {Content, Row} from './databases.ts';
import {folded, literal, storedAs, type Value} from './values.ts';

/** One row that a table loses, or has otherwise afterwards. */
export type RowChange = {readonly before: Row; readonly after: Row | undefined};

/** What becomes of one local row. */
type Effect = {deleted: boolean; readonly set: Map<string, Value>};

export type Followed = {
  /** All tables afterwards. */
  readonly after: Content;
  /** Local rows changed, by table; tables without any are left out. */
  readonly local: ReadonlyMap<string, readonly RowChange[]>;
  /** Rows that an action keeps from being left alone: their reference is RESTRICT or NO ACTION. */
  readonly forbidden: readonly {readonly certain: boolean; readonly why: string}[];
  /** The order of statements decides what SQLite itself would do; nothing is foretold of local tables then. */
  readonly ambiguous: boolean;
};

type Reference = Omit<ReferenceSpec, 'parent'> & {
  readonly child: TableSpec;
  readonly parent: TableSpec;
};

export function referencesOf(tables: readonly TableSpec[]): readonly Reference[] {
  return tables.flatMap((child) =>
    child.references.map((reference) => ({
      ...reference,
      child,
      parent: tableNamed(tables, reference.parent),
    })),
  );
}

function tableNamed(tables: readonly TableSpec[], name: string): TableSpec {
  const table = tables.find((candidate) => candidate.name === name);
  if (table === undefined) throw new Error(`there is no table ${name}`);
  return table;
}

/** Values referred to, as the parent's key sees them; undefined where one is NULL. */
export function parentTuple({parent, parentColumns}: Reference, row: Row): string | undefined {
  return tuple(
    parentColumns.map((name) => folded(cell(row, name), columnOf(parent, name).collate)),
  );
}

/** The same of a referring row: the parent's affinity and collation decide. */
export function childTuple(reference: Reference, row: Row): string | undefined {
  const {parent, columns, parentColumns} = reference;
  return tuple(
    columns.map((name, at) => {
      const target = columnOf(parent, parentColumns[at] ?? '');
      const value = storedAs(target.type, parent.strict, cell(row, name));
      return folded(value, target.collate);
    }),
  );
}

function tuple(values: readonly Value[]): string | undefined {
  return values.includes('null') ? undefined : JSON.stringify(values);
}

function cell(row: Row, name: string): Value {
  const value = row[name];
  if (value === undefined) throw new Error(`a row has no column ${name}`);
  return value;
}

/** Names the row as its key does. */
export function keyOf(table: TableSpec, row: Row): string {
  return JSON.stringify(
    table.key.map((name) => folded(cell(row, name), columnOf(table, name).collate)),
  );
}

/** Rows of a replicated table that vanish or change. */
export function changesOf(
  table: TableSpec,
  before: Content,
  wanted: Content,
): readonly RowChange[] {
  const after = new Map((wanted.get(table.name) ?? []).map((row) => [keyOf(table, row), row]));
  return (before.get(table.name) ?? []).flatMap((row) => {
    const now = after.get(keyOf(table, row));
    return now !== undefined && same(row, now) ? [] : [{before: row, after: now}];
  });
}

export function same(a: Row, b: Row): boolean {
  return Object.keys(a).every((name) => a[name] === b[name]);
}

const ROUNDS_MAX = 12;

/** @param before All rows of the replica. @param wanted The rows of replicated tables as they shall be. */
export function follow(tables: readonly TableSpec[], before: Content, wanted: Content): Followed {
  const local = tables.filter(({replicated}) => !replicated);
  const fixed = new Map(
    tables
      .filter(({replicated}) => replicated)
      .map((table) => [table.name, changesOf(table, before, wanted)]),
  );
  let effects: ReadonlyMap<Row, Effect> = new Map();
  for (let round = 0; round < ROUNDS_MAX; round++) {
    const changes = new Map([...fixed, ...localChanges(local, before, effects)]);
    const after = stateAfter(tables, before, wanted, effects);
    const next = nextEffects(tables, before, after, changes);
    if (!sameEffects(effects, next.effects)) {
      effects = next.effects;
      continue;
    }
    const touched = [...localChanges(local, before, effects)].filter(([, rows]) => rows.length > 0);
    const {forbidden, ambiguous} = next;
    return {after, local: new Map(touched), forbidden: forbidden(), ambiguous};
  }
  return {
    after: stateAfter(tables, before, wanted, effects),
    local: new Map(localChanges(local, before, effects)),
    forbidden: [],
    ambiguous: true,
  };
}

function localChanges(
  local: readonly TableSpec[],
  before: Content,
  effects: ReadonlyMap<Row, Effect>,
): ReadonlyMap<string, readonly RowChange[]> {
  return new Map(
    local.map((table) => [
      table.name,
      (before.get(table.name) ?? []).flatMap((row) => {
        const effect = effects.get(row);
        return effect === undefined ? [] : [{before: row, after: rowAfter(table, row, effect)}];
      }),
    ]),
  );
}

function rowAfter(table: TableSpec, row: Row, {deleted, set}: Effect): Row | undefined {
  if (deleted) return undefined;
  const stored = [...set].map(
    ([name, value]) => [name, storedAs(columnOf(table, name).type, table.strict, value)] as const,
  );
  return {...row, ...Object.fromEntries(stored)};
}

function stateAfter(
  tables: readonly TableSpec[],
  before: Content,
  wanted: Content,
  effects: ReadonlyMap<Row, Effect>,
): Content {
  return new Map(
    tables.map((table) => {
      if (table.replicated) return [table.name, wanted.get(table.name) ?? []];
      const rows = (before.get(table.name) ?? []).flatMap((row) => {
        const effect = effects.get(row);
        const after = effect === undefined ? row : rowAfter(table, row, effect);
        return after === undefined ? [] : [after];
      });
      return [table.name, rows];
    }),
  );
}

type Next = {
  readonly effects: ReadonlyMap<Row, Effect>;
  readonly ambiguous: boolean;
  /** Told once all effects are known. */
  readonly forbidden: () => Followed['forbidden'];
};

function nextEffects(
  tables: readonly TableSpec[],
  before: Content,
  after: Content,
  changes: ReadonlyMap<string, readonly RowChange[]>,
): Next {
  const effects = new Map<Row, Effect>();
  const held: {readonly row: Row; readonly why: string}[] = [];
  let ambiguous = false;
  const references = referencesOf(tables);
  for (const follower of followersOf(references, before, changes)) {
    const {row, reference, action, from, to} = follower;
    const {child, columns, parent} = reference;
    const isPresent = (after.get(parent.name) ?? []).some(
      (other) => parentTuple(reference, other) === from,
    );
    if (action === 'RESTRICT' || (action === 'NO ACTION' && !isPresent)) {
      held.push({row, why: `${child.name} (${columns.join()}) ${action}`});
    }
    const values = followingValues(reference, action, to);
    if (values === undefined) continue;
    const effect = effects.get(row) ?? {deleted: false, set: new Map<string, Value>()};
    effects.set(row, effect);
    if (sharesColumns(reference, references)) ambiguous = true;
    if (!joins(effect, columns, values)) ambiguous = true;
  }
  for (const [row, {deleted, set}] of effects) {
    if (!deleted || set.size === 0) continue;
    if (references.some((reference) => isReferredTo(reference, row, before, set))) ambiguous = true;
  }
  const forbidden = (): Followed['forbidden'] =>
    held.map(({row, why}) => ({certain: effects.get(row)?.deleted !== true, why}));
  return {effects, ambiguous, forbidden};
}

type Follower = Lost & {
  readonly row: Row;
  readonly reference: Reference;
  readonly action: Action;
};

/** Local rows that refer to what is lost, once for each value. */
function followersOf(
  references: readonly Reference[],
  before: Content,
  changes: ReadonlyMap<string, readonly RowChange[]>,
): readonly Follower[] {
  return references
    .filter(({child}) => !child.replicated)
    .flatMap((reference) =>
      lostValues(reference, changes.get(reference.parent.name) ?? []).flatMap((lost) => {
        const action = lost.to === undefined ? reference.onDelete : reference.onUpdate;
        return (before.get(reference.child.name) ?? [])
          .filter((row) => childTuple(reference, row) === lost.from)
          .map((row) => ({...lost, row, reference, action}));
      }),
    );
}

/** Adds to what becomes of a row; false where it was to become something else. */
function joins(
  effect: Effect,
  columns: readonly string[],
  values: 'delete' | readonly Value[],
): boolean {
  if (values === 'delete') {
    effect.deleted = true;
    return true;
  }
  const wanted = columns.map((name, at) => [name, values[at] ?? 'null'] as const);
  const isOther = wanted.some(([name, value]) => (effect.set.get(name) ?? value) !== value);
  for (const [name, value] of wanted) effect.set.set(name, value);
  return !isOther;
}

/** A row that is re-keyed by one reference and deleted by another: whoever refers to it follows the first of them. */
function isReferredTo(
  {parent, parentColumns}: Reference,
  row: Row,
  before: Content,
  set: ReadonlyMap<string, Value>,
): boolean {
  return (
    (before.get(parent.name) ?? []).includes(row) && parentColumns.some((name) => set.has(name))
  );
}

function sharesColumns(reference: Reference, all: readonly Reference[]): boolean {
  return all.some(
    (other) =>
      other !== reference &&
      other.child === reference.child &&
      other.columns.some((name) => reference.columns.includes(name)),
  );
}

/** What a row held and does not hold afterwards; `to` is what it holds instead, if it stays. */
type Lost = {readonly from: string; readonly to: readonly Value[] | undefined};

function lostValues(reference: Reference, changes: readonly RowChange[]): readonly Lost[] {
  return changes.flatMap(({before, after}): Lost[] => {
    const from = parentTuple(reference, before);
    if (from === undefined) return [];
    if (after === undefined) return [{from, to: undefined}];
    if (parentTuple(reference, after) === from) return [];
    return [{from, to: reference.parentColumns.map((name) => cell(after, name))}];
  });
}

function followingValues(
  {child, columns}: Reference,
  action: Action,
  to: readonly Value[] | undefined,
): 'delete' | readonly Value[] | undefined {
  switch (action) {
    case 'CASCADE':
      return to ?? 'delete';
    case 'SET NULL':
      return columns.map(() => 'null');
    case 'SET DEFAULT':
      return columns.map((name) => literal(columnOf(child, name).default ?? 'NULL'));
    case 'NO ACTION':
    case 'RESTRICT':
      return undefined;
  }
}

function sameEffects(a: ReadonlyMap<Row, Effect>, b: ReadonlyMap<Row, Effect>): boolean {
  return a.size === b.size && [...a].every(([row, effect]) => sameEffect(effect, b.get(row)));
}

function sameEffect(a: Effect, b: Effect | undefined): boolean {
  if (b === undefined || a.deleted !== b.deleted || a.set.size !== b.set.size) return false;
  return [...a.set].every(([name, value]) => b.set.get(name) === value);
}
