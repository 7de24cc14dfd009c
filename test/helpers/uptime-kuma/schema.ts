// A small notation for SQLite table definitions, and the statements made from it.

type ForeignKey = {
  readonly column: string;
  readonly table: string;
  /** null: the reference names no column (SQLite then takes the primary key). */
  readonly target: string | null;
  readonly onUpdate?: 'CASCADE';
  readonly onDelete?: 'CASCADE' | 'SET NULL';
};

type Index = {
  readonly name: string;
  readonly columns: readonly string[];
  readonly unique?: true;
  readonly where?: string;
};

export type Table = {
  /**
   * One text per column: name, declared type (with `!` behind it for NOT NULL), default if any.
   * The first column is the INTEGER PRIMARY KEY.
   */
  readonly columns: readonly string[];
  /** AUTOINCREMENT unless false. */
  readonly autoincrement?: false;
  readonly foreignKeys?: readonly ForeignKey[];
  /** UNIQUE constraints of the table itself, one list of columns each. */
  readonly unique?: readonly (readonly string[])[];
  /** CHECK conditions. */
  readonly checks?: readonly string[];
  readonly indexes?: readonly Index[];
};

/** Tables by name, in the order in which they are created. */
export type Schema = ReadonlyMap<string, Table>;

type Column = {
  readonly name: string;
  readonly type: string;
  readonly notNull: boolean;
  readonly defaultValue: string | undefined;
};

/** The lines of a text as a list, without indents and empty lines. */
export function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
}

/** A link that goes away with its target. */
export function cascading(column: string, table: string): ForeignKey {
  return {column, table, target: 'id', onUpdate: 'CASCADE', onDelete: 'CASCADE'};
}

/** A link that is emptied when its target goes away. */
export function emptying(column: string, table: string, target: string | null = 'id'): ForeignKey {
  return {column, table, target, onUpdate: 'CASCADE', onDelete: 'SET NULL'};
}

/** A link without actions: its target cannot go away. */
export function holding(column: string, table: string): ForeignKey {
  return {column, table, target: 'id'};
}

export function index(name: string, ...columns: string[]): Index {
  return {name, columns};
}

export function parseColumn(text: string): Column {
  const match = /^(?<name>\S+) (?<type>[^\s!]+)(?<bang>!?)(?: (?<rest>.+))?$/u.exec(text);
  if (match?.groups === undefined) throw new Error(`Not a column: ${text}`);
  const {name = '', type = '', bang, rest} = match.groups;
  return {name, type, notNull: bang === '!', defaultValue: rest};
}

/** The statements that create one table and its indexes. */
export function createStatements(name: string, table: Table): string[] {
  const parts = table.columns.map((text, position) => columnPart(text, position, table));
  for (const columns of table.unique ?? []) parts.push(`UNIQUE (${columns.map(quote).join(', ')})`);
  for (const condition of table.checks ?? []) parts.push(`CHECK (${condition})`);
  for (const key of table.foreignKeys ?? []) parts.push(foreignKeyPart(key));
  const statements = [`CREATE TABLE ${quote(name)} (\n  ${parts.join(',\n  ')}\n)`];
  for (const entry of table.indexes ?? []) statements.push(indexStatement(name, entry));
  return statements;
}

function columnPart(text: string, position: number, table: Table): string {
  const column = parseColumn(text);
  let part = `${quote(column.name)} ${column.type}`;
  if (position === 0) {
    part += ' PRIMARY KEY';
    if (table.autoincrement !== false) part += ' AUTOINCREMENT';
  }
  if (column.notNull) part += ' NOT NULL';
  if (column.defaultValue !== undefined) {
    const call = /^\w+\(/u.test(column.defaultValue);
    part += ` DEFAULT ${call ? `(${column.defaultValue})` : column.defaultValue}`;
  }
  return part;
}

function foreignKeyPart(key: ForeignKey): string {
  const target = key.target === null ? '' : ` (${quote(key.target)})`;
  const onDelete = key.onDelete === undefined ? '' : ` ON DELETE ${key.onDelete}`;
  const onUpdate = key.onUpdate === undefined ? '' : ` ON UPDATE ${key.onUpdate}`;
  return `FOREIGN KEY (${quote(key.column)}) REFERENCES ${quote(key.table)}${target}${onDelete}${onUpdate}`;
}

function indexStatement(table: string, entry: Index): string {
  const kind = entry.unique === true ? 'UNIQUE INDEX' : 'INDEX';
  const where = entry.where === undefined ? '' : ` WHERE ${entry.where}`;
  const columns = entry.columns.map(quote).join(', ');
  return `CREATE ${kind} ${quote(entry.name)} ON ${quote(table)} (${columns})${where}`;
}

function quote(name: string): string {
  return `\`${name}\``;
}
