/** Drafts a compat step: what two databases tell of the migrations between them that no step is about yet. */
import {decodeCell} from '../canonical/cell.ts';
import {encodeRow} from '../canonical/row.ts';
import {TableComparison, type NewTable} from '../compat/draft-table.ts';
import {draftText, type DraftPart} from '../compat/draft-text.ts';
import {liftThrough, stageSteps, type Staged} from '../compat/stages.ts';
import type {Step} from '../compat/step.ts';
import {must} from '../kernel/assert.ts';
import {fingerprintOf} from '../schema/fingerprint.ts';
import {compareNames} from '../schema/names.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {hasKeyOf, mapped, tally} from './compare-lifted.ts';
import {sourceOf, type Side} from './compat-sides.ts';
import type {EngineOptions} from './options.ts';
import {watched} from './read-tables.ts';
import {groups, pairRows} from './row-groups.ts';

export type Draft = {
  readonly text: string;
  readonly operations: number;
  /** Places that are left to a person. */
  readonly open: number;
};

export type DraftRequest = {
  readonly before: Side;
  readonly after: Side;
  /** Steps that are known already: the draft begins where they end. */
  readonly steps: readonly Step[];
  /** The migrations that the draft is about. */
  readonly migrations: readonly string[];
};

/** @throws {EngineError} `SCHEMA_MISMATCH` where the steps that are known do not fit the older database. */
export async function draftStep(options: EngineOptions, request: DraftRequest): Promise<Draft> {
  const {before, after, steps, migrations} = request;
  const sources = [...before.shapes.values()].map((shape) => sourceOf(before, shape));
  const staged = stageSteps(steps, sources);
  const parts: DraftPart[] = [];
  for (const table of staged) parts.push(...(await tableParts(options, request, table)));
  const known = new Set(staged.map(({result}) => result?.name));
  for (const name of after.shapes.keys())
    if (!known.has(name)) parts.push({operation: {op: 'addTable', table: name}});
  parts.push({notes: localTables(before, after)});
  const text = draftText({application: before.profile.name, migrations, parts});
  return {
    text,
    operations: parts.filter(({operation}) => operation !== undefined).length,
    open: parts.reduce((sum, {open = []}) => sum + open.length, 0),
  };
}

async function tableParts(
  options: EngineOptions,
  {before, after}: DraftRequest,
  table: Staged,
): Promise<readonly DraftPart[]> {
  const {source, result} = table;
  const from = must(before.shapes.get(source.name), 'each is a table of the older one');
  const rows = liftedRows(table, from, before, options);
  const to = result && after.shapes.get(result.name);
  if (result === undefined || to === undefined) {
    for await (const _ of rows); // the rows of others may wait for these
    if (result === undefined) return [];
    return [{operation: {op: 'dropTable', table: result.name}}];
  }
  if (!hasKeyOf(to, result.key))
    return [{open: [`${to.table}: its rows are identified by other columns than before`]}];
  const comparison = new TableComparison(result, newTable(to, after));
  const lone = await seeRows(
    comparison,
    {from: result.columns.map(({name}) => name), rows},
    {
      to,
      after,
    },
  );
  const parts = [...comparison.parts(), ...lone];
  const isSame = parts.some(({operation}) => operation !== undefined) || table.stages.length > 0;
  return isSame || !isRedeclared(from, to, before, after)
    ? parts
    : [
        {
          operation: {op: 'changeTable', table: to.table},
          notes: ['columns and rows stay as they are; something else is declared otherwise'],
        },
        ...parts,
      ];
}

function isRedeclared(from: TableShape, to: TableShape, before: Side, after: Side): boolean {
  const [old, now] = [before.schemas.get(from.table), after.schemas.get(to.table)];
  return old !== undefined && now !== undefined && fingerprintOf(old) !== fingerprintOf(now);
}

async function* liftedRows(
  table: Staged,
  from: TableShape,
  before: Side,
  options: EngineOptions,
): AsyncGenerator<readonly ReturnType<typeof encodeRow>[]> {
  for await (const page of watched(before.view.rows(from), from.table, options))
    yield page.flatMap(({cells}) => {
      const row = liftThrough(table, cells.map(decodeCell), () => {});
      return row === undefined ? [] : [encodeRow(row)];
    });
}

function newTable({table, columns}: TableShape, after: Side): NewTable {
  const schema = must(after.schemas.get(table), 'shapes are made from the schema');
  const declared = new Map(schema.columns.map((column) => [column.name, column]));
  const travelling = columns.map(({name}) =>
    must(declared.get(name), 'shapes are made from the schema'),
  );
  const rest = schema.columns.filter((column) => !travelling.includes(column));
  return {
    name: table,
    columns: travelling,
    omitted: rest.filter(({generated}) => !generated),
    generated: rest.filter(({generated}) => generated).map(({name}) => name),
  };
}

type Old = {
  readonly from: readonly string[];
  readonly rows: AsyncIterable<readonly ReturnType<typeof encodeRow>[]>;
};

/** Shows all pairs of rows to the comparison, and says which rows have no partner. */
async function seeRows(
  comparison: TableComparison,
  {from, rows}: Old,
  {to, after}: {readonly to: TableShape; readonly after: Side},
): Promise<readonly DraftPart[]> {
  const [gone, fresh] = [tally(to), tally(to)];
  const {before: ofOld, after: ofNew} = comparison.alike();
  // Groups are told apart by the key columns alone, wherever they stand.
  const shape = {...to, columns: from.map((name) => ({name, type: 'any' as const}))};
  const olds = groups(shape, rows);
  const news = groups(
    to,
    mapped(after.view.rows(to), (page) => page.map(({cells}) => cells)),
  );
  const alike = {
    before: (row: readonly unknown[]) => ofOld(row.map(decodeCell)),
    after: (row: readonly unknown[]) => ofNew(row.map(decodeCell)),
  };
  for await (const {key, before, after: now} of pairRows(olds, news, alike)) {
    if (before === undefined) fresh.add(key);
    else if (now === undefined) gone.add(key);
    else comparison.see(before.map(decodeCell), now.map(decodeCell));
  }
  const listed = ({rows: count, keys}: {rows: number; keys: readonly string[]}): string =>
    `${count} (${keys.join('; ')}${count > keys.length ? '; …' : ''})`;
  const open = [
    ...(gone.rows().rows > 0
      ? [`${to.table}: rows that are gone: ${listed(gone.rows())}: deleteRows`]
      : []),
    ...(fresh.rows().rows > 0
      ? [`${to.table}: rows that are new: ${listed(fresh.rows())}, for which there is no operation`]
      : []),
  ];
  return open.length === 0 ? [] : [{open}];
}

/** Tables that are not replicated need no operation; a person may wonder. */
function localTables(before: Side, after: Side): readonly string[] {
  const replicated = new Set([...before.shapes.keys(), ...after.shapes.keys()]);
  const names = [...new Set([...before.schemas.keys(), ...after.schemas.keys()])]
    .filter((name) => !replicated.has(name))
    .sort(compareNames);
  return names.flatMap((name) => {
    const [old, now] = [before.schemas.get(name), after.schemas.get(name)];
    if (old === undefined) return [`table ${name} is new, and is not replicated`];
    if (now === undefined) return [`table ${name} is gone, and was not replicated`];
    if (fingerprintOf(old) === fingerprintOf(now)) return [];
    return [`table ${name} is declared otherwise, and is not replicated`];
  });
}
