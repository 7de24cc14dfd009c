/** Reads large tables by several threads, each in a view of its own of the same moment. */
import {once} from 'node:events';
import {availableParallelism} from 'node:os';
import {extname} from 'node:path';
import {Worker} from 'node:worker_threads';
import type {Digest} from '../canonical/digest.ts';
import type {Beside} from '../database/port.ts';
import {
  PARALLEL_RANGE_CELLS,
  PARALLEL_RANGES_MIN,
  PARALLEL_THREADS_MAX,
  PARALLEL_YOUNG_MIB,
} from '../kernel/read-limits.ts';
import type {KeyRange} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkSink} from '../snapshot/chunk.ts';
import {tableContent, type TableContent} from '../snapshot/content.ts';
import {naturalChunk} from '../snapshot/mix.ts';
import type {RangePart, ReaderAnswer, ReaderData, ReaderRequest} from './read-messages.ts';

/** Where chunks are kept as they are read. */
export type Keep = {
  /** Those that are kept already. */
  readonly known: ReadonlySet<Digest>;
  readonly write: ChunkSink;
};

type OnRows = (rows: number) => void;

/** How a read is shared out. */
export type Shares = {
  readonly threads: number;
  /** Cells of a range, about. */
  readonly rangeCells: number;
  /** A table of fewer ranges is not worth it. */
  readonly rangesMin: number;
};

const defaultShares = (): Shares => ({
  threads: Math.min(availableParallelism(), PARALLEL_THREADS_MAX),
  rangeCells: PARALLEL_RANGE_CELLS,
  rangesMin: PARALLEL_RANGES_MIN,
});

/**
 * The threads of one read. They begin with the first table that is large enough, and see what its view sees, or nothing is read by them:
 * where the application commits in between, and wherever a thread fails, the caller reads by itself.
 */
export class ParallelRead {
  readonly #beside: Beside | undefined;
  readonly #keep: Keep | undefined;
  readonly #shares: Shares;
  #threads: readonly ReaderThread[] = [];
  #isOff: boolean;

  constructor(beside: Beside | undefined, keep?: Keep, shares: Shares = defaultShares()) {
    this.#beside = beside;
    this.#keep = keep;
    this.#shares = shares;
    this.#isOff = beside === undefined || shares.threads < 2;
  }

  /**
   * The content of a table; undefined where the caller is to read it by itself.
   *
   * @param onRows Told of rows as they are read. What it throws ends the read.
   */
  async read(shape: TableShape, onRows: OnRows): Promise<TableContent | undefined> {
    const ranges = this.#isOff ? undefined : this.#rangesOf(shape);
    if (ranges === undefined || !(await this.#begin())) return undefined;
    const parts = await this.#readAll(shape, ranges, onRows);
    this.#isOff = parts === undefined;
    return parts && contentOf(shape, parts);
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  /** Undefined where there are too few to be worth it. */
  #rangesOf(shape: TableShape): Generator<KeyRange> | undefined {
    const {columns} = shape;
    const {rangeCells, rangesMin} = this.#shares;
    const rows = Math.max(1, Math.floor(rangeCells / columns.length));
    const cuts = this.#beside?.cuts(shape, rows, naturalChunk(columns.length)) ?? [];
    return enoughRanges(cuts[Symbol.iterator](), rangesMin);
  }

  /** True once all threads see what the view sees. */
  async #begin(): Promise<boolean> {
    if (this.#threads.length > 0) return true;
    const source = this.#beside?.source;
    if (source === undefined) return false;
    const data: ReaderData = {source, known: this.#keep?.known};
    this.#threads = Array.from(
      {length: this.#shares.threads},
      () => new ReaderThread(data, this.#keep),
    );
    const begun = await Promise.all(this.#threads.map((thread) => thread.begun()));
    this.#isOff = !begun.every(Boolean) || this.#beside?.isLatest() !== true;
    return !this.#isOff;
  }

  /** Ranges go to whichever thread is free. Undefined where one could not be read. */
  async #readAll(
    shape: TableShape,
    ranges: Generator<KeyRange>,
    onRows: OnRows,
  ): Promise<readonly RangePart[] | undefined> {
    const parts: (RangePart | undefined)[] = [];
    const shareOf = async (thread: ReaderThread): Promise<void> => {
      for (const range of ranges) {
        const at = parts.push(undefined) - 1;
        const part = await thread.read(shape, range);
        if (part === undefined) return;
        parts[at] = part;
        onRows(part.chunks.reduce((sum, {rows}) => sum + rows, 0));
      }
    };
    await Promise.all(this.#threads.map(shareOf));
    return parts.every((part) => part !== undefined) ? parts : undefined;
  }
}

/** From cut to cut, from the beginning to the end. The first few are looked for at once, the others as they are needed. */
function enoughRanges(cuts: Iterator<string>, atLeast: number): Generator<KeyRange> | undefined {
  const first: string[] = [];
  while (first.length < atLeast - 1) {
    const cut = cuts.next();
    if (cut.done === true) return undefined;
    first.push(cut.value);
  }
  return ranges(first, cuts);
}

function* ranges(first: readonly string[], more: Iterator<string>): Generator<KeyRange> {
  let from: string | undefined;
  for (const to of first) {
    yield {from, to};
    from = to;
  }
  for (let cut = more.next(); cut.done !== true; cut = more.next()) {
    yield {from, to: cut.value};
    from = cut.value;
  }
  yield {from, to: undefined};
}

/** Undefined where the ranges do not follow each other: an index may be damaged, and whoever reads alone says so. */
function contentOf(shape: TableShape, parts: readonly RangePart[]): TableContent | undefined {
  let last: string | undefined;
  for (const part of parts) {
    const first = part.chunks[0]?.first;
    if (last !== undefined && first !== undefined && last >= first) return undefined;
    last = part.last ?? last;
  }
  return tableContent(
    shape,
    parts.flatMap(({chunks}) => chunks),
  );
}

/** One thread. Once anything went wrong with it, it answers nothing but undefined. */
class ReaderThread {
  readonly #worker: Worker;
  readonly #keep: Keep | undefined;
  readonly #exited: Promise<unknown>;
  #answer: (answer: ReaderAnswer | undefined) => void = () => {};
  #hasFailed = false;

  constructor(data: ReaderData, keep: Keep | undefined) {
    this.#keep = keep;
    // The sources run as they are, and compiled.
    const entry = new URL(`./read-worker${extname(import.meta.url)}`, import.meta.url);
    const resourceLimits = {maxYoungGenerationSizeMb: PARALLEL_YOUNG_MIB};
    this.#worker = new Worker(entry, {workerData: data, resourceLimits});
    this.#exited = once(this.#worker, 'exit').catch(() => {});
    this.#worker.on('message', (answer: ReaderAnswer) => void this.#hear(answer));
    this.#worker.on('error', () => this.#fail());
    this.#worker.on('exit', () => this.#fail());
  }

  async begun(): Promise<boolean> {
    const answer = await this.#next();
    return answer !== undefined && 'begun' in answer;
  }

  async read(shape: TableShape, range: KeyRange): Promise<RangePart | undefined> {
    const answered = this.#next();
    this.#tell({shape, range});
    const answer = await answered;
    return answer !== undefined && 'chunks' in answer ? answer : undefined;
  }

  async end(): Promise<void> {
    this.#tell({end: true});
    await this.#exited;
  }

  #next(): Promise<ReaderAnswer | undefined> {
    if (this.#hasFailed) return Promise.resolve(undefined);
    return new Promise((resolve) => (this.#answer = resolve));
  }

  async #hear(answer: ReaderAnswer): Promise<void> {
    if (!('entry' in answer)) {
      this.#answer(answer);
      return;
    }
    try {
      await this.#keep?.write(answer.entry, answer.bytes);
    } catch {
      this.#fail(); // whoever reads again by itself meets the same
    }
    this.#tell({kept: answer.bytes.byteLength});
  }

  #fail(): void {
    this.#hasFailed = true;
    this.#answer(undefined);
  }

  #tell(request: ReaderRequest): void {
    this.#worker.postMessage(request);
  }
}
