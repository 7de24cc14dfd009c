/** Brings rows to wanted ones as an application would: plain statements, references enforced by SQLite. */
import BetterSqlite3 from 'better-sqlite3';
import {changesOf, keyOf, same} from './actions.ts';
import {columnOf, isName, quoted, type TableSpec} from './cases.ts';
import {readFile, type Content, type Row} from './databases.ts';
import {bindSql, boundOf, type Value} from './values.ts';

type Connection = BetterSqlite3.Database;

/** In which order the same changes are made. */
export const ORDERS = ['as they come', 'backwards', 'deletes last'] as const;
type Order = (typeof ORDERS)[number];

type Step = {readonly table: TableSpec} & (
  | {readonly op: 'insert'; readonly row: Row}
  | {readonly op: 'delete'; readonly row: Row}
  | {readonly op: 'update'; readonly row: Row; readonly wanted: Row}
);

/** `undefined` where a value would have to be parked and there is no place for it. */
export function enforced(
  path: string,
  tables: readonly TableSpec[],
  wanted: Content,
  order: Order,
): 'done' | 'refused' | undefined {
  const {content} = readFile(path, tables);
  const steps = ordered(
    tables.filter(({replicated}) => replicated).flatMap((table) => stepsOf(table, content, wanted)),
    order,
  );
  const db = new BetterSqlite3(path);
  try {
    db.pragma('synchronous = OFF');
    db.pragma('foreign_keys = ON');
    db.exec('BEGIN; PRAGMA defer_foreign_keys = ON;');
    const end = runAll(db, steps);
    if (end !== 'done') return end;
    return attempt(() => db.exec('COMMIT')) === 'done' ? 'done' : 'refused';
  } finally {
    db.close();
  }
}

function stepsOf(table: TableSpec, before: Content, wanted: Content): readonly Step[] {
  const rows = before.get(table.name) ?? [];
  const known = new Set(rows.map((row) => keyOf(table, row)));
  const changes = changesOf(table, before, wanted).map(({before: row, after}): Step => {
    return after === undefined
      ? {table, op: 'delete', row}
      : {table, op: 'update', row, wanted: after};
  });
  const inserts = (wanted.get(table.name) ?? [])
    .filter((row) => !known.has(keyOf(table, row)))
    .map((row): Step => ({table, op: 'insert', row}));
  return [...changes, ...inserts];
}

function ordered(steps: readonly Step[], order: Order): readonly Step[] {
  const deletes = steps.filter(({op}) => op === 'delete');
  const others = steps.filter(({op}) => op !== 'delete');
  switch (order) {
    case 'as they come':
      return [...deletes, ...others];
    case 'backwards':
      return [...deletes.toReversed(), ...others.toReversed()];
    case 'deletes last':
      return [...others, ...deletes];
  }
}

/** Steps whose unique value is still taken wait; where all wait, one of their rows is parked. */
function runAll(db: Connection, steps: readonly Step[]): 'done' | 'refused' | undefined {
  let waiting = steps;
  let parked = 0;
  while (waiting.length > 0) {
    const still: Step[] = [];
    for (const step of waiting) {
      const end = attempt(() => run(db, step));
      if (end === 'refused') return 'refused';
      if (end === 'taken') still.push(step);
    }
    if (still.length === waiting.length && !parkOne(db, still, parked++)) return undefined;
    waiting = still;
  }
  return 'done';
}

type End = 'done' | 'refused' | 'taken';

function attempt(work: () => void): End {
  try {
    work();
    return 'done';
  } catch (error) {
    if (!(error instanceof BetterSqlite3.SqliteError)) throw error;
    if (/^SQLITE_CONSTRAINT_(UNIQUE|PRIMARYKEY|ROWID)/.test(error.code)) return 'taken';
    if (/^SQLITE_(CONSTRAINT|MISMATCH)/.test(error.code)) return 'refused';
    throw error;
  }
}

function run(db: Connection, step: Step): void {
  const {table, row} = step;
  const columns = table.columns.filter(({generated}) => generated === undefined);
  const name = quoted(table.name);
  switch (step.op) {
    case 'delete':
      return write(db, step, `DELETE FROM ${name}`);
    case 'update': {
      const changed = columns.filter((column) => row[column.name] !== step.wanted[column.name]);
      const values = changed.map((column) => step.wanted[column.name] ?? 'null');
      const set = changed.map(
        (column, at) => `${quoted(column.name)} = ${bindSql(values[at] ?? '')}`,
      );
      return write(db, step, `UPDATE OR ABORT ${name} SET ${set.join(', ')}`, values);
    }
    case 'insert': {
      const values = columns.map((column) => row[column.name] ?? 'null');
      const list = columns.map((column) => quoted(column.name)).join(', ');
      const holders = values.map(bindSql).join(', ');
      db.prepare(`INSERT OR ABORT INTO ${name} (${list}) VALUES (${holders})`).run(
        ...values.map(boundOf),
      );
    }
  }
}

function write(
  db: Connection,
  {table, row}: Step,
  sql: string,
  values: readonly Value[] = [],
): void {
  const key = table.key.map((name) => row[name] ?? 'null');
  const where = table.key.map((name, at) => `${quoted(name)} = ${bindSql(key[at] ?? '')}`);
  db.prepare(`${sql} WHERE ${where.join(' AND ')}`).run(...[...values, ...key].map(boundOf));
}

/** Gives one row values that no other has. */
function parkOne(db: Connection, steps: readonly Step[], number: number): boolean {
  for (const step of steps) {
    if (step.op !== 'update') continue;
    const {table, row, wanted} = step;
    const names = table.uniques
      .flatMap(({on}) => on)
      .filter((name) => isName(name) && row[name] !== wanted[name])
      .filter((name) => columnOf(table, name).generated === undefined);
    const parked = {
      ...row,
      ...Object.fromEntries(names.map((name) => [name, place(number, name)])),
    };
    if (same(parked, row) || number > 20) continue;
    if (attempt(() => run(db, {...step, wanted: parked})) === 'done') return true;
  }
  return false;
}

function place(number: number, name: string): Value {
  const text = `parked ${name} ${number}`;
  return `text ${Buffer.from(text).toString('hex').toUpperCase()}`;
}
