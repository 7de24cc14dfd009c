/**
 * Many changed rows of one table that nothing else depends on: counted and looked into when the plan is made, and compared anew, range
 * by range, whenever they are needed. Held until they are written, a million of them would take gigabytes.
 */
import {rowsWithin, StaleSweep, type SweepSource, type Swept} from '../apply/sweep.ts';
import {digestOfLines, type Digest} from '../canonical/digest.ts';
import type {Database, View} from '../database/port.ts';
import type {Segment} from '../diff/diff-chunks.ts';
import {diffRows} from '../diff/diff-rows.ts';
import {must} from '../kernel/assert.ts';
import {HELD_CHARACTERS_MAX, HELD_ROWS_MAX, SWEPT_ROWS_PER_CHANGE} from '../kernel/read-limits.ts';
import type {CanonicalRow, RowChange} from '../kernel/row.ts';
import {loneChanges, type IsLone} from '../plan/lone.ts';
import {countChanges, parentChecks} from '../plan/make-plan.ts';
import {charactersOf, sizeOf, type ParentCheck, type Sweep, type SweptRange} from '../plan/plan.ts';
import {referenceName, type Tables} from '../plan/references.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {Ways} from './followed.ts';
import type {EngineOptions} from './options.ts';
import {listen} from './read-tables.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {segmentRows} from './stored-rows.ts';

/** A sweep as it is planned, with the rows of other tables, or its own, that must be there then. */
export type SweepPlan = Sweep & {readonly parents: readonly ParentCheck[]};

/** What changes in one table: row by row, or counted where there is much of it that nothing else depends on. */
export type TableChange = {
  readonly shape: TableShape;
  readonly changes: readonly RowChange[];
  readonly sweep?: SweepPlan | undefined;
};

/** Some changes of one table. */
export type Difference = {
  readonly changes: readonly RowChange[];
  /** What they were found in, with all live rows there; undefined where each row was looked up. */
  readonly segment?: Segment | undefined;
  readonly ours?: readonly CanonicalRow[] | undefined;
};

/** Which changes may be swept, and from how many on. */
export type Sweeping = {
  readonly schema: Tables;
  /** Changes of one table that are held in any case. */
  readonly heldRows: number;
  /** Undefined for a table whose changes have to be known all at once. */
  readonly isLone: (shape: TableShape) => IsLone | undefined;
};

/** Where rows give way to each other, or are adapted to another version, each is weighed on its own. */
export function sweepingOf(
  schema: Tables,
  {target, ways}: {readonly target: Snapshot; readonly ways: Ways},
  options: Pick<EngineOptions, 'heldRows'>,
): Sweeping {
  const sweeping = plainSweeping(schema, options);
  const isWeighed = ({table}: TableShape): boolean =>
    ways.merged.length > 0 || target.own?.has(table) === true;
  return {
    ...sweeping,
    isLone: (shape) => (isWeighed(shape) ? undefined : sweeping.isLone(shape)),
  };
}

export function plainSweeping(
  schema: Tables,
  {heldRows = HELD_ROWS_MAX}: Pick<EngineOptions, 'heldRows'>,
): Sweeping {
  return {schema, heldRows, isLone: (shape) => loneChanges(schema, shape)};
}

/** Goes through the differences of one table, and once more from the first where it turns out how they have to be taken. */
export async function sweptOrHeld(
  shape: TableShape,
  differences: () => AsyncIterable<Difference>,
  sweeping: Sweeping | undefined,
): Promise<TableChange> {
  const isLone = sweeping?.isLone(shape);
  const few = await holdChanges(differences(), isLone, sweeping?.heldRows);
  if (few !== undefined) return {shape, changes: few};
  const sweep =
    sweeping && isLone && (await sweepOf(differences(), new SweepTally(shape, isLone, sweeping)));
  if (sweep !== undefined) return {shape, changes: [], sweep};
  const all = await holdChanges(differences());
  return {shape, changes: must(all, 'nothing makes them too many')};
}

/** Undefined where they are more than so many, or long, and lone and close together so far. */
async function holdChanges(
  differences: AsyncIterable<Difference>,
  isLone?: IsLone,
  heldRows = 0,
): Promise<readonly RowChange[] | undefined> {
  const held: RowChange[] = [];
  const most = {rows: isLone === undefined ? Infinity : heldRows, characters: HELD_CHARACTERS_MAX};
  let [characters, rowsRead] = [0, 0];
  for await (const {changes, ours = []} of differences) {
    for (const change of changes) held.push(change);
    rowsRead += ours.length;
    characters += most.rows === Infinity ? 0 : charactersIn(changes);
    if (held.length <= most.rows && characters <= most.characters) continue;
    if (isLone === undefined || !held.every(isLone)) most.rows = Infinity;
    else if (areClose(held.length, rowsRead)) return undefined;
    else most.rows = held.length * 2; // they may still turn out to be
    most.characters = most.rows === Infinity ? Infinity : characters * 2;
  }
  return held;
}

/** Rows of ranges are read in place of looking for each that changes. */
function areClose(changes: number, rowsRead: number): boolean {
  return rowsRead <= changes * SWEPT_ROWS_PER_CHANGE;
}

/** Undefined once a change came that may have to wait for another, or where they are few among many rows. */
async function sweepOf(
  differences: AsyncIterable<Difference>,
  tally: SweepTally,
): Promise<SweepPlan | undefined> {
  for await (const difference of differences) if (!tally.add(difference)) return undefined;
  const sweep = tally.sweep();
  return areClose(sizeOf(sweep.counts), sweep.rowsRead) ? sweep : undefined;
}

/** Adds up the changes of one table while they are read, and what has to be known of them later. */
export class SweepTally {
  readonly #shape: TableShape;
  readonly #isLone: IsLone;
  readonly #sweeping: Pick<Sweeping, 'schema' | 'heldRows'>;
  readonly #ranges: SweptRange[] = [];
  readonly #parents = new Map<string, ParentCheck>();
  #counts = {inserted: 0, updated: 0, deleted: 0};
  #characters = 0;
  #rowsRead = 0;

  constructor(shape: TableShape, isLone: IsLone, sweeping: Pick<Sweeping, 'schema' | 'heldRows'>) {
    this.#shape = shape;
    this.#isLone = isLone;
    this.#sweeping = sweeping;
  }

  /** False where these, or what they refer to, have to be held. */
  add({segment, ours = [], changes}: Difference): boolean {
    if (!changes.every(this.#isLone)) return false;
    if (changes.length === 0) return true;
    if (segment !== undefined) this.#ranges.push({...segment, ours: digestOfRows(ours)});
    this.#rowsRead += ours.length;
    const {inserted, updated, deleted} = countChanges(changes);
    this.#counts.inserted += inserted;
    this.#counts.updated += updated;
    this.#counts.deleted += deleted;
    this.#characters += charactersIn(changes);
    const table = new Map([[this.#shape.table, {shape: this.#shape, changes}]]);
    for (const check of parentChecks(this.#sweeping.schema, table))
      this.#parents.set(referenceName(check.key, check.encoded), check);
    return this.#parents.size <= this.#sweeping.heldRows;
  }

  sweep(): SweepPlan {
    return {
      shape: this.#shape,
      counts: {...this.#counts},
      characters: this.#characters,
      rowsRead: this.#rowsRead,
      ranges: this.#ranges,
      parents: [...this.#parents.values()],
    };
  }
}

function charactersIn(changes: readonly RowChange[]): number {
  return changes.reduce((sum, change) => sum + charactersOf(change), 0);
}

function digestOfRows(rows: readonly CanonicalRow[]): Digest {
  return digestOfLines(rows.map(({text}) => text));
}

export type SweepReader = SweepSource & {
  /** The changes, each range in a view of its own. @throws {EngineError} `PLAN_STALE`, as `swept`. */
  readonly changes: (sweep: Sweep) => AsyncIterable<readonly RowChange[]>;
};

/** Compares anew what was planned; signals are heard in between. */
export function sweepReader(
  database: Database,
  reader: SnapshotReader,
  options: Pick<EngineOptions, 'signal' | 'progress'>,
): SweepReader {
  return {
    swept: async function* (view, {shape, ranges}) {
      for (const [at, range] of ranges.entries()) {
        await listen(options);
        options.progress(`writing ${shape.table}`, at, ranges.length);
        yield await compareAgain(view, reader, shape, range);
      }
    },
    changes: async function* ({shape, ranges}) {
      for (const range of ranges) {
        await listen(options);
        const {changes} = await database.view((view) => compareAgain(view, reader, shape, range));
        yield changes;
      }
    },
  };
}

async function compareAgain(
  view: View,
  reader: SnapshotReader,
  shape: TableShape,
  swept: SweptRange,
): Promise<Swept> {
  const {range, ours} = swept;
  const rows = await rowsWithin(view, shape, range);
  if (digestOfRows(rows) !== ours) throw new StaleSweep(shape, 'rows');
  const wanted = segmentRows(reader, shape, swept, rows);
  return {changes: [...diffRows(shape.table, rows, wanted)], held: {range, wanted}};
}

export const noSweeps: SweepReader = {swept: nothing, changes: nothing};

function nothing(): never {
  throw new Error('a plan without a snapshot sweeps no table');
}
