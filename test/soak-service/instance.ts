/** One instance: its service, and the application beside it. */
import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {appendFileSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import Database from 'better-sqlite3';
import type {StatusReport} from '../../src/service/source.ts';
import {main} from '../helpers/run-process.ts';
import type {Order, Word} from './application.ts';
import {
  contentOf,
  createTables,
  fill,
  replicated,
  sharedMs,
  stampOf,
  type Content,
} from './tables.ts';

export type Role = 'primary' | 'replica';

export type InstanceOptions = {
  readonly role: Role;
  readonly folder: string;
  readonly repository: string;
  readonly env: NodeJS.ProcessEnv;
  /** What `rowplica run` is given besides. */
  readonly flags: readonly string[];
  /** Whether the service's wall clock can be set; looking for that takes a little time, too. */
  readonly hasOwnClock?: boolean;
  /** What is run; the sources by default. */
  readonly program?: string | undefined;
  readonly onWord?: (word: Word) => void;
};

/** What a service answered. */
export type Answer = {
  readonly askedMs: number;
  readonly isHealthy: boolean;
  readonly report: StatusReport;
};

export class Instance {
  readonly role: Role;
  readonly database: string;
  readonly log: string;
  /** Milliseconds that each cycle took which the log tells of, and when it told. */
  readonly cycles: {readonly endedMs: number; readonly ms: number}[] = [];
  startedMs = 0;
  readonly #options: InstanceOptions;
  readonly #clock: string;
  readonly #reader: Database.Database;
  #service: ChildProcess | undefined;
  #application: ChildProcess | undefined;
  #address: string | undefined;
  #isClosing = false;

  constructor(options: InstanceOptions) {
    const {role, folder} = options;
    this.#options = options;
    this.role = role;
    this.database = join(folder, `${role}.db`);
    this.log = join(folder, `${role}.log`);
    this.#clock = join(folder, `${role}.clock`);
    this.setClock(0);
    makeDatabase(this.database, role === 'primary');
    this.#reader = new Database(this.database, {readonly: true});
  }

  get pid(): number | undefined {
    return this.#service?.pid;
  }

  get isRunning(): boolean {
    return this.#service !== undefined;
  }

  start(): void {
    const {
      role,
      folder,
      repository,
      env,
      flags,
      hasOwnClock = false,
      program = main,
    } = this.#options;
    const shift = hasOwnClock ? ['--import', join(import.meta.dirname, 'clock-shift.ts')] : [];
    const place = ['--database', this.database, '--state', join(folder, `${role}-state`)];
    const tables = replicated.flatMap((table) => ['--tables', table]);
    const args = [
      'run',
      '--role',
      role,
      '--store',
      `restic:${repository}`,
      '--http',
      '127.0.0.1:0',
    ];
    const service = spawn(
      process.execPath,
      [...shift, program, ...args, ...place, ...tables, ...flags],
      {env: {...env, SOAK_CLOCK: this.#clock}, stdio: ['ignore', 'ignore', 'pipe']},
    );
    this.#service = service;
    this.#address = undefined;
    this.startedMs = sharedMs();
    let rest = '';
    service.stderr.setEncoding('utf8').on('data', (text: string) => {
      appendFileSync(this.log, text);
      const lines = (rest + text).split('\n');
      rest = lines.pop() ?? '';
      for (const line of lines) this.#hear(line);
    });
    service.on('exit', () => {
      if (this.#service === service) this.#service = undefined;
    });
  }

  #hear(line: string): void {
    if (!line.startsWith('{')) return;
    const {http, ms} = JSON.parse(line) as {readonly http?: string; readonly ms?: number};
    if (http !== undefined) this.#address = http;
    if (ms !== undefined) this.cycles.push({endedMs: sharedMs(), ms});
  }

  /** A note among the lines of its log. */
  note(text: string): void {
    appendFileSync(this.log, `--- ${new Date().toISOString()} ${text}\n`);
  }

  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** @returns how it ended, and how long that took. */
  async terminate(): Promise<{readonly exitCode: number | null; readonly ms: number}> {
    const beganMs = sharedMs();
    return {exitCode: await this.#end('SIGTERM'), ms: sharedMs() - beganMs};
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const service = this.#service;
    if (service === undefined) return 0;
    const ended = once(service, 'exit') as Promise<[number | null]>;
    service.kill(signal);
    return (await ended)[0];
  }

  /** Undefined where it does not answer. */
  async ask(): Promise<Answer | undefined> {
    const askedMs = sharedMs();
    try {
      const [health, status] = await Promise.all([
        this.#get('/healthz'),
        this.#get('/api/v1/status'),
      ]);
      await health.text();
      if (!status.ok) throw new Error(`GET /api/v1/status: ${status.status}`);
      return {askedMs, isHealthy: health.ok, report: (await status.json()) as StatusReport};
    } catch {
      return undefined;
    }
  }

  /** Seconds that the event loop was late at most, in 99 of 100 samples since the last call. */
  async loopDelay(): Promise<number | undefined> {
    try {
      const text = await (await this.#get('/metrics')).text();
      const value = /^rowplica_event_loop_lag_p99_seconds (\S+)$/m.exec(text)?.[1];
      return value === undefined ? undefined : Number(value);
    } catch {
      return undefined;
    }
  }

  async #get(path: string): Promise<Response> {
    if (this.#address === undefined) throw new Error('it does not listen yet');
    return fetch(`http://${this.#address}${path}`, {signal: AbortSignal.timeout(ANSWER_MS)});
  }

  stamp(): number | undefined {
    return stampOf(this.#reader);
  }

  content(): Content {
    return contentOf(this.#reader);
  }

  /** Seconds that the service's wall clock is wrong by. */
  setClock(seconds: number): void {
    writeFileSync(this.#clock, String(seconds));
  }

  startApplication(): void {
    const program = join(import.meta.dirname, 'application.ts');
    const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const;
    const application = spawn(process.execPath, [program, this.database], {stdio: [...stdio]});
    application.on('message', (word: Word) => this.#options.onWord?.(word));
    application.on('exit', (exitCode) => {
      if (!this.#isClosing) throw new Error(`the application ended with exit code ${exitCode}`);
    });
    this.#application = application;
  }

  order(order: Order): void {
    this.#application?.send(order);
  }

  async close(): Promise<void> {
    this.killAll();
    while (this.isRunning) await pause(1);
    this.#reader.close();
  }

  /** At once, for whoever has to end. */
  killAll(): void {
    this.#isClosing = true;
    this.#service?.kill('SIGKILL');
    this.#application?.kill('SIGKILL');
  }
}

const ANSWER_MS = 5_000;

function makeDatabase(path: string, isFilled: boolean): void {
  const db = new Database(path);
  createTables(db);
  if (isFilled) fill(db);
  db.close();
}
