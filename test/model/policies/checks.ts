/** What holds of a replicate under policies in any case, also where rows clash and some give way. */
import {childTuple, keyOf, parentTuple, referencesOf, same} from '../actions.ts';
import {columnOf, type TableSpec} from '../cases.ts';
import type {Content, Row} from '../databases.ts';
import {storedAs} from '../values.ts';
import {policyOf} from './cases.ts';
import {
  defaultOf,
  exactTables,
  isAtRest,
  isFollowed,
  keyedTables,
  sharedColumns,
  type Known,
} from './followed.ts';

/** What is broken; undefined where nothing is. */
type Finding = string | undefined;

export type Clash = Known & {
  readonly after: Content;
  /** False where nobody can tell what was last applied. */
  readonly isBaseKnown: boolean;
  /** True where another program wrote meanwhile: rows that nobody looked at again may be as it left them. */
  readonly isRivalled: boolean;
  /** Rows that the base may have held, whichever snapshot it was. */
  readonly past: readonly Content[];
};

export function findings(clash: Clash): Finding {
  for (const table of clash.tables.filter(({replicated}) => replicated)) {
    const found = checkTable(clash, table);
    if (found !== undefined) return found;
  }
  return undefined;
}

function checkTable(clash: Clash, table: TableSpec): Finding {
  if (isAtRest(clash, table)) return checkAtRest(clash, table);
  return (
    checkExact(clash, table) ??
    checkKeys(clash, table) ??
    checkLeftAlone(clash, table) ??
    checkCells(clash, table) ??
    checkNothingLost(clash, table)
  );
}

function checkAtRest({ours, after}: Clash, table: TableSpec): Finding {
  const [a, b] = [ours, after].map((content) => JSON.stringify(content.get(table.name)));
  return a === b ? undefined : `P1: table ${table.name} is at rest, and was written`;
}

function checkExact({made, tables, theirs, after}: Clash, table: TableSpec): Finding {
  if (!exactTables(made, tables).includes(table)) return undefined;
  const [a, b] = [theirs, after].map((content) => JSON.stringify(content.get(table.name)));
  return a === b ? undefined : `P1: mirror table ${table.name}: expected ${a}, found ${b}`;
}

/** Rows come and go with the primary; what is shared is its, unless the contents are the replica's own. */
function checkKeys({made, tables, theirs, after, isRivalled}: Clash, table: TableSpec): Finding {
  if (isRivalled || !keyedTables(made, tables).includes(table)) return undefined;
  const there = byKey(table, theirs);
  const now = byKey(table, after);
  const keys = [there, now].map((rows) => JSON.stringify([...rows.keys()].sort()));
  if (keys[0] !== keys[1])
    return `P1: keys of ${table.name}: expected ${keys[0]}, found ${keys[1]}`;
  if (policyOf(made, table.name).policy === 'seed') return undefined;
  for (const [key, row] of now) {
    const name = sharedColumns(made, table).find(
      (column) => row[column] !== there.get(key)?.[column],
    );
    if (name !== undefined) return `P1: ${table.name}[${key}].${name} is not the primary's`;
  }
  return undefined;
}

/** Rows that are not replicated stay as they are, unless they follow a declared action. */
function checkLeftAlone(clash: Clash, table: TableSpec): Finding {
  const {made, ours, after} = clash;
  const test = isFollowed(made, table, 'both');
  const now = byKey(table, after);
  for (const row of (ours.get(table.name) ?? []).filter((one) => !test(one))) {
    const found = lossOf(clash, {table, row, now: now.get(keyOf(table, row))}, Object.keys(row));
    if (found !== undefined) return `P3: a row that is left alone: ${found}`;
  }
  return undefined;
}

/** Every cell is one that the row had on some side, or what a declared action makes of it. */
function checkCells(clash: Clash, table: TableSpec): Finding {
  const {ours, theirs, after, past} = clash;
  const versions = [ours, theirs, ...past].map((content) => byKey(table, content));
  for (const [key, row] of byKey(table, after)) {
    const known = versions.map((rows) => rows.get(key)).filter((version) => version !== undefined);
    if (known.length === 0) return `P5: ${table.name}[${key}] is a row of nobody`;
    for (const {name} of table.columns.filter(({generated}) => generated === undefined)) {
      const isKnown = known.some((version) => version[name] === row[name]);
      if (isKnown || isOfAction(clash, table, name, row[name])) continue;
      return `P5: ${table.name}[${key}].${name} is a cell of nobody: ${row[name]}`;
    }
  }
  return undefined;
}

function isOfAction(
  {tables, after}: Clash,
  table: TableSpec,
  name: string,
  value: string | undefined,
): boolean {
  return referencesOf(tables).some(({child, columns, parent, parentColumns}) => {
    const at = columns.indexOf(name);
    if (child !== table || at < 0) return false;
    const {type} = table.columns.find((column) => column.name === name) ?? {type: ''};
    const stored = (one: string): string => storedAs(type, table.strict, one);
    const values = (after.get(parent.name) ?? []).map(
      (row) => row[parentColumns[at] ?? ''] ?? 'null',
    );
    return ['null', defaultOf(table, name), ...values].map(stored).includes(value ?? 'null');
  });
}

/** Where the primary does not win, what was edited or added here is still there. */
function checkNothingLost(clash: Clash, table: TableSpec): Finding {
  const {made, base, ours, after, isBaseKnown} = clash;
  const {policy, onConflict} = policyOf(made, table.name);
  if (policy !== 'merge' || onConflict === 'primaryWins' || !isBaseKnown) return undefined;
  const test = isFollowed(made, table, 'both');
  const shared = sharedColumns(made, table);
  const was = new Map(
    (base.get(table.name) ?? []).filter(test).map((row) => [keyOf(table, row), row]),
  );
  const now = byKey(table, after);
  for (const row of (ours.get(table.name) ?? []).filter(test)) {
    const before = was.get(keyOf(table, row));
    const edited = shared.filter((name) => before?.[name] !== row[name]);
    if (edited.length === 0) continue;
    const found = lossOf(clash, {table, row, now: now.get(keyOf(table, row))}, edited);
    if (found !== undefined) return `P4: an edit of ${onConflict}: ${found}`;
  }
  return undefined;
}

/** What was lost of a row that no declared action took. */
function lossOf(clash: Clash, {table, row, now}: Fate, columns: readonly string[]): Finding {
  const key = keyOf(table, row);
  const {tables} = clash;
  const followed = referencesOf(tables).filter((reference) =>
    follows(clash, table, row, reference),
  );
  if (now === undefined)
    return followed.some(({onDelete}) => onDelete === 'CASCADE')
      ? undefined
      : `${table.name}[${key}] is gone`;
  const lost = columns.find((name) => {
    const {generated} = columnOf(table, name);
    if (now[name] === row[name] || generated !== undefined) return false;
    return !followed.some(
      ({columns: names, onDelete, onUpdate}) =>
        names.includes(name) && (isWriting(onDelete) || isWriting(onUpdate)),
    );
  });
  return lost === undefined ? undefined : `${table.name}[${key}].${lost} is lost`;
}

/** A row, and what became of it. */
type Fate = {readonly table: TableSpec; readonly row: Row; readonly now: Row | undefined};

function isWriting(action: string): boolean {
  return action !== 'RESTRICT' && action !== 'NO ACTION';
}

/** True where what a row refers to is gone, or has another key. */
function follows(
  {ours, after}: Clash,
  table: TableSpec,
  row: Row,
  reference: ReturnType<typeof referencesOf>[number],
): boolean {
  if (reference.child.name !== table.name) return false;
  const value = childTuple(reference, row);
  const has = (content: Content): boolean =>
    (content.get(reference.parent.name) ?? []).some((one) => parentTuple(reference, one) === value);
  return value !== undefined && has(ours) && !has(after);
}

function byKey(table: TableSpec, content: Content): ReadonlyMap<string, Row> {
  return new Map((content.get(table.name) ?? []).map((row) => [keyOf(table, row), row]));
}

/**
 * True where the newest applies look as if they had been taken back: every row that one of them alone wrote, in tables without
 * rows of this instance's own, is as it was before. Then what is on record is not what was last applied.
 */
export function looksRestored(
  {made, tables}: Pick<Known, 'made' | 'tables'>,
  applies: readonly {readonly before: Content; readonly after: Content}[],
  now: Content,
): boolean {
  const told = exactTables(made, tables).filter(
    (table) => !isAtRest({made, isOnRecord: true}, table),
  );
  const seen = new Set<string>();
  return applies.some(({before, after}) => {
    const found = told.flatMap((table) => writtenRows(table, {before, after, now}, seen));
    return found.length > 0 && found.every(Boolean);
  });
}

/** Of each row that an apply wrote, and no later one: true where it is as it was before. */
function writtenRows(
  table: TableSpec,
  {before, after, now}: {readonly before: Content; readonly after: Content; readonly now: Content},
  seen: Set<string>,
): readonly boolean[] {
  const [was, became, is] = [byKey(table, before), byKey(table, after), byKey(table, now)];
  const keys = [...new Set([...was.keys(), ...became.keys()])].filter(
    (key) => !seen.has(`${table.name} ${key}`) && !sameRow(was.get(key), became.get(key)),
  );
  for (const key of keys) seen.add(`${table.name} ${key}`);
  return keys.map((key) => sameRow(was.get(key), is.get(key)));
}

function sameRow(a: Row | undefined, b: Row | undefined): boolean {
  return a === undefined || b === undefined ? a === b : same(a, b);
}
