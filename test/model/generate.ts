/** Random cases: small schemas with much that refers, collides and moves, and rows from tiny domains. */
import fc from 'fast-check';
import {
  columnOf,
  isConstraint,
  quoted,
  type Action,
  type ColumnSpec,
  type ModelCase,
  type ReferenceSpec,
  type RowSpec,
  type TableSpec,
  type TriggerSpec,
  type UniqueSpec,
} from './cases.ts';

const KEYS = ['rowid', 'auto', 'int', 'text', 'nocase', 'rtrim', 'two', 'mixed', 'none'] as const;
const TYPES = ['INTEGER', 'TEXT', '', 'REAL', 'NUMERIC', 'BLOB', 'VARCHAR(9)', 'INT'] as const;
const STRICT_TYPES = ['INTEGER', 'TEXT', 'ANY', 'REAL', 'BLOB'] as const;
const ACTIONS: readonly Action[] = [
  'CASCADE',
  'SET NULL',
  'NO ACTION',
  'SET DEFAULT',
  'CASCADE',
  'RESTRICT',
  'SET NULL',
];
const COLLATIONS = [undefined, 'NOCASE', 'RTRIM'] as const;

const rawReference = fc.record({
  parent: fc.nat(3),
  target: fc.nat(5),
  onDelete: fc.constantFrom(...ACTIONS),
  onUpdate: fc.constantFrom(...ACTIONS),
  notNull: often(1, 4),
  default: fc.nat(4),
  /** On the table's own key, or in columns of its own, of the parent's type or of another. */
  own: fc.nat(11),
  collate: fc.nat(8),
});

/** What is drawn; names and columns are worked out from it, so that every part shrinks by itself. */
export const rawTable = fc.record({
  replicated: often(3, 2),
  key: fc.constantFrom(...KEYS),
  withoutRowid: often(1, 3),
  strict: often(1, 4),
  values: fc.array(
    fc.record({type: fc.nat(7), notNull: often(1, 3), check: fc.nat(9), collate: fc.nat(5)}),
    {maxLength: 2, size: 'max'},
  ),
  uniques: fc.array(
    fc.record({
      form: fc.constantFrom(
        'one',
        'one',
        'one',
        'two',
        'index nocase',
        'partial',
        'lower',
        'modulo',
        'reference',
        'generated',
      ),
      type: fc.nat(7),
      notNull: fc.boolean(),
      check: fc.nat(14),
      collate: fc.nat(5),
    }),
    {maxLength: 2, size: 'max'},
  ),
  references: fc.array(rawReference, {maxLength: 2, size: 'max'}),
  generated: fc.nat(5),
  trigger: seldom(
    fc.record({
      effect: fc.constantFrom(
        'harmless',
        'normalises',
        'writes',
        'ignores',
        'normalises',
        'aborts',
        'writes' as const,
      ),
      when: fc.nat(5),
      other: fc.nat(3),
    }),
    1,
    5,
  ),
});

export type RawTable = typeof rawTable extends fc.Arbitrary<infer T> ? T : never;

export const rawRow = fc.record({
  table: fc.nat(3),
  side: fc.constantFrom('both', 'both', 'both', 'primary', 'replica' as const),
  cells: fc.array(fc.nat(40), {minLength: 8, maxLength: 8}),
  /** What the primary has otherwise. */
  other: seldom(fc.record({at: fc.nat(7), cell: fc.nat(40)}), 1, 1),
});

type RawRow = typeof rawRow extends fc.Arbitrary<infer T> ? T : never;

/** Values of a column move on among the rows of the primary. */
const rawRotation = fc.record({
  table: fc.nat(3),
  column: fc.nat(7),
  by: fc.integer({min: 1, max: 2}),
});

const rawCase = fc.record({
  tables: fc.array(rawTable, {minLength: 1, maxLength: 4, size: 'max'}),
  rows: fc.array(rawRow, {minLength: 1, maxLength: 40, size: 'max'}),
  rotations: fc.array(rawRotation, {maxLength: 2, size: 'max'}),
  repaired: often(3, 1),
  triggersFirst: fc.boolean(),
  journal: often(3, 1),
  allowDeletes: often(3, 2),
  allowTriggers: fc.boolean(),
  rival: seldom(
    fc.record({
      at: fc.integer({min: 1, max: 12}),
      op: fc.constantFrom('update', 'update', 'delete', 'insert' as const),
      table: fc.nat(3),
      row: fc.nat(5),
      column: fc.nat(7),
      cells: fc.array(fc.nat(40), {minLength: 8, maxLength: 8}),
    }),
    1,
    3,
  ),
});

type RawCase = typeof rawCase extends fc.Arbitrary<infer T> ? T : never;

export function cases(): fc.Arbitrary<ModelCase> {
  return fc.noBias(fc.oneof(rawCase.map(caseOf), family(rawCase).map(caseOf)));
}

/** Parents that are replicated, and local tables that refer to them; nothing dangles, and no trigger interferes. */
export function referenceCases(): fc.Arbitrary<ModelCase> {
  return family(rawCase).map((raw) =>
    caseOf({
      ...raw,
      repaired: true,
      rival: null,
      allowDeletes: true,
      journal: true,
      tables: raw.tables.map((table, at) => ({
        ...table,
        trigger: null,
        // The parent refers to nothing: what SQLite says of its own rows is not the question.
        references: at === 0 ? [] : table.references,
        // What is computed of a value is no business of references.
        uniques: table.uniques.filter(({form}) => PLAIN_UNIQUES.includes(form)),
      })),
    }),
  );
}

/** A replicated table first, and behind it tables that mostly are local and refer to those before. */
function family(drawn: fc.Arbitrary<RawCase>): fc.Arbitrary<RawCase> {
  return fc
    .tuple(drawn, fc.array(rawReference, {minLength: 3, maxLength: 3}))
    .map(([raw, more]) => {
      const few = raw.tables.length === 1 ? [...raw.tables, ...raw.tables] : raw.tables;
      const tables = few.map((table, at): RawTable => {
        const parent = more[at];
        const first = at > 0 && parent !== undefined ? [{...parent, parent: at - 1}] : [];
        return {
          ...table,
          replicated: at === 0,
          uniques: at === 0 && table.uniques.length === 0 ? oneUnique : table.uniques,
          references: [...first, ...table.references].slice(0, 2),
        };
      });
      return {...raw, tables};
    });
}

const PLAIN_UNIQUES: readonly RawUnique['form'][] = ['one', 'two', 'reference'];

const oneUnique: RawTable['uniques'] = [
  {form: 'one', type: 0, notNull: false, check: 14, collate: 5},
];

/** Null that often, and what the case shrinks to. */
export function seldom<T>(drawn: fc.Arbitrary<T>, yes: number, no: number): fc.Arbitrary<T | null> {
  return fc.oneof({arbitrary: fc.constant(null), weight: no}, {arbitrary: drawn, weight: yes});
}

export function often(yes: number, no: number): fc.Arbitrary<boolean> {
  return fc.nat(yes + no - 1).map((value) => value < yes);
}

/** The tables that are drawn; one of them at least is replicated. */
export function tablesOf(drawn: readonly RawTable[]): readonly TableSpec[] {
  const raws = drawn.map((table) => ({...table}));
  const first = raws[0];
  if (first !== undefined && raws.every(({replicated}) => !replicated)) first.replicated = true;
  const bare = raws.map(bareTable);
  const referring = bare.map((table, at) => withReferences(table, at, raws, bare));
  return referring.map((table, at) => withTrigger(table, at, raws, referring));
}

function caseOf(raw: RawCase): ModelCase {
  const tables = tablesOf(raw.tables);
  const sides = rowsOf(raw, tables);
  const rival = raw.rival === null ? {} : {rival: rivalOf(raw.rival, tables)};
  return {
    tables,
    ...sides,
    repaired: raw.repaired,
    triggersFirst: raw.triggersFirst,
    journal: raw.journal ? 'wal' : 'delete',
    allowDeletes: raw.allowDeletes,
    allowTriggers: raw.allowTriggers,
    ...rival,
  };
}

function bareTable(raw: RawTable, at: number): TableSpec {
  const {key, columns: keyColumns, autoincrement} = keyOf(raw);
  const values = raw.values.map((value, index): ColumnSpec => {
    const type = typeOf(raw, value.type);
    return {
      name: `a${index}`,
      type,
      ...collation(type, value.collate),
      ...(value.notNull ? {notNull: true, default: defaultOf(type, 1)} : {}),
      ...check(`a${index}`, type, value.check),
    };
  });
  const uniques = raw.uniques
    .filter(({form}) => form !== 'reference')
    .map((u, i) => uniqueOf(raw, u, i));
  const drawn = [...values, ...keyColumns, ...uniques.flatMap((unique) => unique.columns)];
  const columns = drawn.length > 0 ? drawn : [{name: 'a0', type: 'TEXT'}];
  return {
    name: `t${at}`,
    replicated: raw.replicated,
    columns: [...columns, ...generatedColumn(raw, columns)],
    key,
    autoincrement,
    withoutRowid: raw.withoutRowid && key.length > 0 && !autoincrement,
    strict: raw.strict,
    uniques: uniques.map(({spec}) => spec),
    references: [],
    triggers: [],
  };
}

function keyOf(raw: RawTable): {key: string[]; columns: ColumnSpec[]; autoincrement: boolean} {
  const kind = raw.key === 'none' && raw.replicated ? 'rowid' : raw.key;
  const text = (collate?: 'NOCASE' | 'RTRIM'): ColumnSpec => ({
    name: 'k',
    type: 'TEXT',
    ...(collate === undefined ? {} : {collate}),
  });
  switch (kind) {
    case 'rowid':
    case 'auto':
      return {
        key: ['id'],
        columns: [{name: 'id', type: 'INTEGER'}],
        autoincrement: kind === 'auto',
      };
    case 'int':
      return {key: ['k'], columns: [{name: 'k', type: 'INT'}], autoincrement: false};
    case 'text':
      return {key: ['k'], columns: [text()], autoincrement: false};
    case 'nocase':
      return {key: ['k'], columns: [text('NOCASE')], autoincrement: false};
    case 'rtrim':
      return {key: ['k'], columns: [text('RTRIM')], autoincrement: false};
    case 'two':
      return {
        key: ['k', 'l'],
        columns: [
          {name: 'k', type: 'INTEGER'},
          {name: 'l', type: raw.strict ? 'ANY' : ''},
        ],
        autoincrement: false,
      };
    case 'mixed':
      return {
        key: ['l', 'k'],
        columns: [
          {name: 'k', type: 'TEXT', collate: 'NOCASE'},
          {name: 'l', type: 'INTEGER'},
        ],
        autoincrement: false,
      };
    case 'none':
      return {key: [], columns: [], autoincrement: false};
  }
}

function typeOf({strict}: RawTable, nat: number): string {
  const list = strict ? STRICT_TYPES : TYPES;
  return list[nat % list.length] ?? '';
}

const isText = (type: string): boolean => /TEXT|CHAR/.test(type);

function collation(type: string, nat: number): {collate?: 'NOCASE' | 'RTRIM'} {
  const collate = isText(type) ? COLLATIONS[nat] : undefined;
  return collate === undefined ? {} : {collate};
}

function check(name: string, type: string, nat: number): {check?: string} {
  switch (nat) {
    case 0:
      return {check: isText(type) ? `length(${name}) < 2` : `${name} BETWEEN 0 AND 4`};
    case 1:
      return {check: isText(type) ? `${name} IN ('a', 'A', 'b')` : `${name} IN (1, 2, 3, 4)`};
    default:
      return {};
  }
}

/** The first values of a domain are drawn most. */
function domain(type: string): readonly string[] {
  if (isText(type)) return ["'a'", "'b'", "'A'", "'c'", "'B'", "'a '", "'ab'", "''", "'1'"];
  switch (type) {
    case 'INTEGER':
    case 'INT':
      return ['1', '2', '3', '4', '5', '0', '7', '9007199254740993'];
    case 'REAL':
      return ['1.0', '0.5', '2.0', '3.5', '-1.5', '1e300'];
    case 'NUMERIC':
      return ['1', '2', '3.5', "'x'", '4', "'5'"];
    case 'BLOB':
      return ["x'31'", "x'32'", "x'00'", "x''"];
    default:
      return ['1', '2', "'a'", '1.0', "x'31'", "'1'", '2.5', "'A'"];
  }
}

function defaultOf(type: string, nat: number): string {
  const values = domain(type);
  return values[nat % values.length] ?? 'NULL';
}

type RawUnique = RawTable['uniques'][number];

function uniqueOf(
  raw: RawTable,
  {form, type: nat, notNull, check: checkNat, collate}: RawUnique,
  at: number,
): {spec: UniqueSpec; columns: ColumnSpec[]} {
  const name = `u${at}`;
  const text = form === 'index nocase' || form === 'lower';
  const type = text ? 'TEXT' : form === 'modulo' ? 'INTEGER' : typeOf(raw, nat);
  const column: ColumnSpec = {
    name,
    type,
    ...(text ? {} : collation(type, collate)),
    ...(notNull ? {notNull: true, default: defaultOf(type, 0)} : {}),
    ...check(name, type, checkNat),
  };
  switch (form) {
    case 'two': {
      const other = {name: `w${at}`, type: typeOf(raw, nat + 1)};
      return {spec: {on: [name, other.name]}, columns: [column, other]};
    }
    case 'index nocase':
      return {spec: {on: [name], collate: 'NOCASE'}, columns: [column]};
    case 'partial': {
      const flag: ColumnSpec = {name: `w${at}`, type: 'INTEGER', notNull: true, default: '1'};
      return {spec: {on: [name], where: `w${at} > 1`}, columns: [column, flag]};
    }
    case 'lower':
      return {spec: {on: [`lower(${name})`]}, columns: [column]};
    case 'modulo':
      return {spec: {on: [`(${name} % 5)`]}, columns: [column]};
    case 'generated': {
      const computed: ColumnSpec = {
        name: `g${at}`,
        type: raw.strict ? 'ANY' : '',
        generated: {as: `coalesce(${name}, 'none')`, stored: nat % 2 === 0},
      };
      return {spec: {on: [computed.name]}, columns: [column, computed]};
    }
    case 'one':
    case 'reference':
      return {spec: {on: [name]}, columns: [column]};
  }
}

function generatedColumn(raw: RawTable, columns: readonly ColumnSpec[]): readonly ColumnSpec[] {
  const of = columns.find(({generated}) => generated === undefined);
  if (of === undefined || raw.generated > 1) return [];
  const type = raw.strict ? 'ANY' : '';
  return [{name: 'z', type, generated: {as: `${of.name} || '!'`, stored: raw.generated === 1}}];
}

/** Sets of columns of a table that a reference can point at. */
function targets(table: TableSpec): readonly (readonly string[])[] {
  const uniques = table.uniques
    .filter(isConstraint)
    .map(({on}) => on)
    .filter((on) => on.every((name) => columnOf(table, name).generated === undefined));
  return [...uniques, ...(table.key.length === 0 ? [] : [table.key, table.key])];
}

function withReferences(
  table: TableSpec,
  at: number,
  raws: readonly RawTable[],
  bare: readonly TableSpec[],
): TableSpec {
  const raw = raws[at];
  if (raw === undefined) return table;
  const columns = [...table.columns];
  const references: ReferenceSpec[] = [];
  raw.references.forEach((drawn, index) => {
    const parent = bare[drawn.parent % bare.length];
    if (parent === undefined) return;
    const sets = targets(parent);
    const parentColumns = sets[drawn.target % Math.max(1, sets.length)];
    if (parentColumns === undefined) return;
    const onKey = drawn.own === 0 && table.key.length === parentColumns.length;
    const own = onKey
      ? []
      : parentColumns.map((name, part) =>
          referring(columnOf(parent, name), raw, drawn, index * 2 + part),
        );
    columns.push(...own);
    references.push({
      columns: onKey ? table.key : own.map(({name}) => name),
      parent: parent.name,
      parentColumns,
      onDelete: drawn.onDelete,
      onUpdate: drawn.onUpdate,
    });
  });
  const first = references[0];
  const isUnique = raw.uniques.some(({form}) => form === 'reference');
  const uniques =
    isUnique && first !== undefined ? [...table.uniques, {on: first.columns}] : table.uniques;
  return {...table, columns, references, uniques};
}

function referring(
  target: ColumnSpec,
  {strict}: RawTable,
  drawn: RawTable['references'][number],
  index: number,
): ColumnSpec {
  const same =
    strict && !(STRICT_TYPES as readonly string[]).includes(target.type) ? 'ANY' : target.type;
  const type = drawn.own === 1 ? 'TEXT' : drawn.own === 2 ? 'INTEGER' : same;
  const given = drawn.default === 4 ? {} : {default: defaultOf(type, drawn.default)};
  const collate =
    drawn.collate < 6 ? collationOf(target, type) : collation(type, drawn.collate - 6);
  return {
    name: `r${index}`,
    type,
    ...collate,
    ...(drawn.notNull ? {notNull: true} : {}),
    ...(drawn.default === 3 ? {} : given),
  };
}

function collationOf({collate}: ColumnSpec, type: string): {collate?: 'NOCASE' | 'RTRIM'} {
  return collate === undefined || !isText(type) ? {} : {collate};
}

const EVENTS = ['INSERT', 'UPDATE', 'DELETE'] as const;

function withTrigger(
  table: TableSpec,
  at: number,
  raws: readonly RawTable[],
  all: readonly TableSpec[],
): TableSpec {
  const drawn = raws[at]?.trigger;
  if (drawn === null || drawn === undefined) return table;
  const {effect, when, other} = drawn;
  const event = EVENTS[when % 3] ?? 'INSERT';
  const name = `${table.name}_${effect}`;
  const head = (time: string, verb: string): string =>
    `CREATE TRIGGER ${quoted(name)} ${time} ${verb} ON ${quoted(table.name)}`;
  const plain = table.columns.find(
    (column) => column.generated === undefined && !table.key.includes(column.name),
  );
  const target = all[other % all.length];
  const made = ((): TriggerSpec | undefined => {
    switch (effect) {
      case 'harmless':
        return {
          effect,
          name,
          sql:
            when < 3
              ? `${head('AFTER', event)} BEGIN SELECT 1; END`
              : `${head('BEFORE', event)} WHEN 0 BEGIN SELECT RAISE(ABORT, 'never'); END`,
        };
      case 'normalises': {
        if (plain === undefined) return undefined;
        const column = quoted(plain.name);
        const verb = event === 'DELETE' ? 'UPDATE' : event;
        const sql = `${head('AFTER', verb)} BEGIN UPDATE ${quoted(table.name)} SET ${column} = upper(${column}) WHERE typeof(${column}) = 'text' AND ${column} <> upper(${column}) COLLATE BINARY; END`;
        return {effect, name, sql};
      }
      case 'writes': {
        if (target === undefined || target.name === table.name) return undefined;
        const sql = `${head('AFTER', event)} BEGIN DELETE FROM ${quoted(target.name)}; END`;
        return {effect, name, sql, writes: target.name};
      }
      case 'ignores':
        return {effect, name, sql: `${head('BEFORE', event)} BEGIN SELECT RAISE(IGNORE); END`};
      case 'aborts':
        return {effect, name, sql: `${head('BEFORE', event)} BEGIN SELECT RAISE(ABORT, 'no'); END`};
    }
  })();
  return made === undefined ? table : {...table, triggers: [made]};
}

// --- rows ------------------------------------------------------------------------------------------

/** The columns that a row is written with. */
export function written(table: TableSpec): readonly ColumnSpec[] {
  return table.columns.filter(({generated}) => generated === undefined);
}

/** Low numbers are the domain's first values; a key is hardly ever NULL. */
export function cellOf(table: TableSpec, column: ColumnSpec, nat: number): string {
  const values = domain(column.type);
  const inKey = table.key.includes(column.name);
  if (inKey && nat === 40 && table.key.length === 1) return 'NULL';
  if (!inKey && nat >= 33 && (column.notNull !== true || nat === 39)) return 'NULL';
  const few = nat < 24 ? Math.min(5, values.length) : values.length;
  return values[nat % few] ?? 'NULL';
}

/** The first rows of both sides. */
export function rowsOf(
  raw: Pick<RawCase, 'rows' | 'rotations'>,
  tables: readonly TableSpec[],
): {primary: readonly RowSpec[]; replica: readonly RowSpec[]} {
  const primary: {table: string; cells: Record<string, string>}[] = [];
  const replica: RowSpec[] = [];
  for (const {row, table, cells} of referringRows(raw, tables)) {
    if (row.side !== 'primary') replica.push({table: table.name, cells});
    if (row.side !== 'replica') {
      primary.push({table: table.name, cells: changed(table, cells, row)});
    }
  }
  for (const {table: at, column: nat, by} of raw.rotations) {
    const table = tables[at % tables.length];
    const rows = primary.filter((row) => row.table === table?.name);
    if (table === undefined || rows.length < 2) continue;
    const movable = written(table).filter(({name}) => !table.key.includes(name));
    const name = movable[nat % Math.max(1, movable.length)]?.name;
    if (name === undefined) continue;
    const values = rows.map(({cells}) => cells[name] ?? 'NULL');
    rows.forEach((row, index) => {
      row.cells = {...row.cells, [name]: values[(index + by) % values.length] ?? 'NULL'};
    });
  }
  return {primary, replica};
}

type Drawn = {
  readonly row: RawRow;
  readonly table: TableSpec;
  readonly cells: Record<string, string>;
};

/** Most references are made to hit a row that is drawn, too. */
function referringRows(raw: Pick<RawCase, 'rows'>, tables: readonly TableSpec[]): readonly Drawn[] {
  const drawn = raw.rows.flatMap((row): Drawn[] => {
    const table = tables[row.table % tables.length];
    return table === undefined ? [] : [{row, table, cells: drawnCells(table, row.cells)}];
  });
  for (const {row, table, cells} of drawn) {
    table.references.forEach(({columns, parent, parentColumns}, at) => {
      const nat = row.cells[at + 5] ?? 0;
      const parents = drawn.filter((other) => other.table.name === parent);
      const hit = parents[nat % Math.max(1, parents.length)];
      if (hit === undefined || nat >= 34) return;
      columns.forEach((name, part) => {
        cells[name] = hit.cells[parentColumns[part] ?? ''] ?? 'NULL';
      });
    });
  }
  return drawn;
}

function drawnCells(table: TableSpec, nats: readonly number[]): Record<string, string> {
  return Object.fromEntries(
    written(table).map((column, at) => [
      column.name,
      cellOf(table, column, nats[at % nats.length] ?? 0),
    ]),
  );
}

function changed(
  table: TableSpec,
  cells: Record<string, string>,
  {side, other}: RawRow,
): Record<string, string> {
  const columns = written(table);
  const column = other === null ? undefined : columns[other.at % Math.max(1, columns.length)];
  if (side !== 'both' || other === null || column === undefined) return cells;
  return {...cells, [column.name]: cellOf(table, column, other.cell)};
}

type RawRival = NonNullable<RawCase['rival']>;

function rivalOf(raw: RawRival, tables: readonly TableSpec[]): {at: number; sql: string} {
  const {at, op, row, column: nat, cells} = raw;
  const table = tables[raw.table % tables.length];
  if (table === undefined) return {at, sql: 'SELECT 1'};
  const name = quoted(table.name);
  const by = table.key.length === 0 ? '_rowid_' : table.key.map(quoted).join(', ');
  const where = `(${by}) IN (SELECT ${by} FROM ${name} ORDER BY ${by} LIMIT 1 OFFSET ${row})`;
  const columns = written(table);
  const column = columns[nat % Math.max(1, columns.length)];
  if (op === 'delete' || column === undefined)
    return {at, sql: `DELETE FROM ${name} WHERE ${where}`};
  if (op === 'update') {
    const value = cellOf(table, column, cells[0] ?? 0);
    return {
      at,
      sql: `UPDATE OR IGNORE ${name} SET ${quoted(column.name)} = ${value} WHERE ${where}`,
    };
  }
  const drawn = drawnCells(table, cells);
  const names = Object.keys(drawn);
  return {
    at,
    sql: `INSERT OR IGNORE INTO ${name} (${names.map(quoted).join(', ')}) VALUES (${names.map((key) => drawn[key]).join(', ')})`,
  };
}
