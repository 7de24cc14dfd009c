/**
 * Many changed rows of one table that nothing else depends on: counted and looked into when the plan is made, and compared anew, range
 * by range, whenever they are needed. Held until they are written, a million of them would take gigabytes.
 */
import type {SweepSource, Swept} from '../apply/sweep.ts';
import {digestOf, type Digest} from '../canonical/digest.ts';
import type {Database, View} from '../database/port.ts';
import {diffRows} from '../diff/diff-rows.ts';
import {EngineError} from '../kernel/errors.ts';
import {HELD_ROWS_MAX} from '../kernel/read-limits.ts';
import type {CanonicalRow, KeyRange, RowChange} from '../kernel/row.ts';
import {loneChanges, type IsLone} from '../plan/lone.ts';
import {countChanges, parentChecks} from '../plan/make-plan.ts';
import {sizeOf, type ParentCheck, type Sweep, type SweptRange} from '../plan/plan.ts';
import type {Tables} from '../plan/references.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import type {Ways} from './followed.ts';
import type {EngineOptions} from './options.ts';
import {listen} from './read-tables.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {chunkRows} from './stored-rows.ts';

/** A sweep as it is planned, with the rows of other tables, or its own, that must be there then. */
export type SweepPlan = Sweep & {readonly parents: readonly ParentCheck[]};

export type Sweeping = {
  /** Undefined for a table whose changes have to be known all at once. */
  readonly tally: (shape: TableShape) => SweepTally | undefined;
};

/** Where rows give way to each other, or are adapted to another version, each is weighed on its own. */
export function sweepingOf(
  schema: Tables,
  {target, ways}: {readonly target: Snapshot; readonly ways: Ways},
  {heldRows = HELD_ROWS_MAX}: Pick<EngineOptions, 'heldRows'>,
): Sweeping {
  const tally: Sweeping['tally'] = (shape) => {
    if (ways.merged.length > 0 || target.own?.has(shape.table) === true) return undefined;
    const isLone = loneChanges(schema, shape);
    return isLone && new SweepTally({schema, shape, isLone, heldRows});
  };
  return {tally};
}

/** One range, as it is compared. */
type Compared = {
  readonly range: KeyRange;
  readonly theirs: ChunkEntry | undefined;
  readonly ours: readonly CanonicalRow[];
  readonly changes: readonly RowChange[];
};

type TallyOptions = {
  readonly schema: Tables;
  readonly shape: TableShape;
  readonly isLone: IsLone;
  readonly heldRows: number;
};

/** Adds up the changes of one table while they are read, and what has to be known of them later. */
export class SweepTally {
  readonly #options: TallyOptions;
  readonly #ranges: SweptRange[] = [];
  readonly #parents = new Map<string, ParentCheck>();
  #counts = {inserted: 0, updated: 0, deleted: 0};
  #characters = 0;
  #isFit = true;

  constructor(options: TallyOptions) {
    this.#options = options;
  }

  /** False once a change came that may have to wait for another. */
  get isFit(): boolean {
    return this.#isFit;
  }

  /** True where the changes are more than are held, and need not be. */
  get isLarge(): boolean {
    return this.#isFit && sizeOf(this.#counts) > this.#options.heldRows;
  }

  add({range, theirs, ours, changes}: Compared): void {
    const {schema, shape, isLone, heldRows} = this.#options;
    this.#isFit &&= changes.every(isLone);
    if (!this.#isFit || changes.length === 0) return;
    this.#ranges.push({range, theirs, ours: digestOfRows(ours)});
    const {inserted, updated, deleted} = countChanges(changes);
    this.#counts.inserted += inserted;
    this.#counts.updated += updated;
    this.#counts.deleted += deleted;
    this.#characters += charactersOf(changes);
    for (const check of parentChecks(schema, new Map([[shape.table, {shape, changes}]])))
      this.#parents.set(
        JSON.stringify([check.key.parent, check.key.columns, check.encoded]),
        check,
      );
    this.#isFit = this.#parents.size <= heldRows;
  }

  sweep(): SweepPlan {
    const {shape} = this.#options;
    const parents = [...this.#parents.values()];
    const counts = {...this.#counts};
    return {shape, counts, characters: this.#characters, ranges: this.#ranges, parents};
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
  return {range, changes: [...diffRows(shape.table, rows, wanted)], wanted};
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
