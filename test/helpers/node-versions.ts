/** Programs of Node in other versions than the one that runs the tests, from the npm registry. */
import {existsSync, mkdirSync, renameSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {project, runProcess} from './run-process.ts';

const kept = join(project, 'node_modules', '.nodes');

/** The folder that holds `node` of this version, fetched once; undefined where it cannot be had, which is a failure in CI. */
export async function nodeOf(version: number): Promise<string | undefined> {
  const folder = join(kept, String(version));
  if (existsSync(join(folder, 'node'))) return folder;
  const fresh = `${folder}-${process.pid}`;
  mkdirSync(fresh, {recursive: true});
  try {
    const name = `node-${process.platform}-${process.arch}@${version}`;
    const packed = await runIn(fresh, 'npm', ['pack', '--silent', '--prefer-offline', name]);
    if (packed === undefined) return undefined;
    const member = 'package/bin/node';
    if ((await runIn(fresh, 'tar', ['-xzf', packed, member])) === undefined) return undefined;
    rmSync(folder, {recursive: true, force: true});
    renameSync(join(fresh, 'package', 'bin'), folder);
    return folder;
  } finally {
    rmSync(fresh, {recursive: true, force: true});
  }
}

/** The last line that it printed; undefined where it failed. */
async function runIn(
  cwd: string,
  file: string,
  args: readonly string[],
): Promise<string | undefined> {
  const {exitCode, stdout} = await runProcess(file, args, {cwd, env: process.env});
  return exitCode === 0 ? (stdout.trim().split('\n').at(-1) ?? '') : undefined;
}
