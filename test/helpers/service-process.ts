/** A service as a process of its own, as a container would run it. */
import {spawn, type ChildProcess} from 'node:child_process';
import {setTimeout as pause} from 'node:timers/promises';
import {environment} from './cli.ts';
import {main} from './run-process.ts';

export type LogLine = {readonly msg: string} & Readonly<Record<string, unknown>>;

export type Ended = {readonly exitCode: number | null; readonly signal: NodeJS.Signals | null};

const running = new Set<ServiceProcess>();

/** Ends what a test that failed left. */
export function killServices(): void {
  for (const service of running) service.kill();
}

export class ServiceProcess {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  #stderr = '';

  constructor(args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd?: string) {
    this.#child = spawn(process.execPath, [main, 'run', ...args], {
      env: {...environment(), ...env},
      cwd,
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    running.add(this);
    this.ended = new Promise((done, failed) => {
      this.#child.on('error', failed);
      this.#child.on('close', (exitCode, signal) => {
        running.delete(this);
        done({exitCode, signal});
      });
    });
  }

  get stderr(): string {
    return this.#stderr;
  }

  get lines(): readonly LogLine[] {
    return this.#stderr
      .split('\n')
      .filter((line) => line.startsWith('{'))
      .map((line) => JSON.parse(line) as LogLine);
  }

  /** Waits for a line of its log; what came before counts. */
  async says(fields: Readonly<Record<string, unknown>>): Promise<LogLine> {
    return eventually(`a line ${JSON.stringify(fields)} in\n${this.#stderr}`, () =>
      this.lines.find((line) =>
        Object.entries(fields).every(([name, value]) => line[name] === value),
      ),
    );
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** As a service manager does, once it has started. */
  async stop(): Promise<Ended> {
    await this.says({msg: 'started'});
    this.signal('SIGTERM');
    return this.ended;
  }

  kill(): void {
    this.signal('SIGKILL');
  }
}

const PATIENCE_MS = 90_000;
const LOOK_MS = 20;

/** What `look` gives at last; fails where it goes on giving nothing. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined | false> | T | undefined | false,
): Promise<T> {
  const endMs = performance.now() + PATIENCE_MS;
  for (;;) {
    const found = await look();
    if (found !== undefined && found !== false) return found;
    if (performance.now() > endMs) throw new Error(`waited in vain for ${what}`);
    await pause(LOOK_MS);
  }
}
