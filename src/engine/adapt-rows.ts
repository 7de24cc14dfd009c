/** Rows of one table, lifted or lowered, and cut into chunks as those of a snapshot are. */
import {decodeCell} from '../canonical/cell.ts';
import {encodeRow, rowText} from '../canonical/row.ts';
import type {LiftedTable} from '../compat/table-draft.ts';
import type {View} from '../database/port.ts';
import {isEngineError} from '../kernel/errors.ts';
import type {CanonicalRow, Cell, WireRow} from '../kernel/row.ts';
import {keyLabel, rowKeys} from '../schema/row-key.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {readContent, type ChunkSink} from '../snapshot/chunk.ts';
import type {TableContent} from '../snapshot/content.ts';
import {shapeOf, type ManifestTable} from '../snapshot/manifest.ts';
import {ofRow, upgradeFirst} from '../compat/errors.ts';
import {withOwn} from './own-columns.ts';
import type {OwnColumns, Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {groups, type Group} from './row-groups.ts';

export type Adapting = {
  readonly view: View;
  readonly reader: SnapshotReader;
  readonly snapshot: Snapshot;
  /** The table in the snapshot; its chunks were fetched. */
  readonly source: ManifestTable;
  readonly table: LiftedTable;
  /** Where rows are lowered: what lifts them again. */
  readonly back: LiftedTable | undefined;
  /** How this database compares the table. */
  readonly shape: TableShape;
  readonly own: OwnColumns;
};

/**
 * The table's rows as the steps leave them. In columns that only this database has, a row that is here keeps what it has.
 *
 * @throws {EngineError} `UPGRADE_FIRST` where a row would lose something by being lowered.
 */
export async function adaptRows(adapting: Adapting, sink: ChunkSink): Promise<TableContent> {
  const {shape, own, view} = adapting;
  const here = own.size === 0 ? undefined : new LiveGroups(view, shape);
  return readContent(shape, adaptedPages(adapting, here), sink);
}

async function* adaptedPages(
  adapting: Adapting,
  here: LiveGroups | undefined,
): AsyncGenerator<readonly CanonicalRow[]> {
  const {shape, own} = adapting;
  const keyOf = rowKeys(shape);
  for await (const {key, rows} of groups(shape, liftedPages(adapting))) {
    const kept = here === undefined ? rows : keepOwn(rows, await here.of(key), shape, own);
    yield kept
      .map((cells) => ({cells, text: rowText(cells)}))
      .sort((a, b) => compareText(a.text, b.text))
      .map(({cells, text}) => ({key: keyOf(cells), text, cells}));
  }
}

/** Rows of one group stand in the order of their text, as a live table gives them. */
function compareText(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

async function* liftedPages({
  reader,
  snapshot,
  source,
  table,
  back,
  shape,
}: Adapting): AsyncGenerator<readonly WireRow[]> {
  const from = shapeOf(source);
  const order = shape.columns.map(({name}) =>
    table.columns.findIndex((column) => column.name === name),
  );
  for (const chunk of await reader.chunks(snapshot, source)) {
    const page: WireRow[] = [];
    for (const row of reader.rows(from, chunk)) {
      const idle = new Set<string>();
      const cells = liftedCells(row, {table, from, idle});
      if (back !== undefined) refuseLoss(row, cells, {back, from, idle});
      if (cells !== undefined) page.push(encodeRow(order.map((at) => cells[at] ?? null)));
    }
    yield page;
  }
}

/** Cells as the steps leave them; a refusal names the row. */
function liftedCells(
  row: CanonicalRow,
  {table, from, idle}: Pick<Back, 'from' | 'idle'> & {readonly table: LiftedTable},
): readonly Cell[] | undefined {
  try {
    return table.lift(row.cells.map(decodeCell), idle);
  } catch (error) {
    if (!isEngineError(error, 'UPGRADE_FIRST')) throw error;
    throw ofRow(error, labelOf(from, row));
  }
}

const labelOf = (shape: TableShape, {key}: CanonicalRow): string =>
  `${shape.table}[${keyLabel(shape, key)}]`;

type Back = {
  readonly back: LiftedTable;
  readonly from: TableShape;
  /** Columns of the snapshot that mean nothing in this row. */
  readonly idle: Set<string>;
};

/** Lowered and lifted again, a row has to be what it was, but for what means nothing in it. */
function refuseLoss(row: CanonicalRow, lowered: readonly Cell[] | undefined, to: Back): void {
  const {back, from, idle} = to;
  const again = lowered && back.lift(lowered);
  const label = labelOf(from, row);
  if (again === undefined)
    throw upgradeFirst(`a release before it would not keep ${label}`, from.table);
  const cellOf = (name: string): Cell | undefined =>
    again[back.columns.findIndex((column) => column.name === name)];
  const lost = from.columns.find(({name}, at) => {
    const cell = cellOf(name);
    if (idle.has(name)) return false;
    return cell === undefined || rowText(encodeRow([cell])) !== rowText([row.cells[at] ?? null]);
  });
  if (lost === undefined) return;
  throw upgradeFirst(
    `${label} has something in "${lost.name}" for which there is no place here`,
    from.table,
    lost.name,
  );
}

/** The live rows, group by group, walked along with those of the snapshot. */
class LiveGroups {
  readonly #groups: AsyncGenerator<Group>;
  #next: Promise<IteratorResult<Group, void>> | undefined;

  constructor(view: View, shape: TableShape) {
    this.#groups = groups(shape, liveRows(view, shape));
  }

  /** Called in key order. */
  async of(key: string): Promise<readonly WireRow[]> {
    for (;;) {
      const {done, value} = await (this.#next ??= this.#groups.next());
      if (done === true || value.key > key) return [];
      this.#next = undefined;
      if (value.key === key) return value.rows;
    }
  }
}

async function* liveRows(view: View, shape: TableShape): AsyncGenerator<readonly WireRow[]> {
  for await (const page of view.rows(shape)) yield page.map((row) => row.cells);
}

/**
 * Each row takes over the own columns of a live row that is otherwise the same. Where that leaves one on either side, they
 * are the same row, changed.
 */
function keepOwn(
  rows: readonly WireRow[],
  live: readonly WireRow[],
  {columns}: TableShape,
  own: OwnColumns,
): readonly WireRow[] {
  const isOwn = columns.map(({name}) => own.has(name));
  const without = (row: WireRow): string => rowText(row.filter((_, at) => isOwn[at] !== true));
  const free = Map.groupBy(live, without);
  const found = rows.map((row) => free.get(without(row))?.shift());
  const left = [...free.values()].flat();
  const isOne = left.length === 1 && found.filter((from) => from === undefined).length === 1;
  return rows.map((row, at) => {
    const from = found[at] ?? (isOne ? left[0] : undefined);
    return from === undefined ? row : withOwn(row, from, columns, own);
  });
}
