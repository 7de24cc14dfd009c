/** Random cases of policies: what is drawn for the other model, edited on both sides so that the edits meet. */
import fc from 'fast-check';
import {quoted, type TableSpec} from '../cases.ts';
import {
  cellOf,
  often,
  rawRow,
  rawTable,
  rowsOf,
  seldom,
  tablesOf,
  written,
  type RawTable,
} from '../generate.ts';
import type {EditSpec, PolicyCase, PolicySpec, RoundSpec} from './cases.ts';

const rawPolicy = fc.record({
  policy: fc.constantFrom('mirror', 'merge', 'merge', 'mirror', 'merge', 'seed', 'merge' as const),
  isOff: often(1, 11),
  onConflict: fc.constantFrom('primaryWins', 'replicaWins', 'fail' as const),
  drift: fc.constantFrom('repair', 'keep', 'repair', 'report', 'keep' as const),
  local: seldom(fc.nat(7), 1, 4),
  where: seldom(
    fc.record({
      column: fc.nat(7),
      values: fc.array(fc.nat(39), {minLength: 1, maxLength: 2}),
      isNot: often(3, 2),
      at: fc.constantFrom('both', 'replica', 'primary' as const),
    }),
    1,
    3,
  ),
  ownKeys: often(1, 6),
  at: fc.constantFrom('both', 'primary', 'replica' as const),
});

type RawPolicy = typeof rawPolicy extends fc.Arbitrary<infer T> ? T : never;

const op = fc.constantFrom('update', 'insert', 'update', 'delete', 'update' as const);
const nats = fc.array(fc.nat(39), {minLength: 8, maxLength: 8});

/** Mostly both sides do something to the same row, or add one of the same key. */
const rawEdit = fc.record({
  table: fc.nat(3),
  row: fc.nat(7),
  side: fc.constantFrom('both', 'both', 'ours', 'theirs', 'both' as const),
  ours: op,
  theirs: op,
  column: fc.nat(7),
  other: seldom(fc.nat(7), 1, 2),
  cells: nats,
  more: nats,
  isSame: often(1, 4),
});

type RawEdit = typeof rawEdit extends fc.Arbitrary<infer T> ? T : never;

const rawRound = fc.record({
  edits: fc.array(rawEdit, {minLength: 1, maxLength: 7, size: 'max'}),
  rival: seldom(fc.record({at: fc.integer({min: 1, max: 12}), edit: rawEdit}), 1, 5),
  next: fc.constantFrom<RoundSpec['next']>(
    'nothing',
    'nothing',
    'nothing',
    'nothing',
    'undo',
    'nothing',
    'undo',
    'forget',
  ),
});

const rawPolicyCase = fc.record({
  tables: fc.array(rawTable, {minLength: 1, maxLength: 4, size: 'max'}),
  /** Local tables are few. */
  kept: fc.array(often(3, 2), {minLength: 4, maxLength: 4}),
  policies: fc.array(rawPolicy, {minLength: 4, maxLength: 4}),
  rows: fc.array(rawRow, {minLength: 1, maxLength: 30, size: 'max'}),
  rounds: fc.array(rawRound, {minLength: 2, maxLength: 4, size: 'max'}),
  start: fc.constantFrom('empty', 'empty', 'copy', 'other' as const),
  enforced: often(3, 1),
  repaired: often(7, 1),
  journal: often(3, 1),
});

type RawPolicyCase = typeof rawPolicyCase extends fc.Arbitrary<infer T> ? T : never;

export function policyCases(): fc.Arbitrary<PolicyCase> {
  return fc.noBias(rawPolicyCase.map(caseOf));
}

function caseOf(raw: RawPolicyCase): PolicyCase {
  const drawn = tablesOf(
    raw.tables.map((table, at): RawTable => ({
      ...table,
      replicated: table.replicated || raw.kept[at] === true,
      // Triggers that write are the other model's business.
      trigger: table.trigger?.effect === 'harmless' ? table.trigger : null,
    })),
  );
  const tables = drawn.map(withoutNullKeys);
  return {
    tables,
    policies: policiesOf(tables, raw.policies),
    start: raw.start,
    ...rowsOf({rows: raw.rows, rotations: []}, tables),
    rounds: raw.rounds.map((round) => roundOf(round, tables)),
    enforced: raw.enforced,
    repaired: raw.repaired,
    journal: raw.journal ? 'wal' : 'delete',
  };
}

/** NULL in a key is refused, and that is all that there is to say of it. */
function withoutNullKeys(table: TableSpec): TableSpec {
  const columns = table.columns.map((column) =>
    table.key.includes(column.name) ? {...column, notNull: true} : column,
  );
  return {...table, columns};
}

function policiesOf(
  tables: readonly TableSpec[],
  raws: readonly RawPolicy[],
): Record<string, PolicySpec> {
  const replicated = tables.filter((table) => table.replicated);
  const pairs = replicated.map((table, at): [string, PolicySpec] => {
    const raw = raws[at];
    // Something must be followed.
    return [
      table.name,
      raw === undefined ? {policy: 'mirror', local: []} : policyOf(table, raw, at === 0),
    ];
  });
  return Object.fromEntries(pairs);
}

function policyOf(table: TableSpec, raw: RawPolicy, isFirst: boolean): PolicySpec {
  if (raw.isOff && !isFirst) return {policy: 'off', local: [], at: raw.at};
  const {policy, onConflict, drift, local, where} = raw;
  const columns = written(table).filter(({name}) => !table.key.includes(name));
  const ownColumn = local === null ? undefined : columns[local % Math.max(1, columns.length)];
  const all = written(table);
  const column = where === null ? undefined : all[where.column % all.length];
  const values = column && where ? where.values.map((nat) => constantOf(table, column, nat)) : [];
  const known = values.flatMap((value) => value ?? []);
  const isRange =
    raw.ownKeys &&
    table.key.length === 1 &&
    all.some(({name, type}) => name === table.key[0] && type === 'INTEGER');
  return {
    policy,
    ...(policy === 'merge' ? {onConflict} : {drift}),
    local: ownColumn === undefined ? [] : [ownColumn.name],
    ...(column === undefined || where === null || known.length === 0
      ? {}
      : {where: {column: column.name, values: known, isNot: where.isNot, at: where.at}}),
    ...(isRange ? {ownKeys: 9} : {}),
  };
}

/** What a configuration can name; as the column stores it. */
function constantOf(
  table: TableSpec,
  column: TableSpec['columns'][number],
  nat: number,
): string | undefined {
  const value = cellOf(table, column, nat);
  return /^(-?\d{1,15}|'[^']*'|NULL)$/.test(value) ? value : undefined;
}

function roundOf(
  {edits, rival, next}: RawPolicyCase['rounds'][number],
  tables: readonly TableSpec[],
): RoundSpec {
  const both = edits.map((edit) => editsOf(edit, tables));
  const intruder = rival && editsOf({...rival.edit, side: 'ours'}, tables).ours;
  return {
    ours: both.flatMap(({ours}) => ours ?? []),
    theirs: both.flatMap(({theirs}) => theirs ?? []),
    ...(intruder && rival ? {rival: {at: rival.at, edit: intruder}} : {}),
    next,
  };
}

function editsOf(raw: RawEdit, tables: readonly TableSpec[]): {ours?: EditSpec; theirs?: EditSpec} {
  const table = tables[raw.table % tables.length];
  if (table === undefined) return {};
  // Local tables are edited here only.
  const side = table.replicated ? raw.side : 'ours';
  const ours = side === 'theirs' ? {} : {ours: editOf(tables, table, raw, 'ours')};
  return side === 'ours' ? ours : {...ours, theirs: editOf(tables, table, raw, 'theirs')};
}

function editOf(
  tables: readonly TableSpec[],
  table: TableSpec,
  raw: RawEdit,
  side: 'ours' | 'theirs',
): EditSpec {
  const {row} = raw;
  const isOther = side === 'theirs' && !raw.isSame;
  const cells = isOther ? raw.more : raw.cells;
  const name = table.name;
  switch (raw[side]) {
    case 'delete':
      return {table: name, op: 'delete', row};
    case 'insert': {
      const drawn = cellsOf(tables, table, cells);
      const keys = cellsOf(tables, table, raw.cells);
      const key = Object.fromEntries(
        table.key.map((part) => [part, keyCell(table, part, raw, keys[part] ?? 'NULL')]),
      );
      return {table: name, op: 'insert', cells: {...drawn, ...key}};
    }
    case 'update': {
      const columns = written(table);
      const movable = columns.filter((column) => !table.key.includes(column.name) || raw.row === 7);
      const nat = isOther && raw.other !== null ? raw.other : raw.column;
      const column = movable[nat % Math.max(1, movable.length)];
      const drawn = cellsOf(tables, table, cells);
      if (column === undefined) return {table: name, op: 'delete', row};
      const value = drawn[column.name] ?? 'NULL';
      return {table: name, op: 'update', row, cells: {[column.name]: value}};
    }
  }
}

/** Of some rows that are added, the key is one that no other has yet. */
function keyCell(table: TableSpec, name: string, {row, cells}: RawEdit, drawn: string): string {
  const column = written(table).find((one) => one.name === name);
  const nat = cells[7] ?? 0;
  if (row < 2 || column === undefined) return drawn;
  if (/INT/.test(column.type)) return String(6 + (nat % 8));
  return /TEXT/.test(column.type) ? `'${'defgDh'[nat % 6] ?? 'd'}'` : drawn;
}

/** Most references are made to hit a row that is there. */
function cellsOf(
  tables: readonly TableSpec[],
  table: TableSpec,
  drawn: readonly number[],
): Record<string, string> {
  const cells = Object.fromEntries(
    written(table).map((column, at) => [
      column.name,
      cellOf(table, column, drawn[at % drawn.length] ?? 0),
    ]),
  );
  table.references.forEach(({columns, parent, parentColumns}, at) => {
    const nat = drawn[at + 5] ?? 0;
    if (nat >= 34 || tables.every(({name}) => name !== parent)) return;
    columns.forEach((name, part) => {
      const from = quoted(parent);
      const column = quoted(parentColumns[part] ?? '');
      cells[name] =
        `(SELECT ${column} FROM ${from} ORDER BY ${parentColumns.map(quoted).join(', ')} LIMIT 1 OFFSET (SELECT ${nat} % max(1, count(*)) FROM ${from}))`;
    });
  });
  return cells;
}
