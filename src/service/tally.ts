/** What a service has done since it started, counted for whoever measures it. */
import type {ChangeCounts} from '../kernel/row.ts';
import type {Done} from './cycle.ts';
import type {Failure} from './failure.ts';
import type {LastApply} from './source.ts';

/** A cycle that succeeded is told by what it did. */
export type Outcome = Done['did'] | 'failed';

/** All of it only ever grows. */
export type Counts = {
  readonly cycles: ReadonlyMap<Outcome, number>;
  /** Time that cycles took, in seconds. */
  readonly cycleSeconds: number;
  /** Snapshots stored. */
  readonly captures: number;
  /** Snapshots applied. */
  readonly applies: number;
  /** Rows captured by a primary, or written by a replica, by table. */
  readonly rows: ReadonlyMap<string, ChangeCounts>;
};

type Ended = {
  readonly at: string;
  readonly ms: number;
  readonly done: Done | undefined;
  readonly failure: Failure | undefined;
};

export class Tally {
  readonly #cycles = new Map<Outcome, number>();
  readonly #rows = new Map<string, ChangeCounts>();
  #cycleMs = 0;
  #captures = 0;
  #applies = 0;
  #lastApply: LastApply | undefined;

  add({at, ms, done, failure}: Ended): void {
    const outcome = outcomeOf(done, failure);
    this.#cycles.set(outcome, (this.#cycles.get(outcome) ?? 0) + 1);
    this.#cycleMs += ms;
    if (done?.did === 'captured' && done.result.changed) {
      this.#captures++;
      this.#addRows(done.result.tables);
    }
    if (done?.did === 'replicated') {
      this.#addRows(done.result.tables); // local edits that were put back are written, too
      if (!done.result.applied) return;
      this.#applies++;
      const {snapshot, epoch, sequence, proof, tables} = done.result;
      this.#lastApply = {at, snapshot, epoch, sequence, proof, tables};
    }
  }

  get counts(): Counts {
    return {
      cycles: this.#cycles,
      cycleSeconds: this.#cycleMs / 1000,
      captures: this.#captures,
      applies: this.#applies,
      rows: this.#rows,
    };
  }

  /** Undefined where nothing was applied since the service started. */
  get lastApply(): LastApply | undefined {
    return this.#lastApply;
  }

  #addRows(tables: Readonly<Record<string, ChangeCounts>>): void {
    for (const [table, counts] of Object.entries(tables)) {
      const before = this.#rows.get(table) ?? {inserted: 0, updated: 0, deleted: 0};
      this.#rows.set(table, {
        inserted: before.inserted + counts.inserted,
        updated: before.updated + counts.updated,
        deleted: before.deleted + counts.deleted,
      });
    }
  }
}

export function outcomeOf(done: Done | undefined, failure: Failure | undefined): Outcome {
  return failure === undefined && done !== undefined ? done.did : 'failed';
}
