/** Runs one case of policies through the library, round by round, and holds what it does against the model. */
import {rmSync} from 'node:fs';
import {join} from 'node:path';
import {isDeepStrictEqual} from 'node:util';
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
} from '../../../src/index.ts';
import {keyOf, same} from '../actions.ts';
import type {TableSpec} from '../cases.ts';
import {
  edit,
  integrity,
  makeFile,
  readFile,
  rival,
  violations,
  type Content,
  type FileState,
  type Row,
} from '../databases.ts';
import {inFolder} from '../folder.ts';
import {judge, type Verdict} from '../oracle.ts';
import {findings, looksRestored} from './checks.ts';
import {editSql, followedTables, type PolicyCase, type RoundSpec} from './cases.ts';
import {captured, exactTables, type Known, type NaiveConflict} from './followed.ts';
import {mergeAll, type Merged} from './merge.ts';
import {enginePolicies} from './settings.ts';

/** A promise that was not kept; the message names it. */
class Broken extends Error {}

/** What happened, by name. */
export type Events = (name: string) => void;

const REFUSALS: ReadonlySet<number> = new Set([20, 21, 22, 23]);

/** @throws {Broken} where a promise is not kept. */
export async function runPolicyCase(made: PolicyCase, tell: Events = () => {}): Promise<void> {
  await inFolder(async (folder) => {
    const files = {primary: join(folder, 'primary.db'), replica: join(folder, 'replica.db')};
    const tables = followedTables(made);
    const whole = {tables, journal: made.journal, triggersFirst: false, repaired: made.repaired};
    const isLocal = (name: string): boolean =>
      tables.some((one) => one.name === name && !one.replicated);
    const rows = {
      empty: [],
      copy: [...made.primary, ...made.replica.filter(({table}) => isLocal(table))],
      other: made.replica,
    }[made.start];
    makeFile(files.primary, whole, made.primary);
    makeFile(files.replica, whole, rows);
    await new Run({made, tables, folder, files, tell}).all();
  });
}

type Stand = {
  /** What was last applied; undefined where nobody knows. */
  readonly base: Content | undefined;
  /** The snapshot on record. */
  readonly digest: string | undefined;
  /** Applies, the newest first, that led here one after the other. */
  readonly applies: readonly {readonly before: Content; readonly after: Content}[];
};

type Setting = {
  readonly made: PolicyCase;
  /** Tables that are off count as local. */
  readonly tables: readonly TableSpec[];
  readonly folder: string;
  readonly files: {readonly primary: string; readonly replica: string};
  readonly tell: Events;
};

/** What was last applied is looked for among the snapshots the next time. */
const UNKNOWN: Stand = {base: undefined, digest: undefined, applies: []};

class Run {
  readonly #setting: Setting;
  #stand: Stand;
  /** What an undo holds back. */
  #held: string | undefined;
  /** Tables with conflicts that were left open. */
  #open: ReadonlySet<string> = new Set();
  /** The same before the last replicate. */
  #wasOpen: ReadonlySet<string> = new Set();
  readonly #past: Content[] = [];
  #before: FileState;
  #faults: readonly string[] = [];
  #rivalled = false;
  #isFirst = true;

  constructor(setting: Setting) {
    this.#setting = setting;
    const {made} = setting;
    const isKnown = made.start !== 'other';
    this.#stand = {base: isKnown ? new Map() : undefined, digest: undefined, applies: []};
    this.#before = this.#read();
  }

  async all(): Promise<void> {
    this.#setting.tell('cases');
    await this.#round({ours: [], theirs: [], next: 'nothing'});
    this.#isFirst = false;
    for (const round of this.#setting.made.rounds) await this.#round(round);
  }

  async #round(round: RoundSpec): Promise<void> {
    this.#setting.tell('rounds');
    this.#edit(this.#setting.files.primary, round.theirs);
    this.#edit(this.#setting.files.replica, round.ours);
    const source = readFile(this.#setting.files.primary, this.#setting.tables).content;
    const theirs = captured(this.#setting.made, this.#setting.tables, source);
    const shot = await this.#refusing('capture', capture(this.#options('primary')));
    if (shot instanceof EngineError) throw new Broken(`P1: capture refused: ${shot.message}`);
    this.#past.push(theirs);
    this.#before = this.#read();
    this.#faults = violations(this.#setting.files.replica);
    this.#rivalled = false;
    const first = this.#before;
    const done = await this.#refusing(
      'replicate',
      replicate({...this.#options('replica'), signal: this.#signal(round)}),
    );
    const isOnRecord = this.#stand.digest === shot.snapshot;
    const known = {
      made: this.#setting.made,
      tables: this.#setting.tables,
      base: this.#baseFor(theirs),
      theirs,
      source,
      isOnRecord,
    };
    if (done instanceof EngineError) {
      this.#checkRefused(known, done, {first, digest: shot.snapshot});
      if (this.#stand.digest === undefined) this.#stand = UNKNOWN;
      return;
    }
    if (this.#held === shot.snapshot) throw new Broken('P11: what was undone was applied again');
    await this.#checkDone(known, done, first);
    this.#held = undefined;
    await this.#afterwards(round, done, first);
  }

  /** A copy is told from its rows, unless none of them is followed. */
  #baseFor(theirs: Content): Content {
    return this.#isFirst && this.#setting.made.start === 'copy'
      ? theirs
      : (this.#stand.base ?? new Map());
  }

  /** Undefined where the model does not know what it must come to. */
  #merged(known: Omit<Known, 'ours'>, ours: Content): Merged | undefined {
    if (this.#stand.base === undefined) return undefined;
    if (looksRestored(known, this.#stand.applies, ours)) return undefined;
    return mergeAll({...known, ours});
  }

  #judge(merged: Merged, known: Omit<Known, 'ours'>, ours: Content): Verdict {
    return judge(this.#freely(), merged.wanted, ours, this.#sourceFor(known));
  }

  #freely(): {tables: readonly TableSpec[]; allowDeletes: boolean; allowTriggers: boolean} {
    return {tables: this.#setting.tables, allowDeletes: true, allowTriggers: true};
  }

  #sourceFor({source}: Pick<Known, 'source'>): Content {
    return source;
  }

  #checkRefused(
    known: Omit<Known, 'ours'>,
    refused: EngineError,
    {first, digest}: {first: FileState; digest: string},
  ): void {
    if (this.#read().text !== this.#before.text) throw new Broken('P1: refused, and yet it wrote');
    this.#setting.tell(`refused ${refused.code}`);
    if (!REFUSALS.has(refused.exitCode))
      throw new Broken(`P1: replicate refused: ${refused.code}: ${refused.message}`, {
        cause: refused,
      });
    if (refused.code === 'HELD') {
      if (this.#held === digest) return;
      throw new Broken('P11: held without an undo');
    }
    for (const {content} of this.#rivalled ? [first, this.#before] : [this.#before]) {
      const merged = this.#merged(known, content);
      if (merged === undefined || !merged.fits) return;
      const {reasons} = this.#judge(merged, known, content);
      const codes: readonly string[] = [
        ...(merged.taken.length > 0 ? ['KEY_TAKEN'] : []),
        ...reasons.map(({code}) => code),
      ];
      if (codes.includes(refused.code)) return;
    }
    throw new Broken(`P1: replicate refused for no reason: ${refused.code}: ${refused.message}`, {
      cause: refused,
    });
  }

  async #checkDone(
    known: Omit<Known, 'ours'>,
    done: ReplicateResult,
    first: FileState,
  ): Promise<void> {
    const after = this.#read();
    const faults = violations(this.#setting.files.replica);
    const fine = integrity(this.#setting.files.replica);
    if (fine !== 'ok') throw new Broken(`integrity_check: ${String(fine)}`);
    this.#tellOf(done);
    const isOvertaken = this.#rivalled && changes(done) === 0;
    if (isOvertaken && after.text !== this.#before.text)
      throw new Broken('P4: nothing was to be written, and a change was lost');
    const merged = this.#merged(known, this.#before.content);
    if (merged?.fits === true && merged.taken.length > 0 && !this.#rivalled)
      throw new Broken(`P1: replicate should refuse: keys are taken: ${merged.taken.join()}`);
    if (isOvertaken) this.#setting.tell('overtaken');
    else if (merged?.fits === true) this.#checkClean(known, {done, first, after, merged});
    else this.#checkClash(known, done, after);
    const isNew = faults.filter((fault) => !this.#faults.includes(fault));
    if (isNew.length > 0 && !this.#rivalled) this.#checkDangling(known, after);
    this.#checkConflicts(done, merged);
    if (!this.#rivalled) await this.#checkAgain(after);
  }

  /** Rows that clash with none: they are these, and no others are written. */
  #checkClean(
    known: Omit<Known, 'ours'>,
    {
      done,
      first,
      after,
      merged,
    }: {done: ReplicateResult; first: FileState; after: FileState; merged: Merged},
  ): void {
    const verdict = this.#judge(merged, known, this.#before.content);
    const why = this.#deviation(verdict, merged, after.content);
    if (why !== undefined && !(this.#rivalled && this.#isBeforeRival(known, first, after)))
      throw new Broken(why);
    this.#setting.tell('clean');
    if (changes(done) > 0) this.#setting.tell('clean with changes');
    if (why !== undefined || this.#rivalled) return;
    const certain = verdict.reasons.find((reason) => reason.certain);
    if (certain !== undefined)
      throw new Broken(`P1: should refuse: ${certain.code}, ${certain.why}`);
    this.#checkCounts(done, verdict);
  }

  #deviation(verdict: Verdict, {wanted}: Merged, after: Content): string | undefined {
    for (const {name, replicated} of this.#setting.tables) {
      const expected = replicated ? wanted.get(name) : verdict.local.get(name);
      const found = after.get(name);
      if (expected === undefined || isDeepStrictEqual(found, expected)) continue;
      const which = replicated ? 'P1: replicated' : 'P3: local';
      const texts = [expected, found].map((rows) => JSON.stringify(rows));
      return `${which} table ${name}: expected ${texts[0]}, found ${texts[1]}`;
    }
    return undefined;
  }

  /** What the rival changed after the rows were written, and was not looked at: as if it had come later. */
  #isBeforeRival(known: Omit<Known, 'ours'>, first: FileState, after: FileState): boolean {
    const merged = this.#merged(known, first.content);
    if (merged === undefined || !merged.fits) return true;
    const verdict = this.#judge(merged, known, first.content);
    return this.#setting.tables.every((table) => {
      const rows = table.replicated ? merged.wanted.get(table.name) : verdict.local.get(table.name);
      if (rows === undefined || table.key.length === 0) return true;
      const byKey = (list: readonly Row[] = []): Map<string, Row> =>
        new Map(list.map((row) => [keyOf(table, row), row]));
      const [was, is] = [first, this.#before].map(({content}) => byKey(content.get(table.name)));
      const expected = byKey(rows);
      for (const key of new Set([...(was?.keys() ?? []), ...(is?.keys() ?? [])])) {
        const [a, b] = [was?.get(key), is?.get(key)];
        if (a !== undefined && b !== undefined && same(a, b)) continue;
        if (b === undefined) expected.delete(key);
        else expected.set(key, b);
      }
      const found = byKey(after.content.get(table.name));
      return (
        found.size === expected.size &&
        [...found].every(([key, row]) => same(row, expected.get(key) ?? {}))
      );
    });
  }

  #checkCounts({tables, cascades}: ReplicateResult, {facts}: Verdict): void {
    for (const op of ['inserted', 'updated', 'deleted'] as const) {
      const count = Object.values(tables).reduce((sum, counts) => sum + counts[op], 0);
      if (count !== facts[op]) throw new Broken(`counted ${count} ${op}, not ${facts[op]}`);
    }
    const followed = Object.keys(cascades).length > 0;
    if (!facts.ambiguous && followed !== facts.followed > 0)
      throw new Broken('P3: cascades are not told as they are');
  }

  /** Some row gives way: what holds in any case. */
  #checkClash(known: Omit<Known, 'ours'>, done: ReplicateResult, after: FileState): void {
    this.#setting.tell('clash');
    const ours = this.#before.content;
    const isBaseKnown =
      this.#stand.base !== undefined && !looksRestored(known, this.#stand.applies, ours);
    const clash = {
      ...known,
      ours,
      after: after.content,
      isBaseKnown,
      isRivalled: this.#rivalled,
      past: this.#past,
    };
    const found = findings(clash);
    if (found !== undefined) throw new Broken(found);
    if (this.#rivalled) return;
    const verdict = judge(this.#freely(), after.content, ours, known.source);
    for (const {name, replicated} of this.#setting.tables) {
      const expected = replicated ? undefined : verdict.local.get(name);
      if (expected === undefined || isDeepStrictEqual(after.content.get(name), expected)) continue;
      const texts = [expected, after.content.get(name)].map((rows) => JSON.stringify(rows));
      throw new Broken(`P3: local table ${name}: expected ${texts[0]}, found ${texts[1]}`);
    }
    this.#checkCounts(done, verdict);
  }

  /** References that lead nowhere: those that did so here or on the primary are carried. */
  #checkDangling({source}: Omit<Known, 'ours'>, after: FileState): void {
    const {reasons} = judge(this.#freely(), after.content, this.#before.content, source);
    const dangling = reasons.find(
      ({code, why}) => code === 'FOREIGN_KEY' && why.includes('refer to nothing'),
    );
    if (dangling !== undefined) throw new Broken(`P3: ${dangling.why}`);
  }

  #checkConflicts({conflicts}: ReplicateResult, merged: Merged | undefined): void {
    for (const {table, kind, open} of conflicts) {
      const asks = this.#setting.made.policies[table]?.onConflict === 'fail';
      if (open && !asks)
        throw new Broken(`P5: ${kind} of ${table} is open, and nobody asked for that`);
    }
    if (merged?.fits === true && !this.#rivalled) {
      const left = [...conflicts];
      for (const conflict of merged.conflicts) {
        const at = left.findIndex((one) => this.#tells(one, conflict));
        if (at < 0) throw new Broken(`P5: a conflict is not told of: ${textOf(conflict)}`);
        left.splice(at, 1);
      }
      const more = left.find(({table, open}) => !open || !this.#open.has(table));
      if (more !== undefined) throw new Broken(`P5: a conflict that is none: ${textOf(more)}`);
    }
    this.#wasOpen = this.#open;
    this.#open = new Set(conflicts.filter(({open}) => open).map(({table}) => table));
  }

  /** What waits about other cells of the row is told of with it. */
  #tells(told: Told, conflict: NaiveConflict): boolean {
    if (textOf(told) === textOf(conflict)) return true;
    const isOfTable = told.table === conflict.table && this.#open.has(told.table);
    return isOfTable && told.open && conflict.columns.every((name) => told.columns.includes(name));
  }

  async #checkAgain(after: FileState): Promise<void> {
    const again = await this.#refusing('replicate again', replicate(this.#options('replica')));
    if (again instanceof EngineError)
      throw new Broken(`P6: a second replicate refused: ${again.code}: ${again.message}`, {
        cause: again,
      });
    if (again.applied || changes(again) > 0)
      throw new Broken(
        `P6: a second replicate found something to write: ${JSON.stringify([again.applied, again.tables, again.cascades, again.conflicts])}`,
      );
    if (this.#read().text !== after.text) throw new Broken('P6: a second replicate wrote');
  }

  async #afterwards(round: RoundSpec, done: ReplicateResult, first: FileState): Promise<void> {
    const before = this.#stand;
    const after = this.#read();
    const theirs = this.#past.at(-1);
    const wrote = changes(done) > 0;
    const isApplied = wrote || before.digest === undefined;
    // Where nothing was written, older applies tell nothing of the rows that were only compared.
    const applies = wrote
      ? [{before: this.#before.content, after: after.content}, ...before.applies]
      : before.digest === done.snapshot || isApplied
        ? before.applies
        : [];
    this.#stand = {base: theirs, digest: done.snapshot, applies};
    if (this.#rivalled) this.#setting.tell('rivalled');
    if (round.next === 'forget') {
      this.#setting.tell('forgotten');
      rmSync(`${this.#setting.files.replica}-state`, {recursive: true, force: true});
      this.#stand = UNKNOWN;
      this.#open = new Set();
    }
    if (round.next === 'undo' && wrote && !this.#rivalled && first === this.#before)
      await this.#undone(done, before, after);
  }

  async #undone(done: ReplicateResult, before: Stand, after: FileState): Promise<void> {
    let followed = Object.keys(done.cascades).length;
    const undone = undo({...this.#options('replica'), allowTriggers: true});
    const end = await this.#refusing('undo', undone);
    const now = this.#read();
    if (end instanceof EngineError) {
      this.#setting.tell(`undo refused ${end.code}`);
      if (!REFUSALS.has(end.exitCode)) throw new Broken(`P11: ${end.message}`, {cause: end});
      if (now.text !== after.text) throw new Broken('P11: undo refused, and yet it wrote');
      const references = this.#setting.tables.some(({references: list}) => list.length > 0);
      if (!references && end.code !== 'UNIQUE_CYCLE')
        throw new Broken(`P11: undo refused: ${end.code}: ${end.message}`, {cause: end});
      return;
    }
    followed += Object.keys(end.cascades).length;
    for (const {name, replicated} of this.#setting.tables) {
      if (!replicated && followed > 0) continue;
      if (!isDeepStrictEqual(now.content.get(name), this.#before.content.get(name)))
        throw new Broken(`P11: undo did not bring back table ${name}`);
    }
    this.#setting.tell('undone');
    this.#held = done.snapshot;
    // Where nothing was applied before, what is here is looked for among the snapshots.
    this.#stand = before.digest === undefined ? UNKNOWN : before;
    this.#open = this.#wasOpen;
  }

  #edit(file: string, edits: RoundSpec['ours']): void {
    const {enforced, repaired} = this.#setting.made;
    const statements = edits.map((one) => editSql(this.#setting.tables, one));
    edit(file, statements, {tables: this.#setting.tables, enforced, repaired});
  }

  #read(): FileState {
    return readFile(this.#setting.files.replica, this.#setting.tables);
  }

  #tellOf({conflicts, tables}: ReplicateResult): void {
    for (const {kind, taken, open} of conflicts)
      this.#setting.tell(`${kind} ${open ? 'open' : taken}`);
    const exact = exactTables(this.#setting.made, this.#setting.tables).map(({name}) => name);
    for (const [name, {inserted, updated, deleted}] of Object.entries(tables)) {
      if (inserted + updated + deleted === 0) continue;
      const {
        policy = 'mirror',
        where,
        local = [],
        drift,
        ownKeys,
      } = this.#setting.made.policies[name] ?? {};
      this.#setting.tell(`wrote ${policy}`);
      if (exact.includes(name)) this.#setting.tell('wrote exact');
      if (where !== undefined) this.#setting.tell('wrote where');
      if (local.length > 0) this.#setting.tell('wrote local');
      if (drift !== undefined) this.#setting.tell(`wrote drift ${drift}`);
      if (ownKeys !== undefined) this.#setting.tell('wrote ownKeys');
    }
  }

  /** The engine looks at it where it may stop, each time before it writes: there the rival comes in. */
  #signal({rival: told}: RoundSpec): AbortSignal {
    const {signal} = new AbortController();
    if (told === undefined) return signal;
    let looks = 0;
    const sql = editSql(this.#setting.tables, told.edit);
    Object.defineProperty(signal, 'aborted', {
      get: () => {
        looks++;
        if (looks !== told.at || !rival(this.#setting.files.replica, sql)) return false;
        const now = this.#read();
        this.#rivalled = now.text !== this.#before.text;
        this.#before = now;
        return false;
      },
    });
    return signal;
  }

  #options(side: 'primary' | 'replica'): ReplicateOptions {
    const database = this.#setting.files[side];
    const names = this.#setting.tables.filter(({replicated}) => replicated).map(({name}) => name);
    const options: EngineOptions = {
      database,
      store: `dir:${join(this.#setting.folder, 'store')}`,
      state: `${database}-state`,
      policies: enginePolicies(this.#setting.made, side),
      env: {},
      log: silentLog,
      progress: noProgress,
    };
    return side === 'primary' ? options : {...options, allowTriggers: true, allowDeletes: names};
  }

  /** The error by which a call refuses; any other error is a defect. */
  async #refusing<T>(doing: string, work: Promise<T>): Promise<T | EngineError> {
    try {
      return await work;
    } catch (error) {
      if (error instanceof EngineError && error.code !== 'UNEXPECTED') return error;
      const text = error instanceof Error ? error.stack : String(error);
      throw new Broken(`P1: ${doing} crashed: ${text}`, {cause: error});
    }
  }
}

type Told = ReplicateResult['conflicts'][number];

function textOf({
  table,
  kind,
  columns,
  taken,
  open,
}: Omit<NaiveConflict, 'key' | 'kind'> & {kind: string}): string {
  return `${table} ${kind} ${columns.toSorted().join()} ${taken}${open ? ' open' : ''}`;
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
