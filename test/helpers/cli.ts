// Runs the command line from outside, as a user does.

import {join} from 'node:path';
import type {
  CaptureResult,
  DiffResult,
  DoctorResult,
  ReplicateResult,
  ResumeResult,
  SnapshotListed,
  StatusResult,
  UndoResult,
  VerifyResult,
} from '../../src/index.ts';
import {main, runProcess, type CliResult, type ProcessOptions} from './run-process.ts';
import {temporaryFolder} from './temp-folder.ts';

export {main, project, runProcess, type CliResult} from './run-process.ts';

export const password = 'correct-horse-battery';

export type CliOptions = ProcessOptions;

/** All that the commands of this test file printed. */
export const printed: string[] = [];

let home: string | undefined;

/** Nothing of the machine's own settings; restic's cache is shared by the commands of one test file. */
export function environment(): NodeJS.ProcessEnv {
  home ??= temporaryFolder();
  return {
    PATH: process.env['PATH'],
    HOME: home,
    NO_COLOR: '1',
    NODE_COMPILE_CACHE: join(home, 'compiled'),
    RESTIC_PASSWORD: password,
    RESTIC_CACHE_DIR: join(home, 'cache'),
    ...(process.env['ROWPLICA_RESTIC'] ? {ROWPLICA_RESTIC: process.env['ROWPLICA_RESTIC']} : {}),
  };
}

export async function rowplica(
  args: readonly string[],
  {env, cwd, onStart}: CliOptions = {},
): Promise<CliResult> {
  const node = process.env['ROWPLICA_TEST_NODE'] ?? process.execPath;
  const result = await runProcess(node, [main, ...args], {
    env: {...environment(), ...env},
    cwd,
    onStart,
  });
  printed.push(result.stdout, result.stderr);
  return result;
}

export type Refusal = {
  readonly exitCode: number | null;
  readonly code: string;
  readonly message: string;
  readonly hint: string | null;
  readonly site: Readonly<Record<string, string>>;
};

export type InstanceOptions = {
  readonly database: string;
  /** Empty for the default one. */
  readonly store: string;
  /** Beside the database, and of its own, unless told otherwise. */
  readonly state?: string;
  readonly tables?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
};

/** One instance: a database with the store and the state folder that it uses. */
export class Instance {
  readonly database: string;
  readonly state: string;
  readonly store: string;
  readonly env: NodeJS.ProcessEnv | undefined;
  readonly #shared: readonly string[];

  constructor({database, store, state = `${database}.state`, tables = [], env}: InstanceOptions) {
    this.database = database;
    this.state = state;
    this.store = store;
    this.env = env;
    // The option given once splits at commas; given twice it does not.
    const names = tables.length === 1 ? [...tables, ...tables] : tables;
    this.#shared = [
      '--database',
      database,
      ...(store === '' ? [] : ['--store', store]),
      '--state',
      state,
      ...names.flatMap((name) => ['--tables', name]),
    ];
  }

  capture(...args: string[]): Promise<CaptureResult> {
    return this.result('capture', ...args);
  }

  replicate(...args: string[]): Promise<ReplicateResult> {
    return this.result('replicate', ...args);
  }

  undo(...args: string[]): Promise<UndoResult> {
    return this.result('undo', ...args);
  }

  resume(): Promise<ResumeResult> {
    return this.result('resume');
  }

  diff(...args: string[]): Promise<DiffResult> {
    return this.result('diff', ...args);
  }

  verify(...args: string[]): Promise<VerifyResult> {
    return this.result('verify', ...args);
  }

  status(): Promise<StatusResult> {
    return this.result('status');
  }

  snapshots(): Promise<{readonly snapshots: readonly SnapshotListed[]}> {
    return this.result('snapshots');
  }

  doctor(): Promise<DoctorResult> {
    return this.result('doctor');
  }

  /** Runs a command as it stands. */
  run(command: string, ...args: string[]): Promise<CliResult> {
    return rowplica([command, ...args, ...this.#shared], {env: this.env});
  }

  /** The command's JSON; fails where the command does. */
  async result<T>(command: string, ...args: string[]): Promise<T> {
    const {exitCode, stdout, stderr} = await this.run(command, '--json', ...args);
    if (exitCode === 0) return JSON.parse(stdout) as T;
    throw new Error(`${command} ${args.join(' ')}: exit ${exitCode}\n${stdout}${stderr}`);
  }

  /** What the command says when it refuses; fails where it does not. */
  async refused(command: string, ...args: string[]): Promise<Refusal> {
    const result = await this.run(command, '--json', ...args);
    if (result.exitCode === 0) throw new Error(`${command} succeeded: ${result.stdout}`);
    return refusal(result);
  }
}

/** The error of a command that was run with --json. */
export function refusal({exitCode, stdout, stderr}: CliResult): Refusal {
  try {
    const {error} = JSON.parse(stdout) as {error: Omit<Refusal, 'exitCode'>};
    return {exitCode, ...error};
  } catch (cause) {
    throw new Error(`exit ${exitCode} without an error as JSON: ${stdout}${stderr}`, {cause});
  }
}
