/** Checks on the files of a snapshot that every store makes, so that all refuse the same ones. */
import {lstat, realpath} from 'node:fs/promises';
import {join} from 'node:path';
import {EngineError} from '../kernel/errors.ts';
import {inBatches} from './in-batches.ts';

/** Lower-case names without glob characters: a manifest comes from outside, and names its files. */
const PATH = /^[a-z0-9_-][a-z0-9._-]*(?:\/[a-z0-9_-][a-z0-9._-]*)*$/;

/**
 * Refuses paths that could leave the folder they are meant for, or mean more than one file.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` at the first path that is absolute, holds an empty part,
 * a part that starts with a dot, or a character outside `a-z0-9/._-`.
 */
export function checkPaths(paths: readonly string[]): void {
  const bad = paths.find((path) => !PATH.test(path));
  if (bad === undefined) return;
  throw new EngineError(
    'SNAPSHOT_CORRUPT',
    `a snapshot names the file ${JSON.stringify(bad)}: not a name that Rowplica writes`,
    {site: {path: bad}, hint: 'Do not use this snapshot: its manifest was altered.'},
  );
}

/**
 * Makes sure that each path is a regular file below `folder`, reached through real folders only.
 *
 * @throws {EngineError} `SNAPSHOT_INCOMPLETE` naming the first that is not.
 */
export async function checkPresent(
  folder: string,
  paths: readonly string[],
  snapshot: string,
): Promise<void> {
  const root = await realpath(folder);
  const present = await inBatches(paths, (path) => isPlainFile(join(root, path)));
  const missing = paths.find((_, index) => !present[index]);
  if (missing !== undefined) throw incomplete(snapshot, missing);
}

/** The error of a snapshot that lacks a file. */
export function incomplete(snapshot: string, path: string, cause?: unknown): EngineError {
  return new EngineError('SNAPSHOT_INCOMPLETE', `snapshot ${snapshot} lacks the file ${path}`, {
    site: {snapshot, path},
    hint: 'Use another snapshot, or capture again on the primary.',
    cause,
  });
}

async function isPlainFile(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isFile() && (await realpath(path)) === path;
  } catch {
    return false;
  }
}
