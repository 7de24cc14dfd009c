/** Reads large tables by several threads, each in a view of its own of the same moment. */
import {once} from 'node:events';
import {availableParallelism} from 'node:os';
import {extname} from 'node:path';
import {Worker} from 'node:worker_threads';
import type {Digest} from '../canonical/digest.ts';
import type {Beside, View} from '../database/port.ts';
import {
  PARALLEL_RANGE_CELLS,
  PARALLEL_RANGES_AHEAD,
  PARALLEL_RANGES_MIN,
  PARALLEL_THREADS_MAX,
  PARALLEL_YOUNG_MIB,
} from '../kernel/read-limits.ts';
import type {CanonicalRow, KeyRange} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkSink} from '../snapshot/chunk.ts';
import {tableContent, type TableContent} from '../snapshot/content.ts';
import {chunkAnchor} from '../snapshot/mix.ts';
import type {RangePart, ReaderAnswer, ReaderData, ReaderRequest} from './read-messages.ts';
import {readRange} from './read-range.ts';

/** Where chunks are kept as they are read. */
export type Keep = {
  /** Those that are kept already. */
  readonly known: ReadonlySet<Digest>;
  /** Those that another thread read are gone once this has ended. */
  readonly write: ChunkSink;
};

/** How a read is shared out. */
export type Shares = {
  /** With the one that asks. */
  readonly threads: number;
  /** Cells of a range, about. */
  readonly rangeCells: number;
  /** A table of fewer ranges, about, is not worth it. */
  readonly rangesMin: number;
};

const defaultShares = (): Shares => ({
  threads: Math.min(availableParallelism(), PARALLEL_THREADS_MAX),
  rangeCells: PARALLEL_RANGE_CELLS,
  rangesMin: PARALLEL_RANGES_MIN,
});

/** What reads in the thread that asks. */
export type OwnReader = {
  readonly view: View;
  readonly sink: ChunkSink | undefined;
  /** Lets other work in after each page of a table, and reports it. What it throws ends the read. */
  readonly watched: (pages: Pages) => Pages;
  /** Told of rows that another thread read. What it throws ends the read. */
  readonly onRows: (rows: number) => void;
};

type Pages = AsyncIterable<readonly CanonicalRow[]>;

/**
 * The threads that help to read. They begin with the first table that is large enough, and see what its view sees, or read nothing: where
 * the application commits in between, and wherever a thread fails, the one that asks reads what is left by itself.
 */
export class ParallelRead {
  readonly #beside: Beside | undefined;
  readonly #keep: Keep | undefined;
  readonly #shares: Shares;
  #helpers: readonly ReaderThread[] | undefined;

  constructor(beside: Beside | undefined, keep?: Keep, shares: Shares = defaultShares()) {
    this.#beside = beside;
    this.#keep = keep;
    this.#shares = shares;
  }

  /** The content of a table; undefined where it is not worth it, or cannot be read by ranges. */
  async read(shape: TableShape, own: OwnReader): Promise<TableContent | undefined> {
    const {threads, rangeCells, rangesMin} = this.#shares;
    const columns = shape.columns.length;
    const rows = Math.max(1, Math.floor(rangeCells / columns));
    const beside = this.#beside;
    if (beside === undefined || threads < 2) return undefined;
    if (!beside.hasMore(shape, rows * (rangesMin - 1))) return undefined;
    this.#helpers ??= this.#begin(beside); // they take a while to begin, in which the first cuts are found
    const ranges = rangesOf(beside.cuts(shape, rows, chunkAnchor(columns)));
    const parts = await new SharedWork(shape, ranges, own).readWith(this.#helpers);
    return contentOf(shape, parts);
  }

  async close(): Promise<void> {
    await Promise.all((this.#helpers ?? []).map((thread) => thread.end()));
  }

  #begin(beside: Beside): readonly ReaderThread[] {
    const data: ReaderData = {source: beside.source, known: this.#keep?.known};
    const isLatest = (): boolean => beside.isLatest();
    const threads: ReaderThread[] = [];
    try {
      while (threads.length < this.#shares.threads - 1)
        threads.push(new ReaderThread(data, this.#keep, isLatest));
    } catch {
      // The system gives no more threads: there is one less to help.
    }
    return threads;
  }
}

/** One table: its ranges go to whoever is free. */
class SharedWork {
  readonly #shape: TableShape;
  readonly #own: OwnReader;
  readonly #ranges: Generator<KeyRange>;
  readonly #parts: RangePart[] = [];
  /** Those that a thread failed to read. */
  readonly #left: Taken[] = [];
  /** Found already, and not taken. */
  #next: IteratorResult<KeyRange> | undefined;
  #taken = 0;
  #hasFailed = false;

  constructor(shape: TableShape, ranges: Generator<KeyRange>, own: OwnReader) {
    this.#shape = shape;
    this.#ranges = ranges;
    this.#own = own;
  }

  /** The parts in order. Throws the first error of the thread that asks. */
  async readWith(helpers: readonly ReaderThread[]): Promise<readonly RangePart[]> {
    const ahead = Array.from({length: PARALLEL_RANGES_AHEAD}, () => helpers).flat();
    const all = [this.#readOwn(), ...ahead.map(async (thread) => this.#readBy(thread))];
    try {
      await Promise.all(all);
      for (const taken of this.#left) await this.#readHere(taken);
    } catch (error) {
      this.#hasFailed = true;
      throw error;
    }
    return this.#parts;
  }

  async #readOwn(): Promise<void> {
    for (let taken = this.#take(); taken !== undefined; taken = this.#take())
      await this.#readHere(taken);
  }

  async #readBy(thread: ReaderThread): Promise<void> {
    if (!(await thread.begun())) return;
    const take = (): Taken | undefined =>
      thread.isBusy && this.#isLast() ? undefined : this.#take();
    for (let taken = take(); taken !== undefined; taken = take()) {
      const part = await thread.read(this.#shape, taken.range);
      if (part === undefined) {
        this.#left.push(taken);
        return;
      }
      this.#parts[taken.at] = part;
      this.#own.onRows(part.chunks.reduce((sum, {rows}) => sum + rows, 0));
    }
  }

  #take(): Taken | undefined {
    if (this.#hasFailed) return undefined;
    const next = this.#next ?? this.#ranges.next();
    this.#next = undefined;
    return next.done === true ? undefined : {at: this.#taken++, range: next.value};
  }

  /** Whether there is one left, or none: whoever is free first shall read it. */
  #isLast(): boolean {
    if (this.#hasFailed) return true;
    this.#next ??= this.#ranges.next();
    return this.#next.done === true || this.#next.value.to === undefined;
  }

  async #readHere({at, range}: Taken): Promise<void> {
    const {view, watched, sink} = this.#own;
    this.#parts[at] = await readRange(this.#shape, watched(view.rows(this.#shape, [range])), sink);
  }
}

type Taken = {readonly at: number; readonly range: KeyRange};

/** From cut to cut, from the beginning to the end. Each cut is looked for when it is needed. */
function* rangesOf(cuts: Iterable<string>): Generator<KeyRange> {
  let from: string | undefined;
  for (const to of cuts) {
    yield {from, to};
    from = to;
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
  readonly #begun: Promise<boolean>;
  /** Whoever waits for an answer; they come in the order in which they were asked for. */
  #waiting: ((answer: ReaderAnswer | undefined) => void)[] = [];
  #hasFailed = false;

  /** @param isLatest Whether a view that has begun sees what the others see. */
  constructor(data: ReaderData, keep: Keep | undefined, isLatest: () => boolean) {
    this.#keep = keep;
    // The sources run as they are, and compiled.
    const entry = new URL(`./read-worker${extname(import.meta.url)}`, import.meta.url);
    const resourceLimits = {maxYoungGenerationSizeMb: PARALLEL_YOUNG_MIB};
    this.#worker = new Worker(entry, {workerData: data, resourceLimits});
    this.#exited = once(this.#worker, 'exit').catch(() => {});
    this.#worker.on('message', (answer: ReaderAnswer) => void this.#hear(answer));
    this.#worker.on('error', () => this.#fail());
    this.#worker.on('exit', () => this.#fail());
    this.#begun = this.#next().then(
      (answer) => answer !== undefined && 'begun' in answer && isLatest(),
    );
  }

  /** False where it does not see what the others see. */
  async begun(): Promise<boolean> {
    return this.#begun;
  }

  async read(shape: TableShape, range: KeyRange): Promise<RangePart | undefined> {
    const answered = this.#next();
    this.#tell({shape, range});
    const answer = await answered;
    return answer !== undefined && 'chunks' in answer ? answer : undefined;
  }

  get isBusy(): boolean {
    return this.#waiting.length > 0;
  }

  async end(): Promise<void> {
    this.#tell({end: true});
    await this.#exited;
  }

  #next(): Promise<ReaderAnswer | undefined> {
    if (this.#hasFailed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  async #hear(answer: ReaderAnswer): Promise<void> {
    if (!('entry' in answer)) {
      this.#waiting.shift()?.(answer);
      return;
    }
    try {
      await this.#keep?.write(answer.entry, answer.bytes);
    } catch {
      this.#fail(); // whoever reads again by itself meets the same
    }
    const kept = answer.bytes.byteLength;
    answer.bytes.buffer.transfer(0); // given back at once: V8 would not look for it while little else becomes garbage here
    this.#tell({kept});
  }

  #fail(): void {
    this.#hasFailed = true;
    for (const answer of this.#waiting.splice(0)) answer(undefined);
  }

  #tell(request: ReaderRequest): void {
    this.#worker.postMessage(request);
  }
}
