/**
 * The order in which the rows of a table are written, and the rows that are parked because others
 * exchange unique values with them. The database is asked what only it knows: what a row holds in an
 * index on expressions, whether a value is free, whether its constraints accept it.
 */
import type {View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow, Cell, WireRow} from '../kernel/row.ts';
import type {ParkingHints} from '../kernel/statement.ts';
import {rowText} from '../canonical/row.ts';
import {decodeCell, encodeCell} from '../canonical/cell.ts';
import {type Tables} from '../plan/references.ts';
import type {TableChanges, TableOrder} from '../plan/make-plan.ts';
import {writesParentsFirst} from '../plan/order.ts';
import {candidateCells, parkableColumns, type Park} from '../plan/parking.ts';
import {
  encodeEntry,
  entryReader,
  needsTrial,
  orderWrites,
  type OrderedWrites,
  type TriedEntries,
  type Write,
} from '../plan/unique.ts';
import {keyLabel} from '../schema/row-key.ts';
import type {ColumnSchema, TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';

/** @throws {EngineError} `UNIQUE_CYCLE` where rows exchange unique values and none of them can step aside. */
export async function findOrder(
  view: View,
  schema: Tables,
  tables: TableChanges,
): Promise<ReadonlyMap<string, TableOrder>> {
  const orders = new Map<string, TableOrder>();
  for (const [name, {shape, changes}] of tables) {
    const table = must(schema.get(name), 'replicated tables exist');
    const writes = writesParentsFirst(
      table,
      shape,
      changes.filter((change) => change.op !== 'delete'),
    );
    const free = table.uniques.length === 0 || writes.length < 2;
    orders.set(name, free ? {writes, parks: []} : await orderOf(view, {table, shape}, writes));
  }
  return orders;
}

type Target = {readonly table: TableSchema; readonly shape: TableShape};
type Update = Write & {readonly op: 'update'};

async function orderOf(view: View, target: Target, writes: readonly Write[]): Promise<TableOrder> {
  const entriesOf = entryReader(target.table, target.shape, await tried(view, target, writes));
  const reluctant = new Set<Write>();
  for (;;) {
    const ordered = orderWrites(writes, entriesOf, reluctant);
    const {parks, stuck} = await parkAll(view, target, ordered, entriesOf);
    if (stuck.length === 0) return {writes: ordered.writes, parks};
    const news = stuck.filter((write) => !reluctant.has(write));
    if (news.length === 0) throw uniqueCycle(target, must(stuck[0], 'some are stuck'), ordered);
    for (const write of news) reluctant.add(write);
  }
}

/** What the rows hold in indexes that only the database can work out. */
async function tried(
  view: View,
  {table, shape}: Target,
  writes: readonly Write[],
): Promise<TriedEntries> {
  const entries = new Map<string, readonly (readonly Cell[] | undefined)[]>();
  if (!needsTrial(table, shape)) return entries;
  for (const write of writes) {
    for (const row of write.op === 'update' ? [write.before, write.after] : [write.after]) {
      const trial = entries.has(row.text) ? undefined : await view.tryRow(shape, row.cells);
      if (trial !== undefined) entries.set(row.text, trial.entries);
    }
  }
  return entries;
}

type Parked = {readonly parks: readonly Park[]; readonly stuck: readonly Update[]};

async function parkAll(
  view: View,
  target: Target,
  {writes, exchanged}: OrderedWrites,
  entriesOf: ReturnType<typeof entryReader>,
): Promise<Parked> {
  if (exchanged.size === 0) return {parks: [], stuck: []};
  const lot = new ParkingLot(view, target, takenBy(writes, entriesOf));
  const parks: Park[] = [];
  const stuck: Update[] = [];
  for (const [write, indexes] of exchanged) {
    const park = await lot.park(write, indexes, entriesOf(write.before));
    if (park === undefined) stuck.push(write);
    else parks.push(park);
  }
  return {parks, stuck};
}

/** For each index the entries that the writes are going to hold. */
function takenBy(
  writes: readonly Write[],
  entriesOf: ReturnType<typeof entryReader>,
): Set<string>[] {
  const taken: Set<string>[] = [];
  for (const {after} of writes) {
    entriesOf(after).forEach((entry, index) => {
      if (entry !== undefined) (taken[index] ??= new Set()).add(entry);
    });
  }
  return taken;
}

/** Finds a passing value for each row that has to step aside, no two the same. */
class ParkingLot {
  readonly #view: View;
  readonly #target: Target;
  readonly #taken: Set<string>[];
  readonly #hints = new Map<string, ParkingHints>();
  #turn = 0;

  constructor(view: View, target: Target, taken: Set<string>[]) {
    this.#view = view;
    this.#target = target;
    this.#taken = taken;
  }

  /** @param before What the row holds now: it must let go of its entries in `indexes`. */
  async park(
    change: Update,
    indexes: ReadonlySet<number>,
    before: readonly (string | undefined)[],
  ): Promise<Park | undefined> {
    let parked: Parking = {cells: change.before.cells, columns: [], entries: []};
    const freed = new Set<number>();
    for (const index of indexes) {
      freed.add(index);
      if (parked.columns.length > 0 && this.#isGiven(parked, index, before)) continue;
      const further = await this.#leave(parked, index, {freed, before});
      if (further === undefined) return undefined;
      parked = further;
    }
    this.#take(parked.entries, before);
    const at = parked.columns.map((name) => indexOf(this.#target.shape, name));
    return {
      change,
      columns: parked.columns,
      cells: at.map((place) => decodeCell(parked.cells[place])),
    };
  }

  #isGiven({entries}: Parking, index: number, before: readonly (string | undefined)[]): boolean {
    return entries[index]?.entry !== before[index];
  }

  /** Changes one more column, so that the row lets go of its entry in this index too. */
  async #leave(
    {cells, columns}: Parking,
    index: number,
    {freed, before}: {freed: ReadonlySet<number>; before: readonly (string | undefined)[]},
  ): Promise<Parking | undefined> {
    const {table, shape} = this.#target;
    const turn = this.#turn++;
    for (const column of parkableColumns(table, shape, [index])) {
      const at = indexOf(shape, column.name);
      const hints = await this.#hintsFor(column);
      for (const cell of candidateCells(column, cells[at] ?? null, {hints, turn})) {
        const changed = cells.with(at, encodeCell(cell));
        const row = {key: '', text: rowText(changed), cells: changed};
        const entries = await this.#entries(row, cell);
        if (entries === undefined || !(await this.#isFree(entries, freed, before))) continue;
        return {cells: changed, columns: [...new Set([...columns, column.name])], entries};
      }
    }
    return undefined;
  }

  async #hintsFor({name}: ColumnSchema): Promise<ParkingHints> {
    const hints = this.#hints.get(name);
    if (hints !== undefined) return hints;
    const asked = await this.#view.parkingHints(this.#target.table.name, name);
    this.#hints.set(name, asked);
    return asked;
  }

  /** What the parked row would hold; undefined where the table would not take it. */
  async #entries(row: CanonicalRow, cell: Cell): Promise<readonly Tried[] | undefined> {
    const {table, shape} = this.#target;
    const trial = await this.#view.tryRow(shape, row.cells);
    // Where nothing can be tried, NULL is the one value that is free in every plain index.
    if (trial === undefined && cell === null) return this.#untried(row);
    if (trial === undefined || !trial.accepted) return undefined;
    return table.uniques.map((index, at) => {
      const cells = trial.entries[at];
      return {cells, entry: encodeEntry(index, cells)};
    });
  }

  #untried(row: CanonicalRow): readonly Tried[] {
    return entryReader(
      this.#target.table,
      this.#target.shape,
    )(row).map((entry) => ({
      cells: entry === undefined ? undefined : [],
      entry,
    }));
  }

  /** Free: given up where that is asked for, and elsewhere either as it was or held by nobody now or later. */
  async #isFree(
    entries: readonly Tried[],
    indexes: ReadonlySet<number>,
    before: readonly (string | undefined)[],
  ): Promise<boolean> {
    for (const [at, {cells, entry}] of entries.entries()) {
      if (cells === undefined) continue;
      const same = entry === before[at];
      if (same && indexes.has(at)) return false;
      if (same) continue;
      if (entry !== undefined && this.#taken[at]?.has(entry)) return false;
      if (await this.#view.holds(this.#target.table.name, at, cells)) return false;
    }
    return true;
  }

  #take(entries: readonly Tried[], before: readonly (string | undefined)[]): void {
    entries.forEach(({entry}, at) => {
      if (entry !== undefined && entry !== before[at]) (this.#taken[at] ??= new Set()).add(entry);
    });
  }
}

/** A row on its way to a passing state: the columns changed so far. */
type Parking = {
  readonly cells: WireRow;
  readonly columns: readonly string[];
  readonly entries: readonly Tried[];
};

function indexOf({columns}: TableShape, column: string): number {
  return columns.findIndex(({name}) => name === column);
}

type Tried = {readonly cells: readonly Cell[] | undefined; readonly entry: string | undefined};

function uniqueCycle(
  {table, shape}: Target,
  stuck: Update,
  {exchanged}: OrderedWrites,
): EngineError {
  const names = [...(exchanged.get(stuck) ?? [])].map((at) => table.uniques[at]?.name);
  const label = keyLabel(shape, stuck.key);
  return new EngineError(
    'UNIQUE_CYCLE',
    `cannot apply table "${table.name}": rows exchange values that must stay unique (${names.join('; ')}), and the constraints of the table leave none of them a value to step aside to`,
    {
      site: {table: table.name, key: label, constraint: names.join('; ')},
      hint: 'Give one of these rows another value on the primary first, replicate, then set the wanted one.',
    },
  );
}
