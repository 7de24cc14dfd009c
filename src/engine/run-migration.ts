/** Runs a migration on a copy: a command of the user's, or files of SQL. */
import {spawn, type ChildProcess} from 'node:child_process';
import {readFileSync} from 'node:fs';
import {runTexts} from '../database/sqlite/scratch.ts';
import {EngineError} from '../kernel/errors.ts';
import {MIGRATE_MS, MIGRATE_OUTPUT_CHARS_MAX, MIGRATE_STOP_MS} from '../kernel/limits.ts';
import type {EngineOptions} from './options.ts';
import {interrupted} from './read-tables.ts';

/** How the copy is upgraded. */
export type Migration =
  | {
      readonly kind: 'command';
      /** For the shell; finds the copy's path in ROWPLICA_SCRATCH. */
      readonly command: string;
      /** Milliseconds; default 30 minutes. */
      readonly timeoutMs?: number | undefined;
    }
  | {readonly kind: 'sql'; readonly files: readonly string[]}
  /** A copy that was upgraded before. */
  | {readonly kind: 'done'; readonly database: string};

export type MigrationRun = {
  readonly kind: Migration['kind'];
  readonly ok: boolean;
  readonly exitCode: number | null;
  readonly signal: string | null;
  readonly timedOut: boolean;
  /** Undefined where it ran before. */
  readonly seconds: number | null;
  /** The end of what it printed, where it failed. */
  readonly output: string | null;
};

/** @throws {EngineError} `USAGE` for a file of SQL that cannot be read; `INTERRUPTED`. */
export async function runMigration(
  migration: Migration,
  path: string,
  options: Pick<EngineOptions, 'env' | 'signal'>,
): Promise<MigrationRun> {
  const begun = performance.now();
  const ended = await runOf(migration, path, options);
  const seconds = Math.round(performance.now() - begun) / 1000;
  return {...ended, kind: migration.kind, seconds: migration.kind === 'done' ? null : seconds};
}

type Ended = Omit<MigrationRun, 'kind' | 'seconds'>;

const DONE: Ended = {ok: true, exitCode: 0, signal: null, timedOut: false, output: null};

async function runOf(
  migration: Migration,
  path: string,
  options: Pick<EngineOptions, 'env' | 'signal'>,
): Promise<Ended> {
  if (migration.kind === 'done') return DONE;
  if (migration.kind === 'command') return runCommand(migration, path, options);
  const {files} = migration;
  const failed = runTexts(path, files.map(readSql));
  return failed === undefined
    ? DONE
    : {...DONE, ok: false, exitCode: 1, output: `${files[failed.at]}: ${failed.why}`};
}

function readSql(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new EngineError('USAGE', `cannot read ${path}`, {
      site: {path},
      hint: 'Give with --migrate-sql files of SQL statements, in their order.',
      cause,
    });
  }
}

/** In a process group of its own, so that all that it started ends with it. */
async function runCommand(
  {command, timeoutMs = MIGRATE_MS}: Extract<Migration, {kind: 'command'}>,
  path: string,
  {env, signal}: Pick<EngineOptions, 'env' | 'signal'>,
): Promise<Ended> {
  signal?.throwIfAborted();
  const child = spawn(command, {
    shell: true,
    detached: process.platform !== 'win32',
    env: {...env, ROWPLICA_SCRATCH: path},
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = endOfOutput(child);
  let timedOut = false;
  const {stop, settle} = stopper(child);
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, timeoutMs);
  signal?.addEventListener('abort', stop);
  try {
    const {exitCode, killedBy} = await ending(child);
    if (signal?.aborted) throw interrupted();
    const ok = exitCode === 0 && !timedOut;
    return {ok, exitCode, signal: killedBy, timedOut, output: ok ? null : output()};
  } finally {
    clearTimeout(timer);
    settle();
    signal?.removeEventListener('abort', stop);
  }
}

function endOfOutput(child: ChildProcess): () => string {
  let text = '';
  const take = (chunk: string): void => {
    text = (text + chunk).slice(-MIGRATE_OUTPUT_CHARS_MAX);
  };
  child.stdout?.setEncoding('utf8').on('data', take);
  child.stderr?.setEncoding('utf8').on('data', take);
  return () => text;
}

/** Asks all its processes to end, and after a while ends them. */
function stopper(child: ChildProcess): {readonly stop: () => void; readonly settle: () => void} {
  const send = (signal: NodeJS.Signals): void => {
    try {
      if (child.pid !== undefined && process.platform !== 'win32') process.kill(-child.pid, signal);
      else child.kill(signal);
    } catch {
      // They are gone.
    }
  };
  let last: NodeJS.Timeout | undefined;
  return {
    stop: () => {
      send('SIGTERM');
      last ??= setTimeout(() => send('SIGKILL'), MIGRATE_STOP_MS);
    },
    settle: () => clearTimeout(last),
  };
}

async function ending(child: ChildProcess): Promise<{
  readonly exitCode: number | null;
  readonly killedBy: NodeJS.Signals | null;
}> {
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (exitCode, killedBy) => resolve({exitCode, killedBy}));
  });
}
