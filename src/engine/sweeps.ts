/**
 * Many changed rows of one table that nothing else depends on: counted and looked into when the plan is made, and compared anew, range
 * by range, whenever they are needed. Held until they are written, a million of them would take gigabytes.
 */
import type {SweepSource, Swept} from '../apply/sweep.ts';
import {digestOf, type Digest} from '../canonical/digest.ts';
import type {Database, View} from '../database/port.ts';
import {diffRows} from '../diff/diff-rows.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import {HELD_CHARACTERS_MAX, HELD_ROWS_MAX} from '../kernel/read-limits.ts';
import type {CanonicalRow, RowChange} from '../kernel/row.ts';
import {loneChanges, type IsLone} from '../plan/lone.ts';
import {countChanges, parentChecks} from '../plan/make-plan.ts';
import type {ParentCheck, Sweep, SweptRange} from '../plan/plan.ts';
import type {Tables} from '../plan/references.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {Ways} from './followed.ts';
import type {EngineOptions} from './options.ts';
import {listen} from './read-tables.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {chunkRows} from './stored-rows.ts';

/** A sweep as it is planned, with the rows of other tables, or its own, that must be there then. */
export type SweepPlan = Sweep & {readonly parents: readonly ParentCheck[]};

/** What changes in one table: row by row, or counted where there is much of it that nothing else depends on. */
export type TableChange = {
  readonly shape: TableShape;
  readonly changes: readonly RowChange[];
  readonly sweep?: SweepPlan | undefined;
};

/** Some changes of one table, and of those found by comparing a range, what was compared. */
export type Difference = Partial<Omit<SweptRange, 'ours'>> & {
  readonly ours: readonly CanonicalRow[];
  readonly changes: readonly RowChange[];
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

/** Undefined where they are more than so many, or long, and lone so far. */
async function holdChanges(
  differences: AsyncIterable<Difference>,
  isLone?: IsLone,
  heldRows = 0,
): Promise<readonly RowChange[] | undefined> {
  const held: RowChange[] = [];
  let characters = 0;
  let mayBeMany = isLone !== undefined;
  for await (const {changes} of differences) {
    for (const change of changes) held.push(change);
    if (!mayBeMany) continue;
    characters += charactersOf(changes);
    if (held.length <= heldRows && characters <= HELD_CHARACTERS_MAX) continue;
    if (isLone !== undefined && held.every(isLone)) return undefined;
    mayBeMany = false;
  }
  return held;
}

/** Undefined once a change came that may have to wait for another. */
async function sweepOf(
  differences: AsyncIterable<Difference>,
  tally: SweepTally,
): Promise<SweepPlan | undefined> {
  for await (const difference of differences) if (!tally.add(difference)) return undefined;
  return tally.sweep();
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

  constructor(shape: TableShape, isLone: IsLone, sweeping: Pick<Sweeping, 'schema' | 'heldRows'>) {
    this.#shape = shape;
    this.#isLone = isLone;
    this.#sweeping = sweeping;
  }

  /** False where these, or what they refer to, have to be held. */
  add({range, theirs, ours, changes}: Difference): boolean {
    if (!changes.every(this.#isLone)) return false;
    if (changes.length === 0) return true;
    if (range !== undefined) this.#ranges.push({range, theirs, ours: digestOfRows(ours)});
    const {inserted, updated, deleted} = countChanges(changes);
    this.#counts.inserted += inserted;
    this.#counts.updated += updated;
    this.#counts.deleted += deleted;
    this.#characters += charactersOf(changes);
    const table = new Map([[this.#shape.table, {shape: this.#shape, changes}]]);
    for (const check of parentChecks(this.#sweeping.schema, table)) {
      const {key, encoded} = check;
      this.#parents.set(JSON.stringify([key.parent, key.columns, encoded]), check);
    }
    return this.#parents.size <= this.#sweeping.heldRows;
  }

  sweep(): SweepPlan {
    return {
      shape: this.#shape,
      counts: {...this.#counts},
      characters: this.#characters,
      ranges: this.#ranges,
      parents: [...this.#parents.values()],
    };
  }
}

function charactersOf(changes: readonly RowChange[]): number {
  let characters = 0;
  for (const change of changes) {
    if (change.op !== 'insert') characters += change.before.text.length;
    if (change.op !== 'delete') characters += change.after.text.length;
  }
  return characters;
}

function digestOfRows(rows: readonly CanonicalRow[]): Digest {
  return digestOf(rows.map(({text}) => text).join('\n'));
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
  {range, theirs, ours}: SweptRange,
): Promise<Swept> {
  const rows: CanonicalRow[] = [];
  for await (const page of view.rows(shape, [range])) for (const row of page) rows.push(row);
  if (digestOfRows(rows) !== ours) throw changedMeanwhile(shape);
  const {to} = range;
  const wanted = theirs === undefined ? [] : chunkRows(reader, shape, {theirs, to, ours: rows});
  return {changes: [...diffRows(shape.table, rows, wanted)], held: {range, wanted}};
}

export const noSweeps: SweepReader = {swept: nothing, changes: nothing};

function nothing(): never {
  throw new Error('a plan without a snapshot sweeps no table');
}

function changedMeanwhile({table}: TableShape): EngineError {
  return new EngineError(
    'PLAN_STALE',
    `cannot apply table "${table}": rows changed after the plan was made`,
    {site: {table}, hint: 'Run replicate again: it plans afresh.', retryable: true},
  );
}
