/** One soak: two services on real databases, edits, faults, and what has to be true of it all. */
import {mkdirSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {drawer, type Draw} from '../helpers/drawer.ts';
import type {Word} from './application.ts';
import {begin, drawFaults, textOf, type Fault} from './faults.ts';
import {Instance, type Role} from './instance.ts';
import {Judge} from './judge.ts';
import {Ledger} from './ledger.ts';
import {EVERY_KIND_ONCE} from './once.ts';
import {SoakStore} from './store.ts';
import {judgeMemory, type MemoryReport} from './memory.ts';
import {replicated, sharedMs} from './tables.ts';
import {Watcher} from './watcher.ts';

export type SoakOptions = {
  readonly seed: number;
  /** Undefined: every kind of fault once. */
  readonly minutes: number | undefined;
  /** Keeps logs and databases also where nothing was wrong. */
  readonly keeps: boolean;
  readonly say: (text: string) => void;
};

export type SoakResult = {
  readonly seed: number;
  readonly seconds: number;
  /** Transactions of the primary's application that were committed. */
  readonly edits: number;
  readonly rounds: number;
  readonly faults: Readonly<Record<string, number>>;
  readonly polls: number;
  readonly statuses: Readonly<Record<string, number>>;
  /** States of the replica that were compared with the primary's, row by row. */
  readonly statesCompared: number;
  readonly snapshotsJudged: number;
  readonly convergenceSeconds: {readonly median: number; readonly longest: number};
  /** The oldest rows beside which the status was `ok`. */
  readonly oldestGreenSeconds: Readonly<Record<Role, number>>;
  readonly slowestStopSeconds: number;
  readonly memory: readonly MemoryReport[];
  readonly loopDelayP99Ms: Readonly<
    Record<Role, {readonly median: number; readonly longest: number}>
  >;
  readonly wrong: readonly string[];
  /** Where logs and databases are; null where nothing was wrong. */
  readonly kept: string | null;
};

const STALE_AFTER_MS = 15_000;
const FLAGS = ['--interval', '1s', '--stale-after', `${STALE_AFTER_MS / 1000}s`];
const EDIT_EVERY_MS = 400;
const HEARTBEAT_EVERY_MS = 250;
/** Pauses after failures have doubled, restic has waited for a lock, and then both have to do their work on a busy machine. */
const CONVERGES_MS_MAX = 120_000;
const STOPS_MS_MAX = 20_000;
/** With what the watcher asks, this stays below the requests that a service answers in a minute. */
const LOOK_MS = 1_000;
const SAY_MS = 30_000;
const CALM_MS_MAX = 4_000;
const WRONG_MAX = 20;
/** From then on services live on, so that their memory can be judged. */
const SERVICES_END_SHARE = 0.5;

export class Soak {
  readonly #options: SoakOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), 'rowplica-soak-'));
  readonly #draw: Draw;
  readonly #store: SoakStore;
  readonly #primary: Instance;
  readonly #replica: Instance;
  readonly #ledger = new Ledger();
  readonly #watcher: Watcher;
  readonly #wrong: string[] = [];
  readonly #faults = new Map<string, number>();
  readonly #convergedMs: number[] = [];
  readonly #beganMs = sharedMs();
  #rested: ((stamp: number) => void) | undefined;
  #slowestStopMs = 0;
  #saidMs = 0;
  #isConverging = true;

  constructor(options: SoakOptions) {
    this.#options = options;
    this.#draw = drawer(options.seed);
    const home = join(this.#folder, 'home');
    mkdirSync(home);
    const env = {PATH: process.env['PATH'], HOME: home, RESTIC_PASSWORD: 'soak', NO_COLOR: '1'};
    this.#store = new SoakStore(this.#folder, env);
    const shared = {
      folder: this.#folder,
      repository: this.#store.repository,
      env: {...env, NODE_COMPILE_CACHE: join(home, 'compiled')},
      flags: FLAGS,
      hasOwnClock: true,
      onWord: (word: Word) => this.#hear(word),
    };
    this.#primary = new Instance({...shared, role: 'primary'});
    this.#replica = new Instance({...shared, role: 'replica'});
    this.#watcher = new Watcher({
      primary: this.#primary,
      replica: this.#replica,
      ledger: this.#ledger,
      judge: new Judge({folder: this.#folder, store: this.#store, env}),
      staleAfterMs: STALE_AFTER_MS,
      onWrong: (text) => this.#complain(text),
    });
  }

  get #instances(): readonly Instance[] {
    return [this.#primary, this.#replica];
  }

  async run(): Promise<SoakResult> {
    process.once('exit', () => this.#abandon());
    try {
      return this.#result(await this.#rounds());
    } finally {
      await this.#end();
    }
  }

  async #rounds(): Promise<number> {
    const {minutes, say} = this.#options;
    for (const instance of this.#instances) {
      instance.startApplication();
      instance.start();
      instance.order({do: 'beat', everyMs: HEARTBEAT_EVERY_MS});
    }
    this.#edit();
    await this.#converge();
    const watching = this.#watcher.run();
    const lastsMs = (minutes ?? 0) * 60_000;
    let round = 0;
    const isLeft = (): boolean =>
      minutes === undefined ? round < EVERY_KIND_ONCE.length : sharedMs() - this.#beganMs < lastsMs;
    while (isLeft() && this.#isConverging && this.#wrong.length < WRONG_MAX) {
      const mayEnd = sharedMs() - this.#beganMs < SERVICES_END_SHARE * lastsMs;
      const faults =
        EVERY_KIND_ONCE[minutes === undefined ? round : -1] ?? drawFaults(this.#draw, mayEnd);
      round++;
      this.#note(`round ${round}: ${faults.map(textOf).join('; ')}`);
      this.#edit();
      await pause(this.#draw() * CALM_MS_MAX);
      await Promise.all(faults.map((fault) => this.#suffer(fault)));
      await this.#converge();
      if (sharedMs() - this.#saidMs > SAY_MS) say(this.#progress(round));
    }
    this.#watcher.end();
    await watching;
    return round;
  }

  #edit(): void {
    this.#primary.order({
      do: 'edit',
      seed: Math.floor(this.#draw() * 2 ** 32),
      everyMs: EDIT_EVERY_MS,
    });
  }

  async #suffer(fault: Fault): Promise<void> {
    await pause(fault.afterMs);
    const world = {
      instances: this.#instances,
      store: this.#store,
      onTerminated: (role: Role, exitCode: number | null, ms: number) => {
        this.#slowestStopMs = Math.max(this.#slowestStopMs, ms);
        if (exitCode !== 0) this.#complain(`SIGTERM ended the ${role} with exit code ${exitCode}`);
        if (ms > STOPS_MS_MAX) this.#complain(`the ${role} took ${Math.round(ms)} ms to end`);
      },
    };
    if (fault.kind === 'restic hung' || fault.kind === 'store locked')
      this.#watcher.stoodStill(fault.lastsMs);
    const heal = await begin(fault, world);
    if (heal === undefined) return this.#note(`${fault.kind}: could not be brought about`);
    this.#faults.set(fault.kind, (this.#faults.get(fault.kind) ?? 0) + 1);
    this.#note(`begins: ${textOf(fault)}`);
    await pause(fault.lastsMs);
    await heal();
    this.#note(`ends: ${textOf(fault)}`);
  }

  /** Edits end; then both hold the same rows, and say that all is well. */
  async #converge(): Promise<void> {
    const stamp = await this.#rest();
    const beganMs = sharedMs();
    while (sharedMs() - beganMs < CONVERGES_MS_MAX) {
      if (this.#replica.stamp() === stamp && (await this.#isWell())) {
        this.#convergedMs.push(sharedMs() - beganMs);
        this.#watcher.forgetStandingStill();
        this.#note(`converged at state ${stamp}`);
        return this.#compare();
      }
      await pause(LOOK_MS);
    }
    this.#isConverging = false;
    const reports = await Promise.all(this.#instances.map((instance) => instance.ask()));
    const said = reports.map(
      (answer) => answer && `${answer.report.status}: ${answer.report.reason}`,
    );
    this.#complain(
      `not converged ${CONVERGES_MS_MAX / 1000} s after the last edit: replica at state ${this.#replica.stamp()}, primary at ${stamp}; primary ${said[0]}; replica ${said[1]}`,
    );
  }

  async #rest(): Promise<number> {
    const rested = new Promise<number>((done) => (this.#rested = done));
    this.#primary.order({do: 'rest'});
    return rested;
  }

  async #isWell(): Promise<boolean> {
    const answers = await Promise.all(this.#instances.map((instance) => instance.ask()));
    return answers.every((answer) => answer?.isHealthy === true && answer.report.status === 'ok');
  }

  #compare(): void {
    const [here, there] = this.#instances.map((instance) => instance.content());
    const differing = replicated.filter(
      (table) => here?.tables.get(table) !== there?.tables.get(table),
    );
    if (differing.length > 0)
      this.#complain(`rows differ at state ${there?.stamp} in ${differing.join(', ')}`);
  }

  #hear(word: Word): void {
    if (word.is === 'rests') this.#rested?.(word.stamp);
    else this.#ledger.add(word.stamp, {digest: word.digest, sinceMs: word.atMs});
  }

  #complain(text: string): void {
    this.#wrong.push(text);
    this.#note(`WRONG: ${text}`);
    this.#options.say(`WRONG: ${text}`);
  }

  #note(text: string): void {
    for (const instance of this.#instances) instance.note(text);
  }

  #progress(round: number): string {
    this.#saidMs = sharedMs();
    const longest = Math.max(...this.#convergedMs) / 1000;
    const faults = [...this.#faults.values()].reduce((sum, count) => sum + count, 0);
    return `${Math.round((sharedMs() - this.#beganMs) / 1000)} s: ${round} rounds, ${faults} faults, ${this.#ledger.last} edits, converged after ${longest.toFixed(1)} s at most, ${this.#wrong.length} wrong`;
  }

  async #end(): Promise<void> {
    this.#watcher.end();
    for (const instance of this.#instances) await instance.close();
    const isWrong = this.#wrong.length > 0 || this.#options.keeps;
    this.#store.close(isWrong ? join(this.#folder, 'repository') : undefined);
    if (!isWrong) rmSync(this.#folder, {recursive: true, force: true});
  }

  /** Leaves no process and no file system behind where the soak itself ends early. */
  #abandon(): void {
    for (const instance of this.#instances) instance.killAll();
    this.#store.close(undefined);
  }

  #result(rounds: number): SoakResult {
    const memory = judgeMemory(this.#watcher.memory);
    const wrong = [...this.#wrong, ...memory.flatMap(({wrong}) => wrong ?? [])];
    const delays = (role: Role): {median: number; longest: number} =>
      spread(
        this.#watcher.loopDelays
          .filter((one) => one.role === role)
          .map((one) => one.seconds * 1000),
      );
    const {oldestGreen} = this.#watcher;
    const {median, longest} = spread(this.#convergedMs.map((ms) => ms / 1000));
    return {
      seed: this.#options.seed,
      seconds: Math.round((sharedMs() - this.#beganMs) / 1000),
      edits: this.#ledger.last,
      rounds,
      faults: sorted(this.#faults),
      polls: this.#watcher.polls,
      statuses: sorted(this.#watcher.statuses),
      statesCompared: this.#watcher.statesSeen,
      snapshotsJudged: this.#watcher.judged,
      convergenceSeconds: {median, longest},
      oldestGreenSeconds: {
        primary: rounded(oldestGreen.primary / 1000),
        replica: rounded(oldestGreen.replica / 1000),
      },
      slowestStopSeconds: rounded(this.#slowestStopMs / 1000),
      memory,
      loopDelayP99Ms: {primary: delays('primary'), replica: delays('replica')},
      wrong,
      kept: this.#wrong.length > 0 || this.#options.keeps ? this.#folder : null,
    };
  }
}

function spread(values: readonly number[]): {readonly median: number; readonly longest: number} {
  const sorted = values.toSorted((a, b) => a - b);
  return {
    median: rounded(sorted[Math.floor(sorted.length / 2)] ?? 0),
    longest: rounded(sorted.at(-1) ?? 0),
  };
}

function sorted(counts: ReadonlyMap<string, number>): Readonly<Record<string, number>> {
  return Object.fromEntries([...counts].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
