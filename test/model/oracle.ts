/** What a replicate has to come to, decided from the rows of both sides and the declared schema alone. */
import {
  columnOf,
  isName,
  type ModelCase,
  type TableSpec,
  type TriggerSpec,
  type UniqueSpec,
} from './cases.ts';
import {
  changesOf,
  childTuple,
  follow,
  keyOf,
  parentTuple,
  referencesOf,
  same,
  type Followed,
} from './actions.ts';
import {accepted, type Content, type Row} from './databases.ts';

/** A reason for which the engine refuses: for certain, or if it will. */
export type Reason = {readonly code: string; readonly certain: boolean; readonly why: string};

export type Verdict = {
  /** Empty: it has to converge. */
  readonly reasons: readonly Reason[];
  /** Local tables as they have to be; those that nothing can be said of are left out. */
  readonly local: ReadonlyMap<string, readonly Row[]>;
  readonly facts: Facts;
};

export type Facts = {
  readonly inserted: number;
  readonly updated: number;
  readonly deleted: number;
  /** Local rows that follow. */
  readonly followed: number;
  readonly ambiguous: boolean;
  readonly triggered: boolean;
};

/**
 * @param primary What replicated tables shall hold. @param replica The rows just before they are written.
 * @param source The rows of the primary, where that is something else: what dangles among them may dangle here.
 */
export function judge(
  made: Pick<ModelCase, 'tables' | 'allowDeletes' | 'allowTriggers'>,
  primary: Content,
  replica: Content,
  source: Content = primary,
): Verdict {
  const {tables} = made;
  const counts = new Map(
    tables
      .filter(({replicated}) => replicated)
      .map((table) => [table.name, countsOf(table, primary, replica)]),
  );
  const followed = follow(tables, replica, primary);
  const written = new Set([
    ...[...counts].filter(([, count]) => total(count) > 0).map(([name]) => name),
    ...followed.local.keys(),
  ]);
  const triggers = tables.filter(({name}) => written.has(name)).flatMap((table) => table.triggers);
  const disturbing = triggers.filter(({effect}) => effect !== 'harmless');
  const stored = accepted(tables, followed.after);
  const reasons = [
    ...nullKeys(tables, replica),
    ...fuse(made, counts),
    ...triggerReasons(made, triggers),
    ...dangling(tables, source, replica, followed.after),
    ...actionReasons(followed),
    ...constraintReasons(tables, replica, followed, stored),
    ...tables
      .filter(({name, replicated}) => replicated && (counts.get(name)?.updated ?? 0) > 1)
      .flatMap(parking),
  ];
  const unknown = unknownTables(tables, disturbing, followed, stored);
  const local = tables.filter(({replicated, name}) => !replicated && !unknown.has(name));
  const sums = [...counts.values()];
  return {
    reasons,
    local: new Map(local.map(({name}) => [name, stored?.get(name) ?? []])),
    facts: {
      inserted: sum(sums.map(({inserted}) => inserted)),
      updated: sum(sums.map(({updated}) => updated)),
      deleted: sum(sums.map(({deleted}) => deleted)),
      followed: sum([...followed.local.values()].map((rows) => rows.length)),
      ambiguous: followed.ambiguous,
      triggered: disturbing.length > 0,
    },
  };
}

/** Why a capture refuses. */
export function judgeCapture(made: ModelCase, primary: Content): readonly Reason[] {
  return nullKeys(made.tables, primary);
}

function nullKeys(tables: readonly TableSpec[], content: Content): readonly Reason[] {
  const hit = tables.find(
    (table) =>
      table.replicated &&
      (content.get(table.name) ?? []).some((row) => table.key.some((name) => row[name] === 'null')),
  );
  return hit === undefined
    ? []
    : [{code: 'KEY_UNUSABLE', certain: true, why: `NULL in ${hit.name}`}];
}

type Counts = {inserted: number; updated: number; deleted: number; before: number};

const total = ({inserted, updated, deleted}: Counts): number => inserted + updated + deleted;
const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0);

function countsOf(table: TableSpec, primary: Content, replica: Content): Counts {
  const rows = replica.get(table.name) ?? [];
  const changes = changesOf(table, replica, primary);
  const deleted = changes.filter(({after}) => after === undefined).length;
  const known = new Set(rows.map((row) => keyOf(table, row)));
  const inserted = (primary.get(table.name) ?? []).filter((row) => !known.has(keyOf(table, row)));
  return {
    inserted: inserted.length,
    updated: changes.length - deleted,
    deleted,
    before: rows.length,
  };
}

function fuse(
  made: Pick<ModelCase, 'allowDeletes'>,
  counts: ReadonlyMap<string, Counts>,
): readonly Reason[] {
  if (made.allowDeletes) return [];
  return [...counts].flatMap(([table, {inserted, deleted, before}]) => {
    const empties = deleted > 0 && deleted >= before && inserted === 0;
    // The share of deleted rows counts for tables of some size only.
    const most = before >= 10 && deleted * 2 > before;
    return empties || most ? [{code: 'FUSE', certain: true, why: `deletes most of ${table}`}] : [];
  });
}

function triggerReasons(
  made: Pick<ModelCase, 'allowTriggers'>,
  triggers: readonly TriggerSpec[],
): readonly Reason[] {
  return triggers.flatMap(({effect, name}): readonly Reason[] => {
    switch (effect) {
      case 'harmless':
        return [];
      case 'writes':
        if (!made.allowTriggers) return [{code: 'TRIGGER', certain: true, why: `${name} writes`}];
        break;
      case 'normalises':
      case 'ignores':
      case 'aborts':
    }
    const codes = ['TRIGGER', 'CONSTRAINT', 'PROOF_FAILED', 'FOREIGN_KEY', 'PLAN_STALE'];
    return codes.map((code) => ({code, certain: false, why: `${name} ${effect}`}));
  });
}

/** References of the result that lead nowhere: those of the primary are carried, and those that were there before. */
function dangling(
  tables: readonly TableSpec[],
  primary: Content,
  replica: Content,
  after: Content,
): readonly Reason[] {
  return referencesOf(tables).flatMap((reference) => {
    const {child, parent} = reference;
    const parents = (content: Content): ReadonlySet<string | undefined> =>
      new Set((content.get(parent.name) ?? []).map((row) => parentTuple(reference, row)));
    const [there, here, now] = [parents(primary), parents(replica), parents(after)];
    const loose = (
      rows: readonly Row[],
      among: ReadonlySet<string | undefined>,
    ): readonly string[] =>
      rows
        .map((row) => childTuple(reference, row))
        .filter((value) => value !== undefined && !among.has(value)) as string[];
    const carried = new Set(child.replicated ? loose(primary.get(child.name) ?? [], there) : []);
    const before = new Map(
      (replica.get(child.name) ?? []).map((row) => [
        identity(child, row),
        childTuple(reference, row),
      ]),
    );
    const known = new Set(loose(replica.get(child.name) ?? [], here));
    return (after.get(child.name) ?? []).flatMap((row): readonly Reason[] => {
      const value = childTuple(reference, row);
      if (value === undefined || now.has(value) || carried.has(value)) return [];
      const dangled = known.has(value);
      if (dangled && before.get(identity(child, row)) === value) return [];
      const why = `${child.name} (${reference.columns.join()}) would refer to nothing`;
      return [{code: 'FOREIGN_KEY', certain: !dangled, why}];
    });
  });
}

/** A local row is named by its key or rowid, which may itself be changed by an action: then by all of it. */
function identity(table: TableSpec, row: Row): string {
  return table.key.length === 0 ? (row['_rowid_'] ?? '') : keyOf(table, row);
}

function actionReasons({forbidden, ambiguous}: Followed): readonly Reason[] {
  const held = forbidden.map(({certain, why}) => ({code: 'FOREIGN_KEY', certain, why}));
  if (!ambiguous) return held;
  const codes = ['FOREIGN_KEY', 'CONSTRAINT', 'DATABASE_REFUSED', 'UNIQUE_CYCLE', 'PLAN_STALE'];
  const doubt = codes.map((code) => ({code, certain: false, why: 'the order of actions decides'}));
  return [...held.map((reason) => ({...reason, certain: false})), ...doubt];
}

function constraintReasons(
  tables: readonly TableSpec[],
  replica: Content,
  {local, ambiguous, forbidden, after}: Followed,
  stored: Content | undefined,
): readonly Reason[] {
  const codes = ['CONSTRAINT', 'DATABASE_REFUSED', 'FOREIGN_KEY', 'UNIQUE_CYCLE'];
  const refusals = (certain: boolean, why: string): readonly Reason[] =>
    codes.map((code) => ({code, certain, why}));
  if (stored === undefined) {
    // What is forbidden anyway may leave rows that clash.
    return refusals(!ambiguous && forbidden.length === 0, 'a local table cannot hold the result');
  }
  const crowded = tables.find((table) => {
    const changes = local.get(table.name) ?? [];
    const changed = changes.filter((change) => change.after !== undefined);
    const columns = changed.flatMap(({before, after: now}) =>
      Object.keys(before).filter((name) => now?.[name] !== before[name]),
    );
    const sets = [...table.uniques.flatMap(({on, where}) => [...on, where ?? '']), ...table.key];
    const isUnique = columns.some((name) => sets.some((part) => mentions(table, part, name)));
    return isUnique && (changes.length > 1 || anyRowChanged(replica, after, table));
  });
  // Values of local rows that must stay unique may meet on their way.
  return crowded === undefined ? [] : refusals(false, `rows of ${crowded.name} change places`);
}

function anyRowChanged(replica: Content, after: Content, {name}: TableSpec): boolean {
  const [a, b] = [replica.get(name) ?? [], after.get(name) ?? []];
  return a.length > 1 && !a.every((row, at) => b[at] !== undefined && same(row, b[at]));
}

function mentions(table: TableSpec, expression: string, name: string): boolean {
  if (new RegExp(`\\b${name}\\b`).test(expression)) return true;
  const as = isName(expression)
    ? table.columns.find((column) => column.name === expression)?.generated?.as
    : undefined;
  return as !== undefined && new RegExp(`\\b${name}\\b`).test(as);
}

/** Rows that exchange unique values have to be parked; where that is not evidently possible, it may be refused. */
function parking(table: TableSpec): readonly Reason[] {
  const hard = table.uniques.find((unique) => !isEvident(table, unique));
  if (hard === undefined) return [];
  const why = `no place to park in ${table.name} (${hard.on.join()})`;
  return [{code: 'UNIQUE_CYCLE', certain: false, why}];
}

/** A column of the set takes NULL, or any value at all, and nothing else is computed of it. */
function isEvident(table: TableSpec, {on, where}: UniqueSpec): boolean {
  if (where !== undefined) return false;
  return on.some((part) => {
    if (!isName(part)) return part.startsWith('lower(') && isParkable(table, part.slice(6, -1));
    return isParkable(table, part);
  });
}

function isParkable(table: TableSpec, name: string): boolean {
  const column = columnOf(table, name);
  if (table.key.includes(name) || column.generated !== undefined) return false;
  const isComputedFrom = table.columns.some(({generated}) => generated?.as.includes(name) === true);
  if (isComputedFrom) return false;
  return column.notNull !== true || column.check === undefined;
}

function unknownTables(
  tables: readonly TableSpec[],
  disturbing: readonly TriggerSpec[],
  {ambiguous}: Followed,
  stored: Content | undefined,
): ReadonlySet<string> {
  if (ambiguous || stored === undefined) return new Set(tables.map(({name}) => name));
  const unknown = new Set<string>();
  let grow = [
    ...disturbing.flatMap(({writes}) => writes ?? []),
    ...tables
      .filter(({triggers}) => triggers.some((trigger) => disturbing.includes(trigger)))
      .map(({name}) => name),
  ];
  while (grow.length > 0) {
    for (const name of grow) unknown.add(name);
    grow = tables
      .filter(({name}) => unknown.has(name))
      .flatMap(({triggers}) => triggers.flatMap(({writes}) => writes ?? []))
      .filter((name) => !unknown.has(name));
  }
  return unknown;
}
