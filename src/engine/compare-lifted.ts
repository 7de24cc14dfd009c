/** Rows that compat steps make, compared with those of a database that the application upgraded. Values are never told. */
import {decodeCell} from '../canonical/cell.ts';
import {encodeKeyCell} from '../canonical/key.ts';
import {encodeRow, rowText} from '../canonical/row.ts';
import {liftThrough, type Loss, type Staged} from '../compat/stages.ts';
import {must} from '../kernel/assert.ts';
import {KEYS_SHOWN_MAX} from '../kernel/limits.ts';
import type {WireRow} from '../kernel/row.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {Side} from './compat-sides.ts';
import type {EngineOptions} from './options.ts';
import {watched} from './read-tables.ts';
import {groups, pairRows, type Pair} from './row-groups.ts';

/** How many rows, and the keys of a few of them. */
export type SomeRows = {readonly rows: number; readonly keys: readonly string[]};

export type LiftedRows = {
  /** The table's name in the newer database. */
  readonly name: string;
  /** Rows that the steps make. */
  readonly rows: number;
  /** Rows that only the steps make. */
  readonly missing: SomeRows;
  /** Rows that only the newer database has. */
  readonly surplus: SomeRows;
  /** Rows that differ, by column. */
  readonly columns: readonly (SomeRows & {readonly column: string})[];
  /** Rows that would not come back as they were from being lowered across a step that says it is reversible. */
  readonly losses: readonly {
    readonly step: string;
    readonly column: string | null;
    readonly rows: number;
  }[];
};

export type Lifting = {
  readonly before: Side;
  readonly after: Side;
  readonly staged: readonly Staged[];
};

export async function compareLifted(
  options: EngineOptions,
  {before, after, staged}: Lifting,
): Promise<Readonly<Record<string, LiftedRows>>> {
  const found: [string, LiftedRows][] = [];
  for (const table of staged) {
    const from = must(before.shapes.get(table.source.name), 'each is a table of the older one');
    const to = table.result && after.shapes.get(table.result.name);
    const lifted = liftedPages(table, watched(before.view.rows(from), from.table, options));
    if (table.result === undefined || to === undefined || !hasKeyOf(to, table.result.key)) {
      for await (const _ of lifted.pages); // the rows of others may wait for these
      continue;
    }
    const compared = await compareTable(after, {to, columns: namesOf(table.result)}, lifted.pages);
    found.push([from.table, {name: to.table, ...compared, losses: lifted.losses()}]);
  }
  return Object.fromEntries([...found, ...(await newTables(after, staged, options))]);
}

const namesOf = ({columns}: {readonly columns: readonly {readonly name: string}[]}): string[] =>
  columns.map(({name}) => name);

export function hasKeyOf(shape: TableShape, key: readonly string[]): boolean {
  return JSON.stringify(shape.key.map(({name}) => name)) === JSON.stringify(key);
}

type Pages = AsyncIterable<readonly {readonly cells: WireRow}[]>;

function liftedPages(
  table: Staged,
  pages: Pages,
): {
  readonly pages: AsyncIterable<readonly WireRow[]>;
  readonly losses: () => LiftedRows['losses'];
} {
  const counts = new Map<string, {readonly loss: Loss; rows: number}>();
  const onLoss = (loss: Loss): void => {
    const id = JSON.stringify([loss.step, loss.column]);
    const known = counts.get(id) ?? {loss, rows: 0};
    known.rows++;
    counts.set(id, known);
  };
  async function* lifted(): AsyncGenerator<readonly WireRow[]> {
    for await (const page of pages)
      yield page.flatMap(({cells}) => {
        const row = liftThrough(table, cells.map(decodeCell), onLoss);
        return row === undefined ? [] : [encodeRow(row)];
      });
  }
  const losses = (): LiftedRows['losses'] =>
    [...counts.values()].map(({loss: {step, column = null}, rows}) => ({step, column, rows}));
  return {pages: lifted(), losses};
}

type Target = {
  readonly to: TableShape;
  /** Columns of the rows that the steps make, in their order. */
  readonly columns: readonly string[];
};

/** Rows that were made elsewhere, in key order, compared with those of a table. */
export async function compareTable(
  {view}: Pick<Side, 'view'>,
  {to, columns}: Target,
  lifted: AsyncIterable<readonly WireRow[]>,
): Promise<Omit<LiftedRows, 'name' | 'losses'>> {
  const places = to.columns.map(({name}) => columns.indexOf(name));
  const arranged = (row: WireRow): WireRow => places.map((at) => row[at] ?? null);
  const count = counter(to);
  let rows = 0;
  const common = to.columns
    .map(({name}, at) => ({name, at}))
    .filter(({name}) => columns.includes(name));
  const text = (row: WireRow): string => rowText(common.map(({at}) => row[at] ?? null));
  const made = groups(
    to,
    mapped(lifted, (page) => page.map(arranged)),
  );
  const there = groups(
    to,
    mapped(view.rows(to), (page) => page.map(({cells}) => cells)),
  );
  for await (const pair of pairRows(made, there, {before: text, after: text})) {
    if (pair.before !== undefined) rows++;
    if (pair.before === undefined || pair.after === undefined) count.lone(pair);
    else if (text(pair.before) !== text(pair.after)) count.changed(pair, common);
  }
  return {rows, ...count.result()};
}

/** Counts what differs, and keeps the keys of a few rows of each kind. */
function counter(shape: TableShape): {
  readonly lone: (pair: Pair) => void;
  readonly changed: (
    pair: Pair,
    columns: readonly {readonly name: string; readonly at: number}[],
  ) => void;
  readonly result: () => Pick<LiftedRows, 'missing' | 'surplus' | 'columns'>;
} {
  const [missing, surplus] = [tally(shape), tally(shape)];
  const columns = new Map<string, ReturnType<typeof tally>>();
  return {
    lone: ({key, after}) => (after === undefined ? missing : surplus).add(key),
    changed: ({key, before = [], after = []}, names) => {
      for (const {name, at} of names) {
        if (rowText([before[at] ?? null]) === rowText([after[at] ?? null])) continue;
        const known = columns.get(name) ?? tally(shape);
        columns.set(name, known);
        known.add(key);
      }
    },
    result: () => ({
      missing: missing.rows(),
      surplus: surplus.rows(),
      columns: [...columns].map(([column, {rows}]) => ({column, ...rows()})),
    }),
  };
}

export function tally(shape: TableShape): {
  readonly add: (key: string) => void;
  readonly rows: () => SomeRows;
} {
  let rows = 0;
  const keys: string[] = [];
  return {
    add: (key) => {
      if (rows++ < KEYS_SHOWN_MAX) keys.push(labelOf(shape, key));
    },
    rows: () => ({rows, keys}),
  };
}

/** @param key Of the key columns alone. */
function labelOf(shape: TableShape, key: string): string {
  return keyLabel(shape, shape.keyKind === 'primary' ? key : `${key},${encodeKeyCell(0n)}`);
}

export async function* mapped<A, B>(from: AsyncIterable<A>, to: (one: A) => B): AsyncGenerator<B> {
  for await (const one of from) yield to(one);
}

/** Rows of tables that the older database does not have: no step makes rows. */
async function newTables(
  after: Side,
  staged: readonly Staged[],
  options: EngineOptions,
): Promise<readonly (readonly [string, LiftedRows])[]> {
  const known = new Set(staged.flatMap(({result}) => (result === undefined ? [] : [result.name])));
  const found: [string, LiftedRows][] = [];
  for (const [name, shape] of after.shapes) {
    if (known.has(name)) continue;
    const surplus = tally(shape);
    const pages = watched(after.view.rows(shape), name, options);
    for await (const {key} of groups(
      shape,
      mapped(pages, (page) => page.map(({cells}) => cells)),
    ))
      surplus.add(key);
    const {rows} = surplus;
    if (rows().rows > 0)
      found.push([name, {name, rows: 0, missing: NONE, surplus: rows(), columns: [], losses: []}]);
  }
  return found;
}

const NONE: SomeRows = {rows: 0, keys: []};
