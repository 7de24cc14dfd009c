/**
 * What the application's own declared actions (ON DELETE, ON UPDATE) do to tables that are not
 * replicated, spelled out as statements of the plan. Pure: the caller counts rows and asks on.
 */
import {must} from '../kernel/assert.ts';
import {counted} from '../kernel/counted.ts';
import {EngineError} from '../kernel/errors.ts';
import type {Cell} from '../kernel/row.ts';
import type {RowSet, SetStatement} from '../kernel/statement.ts';
import type {ForeignKey, ForeignKeyAction} from '../schema/table-schema.ts';
import type {LostKey} from './lost-keys.ts';
import {encodeReference, referringColumns, referringRows, type Tables} from './references.ts';

/** Rows that lose what they refer to by one foreign key, and what becomes of them. */
export type Following = {
  readonly key: ForeignKey;
  readonly among: RowSet;
  /** New values for each tuple of `among`, where the rows referred to stay; undefined where they are deleted. */
  readonly replacements: readonly (readonly Cell[])[] | undefined;
};

/**
 * The rows that follow lost keys, in sets that fit a statement. Where the action leaves them as they are,
 * values that another row takes over are not lost.
 */
export function followers(schema: Tables, lost: readonly LostKey[]): readonly Following[] {
  return [...Map.groupBy(lost, (item) => item.key)].flatMap(([key, items]) => {
    const deleted = items.filter((item) => item.replacement === undefined);
    const changed = items.filter((item) => item.replacement !== undefined);
    const together = (some: readonly LostKey[], replaced: boolean): readonly Following[] =>
      referringRows(
        schema,
        key,
        some.map(({values}) => values),
      ).map((among) => ({key, among, replacements: replaced ? [] : undefined}));
    return [
      ...together(remaining(key.onDelete, deleted), false),
      ...(key.onUpdate === 'CASCADE'
        ? inRemapOrder(schema, key, changed).map((group) => remapped(schema, key, group))
        : together(remaining(key.onUpdate, changed), true)),
    ];
  });
}

function remaining(action: ForeignKeyAction, items: readonly LostKey[]): readonly LostKey[] {
  return action === 'NO ACTION' ? items.filter((item) => !item.retaken) : items;
}

function remapped(schema: Tables, key: ForeignKey, group: readonly LostKey[]): Following {
  const columns = referringColumns(schema, key);
  return {
    key,
    among: {table: key.table, columns, values: group.map(({values}) => values)},
    replacements: group.map(({replacement}) => must(replacement, 'the row stays')),
  };
}

/**
 * Whoever holds a value moves on before others come to it. Values that are exchanged in a ring come as
 * one group, which one statement changes at once.
 */
function inRemapOrder(
  schema: Tables,
  key: ForeignKey,
  items: readonly LostKey[],
): readonly (readonly LostKey[])[] {
  const encode = (values: readonly Cell[]): string => encodeReference(schema, key, values);
  const byValue = new Map(items.map((item) => [encode(item.values), item]));
  const next = (item: LostKey): LostKey | undefined =>
    byValue.get(encode(must(item.replacement, 'the row stays')));
  const placed = new Set<LostKey>();
  const groups: (readonly LostKey[])[] = [];
  for (const start of items) {
    const path: LostKey[] = [];
    const onPath = new Map<LostKey, number>();
    let item: LostKey | undefined = start;
    while (item !== undefined && !placed.has(item) && !onPath.has(item)) {
      onPath.set(item, path.push(item) - 1);
      item = next(item);
    }
    const ring = item === undefined ? undefined : onPath.get(item);
    if (ring !== undefined) groups.push(path.slice(ring));
    for (const single of path.slice(0, ring).toReversed()) groups.push([single]);
    for (const each of path) placed.add(each);
  }
  return groups;
}

/**
 * The statement by which rows of a table that is not replicated follow.
 *
 * @param rows How many do; more than none.
 * @param defaults Cells of the referring columns that SET DEFAULT gives them.
 * @throws {EngineError} `FOREIGN_KEY` where the declared action forbids the change.
 */
export function cascadeStatement(
  schema: Tables,
  {key, among, replacements}: Following,
  rows: number,
  defaults: readonly Cell[],
): SetStatement {
  const action = actionOf(key, replacements);
  const {columns} = key;
  switch (action) {
    case 'CASCADE':
      return replacements === undefined
        ? {op: 'deleteSet', among}
        : remapStatement(among, columns, replacements);
    case 'SET NULL':
      refuseMandatory(schema, key, rows);
      return {op: 'updateSet', among, columns, cells: columns.map(() => null)};
    case 'SET DEFAULT':
      return {op: 'updateSet', among, columns, cells: defaults};
    case 'NO ACTION':
    case 'RESTRICT':
      throw forbidden(key, action, rows);
  }
}

/** What the application declared for this kind of change. */
export function actionOf(
  key: ForeignKey,
  replacements: Following['replacements'],
): ForeignKeyAction {
  return replacements === undefined ? key.onDelete : key.onUpdate;
}

function remapStatement(
  among: RowSet,
  columns: readonly string[],
  replacements: readonly (readonly Cell[])[],
): SetStatement {
  const [only] = replacements;
  if (only !== undefined && replacements.length === 1) {
    return {op: 'updateSet', among, columns, cells: only};
  }
  return {op: 'remapSet', among, columns, cells: replacements};
}

function refuseMandatory(schema: Tables, key: ForeignKey, rows: number): void {
  const columns = schema.get(key.table)?.columns ?? [];
  const mandatory = columns.find(({name, notNull}) => notNull && key.columns.includes(name));
  if (mandatory === undefined) return;
  throw forbidden(key, `SET NULL, and column "${mandatory.name}" is NOT NULL`, rows);
}

/** The default that rows were to refer to instead is no row of the other table. */
export function withoutDefault(key: ForeignKey, rows: number): EngineError {
  return forbidden(key, `SET DEFAULT, and no row of "${key.parent}" has the default`, rows);
}

function forbidden(key: ForeignKey, action: string, rows: number): EngineError {
  const columns = key.columns.join(', ');
  return new EngineError(
    'FOREIGN_KEY',
    `cannot delete or re-key rows of table "${key.parent}": ${counted(rows, 'row')} of "${key.table}" refer to them by ${columns} (${action})`,
    {
      site: {table: key.table, column: columns},
      hint: `Table "${key.table}" is not replicated; change or delete those rows in the application first.`,
    },
  );
}
