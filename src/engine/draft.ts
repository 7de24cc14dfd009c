/** The rows of a merge as they shall be, before it is known whether all of them can stand side by side. */
import {encodeKey, encodeKeyCell} from '../canonical/key.ts';
import type {View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import type {CanonicalRow, Cell, RowChange, WireRow} from '../kernel/row.ts';
import {rowText} from '../canonical/row.ts';
import {decodeCell} from '../canonical/cell.ts';
import type {MergedRow} from '../merge/merge-row.ts';
import {groupChanges, groupKey} from '../merge/merge-table.ts';
import {joined, type RowConflict, type Side} from '../merge/rules.ts';
import type {TableChanges} from '../plan/make-plan.ts';
import {keyMatches} from '../plan/rows.ts';
import {isKeyless, locatorColumns} from '../schema/locator.ts';
import {columnKeys} from '../schema/row-key.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {MergedTable} from './followed.ts';
import type {MergedContent} from './merge-tables.ts';

/** A row on its way. */
export type DraftRow = MergedRow & {
  readonly id: string;
  readonly table: DraftTable;
  /** What a person decided about it. */
  readonly decided?: Side | undefined;
};

export type DraftTable = {
  readonly schema: TableSchema;
  readonly shape: TableShape;
  /** Undefined for a table that shall equal the snapshot's. */
  readonly merged: MergedTable | undefined;
  readonly isFollowed: (cells: WireRow) => boolean;
  /** True where rows are followed that were not when the base was merged. */
  readonly isWidened: boolean;
  /** Who wins where rows cannot stand side by side. */
  readonly divergent: Side | 'fail';
  readonly rows: Map<string, DraftRow>;
  /** How many rows of a key there are, of those that were merged. */
  readonly sizes: ReadonlyMap<string, number>;
};

type Address = {
  readonly columns: readonly string[];
  readonly cells: readonly Cell[];
  /** Under which the cells are compared, where not under the columns' own. */
  readonly collations?: readonly string[];
};

export class Draft {
  readonly tables: ReadonlyMap<string, DraftTable>;
  readonly #view: View;
  readonly #exact: TableChanges;
  #added = 0;

  /** @param exact Changes of tables that shall equal the snapshot's. */
  constructor(
    view: View,
    schema: ReadonlyMap<string, TableSchema>,
    exact: TableChanges,
    contents: readonly MergedContent[],
  ) {
    this.#view = view;
    this.#exact = exact;
    const tables = new Map<string, DraftTable>();
    const open = (shape: TableShape, content?: MergedContent): DraftTable => {
      const table: DraftTable = {
        schema: must(schema.get(shape.table), 'replicated tables exist'),
        shape,
        merged: content?.merged,
        isFollowed: content?.isFollowed ?? (() => true),
        isWidened: content?.isWidened ?? false,
        divergent: content?.merged.rules.divergent ?? 'theirs',
        rows: new Map(),
        sizes: new Map(content?.groups.map(({key, size}) => [key, size])),
      };
      tables.set(shape.table, table);
      return table;
    };
    for (const {shape, changes} of exact.values()) {
      const table = open(shape);
      for (const change of changes) this.put(table, versionsOf(change));
    }
    for (const content of contents) {
      const table = open(content.merged.shape, content);
      for (const {rows} of content.groups) for (const row of rows) this.put(table, row);
    }
    this.tables = tables;
  }

  put(table: DraftTable, row: MergedRow & Pick<DraftRow, 'decided'>): DraftRow {
    const id = row.ours === undefined ? this.#idOfNew(table, row) : idOf(table.shape, row.ours);
    const kept = {...row, id, table};
    table.rows.set(id, kept);
    return kept;
  }

  /** What becomes of a live row. */
  of(table: DraftTable, ours: CanonicalRow): DraftRow {
    const id = idOf(table.shape, ours);
    return (
      table.rows.get(id) ?? {
        id,
        table,
        base: undefined,
        ours,
        theirs: undefined,
        row: ours,
        conflict: undefined,
      }
    );
  }

  /**
   * The row shall be this one instead. What was open about it stays open, unless it goes for good.
   *
   * @param conflict Null where there is none any more.
   */
  change(draft: DraftRow, row: CanonicalRow | undefined, conflict?: RowConflict | null): DraftRow {
    const isOver = row === undefined && conflict?.isOpen === false;
    const kept = conflict === null || isOver ? undefined : draft.conflict;
    const changed = {...draft, row, conflict: joined(kept, conflict ?? undefined)};
    draft.table.rows.set(draft.id, changed);
    return changed;
  }

  /** Nothing becomes of the row, and there is nothing to be said of it. */
  leave({id, table}: DraftRow): void {
    table.rows.delete(id);
  }

  /** The live row whose columns hold these cells; they tell one row from all others. */
  async at(
    table: DraftTable,
    {columns, cells, collations}: Address,
  ): Promise<CanonicalRow | undefined> {
    const address = columns.map((column, at) => ({
      column,
      is: cells[at] ?? null,
      ...(collations === undefined ? {} : {collation: collations[at]}),
    }));
    return this.#known(table, await this.#view.rowAt(table.shape, address));
  }

  /** Live rows of a key, its number left aside. */
  async inGroup({shape}: DraftTable, key: string): Promise<readonly CanonicalRow[]> {
    const group = groupKey(shape, key);
    const found: CanonicalRow[] = [];
    for await (const page of this.#view.rows(shape, [{from: `${group},`, to: `${group}-`}]))
      for (const row of page) found.push(row);
    return found;
  }

  /** True where the database has the row already: under its key, or as it is where keys are those of several. */
  async isHere(table: DraftTable, row: CanonicalRow): Promise<boolean> {
    if (table.shape.keyKind === 'primary') return (await this.occupant(table, row)) !== undefined;
    return (await this.inGroup(table, row.key)).some(({text}) => text === row.text);
  }

  /** The live row that has the key of this one. */
  async occupant(table: DraftTable, row: CanonicalRow): Promise<CanonicalRow | undefined> {
    return this.#view.rowAt(table.shape, keyMatches(table.shape, row));
  }

  #known({shape}: DraftTable, row: CanonicalRow | undefined): CanonicalRow | undefined {
    if (row === undefined || shape.keyKind === 'primary') return row;
    return {...row, key: `${columnKeys(shape)(row.cells)},${encodeKeyCell(0n)}`};
  }

  #idOfNew({shape}: DraftTable, row: MergedRow): string {
    const {key} = must(row.row ?? row.theirs ?? row.base, 'a row is on some side');
    return shape.keyKind === 'primary' ? key : `new ${this.#added++}`;
  }

  /** What the plan has to change, for every table. */
  async changes(): Promise<TableChanges> {
    const all = new Map(this.#exact);
    for (const [name, table] of this.tables) {
      const {shape, merged} = table;
      if (merged !== undefined) all.set(name, {shape, changes: await this.#changesOf(table)});
    }
    return all;
  }

  async #changesOf(table: DraftTable): Promise<readonly RowChange[]> {
    const {shape} = table;
    const changed = [...table.rows.values()].filter(({row, ours}) => row?.text !== ours?.text);
    const byKey = Map.groupBy(changed, ({row, ours}) =>
      groupKey(shape, must(ours ?? row, 'it changes').key),
    );
    const changes: RowChange[] = [];
    for (const key of [...byKey.keys()].sort(byBytes)) {
      const rows = must(byKey.get(key), key);
      const size = await this.#sizeOf(table, key, rows);
      for (const change of groupChanges(shape, {key, rows, size})) changes.push(change);
    }
    return changes;
  }

  /** Rows of equal key that are added are numbered on from all that are there. */
  async #sizeOf(table: DraftTable, key: string, rows: readonly DraftRow[]): Promise<number> {
    const {shape, schema, sizes} = table;
    const added = rows.find(({ours}) => ours === undefined)?.row;
    if (shape.keyKind === 'primary' || added === undefined) return 0;
    if (isKeyless(schema, shape)) return sizes.get(key) ?? 0;
    return this.#view.count(shape.table, keyMatches(shape, added));
  }

  get conflicts(): readonly DraftRow[] {
    return [...this.tables.values()].flatMap(({rows}) =>
      [...rows.values()].filter(({conflict}) => conflict !== undefined),
    );
  }
}

/** A row with some of its cells changed. */
export function withCells(
  shape: TableShape,
  row: CanonicalRow,
  columns: readonly string[],
  from: (column: string, at: number) => WireRow[number],
): CanonicalRow {
  const cells = row.cells.map((cell, at) => {
    const name = shape.columns[at]?.name ?? '';
    return columns.includes(name) ? from(name, at) : cell;
  });
  return {...row, cells, text: rowText(cells)};
}

/** The row with these cells as they are here; one that is new stays away, and one that was to go stays. */
export function heldBack(
  {table, ours, row}: DraftRow,
  columns: readonly string[],
): CanonicalRow | undefined {
  if (ours === undefined || row === undefined) return ours;
  return withCells(table.shape, row, columns, (_, at) => ours.cells[at] ?? null);
}

export function cellsOf(
  shape: TableShape,
  columns: readonly string[],
  row: CanonicalRow,
): readonly Cell[] {
  return columns.map((name) => {
    const at = shape.columns.findIndex((column) => column.name === name);
    return decodeCell(row.cells[at] ?? null);
  });
}

/** The columns that address a row, in which a set of rows can be asked for. */
export function addressColumns({schema, shape}: DraftTable): readonly string[] {
  if (shape.keyKind === 'primary') return shape.key.map(({name}) => name);
  return isKeyless(schema, shape) ? [] : locatorColumns(schema, shape);
}

function idOf({keyKind}: TableShape, row: CanonicalRow): string {
  if (keyKind === 'primary') return row.key;
  const locator = must(row.locator, 'live rows of multisets carry their id');
  return encodeKey(
    locator,
    locator.map(() => 'binary'),
  );
}

function versionsOf(change: RowChange): MergedRow {
  const ours = change.op === 'insert' ? undefined : change.before;
  const theirs = change.op === 'delete' ? undefined : change.after;
  return {base: undefined, ours, theirs, row: theirs, conflict: undefined};
}

/** Encoded keys are ASCII; a comma follows each of them. */
function byBytes(a: string, b: string): number {
  return `${a},` < `${b},` ? -1 : 1;
}
