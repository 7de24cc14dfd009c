/** Makes a failing case smaller by leaving out whatever it fails without. */
import type {ModelCase, TableSpec} from './cases.ts';

/** @param fails True where a case still fails in the same way. */
export async function minimise(
  made: ModelCase,
  fails: (smaller: ModelCase) => Promise<boolean>,
): Promise<ModelCase> {
  let smallest = made;
  for (let found = true; found;) {
    found = false;
    for (const smaller of smallerThan(smallest)) {
      if (!(await fails(smaller))) continue;
      [smallest, found] = [smaller, true];
      break;
    }
  }
  return smallest;
}

function* smallerThan(made: ModelCase): Generator<ModelCase> {
  const {rival, ...without} = made;
  if (rival !== undefined) yield without;
  for (const [at, {name}] of made.tables.entries()) {
    const isParent = made.tables.some(
      (table) => table.name !== name && table.references.some(({parent}) => parent === name),
    );
    const rest = made.tables.filter((_, index) => index !== at);
    if (isParent || rest.every(({replicated}) => !replicated)) continue;
    const rows = (list: ModelCase['primary']): ModelCase['primary'] =>
      list.filter(({table}) => table !== name);
    yield {...made, tables: rest, primary: rows(made.primary), replica: rows(made.replica)};
  }
  for (const side of ['primary', 'replica'] as const) {
    for (const at of made[side].keys()) {
      yield {...made, [side]: made[side].filter((_, index) => index !== at)};
    }
  }
  for (const [at, table] of made.tables.entries()) {
    for (const smaller of smallerTables(made.tables, table)) {
      const tables = made.tables.map((other, index) => (index === at ? smaller : other));
      yield withoutColumns({...made, tables});
    }
  }
  if (made.repaired) yield {...made, repaired: false};
  if (!made.allowDeletes) yield {...made, allowDeletes: true};
  if (made.triggersFirst) yield {...made, triggersFirst: false};
  if (made.journal === 'delete') yield {...made, journal: 'wal'};
}

/** Tables with a little less to them. */
export function* smallerTables(all: readonly TableSpec[], table: TableSpec): Generator<TableSpec> {
  const without = <T>(list: readonly T[], at: number): readonly T[] =>
    list.filter((_, index) => index !== at);
  for (const at of table.triggers.keys()) {
    yield {...table, triggers: without(table.triggers, at)};
  }
  for (const at of table.references.keys()) {
    yield {...table, references: without(table.references, at)};
  }
  for (const [at, {on}] of table.uniques.entries()) {
    const isParent = isReferredTo(all, table, (columns) => columns.join() === on.join());
    if (!isParent) yield {...table, uniques: without(table.uniques, at)};
  }
  for (const [at, {name}] of table.columns.entries()) {
    if (isUsed(all, table, name) || table.columns.length === 1) continue;
    yield {...table, columns: without(table.columns, at)};
  }
  for (const [at, column] of table.columns.entries()) {
    const {check, ...unchecked} = column;
    if (check === undefined) continue;
    yield {
      ...table,
      columns: table.columns.map((other, index) => (index === at ? unchecked : other)),
    };
  }
  if (table.strict) yield {...table, strict: false};
  if (table.withoutRowid) yield {...table, withoutRowid: false};
  if (table.autoincrement) yield {...table, autoincrement: false};
}

function isReferredTo(
  all: readonly TableSpec[],
  {name}: TableSpec,
  by: (parentColumns: readonly string[]) => boolean,
): boolean {
  return all.some(({references}) =>
    references.some(({parent, parentColumns}) => parent === name && by(parentColumns)),
  );
}

function isUsed(all: readonly TableSpec[], table: TableSpec, name: string): boolean {
  const texts = [
    ...table.key,
    ...table.uniques.flatMap(({on, where}) => [...on, where ?? '']),
    ...table.references.flatMap(({columns}) => columns),
    ...table.columns.flatMap(({generated}) => generated?.as ?? ''),
    ...all.flatMap(({triggers}) => triggers.map(({sql}) => sql)),
  ];
  const word = new RegExp(`\\b${name}\\b`);
  return (
    texts.some((text) => word.test(text)) ||
    isReferredTo(all, table, (columns) => columns.includes(name))
  );
}

/** Rows have no cells for columns that are gone. */
function withoutColumns(made: ModelCase): ModelCase {
  const rows = (list: ModelCase['primary']): ModelCase['primary'] =>
    list.map(({table, cells}) => {
      const spec = made.tables.find(({name}) => name === table);
      const kept = Object.entries(cells).filter(([name]) =>
        spec?.columns.some((column) => column.name === name),
      );
      return {table, cells: Object.fromEntries(kept)};
    });
  return {...made, primary: rows(made.primary), replica: rows(made.replica)};
}
