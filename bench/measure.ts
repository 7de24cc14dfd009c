/** How long work takes, as whole processes or in this one, and how much memory and space. */
import {spawnSync} from 'node:child_process';
import {lstatSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {project} from '../test/helpers/run-process.ts';

export const RESTIC_PASSWORD = 'bench';
const peakScript = join(project, 'bench', 'peak.mjs');

/** Milliseconds of a line of a shell, from its start to its end. @throws {Error} where it fails. */
export function shell(line: string, env: NodeJS.ProcessEnv = {}): number {
  return processMs('sh', ['-ec', line], env);
}

export type Own = {readonly ms: number; readonly peakMb: number};

/** One command as it is installed; what restic takes does not count. */
export function ownCommand(args: readonly string[], folder: string): Own {
  const report = join(folder, 'peak');
  rmSync(report, {force: true});
  const env = {BENCH_PEAK: report, NODE_OPTIONS: `--import=${peakScript}`};
  const ms = processMs(process.execPath, [join(project, 'dist/cli/main.js'), ...args], env);
  return {ms, peakMb: Number(readFileSync(report, 'utf8')) / 1024};
}

function processMs(file: string, args: readonly string[], more: NodeJS.ProcessEnv): number {
  const env = {...process.env, RESTIC_PASSWORD, ...more};
  settle();
  const beganMs = performance.now();
  const {status, stderr} = spawnSync(file, args, {
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
    encoding: 'utf8',
  });
  const ms = performance.now() - beganMs;
  if (status !== 0) throw new Error(`${file} ${args.join(' ')}: ${stderr}`);
  return ms;
}

/** What earlier work left to be written to the disk is no cost of what comes next, and would slow down whoever writes files. */
export function settle(): void {
  spawnSync('sync');
}

export async function here(work: () => Promise<unknown>): Promise<number> {
  const beganMs = performance.now();
  await work();
  return performance.now() - beganMs;
}

/** Bytes of all files below a folder. */
export function bytesIn(folder: string): number {
  return readdirSync(folder, {recursive: true, encoding: 'utf8'})
    .map((name) => lstatSync(join(folder, name)))
    .reduce((sum, stat) => sum + (stat.isFile() ? stat.size : 0), 0);
}

export function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
