/** Runs the restic binary: the only file that starts a process of it. */
import {execa} from 'execa';
import {EngineError} from '../../kernel/errors.ts';
import {RESTIC_STOP_MS} from '../../kernel/limits.ts';
import type {Log} from '../../kernel/log.ts';
import {must} from '../../kernel/assert.ts';
import {stopAtExit} from './stop-at-exit.ts';
import {stopOn} from './stop-child.ts';

/** What all commands of one store share. */
export type Runner = {
  readonly binary: string;
  readonly env: NodeJS.ProcessEnv;
  readonly log: Log;
  readonly signal: AbortSignal | undefined;
  /** Milliseconds between SIGINT and SIGKILL; RESTIC_STOP_MS by default. */
  readonly stopMs?: number | undefined;
};

export type Command = {
  /** Never holds a secret: every user of the machine can read it. */
  readonly args: readonly string[];
  /** Milliseconds; then the command is stopped and `timedOut` is set. */
  readonly timeoutMs: number;
  readonly cwd?: string | undefined;
  /** It locks the repository, and once it has says so on stdout by such a line: a stop waits for that, briefly. */
  readonly takesLock?: RegExp | undefined;
  /** Stops it like a time-out; the caller knows why. */
  readonly stop?: AbortSignal | undefined;
  /** What it reads from stdin; nothing where it is left out. */
  readonly input?: string | undefined;
  /** Receives stdout instead of `stdout` of the outcome. */
  readonly intoFile?: string | undefined;
  /** Sees each line of stdout as it comes; true keeps the line out of the outcome. */
  readonly onLine?: ((line: string) => boolean) | undefined;
};

/** The first report of a backup comes when it has its lock. */
export const ANY_LINE: RegExp = /^/;

export type Outcome = {
  readonly exitCode: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
  readonly timedOut: boolean;
};

/**
 * Runs one restic command to its end, whatever that is; judging the outcome is the caller's.
 *
 * stdin is closed, or ends, so that restic never waits for a password. The process leads its own group: a
 * Ctrl-C at the terminal reaches Rowplica alone, which then stops restic in order. It is stopped with
 * SIGINT, on which restic removes its lock (SIGTERM leaves it), and killed when that takes too long.
 *
 * @throws {EngineError} `INTERRUPTED` when the signal fires, after restic has ended.
 * `STORE_TOOL_MISSING` when there is no such binary.
 */
export async function runRestic(runner: Runner, command: Command): Promise<Outcome> {
  const {signal, log} = runner;
  const name = must(command.args[0], 'a restic command has a name');
  if (signal?.aborted) throw interrupted(name);

  const startedMs = performance.now();
  const locked = Promise.withResolvers<void>();
  const child = start(runner, command, locked.resolve);
  const deadline = AbortSignal.timeout(command.timeoutMs);
  const forget = stopAtExit(child.pid);
  const release = stopOn([signal, deadline, command.stop], {
    pid: child.pid,
    after: command.takesLock ? locked.promise : Promise.resolve(),
    stopMs: runner.stopMs ?? RESTIC_STOP_MS,
  });
  const result = await child.finally(() => (forget(), release()));

  const ms = Math.round(performance.now() - startedMs);
  log.debug(`restic ${name}`, {ms, exitCode: result.exitCode});
  if (isMissing(result)) throw toolMissing(runner.binary, result.cause);
  if (signal?.aborted) throw interrupted(name);
  return {
    exitCode: result.exitCode,
    stdout: textOf(result.stdout),
    stderr: textOf(result.stderr),
    timedOut: deadline.aborted && result.exitCode !== 0,
  };
}

/** The error of a command that was stopped because the caller asked for it. */
export function interrupted(name: string): EngineError {
  return new EngineError('INTERRUPTED', `restic ${name} was interrupted`, {retryable: true});
}

function start(
  runner: Runner,
  {args, cwd, input, intoFile, takesLock, onLine = () => false}: Command,
  onLocked: () => void,
) {
  const filter = function* (line: unknown): Generator<unknown> {
    if (takesLock?.test(String(line))) onLocked();
    if (!onLine(String(line))) yield line;
  };
  return execa(runner.binary, args, {
    env: runner.env,
    extendEnv: false,
    ...(cwd === undefined ? {} : {cwd}),
    ...(input === undefined ? {stdin: 'ignore'} : {input}),
    stdout: intoFile === undefined ? filter : {file: intoFile},
    buffer: {stdout: intoFile === undefined, stderr: true},
    detached: true,
    cleanup: false,
    reject: false,
    stripFinalNewline: false,
  });
}

function isMissing(result: {code?: string | undefined; exitCode?: number | undefined}): boolean {
  return (
    result.exitCode === undefined && ['ENOENT', 'EACCES', 'ENOEXEC'].includes(result.code ?? '')
  );
}

function toolMissing(binary: string, cause: unknown): EngineError {
  return new EngineError('STORE_TOOL_MISSING', `cannot run restic: no program "${binary}"`, {
    hint: 'Install restic (Debian: apt-get install restic), or set ROWPLICA_RESTIC to its path.',
    cause,
  });
}

function textOf(output: unknown): string {
  return typeof output === 'string' ? output : '';
}
