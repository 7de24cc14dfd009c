// A fake Uptime Kuma as a process of its own, and what it wrote down.

import {spawn, type ChildProcess} from 'node:child_process';
import {existsSync, readFileSync} from 'node:fs';
import {join} from 'node:path';
import {eventually} from './service-process.ts';
import {temporaryFolder} from './temp-folder.ts';

export {freePort} from './free-port.ts';

const program = join(import.meta.dirname, 'fake-uptime-kuma', 'main.ts');
const running = new Set<ChildProcess>();
const made: FakeKuma[] = [];

/** Ends what a test that failed left. */
export function killFakes(): void {
  for (const child of running) child.kill('SIGKILL');
  running.clear();
  for (const fake of made.splice(0)) fake.killAll();
}

export type Noted = {
  readonly call?: string;
  readonly args?: readonly unknown[];
  readonly ok?: boolean;
  readonly listening?: number;
  readonly pid?: number;
  readonly fault?: string;
  readonly monitor?: number;
  readonly maintenance?: number;
  readonly wroteBack?: string;
};

type Known = {
  readonly monitors: readonly Readonly<Record<string, unknown>>[];
  readonly maintenances: readonly Readonly<Record<string, unknown>>[];
};

export class FakeKuma {
  readonly #notes = join(temporaryFolder(), 'notes');
  readonly #flags: readonly string[];
  readonly port: number;
  #child: ChildProcess | undefined;

  /** @param flags See `fake-uptime-kuma/options.ts`. */
  constructor(database: string, port: number, flags: readonly string[] = []) {
    this.port = port;
    made.push(this);
    const own = ['--database', database, '--notes', this.#notes, '--port', String(port)];
    this.#flags = own.concat(flags);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** What starts it, for a service that does. */
  get command(): readonly string[] {
    return [process.execPath, program, ...this.#flags];
  }

  async start(): Promise<void> {
    const [node = '', ...args] = this.command;
    const starts = this.starts;
    const child = spawn(node, args, {stdio: 'inherit'});
    this.#child = child;
    running.add(child);
    await eventually('the fake Uptime Kuma to listen', () => this.starts > starts);
  }

  async stop(): Promise<void> {
    const child = this.#child;
    if (child === undefined) return;
    const ended = new Promise((done) => child.on('close', done));
    child.kill('SIGTERM');
    await ended;
    running.delete(child);
  }

  /** A service that is killed leaves what it started. */
  killAll(): void {
    for (const {pid} of this.notes) {
      try {
        if (pid !== undefined) process.kill(pid, 'SIGKILL');
      } catch {
        // It is gone, as it should be.
      }
    }
  }

  get notes(): readonly Noted[] {
    if (!existsSync(this.#notes)) return [];
    const lines = readFileSync(this.#notes, 'utf8').split('\n').slice(0, -1);
    return lines.map((line) => JSON.parse(line) as Noted);
  }

  get starts(): number {
    return this.notes.filter(({listening}) => listening !== undefined).length;
  }

  /** Calls that did something, as `resumeMonitor(1)`; of objects the id alone. */
  get calls(): readonly string[] {
    return this.notes
      .filter(({call, ok}) => call !== undefined && !call.startsWith('login') && ok === true)
      .map(({call, args = []}) => `${call}(${args.map(shown).join()})`);
  }

  async known(): Promise<Known> {
    return (await (await fetch(`${this.url}/memory`)).json()) as Known;
  }

  async page(slug: string): Promise<string> {
    return (await fetch(`${this.url}/page/${slug}`)).text();
  }
}

const shown = (arg: unknown): string =>
  typeof arg === 'object' && arg !== null && 'id' in arg ? `{${String(arg.id)}}` : String(arg);
