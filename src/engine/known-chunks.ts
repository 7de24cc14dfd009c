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

/** Of one read of all tables. Not bound to a database: the same print stands for the same chunk anywhere. */
export class KnownChunks {
  readonly #before: PrintedTables;
  readonly #found = new Map<string, PrintedTable>();

  constructor(before: PrintedTables = new Map()) {
    this.#before = before;
  }

  /** What was found. */
  get tables(): PrintedTables {
    return this.#found;
  }

  /** True where that is not what was known before. */
  get hasChanged(): boolean {
    if (this.#found.size !== this.#before.size) return true;
    return [...this.#found].some(([name, table]) => !isSame(table, this.#before.get(name)));
  }

  /** What a table held; nothing where it was read by other rules. */
  of(shape: TableShape, prints: Prints): readonly PrintedChunk[] {
    const known = this.#before.get(shape.table);
    return known?.form === formOf(shape, prints) ? known.chunks : [];
  }

  note(shape: TableShape, prints: Prints, chunks: readonly PrintedChunk[]): void {
    this.#found.set(shape.table, {form: formOf(shape, prints), chunks});
  }
}

function formOf(shape: TableShape, {form}: Prints): string {
  return digestOf(JSON.stringify([RULES, form, shape]));
}

function isSame(a: PrintedTable, b: PrintedTable | undefined): boolean {
  return (
    a.form === b?.form &&
    a.chunks.length === b.chunks.length &&
    a.chunks.every(({entry, print}, at) => {
      const other = b.chunks[at];
      return entry.digest === other?.entry.digest && print === other.print;
    })
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
