/** What a model case is: two databases of one schema, and how the one is brought to the other. Plain JSON. */

export type ColumnSpec = {
  readonly name: string;
  /** As declared; may be empty. */
  readonly type: string;
  readonly collate?: 'NOCASE' | 'RTRIM';
  readonly notNull?: boolean;
  /** SQL. */
  readonly default?: string;
  readonly check?: string;
  readonly generated?: {readonly as: string; readonly stored: boolean};
};

export type UniqueSpec = {
  /** Columns or expressions. */
  readonly on: readonly string[];
  readonly collate?: 'NOCASE' | 'RTRIM';
  readonly where?: string;
};

export type Action = 'NO ACTION' | 'RESTRICT' | 'CASCADE' | 'SET NULL' | 'SET DEFAULT';

export type ReferenceSpec = {
  readonly columns: readonly string[];
  readonly parent: string;
  readonly parentColumns: readonly string[];
  readonly onDelete: Action;
  readonly onUpdate: Action;
};

export type TriggerSpec = {
  /** Only a harmless one changes nothing and forbids nothing. */
  readonly effect: 'harmless' | 'normalises' | 'writes' | 'ignores' | 'aborts';
  readonly name: string;
  readonly sql: string;
  /** The other table that it writes. */
  readonly writes?: string;
};

export type TableSpec = {
  readonly name: string;
  readonly replicated: boolean;
  readonly columns: readonly ColumnSpec[];
  /** Empty where the table has none. */
  readonly key: readonly string[];
  readonly autoincrement: boolean;
  readonly withoutRowid: boolean;
  readonly strict: boolean;
  readonly uniques: readonly UniqueSpec[];
  readonly references: readonly ReferenceSpec[];
  readonly triggers: readonly TriggerSpec[];
};

/** A row as SQL literals. It is left out where a constraint forbids it. */
export type RowSpec = {readonly table: string; readonly cells: Readonly<Record<string, string>>};

/** What another program does to the replica when the engine looks at its signal for the `at`-th time. */
type RivalSpec = {readonly at: number; readonly sql: string};

export type ModelCase = {
  readonly tables: readonly TableSpec[];
  readonly primary: readonly RowSpec[];
  readonly replica: readonly RowSpec[];
  /** Rows that refer to nothing are deleted from both sides. */
  readonly repaired: boolean;
  /** Triggers see the first rows come, too. */
  readonly triggersFirst: boolean;
  readonly journal: 'wal' | 'delete';
  readonly allowDeletes: boolean;
  readonly allowTriggers: boolean;
  readonly rival?: RivalSpec;
};

export function quoted(name: string): string {
  return `"${name}"`;
}

export function columnOf(table: TableSpec, name: string): ColumnSpec {
  const column = table.columns.find((candidate) => candidate.name === name);
  if (column === undefined) throw new Error(`table ${table.name} has no column ${name}`);
  return column;
}

/** True where the key is another name of the rowid. */
export function isRowidKey(table: TableSpec): boolean {
  const [name] = table.key;
  if (name === undefined || table.key.length > 1 || table.withoutRowid) return false;
  return columnOf(table, name).type.toUpperCase() === 'INTEGER';
}

/** The statements that make all tables and indexes, and those that make the triggers. */
export function ddlOf(tables: readonly TableSpec[]): {tables: string; triggers: string} {
  return {
    tables: tables.map(tableDdl).join('\n'),
    triggers: tables.flatMap(({triggers}) => triggers.map(({sql}) => `${sql};`)).join('\n'),
  };
}

function tableDdl(table: TableSpec): string {
  const indexes = table.uniques.flatMap((unique, at) => indexDdl(table, unique, at));
  const parts = [
    ...table.columns.map((column) => columnDdl(table, column)),
    ...(table.key.length === 0 || hasInlineKey(table) ? [] : [`PRIMARY KEY (${names(table.key)})`]),
    ...table.uniques.filter(isConstraint).map(({on}) => `UNIQUE (${names(on)})`),
    ...table.references.map(referenceDdl),
  ];
  const options = [
    ...(table.withoutRowid ? ['WITHOUT ROWID'] : []),
    ...(table.strict ? ['STRICT'] : []),
  ];
  const create = `CREATE TABLE ${quoted(table.name)} (${parts.join(', ')}) ${options.join(', ')};`;
  return [create, ...indexes].join('\n');
}

function hasInlineKey(table: TableSpec): boolean {
  return table.key.length === 1;
}

function columnDdl(table: TableSpec, column: ColumnSpec): string {
  const isKey = hasInlineKey(table) && table.key[0] === column.name;
  const parts = [
    quoted(column.name),
    column.type,
    isKey ? `PRIMARY KEY${table.autoincrement ? ' AUTOINCREMENT' : ''}` : '',
    column.collate === undefined ? '' : `COLLATE ${column.collate}`,
    column.notNull === true ? 'NOT NULL' : '',
    column.default === undefined ? '' : `DEFAULT ${column.default}`,
    column.check === undefined ? '' : `CHECK (${column.check})`,
    column.generated === undefined ? '' : generatedDdl(column.generated),
  ];
  return parts.filter((part) => part !== '').join(' ');
}

function generatedDdl({as, stored}: {as: string; stored: boolean}): string {
  return `GENERATED ALWAYS AS (${as}) ${stored ? 'STORED' : 'VIRTUAL'}`;
}

function referenceDdl(reference: ReferenceSpec): string {
  const {columns, parent, parentColumns, onDelete, onUpdate} = reference;
  return `FOREIGN KEY (${names(columns)}) REFERENCES ${quoted(parent)} (${names(parentColumns)}) ON DELETE ${onDelete} ON UPDATE ${onUpdate}`;
}

/** Plain columns under their own collations: what a reference can point at. */
export function isConstraint({on, collate, where}: UniqueSpec): boolean {
  return collate === undefined && where === undefined && on.every(isName);
}

export function isName(expression: string): boolean {
  return /^[a-z][a-z0-9]*$/.test(expression);
}

function indexDdl(table: TableSpec, unique: UniqueSpec, at: number): readonly string[] {
  if (isConstraint(unique)) return [];
  const collate = unique.collate === undefined ? '' : ` COLLATE ${unique.collate}`;
  const on = unique.on.map((part) => (isName(part) ? quoted(part) + collate : `(${part})`));
  const where = unique.where === undefined ? '' : ` WHERE ${unique.where}`;
  return [
    `CREATE UNIQUE INDEX ${quoted(`${table.name}_unique${at}`)} ON ${quoted(table.name)} (${on.join(', ')})${where};`,
  ];
}

function names(list: readonly string[]): string {
  return list.map(quoted).join(', ');
}
