/** What an upgrade did to a database: schema, rows, soundness. Counts and names, never values. */
import type {View} from '../database/port.ts';
import {examineHealth} from '../database/sqlite/health.ts';
import {schemaDifferences, type SchemaDifference} from '../schema/differences.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {compareTable, hasKeyOf, mapped} from './compare-lifted.ts';
import type {EngineOptions} from './options.ts';
import {selectTables, watched} from './read-tables.ts';

export type UpgradeReport = {
  readonly schema: {
    readonly added: readonly string[];
    readonly dropped: readonly string[];
    /** `here` is before, `there` after the upgrade. */
    readonly differences: readonly SchemaDifference[];
  };
  /** Of replicated tables, by the name that they have before; a table whose key changed is told by its counts alone. */
  readonly tables: Readonly<Record<string, TableUpgrade>>;
  /** Rows of the other tables, where they became more or fewer. */
  readonly others: Readonly<Record<string, Pick<TableUpgrade, 'before' | 'after'>>>;
};

export type TableUpgrade = {
  readonly before: number;
  readonly after: number;
  /** Rows whose keys are new, or gone. */
  readonly inserted: number;
  readonly deleted: number;
  /** Rows that differ in columns that are there before and after, by column. */
  readonly columns: Readonly<Record<string, number>>;
  /** Its rows are identified by other columns than before. */
  readonly keyChanged: boolean;
};

/** Selected tables of one side: those of the profile, or those named that are there. */
async function shapesOf(
  view: View,
  options: EngineOptions,
): Promise<ReadonlyMap<string, TableShape>> {
  const {tables: schemas} = await view.schema();
  const tables = options.tables?.filter((name) => schemas.has(name));
  const {shapes} = await selectTables(view, {...options, tables});
  return new Map(shapes.map((shape) => [shape.table, shape]));
}

export async function reportUpgrade(
  [before, after]: readonly [View, View],
  options: EngineOptions,
): Promise<UpgradeReport> {
  const [olds, news] = [await shapesOf(before, options), await shapesOf(after, options)];
  const tables: [string, TableUpgrade][] = [];
  for (const [name, from] of olds) {
    const to = news.get(name);
    if (to !== undefined)
      tables.push([name, await tableUpgrade([before, after], [from, to], options)]);
  }
  const [here, there] = [(await before.schema()).tables, (await after.schema()).tables];
  const others: [string, Pick<TableUpgrade, 'before' | 'after'>][] = [];
  for (const name of here.keys()) {
    if (!there.has(name) || (olds.has(name) && news.has(name))) continue;
    const counts = {before: await before.count(name, []), after: await after.count(name, [])};
    if (counts.before !== counts.after) others.push([name, counts]);
  }
  return {
    schema: schemaUpgrade(here, there),
    tables: Object.fromEntries(tables),
    others: Object.fromEntries(others),
  };
}

function schemaUpgrade(
  here: ReadonlyMap<string, TableSchema>,
  there: ReadonlyMap<string, TableSchema>,
): UpgradeReport['schema'] {
  return {
    added: [...there.keys()].filter((name) => !here.has(name)),
    dropped: [...here.keys()].filter((name) => !there.has(name)),
    differences: [...here].flatMap(([name, old]) => {
      const now = there.get(name);
      return now === undefined ? [] : schemaDifferences(old, now);
    }),
  };
}

async function tableUpgrade(
  [before, after]: readonly [View, View],
  [from, to]: readonly [TableShape, TableShape],
  options: EngineOptions,
): Promise<TableUpgrade> {
  const counts = {
    before: await before.count(from.table, []),
    after: await after.count(to.table, []),
  };
  const none = {...counts, inserted: 0, deleted: 0, columns: {}};
  if (
    !hasKeyOf(
      to,
      from.key.map(({name}) => name),
    )
  )
    return {...none, keyChanged: true};
  const pages = watched(before.rows(from), from.table, options);
  const rows = mapped(pages, (page) => page.map(({cells}) => cells));
  const names = from.columns.map(({name}) => name);
  const {missing, surplus, columns} = await compareTable({view: after}, {to, columns: names}, rows);
  return {
    ...counts,
    inserted: surplus.rows,
    deleted: missing.rows,
    columns: Object.fromEntries(columns.map(({column, rows: count}) => [column, count])),
    keyChanged: false,
  };
}

export type Soundness = {
  /** What SQLite's check of the upgraded copy finds. */
  readonly integrity: readonly string[];
  /** References that dangle only after the upgrade. */
  readonly foreignKeys: readonly {
    readonly table: string;
    readonly parent: string;
    readonly rows: number;
  }[];
  readonly bytes: {readonly before: number; readonly after: number};
};

export function checkSoundness(before: string, after: string): Soundness {
  const [old, now] = [examineHealth(before), examineHealth(after)];
  const fresh = [...now.dangling].filter(([row]) => !old.dangling.has(row)).map(([, of]) => of);
  const groups = Map.groupBy(fresh, ({table, parent}) => JSON.stringify([table, parent]));
  const foreignKeys = [...groups.values()].flatMap((same) =>
    same.slice(0, 1).map(({table, parent}) => ({table, parent, rows: same.length})),
  );
  return {integrity: now.integrity, foreignKeys, bytes: {before: old.bytes, after: now.bytes}};
}
