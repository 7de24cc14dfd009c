/** Runs one case through the library and holds what it does against the model. */
import {isDeepStrictEqual} from 'node:util';
import {join} from 'node:path';
import {
  capture,
  EngineError,
  noProgress,
  replicate,
  silentLog,
  undo,
  type EngineOptions,
  type ReplicateOptions,
  type ReplicateResult,
} from '../../src/index.ts';
import type {ModelCase} from './cases.ts';
import {integrity, makeFile, readFile, rival, type FileState} from './databases.ts';
import {inFolder} from './folder.ts';
import {judge, judgeCapture, type Facts, type Reason, type Verdict} from './oracle.ts';

export type Outcome = {
  /** `converged`, or the code of the refusal. */
  readonly result: string;
  readonly facts: Facts;
  /** Reasons for which it might have been refused, or was. */
  readonly reasons: readonly Reason[];
  /** What another program changed on the way, if it could. */
  readonly rivalled: boolean;
};

/** A promise that was not kept; the message names it. */
class Broken extends Error {}

const REFUSALS: ReadonlySet<number> = new Set([20, 22, 23]);

/** @throws {Broken} where a promise is not kept. */
export async function runCase(made: ModelCase): Promise<Outcome> {
  return inFolder(async (folder) => {
    const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
    makeFile(primary, made, made.primary);
    makeFile(replica, made, made.replica);
    return new Run(made, folder, {primary, replica}).outcome();
  });
}

class Run {
  readonly #made: ModelCase;
  readonly #folder: string;
  readonly #files: {readonly primary: string; readonly replica: string};
  readonly #wanted: FileState;
  readonly #first: FileState;
  #before: FileState;
  #rivalled = false;

  constructor(
    made: ModelCase,
    folder: string,
    files: {readonly primary: string; readonly replica: string},
  ) {
    this.#made = made;
    this.#folder = folder;
    this.#files = files;
    this.#wanted = readFile(files.primary, made.tables);
    this.#first = readFile(files.replica, made.tables);
    this.#before = this.#first;
  }

  async outcome(): Promise<Outcome> {
    const {tables} = this.#made;
    const captured = await refusalOf(capture(this.#options(this.#files.primary)));
    const reasons = judgeCapture(this.#made, this.#wanted.content);
    this.#checkRefusal('capture', captured, reasons);
    const untouched = readFile(this.#files.primary, tables).text === this.#wanted.text;
    if (!untouched) throw new Broken('P10: the capture wrote to the primary');
    if (captured !== undefined) {
      return this.#outcomeOf(captured.code, reasons, judge(this.#made, new Map(), new Map()).facts);
    }
    return this.#replicated();
  }

  async #replicated(): Promise<Outcome> {
    let result: ReplicateResult | undefined;
    const refused = await refusalOf(
      replicate(this.#replicateOptions(this.#signal())).then((done) => (result = done)),
    );
    if (result !== undefined && this.#rivalled && changes(result) === 0) return this.#overtaken();
    const verdict = judge(this.#made, this.#wanted.content, this.#before.content);
    this.#checkRefusal('replicate', refused, [
      ...verdict.reasons,
      ...(refused === undefined ? [] : this.#reasonsAtFirst()),
    ]);
    const after = readFile(this.#files.replica, this.#made.tables);
    if (refused !== undefined || result === undefined) {
      if (after.text !== this.#before.text) throw new Broken('P1: refused, and yet it wrote');
      return this.#outcomeOf(refused?.code ?? '', verdict.reasons, verdict.facts);
    }
    this.#checkConverged(after, verdict);
    this.#checkCounts(result, verdict);
    await this.#checkAgain(after);
    await this.#checkUndo(after, verdict);
    return this.#outcomeOf('converged', verdict.reasons, verdict.facts);
  }

  /** The plan may have been refused for what stood before the rival came. */
  #reasonsAtFirst(): readonly Reason[] {
    if (!this.#rivalled) return [];
    return judge(this.#made, this.#wanted.content, this.#first.content).reasons;
  }

  /** Where nothing was to be written, the rival may come after all: its change must stand as it is. */
  #overtaken(): Outcome {
    const {reasons, facts} = judge(this.#made, this.#wanted.content, this.#first.content);
    const now = judge(this.#made, this.#wanted.content, this.#before.content);
    const unequal = [facts, now.facts].every(
      ({inserted, updated, deleted}) => inserted + updated + deleted > 0,
    );
    if (unequal) throw new Broken('P1: it wrote nothing, and the rows differ');
    const after = readFile(this.#files.replica, this.#made.tables);
    if (after.text !== this.#before.text) throw new Broken('P4: a change was lost');
    return this.#outcomeOf('converged', reasons, facts);
  }

  #checkRefusal(doing: string, refused: EngineError | undefined, reasons: readonly Reason[]): void {
    const why = reasons.map((reason) => `${reason.code} (${reason.why})`).join(', ');
    if (refused === undefined) {
      const certain = reasons.find((reason) => reason.certain);
      if (certain === undefined) return;
      throw new Broken(`P1: ${doing} should refuse: ${certain.code}, ${certain.why}`);
    }
    const isListed = REFUSALS.has(refused.exitCode) || refused.code === 'PROOF_FAILED';
    if (isListed && reasons.some(({code}) => code === refused.code)) return;
    throw new Broken(
      `P1: ${doing} refused for no reason: ${refused.code}: ${refused.message}; the model knows: ${why || 'none'}`,
      {cause: refused},
    );
  }

  #checkConverged(after: FileState, verdict: Verdict): void {
    for (const {name, replicated} of this.#made.tables) {
      const expected = replicated ? this.#wanted.content.get(name) : verdict.local.get(name);
      if (expected === undefined) continue;
      const found = after.content.get(name);
      if (isDeepStrictEqual(found, expected)) continue;
      const which = replicated ? 'P1: replicated' : 'P3: local';
      const texts = [expected, found].map((rows) => JSON.stringify(rows));
      throw new Broken(`${which} table ${name}: expected ${texts[0]}, found ${texts[1]}`);
    }
    const found = integrity(this.#files.replica);
    if (found !== 'ok') throw new Broken(`integrity_check: ${String(found)}`);
  }

  #checkCounts({tables, cascades}: ReplicateResult, {facts}: Verdict): void {
    for (const op of ['inserted', 'updated', 'deleted'] as const) {
      const count = Object.values(tables).reduce((sum, counts) => sum + counts[op], 0);
      if (count !== facts[op]) throw new Broken(`counted ${count} ${op}, not ${facts[op]}`);
    }
    const followed = Object.keys(cascades).length > 0;
    if (facts.ambiguous || facts.triggered) return;
    if (followed !== facts.followed > 0) throw new Broken('P3: cascades are not told as they are');
  }

  async #checkAgain(after: FileState): Promise<void> {
    const result = await replicate(this.#replicateOptions());
    if (result.applied || changes(result) > 0) {
      throw new Broken('P6: a second replicate found something to write');
    }
    const now = readFile(this.#files.replica, this.#made.tables);
    if (now.text !== after.text) throw new Broken('P6: a second replicate wrote');
  }

  /** Rows of local tables that followed a deleted row may be lost for good; so may those that follow an undone insert. */
  async #checkUndo(after: FileState, {facts}: Verdict): Promise<void> {
    if (after.text === this.#before.text || facts.triggered) return;
    let followed = 0;
    const undone = undo({...this.#replicateOptions(), allowTriggers: true});
    const refused = await refusalOf(
      undone.then(({cascades}) => {
        followed = Object.keys(cascades).length;
      }),
    );
    const now = readFile(this.#files.replica, this.#made.tables);
    if (refused !== undefined) {
      if (!REFUSALS.has(refused.exitCode)) throw new Broken(`P11: ${refused.message}`);
      if (now.text !== after.text) throw new Broken('P11: undo refused, and yet it wrote');
      return;
    }
    for (const {name, replicated} of this.#made.tables) {
      if (!replicated && facts.followed + followed > 0) continue;
      if (!isDeepStrictEqual(now.content.get(name), this.#before.content.get(name))) {
        throw new Broken(`P11: undo did not bring back table ${name}`);
      }
    }
  }

  #outcomeOf(result: string, reasons: readonly Reason[], facts: Facts): Outcome {
    return {result, facts, reasons, rivalled: this.#rivalled};
  }

  /** The engine looks at it where it may stop, each time before it writes: there the rival comes in. */
  #signal(): AbortSignal {
    const {signal} = new AbortController();
    const {rival: told, tables} = this.#made;
    if (told === undefined) return signal;
    let looks = 0;
    Object.defineProperty(signal, 'aborted', {
      get: () => {
        looks++;
        if (looks !== told.at || !rival(this.#files.replica, told.sql)) return false;
        const now = readFile(this.#files.replica, tables);
        this.#rivalled = now.text !== this.#before.text;
        this.#before = now;
        return false;
      },
    });
    return signal;
  }

  #replicateOptions(signal?: AbortSignal): ReplicateOptions {
    const {tables, allowDeletes, allowTriggers} = this.#made;
    const options = {...this.#options(this.#files.replica), allowTriggers, signal};
    const names = tables.filter(({replicated}) => replicated).map(({name}) => name);
    return allowDeletes ? {...options, allowDeletes: names} : options;
  }

  #options(database: string): EngineOptions {
    return {
      database,
      store: `dir:${join(this.#folder, 'store')}`,
      state: `${database}-state`,
      tables: this.#made.tables.filter(({replicated}) => replicated).map(({name}) => name),
      env: {},
      log: silentLog,
      progress: noProgress,
    };
  }
}

/** Rows written, or found to be written. */
function changes({tables, cascades}: ReplicateResult): number {
  const counts = Object.values(tables).flatMap(({inserted, updated, deleted}) => [
    inserted,
    updated,
    deleted,
  ]);
  return [...counts, ...Object.values(cascades)].reduce((sum, count) => sum + count, 0);
}

/** The error by which a call refuses; any other error is a defect. */
async function refusalOf(work: Promise<unknown>): Promise<EngineError | undefined> {
  try {
    await work;
    return undefined;
  } catch (error) {
    if (error instanceof EngineError) return error;
    throw new Broken(`P1: it crashed: ${error instanceof Error ? error.stack : String(error)}`, {
      cause: error,
    });
  }
}
