/** Kills a command at one of its steps, and looks at what is left and at what the next runs make of it. */
import {existsSync, readFileSync, rmSync} from 'node:fs';
import {isDeepStrictEqual} from 'node:util';
import {replicate, status, undo, verify, type StatusResult} from '../../src/index.ts';
import {isEngineError} from '../../src/kernel/errors.ts';
import type {CliResult} from '../helpers/run-process.ts';
import {complaints, dumpTables} from '../helpers/typed-dump.ts';
import {Place} from './place.ts';
import {again, LOCAL_TABLES, TABLES, write, type Scenario} from './scenarios.ts';
import type {Fault, Orders} from './steps.ts';

export type Cell = NonNullable<Orders['at']>;

/** Store, and database or state: see docs. */
const FAULT_EXITS = [13, 14];

type Rows = ReturnType<typeof dumpTables>;

/** A scenario made ready, and what becomes of it where nothing goes wrong. */
export class Matrix {
  readonly scenario: Scenario;
  readonly place: Place;
  readonly steps: readonly string[];
  readonly #kept: ReadonlyMap<string, Uint8Array>;
  readonly #before: Rows;
  readonly #after: Rows;
  readonly #positions: {readonly before: string | null; readonly after: string | null};
  readonly #files: readonly string[];

  private constructor(known: {
    scenario: Scenario;
    place: Place;
    steps: readonly string[];
    kept: ReadonlyMap<string, Uint8Array>;
    before: Rows;
    after: Rows;
    positions: {before: string | null; after: string | null};
    files: readonly string[];
  }) {
    this.scenario = known.scenario;
    this.place = known.place;
    this.steps = known.steps;
    this.#kept = known.kept;
    this.#before = known.before;
    this.#after = known.after;
    this.#positions = known.positions;
    this.#files = known.files;
  }

  static async make(scenario: Scenario): Promise<Matrix> {
    const place = new Place(TABLES, scenario.store);
    await scenario.prepare(place);
    const kept = place.keep();
    const database = place.database(scenario.side);
    const before = dumpTables(database);
    const positionBefore = await positionOf(place, scenario);
    const record = `${place.folder}.steps`;
    const {exitCode, stderr} = await place.run(scenario.side, scenario.args, {record});
    if (exitCode !== 0) throw new Error(`${scenario.name} fails by itself: ${stderr}`);
    const steps = readFileSync(record, 'utf8').trim().split('\n');
    rmSync(record);
    const after = dumpTables(database);
    const positions = {before: positionBefore, after: await positionOf(place, scenario)};
    await settle(scenario, place);
    const files = filesOf(scenario, place);
    return new Matrix({scenario, place, steps, kept, before, after, positions, files});
  }

  /** All that is wrong after a death at this step; nothing where all is well. */
  async kill(at: Cell, more: Omit<Orders, 'places' | 'at'> = {}): Promise<readonly string[]> {
    this.place.putBack(this.#kept);
    const {scenario} = this;
    const {signal, stderr, exitCode} = await this.place.run(scenario.side, scenario.args, {
      at,
      ...more,
    });
    if (signal !== 'SIGKILL') return [`it did not die there: exit ${exitCode} ${stderr}`];
    return this.judge();
  }

  /** The same after a process that was killed at any moment, if it still ran then, and after one more that was to go on. */
  async killAfter(ms: number): Promise<readonly string[]> {
    this.place.putBack(this.#kept);
    const {side, args} = this.scenario;
    let timer: NodeJS.Timeout | undefined;
    const {stderr, exitCode, signal} = await this.place.run(side, args, {}, (child) => {
      timer = setTimeout(() => child.kill('SIGKILL'), ms);
    });
    clearTimeout(timer);
    if (signal === null && exitCode !== 0) return [`exit ${exitCode} ${stderr}`];
    return this.judge();
  }

  /** The same after a death, and another in the run that was to go on; a step that does not come lets it finish. */
  async killTwice(first: Cell, second: Cell): Promise<readonly string[]> {
    this.place.putBack(this.#kept);
    const {side, args} = this.scenario;
    await this.place.run(side, args, {at: first});
    const {signal, exitCode, stderr} = await this.place.run(side, args, {at: second});
    if (signal === null && exitCode !== 0) return [`exit ${exitCode} ${stderr}`];
    return this.judge();
  }

  /** All that is wrong after this step failed. A person reads one line that says why, and one that says what to do. */
  async fail(at: Cell, fault: Fault): Promise<readonly string[]> {
    this.place.putBack(this.#kept);
    const {scenario} = this;
    return this.#judgeFault(await this.place.run(scenario.side, scenario.args, {at, fault}));
  }

  /** The same where the system itself fails, as the program says under which the command runs. */
  async failUnder(program: readonly [string, ...string[]]): Promise<readonly string[]> {
    this.place.putBack(this.#kept);
    const {scenario} = this;
    return this.#judgeFault(await this.place.runUnder(program, scenario.side, scenario.args));
  }

  async #judgeFault({exitCode, stderr}: CliResult): Promise<readonly string[]> {
    const faults = await this.judge();
    const isClear = /^error: .*\nwhat to do: .*\n/m.test(stderr);
    if (exitCode === 0 || (isClear && FAULT_EXITS.includes(Number(exitCode)))) return faults;
    return [`exit ${exitCode}: ${stderr}`, ...faults];
  }

  /** What is wrong with what a process left that died anywhere. */
  async judge(): Promise<readonly string[]> {
    const faults: string[] = [];
    const expect = (isSo: boolean, fault: string): void => void (isSo || faults.push(fault));
    try {
      await this.#judge(expect);
    } catch (error) {
      faults.push(error instanceof Error ? (error.stack ?? error.message) : String(error));
    }
    return faults;
  }

  async #judge(expect: (isSo: boolean, fault: string) => void): Promise<void> {
    const {place, scenario} = this;
    const database = place.database(scenario.side);
    // As the application does when it starts.
    if (existsSync(`${database}-journal`)) write(database, 'SELECT count(*) FROM sqlite_master');
    const rows = dumpTables(database);
    const side = this.#sideOf(rows);
    expect(side !== undefined, 'rows are neither as before nor as after');
    expect(complaints(database).length === 0, 'the database is damaged');

    const told = await status(place.options(scenario.side));
    const position = positionIn(told);
    const {before, after} = this.#positions;
    const wanted = side === 'after' ? after : before;
    const truths = side === 'both' ? [before, after] : [wanted];
    expect(told.interrupted || truths.includes(position), `status tells ${position}`);
    expect(side !== 'before' || position !== after, 'status is ahead of the rows');

    // An undo that is on record is over: the next one would undo the apply before it.
    const over = scenario.args[0] === 'undo' && told.held === 'undone';
    if (!over) await again(scenario, place);
    expect(
      isDeepStrictEqual(dumpTables(database), this.#after),
      'the next run did not finish the job',
    );
    await settle(scenario, place, expect);
    const files = filesOf(scenario, place);
    const skipped = skipping(this.#files, after);
    const isSkipped = scenario.args[0] === 'capture' && isDeepStrictEqual(files, skipped);
    const wantedFiles = isSkipped ? skipped : this.#files;
    const extra = difference(files, wantedFiles);
    const missing = difference(wantedFiles, files);
    expect(extra.length === 0, `left behind: ${extra.join(', ')}`);
    expect(missing.length === 0, `missing: ${missing.join(', ')}`);

    if (scenario.args[0] !== 'replicate') return;
    await undo(place.options(scenario.side));
    const undone = pick(dumpTables(database), TABLES);
    expect(isDeepStrictEqual(undone, pick(this.#before, TABLES)), 'undo does not lead back');
  }

  #sideOf(rows: Rows): 'before' | 'after' | 'both' | undefined {
    const {trimmed} = this.scenario;
    const without = (all: Rows): Rows =>
      pick(
        all,
        [...TABLES, ...LOCAL_TABLES].filter((table) => table !== trimmed),
      );
    if (trimmed !== undefined && !between(rows, trimmed, this.#before, this.#after))
      return undefined;
    const [now, before, after] = [rows, this.#before, this.#after].map(without);
    const isBefore = isDeepStrictEqual(now, before);
    const isAfter = isDeepStrictEqual(now, after);
    if (isBefore && isAfter) return 'both';
    return isBefore ? 'before' : isAfter ? 'after' : undefined;
  }
}

/** What users do next: it finds nothing to do, and all is well. */
async function settle(
  scenario: Scenario,
  place: Place,
  expect: (isSo: boolean, fault: string) => void = (isSo, fault) => {
    if (!isSo) throw new Error(fault);
  },
): Promise<void> {
  if (scenario.args[0] === 'undo') {
    const refusal: unknown = await replicate(place.options(scenario.side)).catch(
      (error: unknown) => error,
    );
    expect(isEngineError(refusal, 'HELD'), `an undo does not hold: ${String(refusal)}`);
    const {held, interrupted} = await status(place.options(scenario.side));
    expect(held === 'undone' && !interrupted, 'the undo is not on record');
    return;
  }
  const {wrote} = await again(scenario, place);
  expect(!wrote, 'the run after it writes once more');
  const {equal} = await verify(place.options(scenario.side));
  expect(equal, 'verify finds a difference');
  const told = await status(place.options(scenario.side));
  expect(told.upToDate && !told.interrupted, 'status is not up to date');
}

async function positionOf(place: Place, {side}: Scenario): Promise<string | null> {
  return positionIn(await status(place.options(side)));
}

function positionIn({position}: StatusResult): string | null {
  return position === null ? null : `${position.epoch}.${position.sequence}`;
}

/** A repository of restic is restic's own affair, and restic's cache too. */
function filesOf({store}: Scenario, place: Place): readonly string[] {
  const files = place.files().filter((path) => store !== 'restic' || !path.startsWith('store/'));
  return shapes(files);
}

/** Names with everything drawn by lot taken out of them. */
function shapes(files: readonly string[]): readonly string[] {
  return files.map((path) => path.replaceAll(/[0-9a-f]{8}[0-9a-f-]*/g, '*')).sort();
}

/** The files where the last sequence was left out: a capture that died had set out to write it, and nobody knew what became of it. */
function skipping(files: readonly string[], position: string | null): readonly string[] {
  const [epoch, sequence] = (position ?? '').split('.');
  return files.map((path) =>
    path.replaceAll(`*.${epoch}.${sequence}.*`, `*.${epoch}.${Number(sequence) + 1}.*`),
  );
}

/** What `a` has more of than `b`. */
function difference(a: readonly string[], b: readonly string[]): readonly string[] {
  const left = [...b];
  return a.filter((item) => {
    const at = left.indexOf(item);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

function pick(rows: Rows, tables: readonly string[]): Rows {
  return Object.fromEntries(tables.map((table) => [table, rows[table] ?? []]));
}

/** Rows of a trimmed table are some of those before, with all of those after. */
function between(rows: Rows, table: string, before: Rows, after: Rows): boolean {
  const texts = (all: Rows): Set<string> =>
    new Set((all[table] ?? []).map((row) => JSON.stringify(row)));
  const now = texts(rows);
  const known = texts(before);
  return [...now].every((row) => known.has(row)) && [...texts(after)].every((row) => now.has(row));
}

/**
 * Where to die: before the first and the last step of each unbroken run of one name, of a name that comes in many
 * runs in the first and last of them, and after the very last step of all. What stands after a step stands before the next.
 */
export function cellsOf(steps: readonly string[]): readonly Cell[] {
  const runs: {step: string; from: number; to: number}[] = [];
  const counts = new Map<string, number>();
  for (const step of steps) {
    const nth = (counts.get(step) ?? 0) + 1;
    counts.set(step, nth);
    const last = runs.at(-1);
    if (last?.step === step) last.to = nth;
    else runs.push({step, from: nth, to: nth});
  }
  const cells = [...Map.groupBy(runs, ({step}) => step).values()].flatMap((same) =>
    [...new Set([same[0], same.at(-1)])].flatMap((run) => {
      if (run === undefined) return [];
      const {step, from, to} = run;
      return [...new Set([from, to])].map((nth): Cell => ({step, nth, side: 'before'}));
    }),
  );
  const last = runs.at(-1);
  if (last !== undefined) cells.push({step: last.step, nth: last.to, side: 'after'});
  return cells;
}
