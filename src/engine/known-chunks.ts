/** What was found in the tables before, so that rows that are still there need not be made into chunks again. */
import {digestOf} from '../canonical/digest.ts';
import type {Prints} from '../database/port.ts';
import * as formatLimits from '../kernel/format-limits.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {chunkAnchor} from '../snapshot/mix.ts';
import type {PrintedChunk, PrintedTable, PrintedTables} from '../state/print-file.ts';
import type {ExpectedRange} from './read-messages.ts';

/** To be raised where the same rows give another canonical text, or other keys, than they did in the release before. */
const CANONICAL_RULE = 1;
/** Chunks are not what they were where one of the limits of the format is not. */
const RULES = JSON.stringify([CANONICAL_RULE, formatLimits]);

/** Of all tables, by name. Not bound to a database: the same print stands for the same chunk anywhere. */
export class KnownChunks {
  readonly #tables: Map<string, PrintedTable>;
  #hasChanged = false;

  constructor(tables: PrintedTables = new Map()) {
    this.#tables = new Map(tables);
  }

  get tables(): PrintedTables {
    return this.#tables;
  }

  /** True where something was noted that is not what was there before. */
  get hasChanged(): boolean {
    return this.#hasChanged;
  }

  /** What a table held; nothing where it was read by other rules. */
  of(shape: TableShape, prints: Prints): readonly PrintedChunk[] {
    const known = this.#tables.get(shape.table);
    return known?.form === formOf(shape, prints) ? known.chunks : [];
  }

  note(shape: TableShape, prints: Prints, chunks: readonly PrintedChunk[]): void {
    const form = formOf(shape, prints);
    const known = this.#tables.get(shape.table);
    if (known?.form === form && isSame(known.chunks, chunks)) return;
    this.#tables.set(shape.table, {form, chunks});
    this.#hasChanged = true;
  }
}

function formOf(shape: TableShape, {form}: Prints): string {
  return digestOf(JSON.stringify([RULES, form, shape]));
}

function isSame(a: readonly PrintedChunk[], b: readonly PrintedChunk[]): boolean {
  return (
    a.length === b.length &&
    a.every(({entry, print}, at) => entry.digest === b[at]?.entry.digest && print === b[at].print)
  );
}

/**
 * Ranges of about so many rows, from the beginning of a table to its end. Each begins where a chunk begins whatever stands before it, as
 * long as that row is there.
 */
export function* expectedRanges(
  shape: TableShape,
  known: readonly PrintedChunk[],
  rows: number,
): Generator<ExpectedRange> {
  const isAnchor = chunkAnchor(shape.columns.length);
  let [at, held] = [0, 0];
  let from: string | undefined;
  for (const [next, {entry}] of known.entries()) {
    if (held >= rows && isAnchor(entry.first)) {
      yield {range: {from, to: entry.first}, expected: known.slice(at, next)};
      [at, held, from] = [next, 0, entry.first];
    }
    held += entry.rows;
  }
  yield {range: {from, to: undefined}, expected: known.slice(at)};
}
