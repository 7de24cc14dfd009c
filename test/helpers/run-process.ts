/** Starts programs and waits for what they print. */
import {spawn, type ChildProcess} from 'node:child_process';
import {join, resolve} from 'node:path';

export const project: string = resolve(import.meta.dirname, '../..');
export const main: string = join(project, 'src/cli/main.ts');

export type CliResult = {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
};

export type ProcessOptions = {
  readonly env?: NodeJS.ProcessEnv | undefined;
  readonly cwd?: string | undefined;
  /** Sees the running process, for example to stop it. */
  readonly onStart?: ((child: ChildProcess) => void) | undefined;
};

/** Runs any program to its end. */
export async function runProcess(
  file: string,
  args: readonly string[],
  {env, cwd, onStart}: ProcessOptions,
): Promise<CliResult> {
  const child = spawn(file, args, {env, cwd, stdio: ['ignore', 'pipe', 'pipe']});
  const output = {stdout: '', stderr: ''};
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text));
  onStart?.(child);
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (exitCode, signal) => done({exitCode, signal, ...output}));
  });
}
