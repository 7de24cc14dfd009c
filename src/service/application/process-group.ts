/** A program in a process group of its own, so that what it starts is asked to end, and killed, together with it. */
import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {readdirSync, readFileSync} from 'node:fs';
import {constants} from 'node:os';
import {setTimeout as pause} from 'node:timers/promises';
import {EngineError} from '../../kernel/errors.ts';
import {APPLICATION_GONE_POLL_MS, APPLICATION_KILLED_MS} from '../../kernel/limits.ts';

/** How a program ended. */
export type Exit = {readonly code: number | null; readonly signal: NodeJS.Signals | null};

/** As a shell has it. */
export function exitCodeOf({code, signal}: Exit): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}

/** @throws {EngineError} `COMMAND_NOT_FOUND`, `COMMAND_UNUSABLE` where it cannot be started. */
export async function startGroup(
  command: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<ProcessGroup> {
  const [file = '', ...args] = command;
  try {
    const child = spawn(file, args, {detached: true, env, stdio: 'inherit'});
    const exited = exitOf(child);
    await once(child, 'spawn');
    return new ProcessGroup(child, exited);
  } catch (error) {
    throw cannotStart(file, error);
  }
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  return new Promise((done) => {
    child.on('exit', (code, signal) => done({code, signal}));
  });
}

function cannotStart(file: string, cause: unknown): EngineError {
  const {code = 'unknown'} = cause as NodeJS.ErrnoException;
  if (code === 'ENOENT')
    return new EngineError('COMMAND_NOT_FOUND', `cannot start ${file}: there is no such program`, {
      hint: 'Give after -- a program on the PATH, or the path of one, and its arguments. For what a shell makes of a line: -- sh -c LINE.',
      cause,
    });
  return new EngineError('COMMAND_UNUSABLE', `cannot start ${file}: ${WHY[code] ?? code}`, {
    hint: 'Give after -- a program that this user may execute, or the interpreter of a script before its path.',
    cause,
  });
}

const WHY: Readonly<Record<string, string>> = {
  EACCES: 'this user may not execute it',
  ENOEXEC: 'it is no program for this machine, and names no interpreter in its first line',
};

/** What puts itself into a session of its own, as daemons do, is no longer part of it. */
export class ProcessGroup {
  /** Of the program itself, and the number of the group. */
  readonly pid: number;
  /** How the program itself ended; others of its group may be left. */
  readonly exited: Promise<Exit>;
  readonly #child: ChildProcess;
  #ending: Promise<void> | undefined;

  constructor(child: ChildProcess, exited: Promise<Exit>) {
    if (child.pid === undefined) throw new Error('a program that was started has an id');
    this.pid = child.pid;
    this.#child = child;
    // Where this process dies of a fault of its own, nobody would be left to end them.
    const endAll = (): void => this.#toAll('SIGTERM');
    process.on('exit', endAll);
    this.exited = exited.finally(() => process.off('exit', endAll));
  }

  /** To the program itself, as if it were sent by hand: what it starts might not know what to make of it. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /**
   * Asks all of it to end, each time it is called; what is left after the grace period of the first time is killed. Ends when nothing of
   * it runs any more.
   */
  async end(signal: NodeJS.Signals, graceMs: number): Promise<void> {
    this.#toAll(signal);
    this.#ending ??= this.#killAfter(graceMs);
    await this.#ending;
  }

  /** The same, for what the program left behind; it is not asked twice. */
  async endRest(graceMs: number): Promise<void> {
    await (this.#ending ?? this.end('SIGTERM', graceMs));
  }

  async #killAfter(graceMs: number): Promise<void> {
    if (await this.#goesWithin(graceMs)) return;
    this.#toAll('SIGKILL');
    await this.#goesWithin(APPLICATION_KILLED_MS);
  }

  async #goesWithin(ms: number): Promise<boolean> {
    const endMs = performance.now() + ms;
    while (isAlive(this.pid)) {
      if (performance.now() >= endMs) return false;
      await pause(Math.min(APPLICATION_GONE_POLL_MS, ms));
    }
    return true;
  }

  #toAll(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch {
      // They are gone.
    }
  }
}

/** Orphans that nobody waits for stay zombies, which is no life, although they can be sent signals. */
function isAlive(group: number): boolean {
  try {
    process.kill(-group, 0);
  } catch {
    return false;
  }
  return process.platform !== 'linux' || statesIn(group).some((state) => !/[ZXx]/.test(state));
}

/** As /proc has them: `PID (NAME) STATE PARENT GROUP …`, where the name may hold anything. */
function statesIn(group: number): readonly string[] {
  return readdirSync('/proc').flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'latin1');
      const [state = '', , of] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return Number(of) === group ? [state] : [];
    } catch {
      return []; // it has ended meanwhile
    }
  });
}
