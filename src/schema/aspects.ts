/** All that a table declares and that decides which rows it may hold, one by one, in an order of their own. */
import {asciiLower, asciiUpper, compareNames} from './names.ts';
import type {ColumnSchema, ForeignKey, TableSchema, UniqueIndex} from './table-schema.ts';

export type AspectKind =
  | 'column'
  | 'affinity'
  | 'not null'
  | 'default'
  | 'collation'
  | 'generated'
  | 'key'
  | 'unique'
  | 'foreign key'
  | 'check';

export type Aspect = {
  readonly kind: AspectKind;
  /** The column, or what the constraint is of; never the name that the schema gives it. */
  readonly name: string;
  /** What is declared; empty where kind and name say it all. */
  readonly says: string;
};

type Spelling = (name: string) => string;

/**
 * Two tables are declared alike where their aspects are the same set. Not among them: the order of columns, names of constraints, what only
 * decides how rows are stored and found (indexes that are not unique, STORED, WITHOUT ROWID, AUTOINCREMENT), and triggers.
 *
 * @param spelling How names are written; as they are unless told otherwise.
 */
export function aspectsOf(schema: TableSchema, spelling: Spelling = asWritten): readonly Aspect[] {
  return [
    ...schema.columns.flatMap((column) => ofColumn(column, spelling)),
    ...ofKey(schema, spelling),
    ...schema.uniques.map((index) => ofUnique(index, spelling)),
    ...schema.foreignKeys.map((key) => ofForeignKey(key, spelling)),
    ...schema.checks.map((check): Aspect => ({kind: 'check', name: check, says: ''})),
  ];
}

function asWritten(name: string): string {
  return name;
}

function ofColumn(column: ColumnSchema, spelling: Spelling): readonly Aspect[] {
  const name = spelling(column.name);
  const of = (kind: AspectKind, says: string): Aspect => ({kind, name, says});
  return [
    of('column', column.declared === '' ? 'untyped' : column.declared),
    of('affinity', column.stores),
    ...(column.notNull ? [of('not null', 'NOT NULL')] : []),
    ...(column.default === undefined ? [] : [of('default', column.default)]),
    of('collation', column.collation),
    ...(column.generated ? [of('generated', column.expression ?? '')] : []),
  ];
}

/** The order of its columns is that of the rows. */
function ofKey({primaryKey}: TableSchema, spelling: Spelling): readonly Aspect[] {
  if (primaryKey.length === 0) return [];
  const terms = primaryKey.map(({name, collation}) => collated(quoted(spelling(name)), collation));
  return [{kind: 'key', name: '', says: inParentheses(terms)}];
}

function ofUnique({columns, where}: UniqueIndex, spelling: Spelling): Aspect {
  const terms = columns
    .map(({column, expression, collation}) => ({
      order: collated(column === undefined ? (expression ?? '') : asciiLower(column), collation),
      term: collated(
        column === undefined ? (expression ?? '') : quoted(spelling(column)),
        collation,
      ),
    }))
    .sort((a, b) => compareNames(a.order, b.order))
    .map(({term}) => term);
  const condition = where === undefined ? '' : ` WHERE ${where}`;
  return {kind: 'unique', name: inParentheses(terms) + condition, says: ''};
}

function ofForeignKey(key: ForeignKey, spelling: Spelling): Aspect {
  const pairs = key.columns
    .map((from, at) => ({from, to: key.parentColumns[at] ?? ''}))
    .sort((a, b) => compareNames(asciiLower(a.from), asciiLower(b.from)));
  const names = (list: readonly string[]): string =>
    inParentheses(list.map((name) => quoted(spelling(name))));
  const [from, to] = [names(pairs.map((pair) => pair.from)), names(pairs.map((pair) => pair.to))];
  return {
    kind: 'foreign key',
    name: `${from} → ${quoted(spelling(key.parent))} ${to}`,
    says: `ON DELETE ${key.onDelete} ON UPDATE ${key.onUpdate}`,
  };
}

function inParentheses(terms: readonly string[]): string {
  return `(${terms.join(', ')})`;
}

function collated(term: string, collation: string): string {
  const name = asciiUpper(collation);
  return name === 'BINARY' ? term : `${term} COLLATE ${name}`;
}

/** Names that could be read as something else stand in quotes. */
function quoted(name: string): string {
  return /^[A-Za-z_\u0080-\u{10FFFF}][A-Za-z0-9_\u0080-\u{10FFFF}]*$/u.test(name)
    ? name
    : `"${name.replaceAll('"', '""')}"`;
}
