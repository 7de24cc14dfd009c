/** Reads large tables by several threads, each in a view of its own of the same moment. */
import {once} from 'node:events';
import {availableParallelism} from 'node:os';
import {extname} from 'node:path';
import {Worker} from 'node:worker_threads';
import type {Digest} from '../canonical/digest.ts';
import type {Beside} from '../database/port.ts';
import {
  PARALLEL_KNOWN_FACTOR,
  PARALLEL_RANGE_CELLS,
  PARALLEL_RANGES_AHEAD,
  PARALLEL_RANGES_MIN,
  PARALLEL_THREADS_MAX,
  PARALLEL_YOUNG_MIB,
} from '../kernel/read-limits.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkSink} from '../snapshot/chunk.ts';
import {chunkAnchor} from '../snapshot/mix.ts';
import type {PrintedChunk} from '../state/print-file.ts';
import {expectedRanges} from './known-chunks.ts';
import type {
  ExpectedRange,
  RangePart,
  RangeRequest,
  ReaderAnswer,
  ReaderData,
  ReaderRequest,
} from './read-messages.ts';
import {
  chunksInOrder,
  readRange,
  wholePart,
  type RangeReader,
  type WholePart,
} from './read-range.ts';

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
export type OwnReader = RangeReader & {
  /** Told of rows that another thread read. What it throws ends the read. */
  readonly onRows: (rows: number) => void;
};

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

  /**
   * The chunks of a table; undefined where it is not worth it, cannot be read by ranges, or has lost the rows that ranges would begin with.
   *
   * @param known What the table held before; nothing where that is not known.
   */
  async read(
    own: OwnReader,
    known: readonly PrintedChunk[] = [],
  ): Promise<readonly PrintedChunk[] | undefined> {
    const {shape} = own;
    const {threads, rangeCells, rangesMin} = this.#shares;
    const columns = shape.columns.length;
    const rows = Math.max(1, Math.floor(rangeCells / columns));
    const beside = this.#beside;
    if (beside === undefined || threads < 2) return undefined;
    const least = known.length > 0 ? rangesMin * PARALLEL_KNOWN_FACTOR : rangesMin;
    if (!beside.hasMore(shape, rows * (least - 1))) return undefined;
    this.#helpers ??= this.#begin(beside); // they take a while to begin, in which the first cuts are found
    const ranges = isMostOf(beside, shape, known, rows * rangesMin)
      ? expectedRanges(shape, known, rows)
      : rangesOf(beside.cuts(shape, rows, chunkAnchor(columns)));
    return new SharedWork(own, ranges).readWith(this.#helpers);
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
  readonly #own: OwnReader;
  readonly #ranges: Generator<ExpectedRange>;
  readonly #parts: WholePart[] = [];
  /** Those that a thread failed to read. */
  readonly #left: Taken[] = [];
  /** Found already, and not taken. */
  #next: IteratorResult<ExpectedRange> | undefined;
  #taken = 0;
  #hasEnded = false;

  constructor(own: OwnReader, ranges: Generator<ExpectedRange>) {
    this.#own = own;
    this.#ranges = ranges;
  }

  /** All chunks in order; undefined where there is no way to tell. Throws the first error of the thread that asks. */
  async readWith(helpers: readonly ReaderThread[]): Promise<readonly PrintedChunk[] | undefined> {
    const ahead = Array.from({length: PARALLEL_RANGES_AHEAD}, () => helpers).flat();
    const all = [this.#readOwn(), ...ahead.map(async (thread) => this.#readBy(thread))];
    try {
      await Promise.all(all);
      for (const taken of this.#left) await this.#readHere(taken);
    } catch (error) {
      this.#hasEnded = true;
      throw error;
    }
    return this.#hasEnded ? undefined : chunksInOrder(this.#parts);
  }

  async #readOwn(): Promise<void> {
    for (let taken = this.#take(); taken !== undefined; taken = this.#take())
      await this.#readHere(taken);
  }

  async #readBy(thread: ReaderThread): Promise<void> {
    if (!(await thread.begun())) return;
    const take = (): Taken | undefined =>
      thread.isBusy && this.#isLast() ? undefined : this.#take();
    const {shape, prints, onRows} = this.#own;
    for (let taken = take(); taken !== undefined; taken = take()) {
      const part = await thread.read({shape, prints: prints !== undefined, ...taken.asked});
      if (part === undefined) {
        this.#left.push(taken);
        return;
      }
      const whole = wholePart(part, taken.asked);
      this.#parts[taken.at] = whole;
      onRows(whole.chunks.reduce((sum, {entry}) => sum + entry.rows, 0));
    }
  }

  #take(): Taken | undefined {
    if (this.#hasEnded) return undefined;
    const next = this.#next ?? this.#ranges.next();
    this.#next = undefined;
    return next.done === true ? undefined : {at: this.#taken++, asked: next.value};
  }

  /** Whether there is one left, or none: whoever is free first shall read it. */
  #isLast(): boolean {
    if (this.#hasEnded) return true;
    this.#next ??= this.#ranges.next();
    return this.#next.done === true || this.#next.value.range.to === undefined;
  }

  async #readHere({at, asked}: Taken): Promise<void> {
    const part = this.#hasEnded ? undefined : await readRange(this.#own, asked);
    if (part === undefined) this.#hasEnded = true;
    else this.#parts[at] = wholePart(part, asked);
  }
}

type Taken = {readonly at: number; readonly asked: ExpectedRange};

/** False where so many rows came behind those that are known: one thread would read them all. */
function isMostOf(
  beside: Beside,
  shape: TableShape,
  known: readonly PrintedChunk[],
  rows: number,
): boolean {
  const last = known.at(-1)?.entry;
  return last !== undefined && !beside.hasMore(shape, last.rows + rows, last.first);
}

/** From cut to cut, from the beginning to the end. Each cut is looked for when it is needed. */
function* rangesOf(cuts: Iterable<string>): Generator<ExpectedRange> {
  let from: string | undefined;
  for (const to of cuts) {
    yield {range: {from, to}, expected: []};
    from = to;
  }
  yield {range: {from, to: undefined}, expected: []};
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

  async read(request: RangeRequest): Promise<RangePart | undefined> {
    const answered = this.#next();
    this.#tell(request);
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
