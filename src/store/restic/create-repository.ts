/** Makes a repository; one on the file system appears at once and whole, or not at all. */
import {existsSync, mkdirSync, renameSync, rmSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {EngineError} from '../../kernel/errors.ts';
import {holdsRepositoryData} from './location.ts';
import type {ResticClient} from './restic-client.ts';

export type Place = {
  /** Full path of a repository on the file system, undefined for a remote one. */
  readonly localPath: string | undefined;
  /** Makes an empty folder that is removed sooner or later even if this process dies. */
  readonly temporary: (() => string) | undefined;
};

/**
 * restic itself refuses to `init` over a `config`; over the data of one that lost it, it does not. And
 * two `init` at one moment leave two keys, of which each reader tries the one it comes to first: a new
 * folder is therefore made elsewhere and renamed. One that is there keeps its owner and mode, or is a
 * mount point, and is filled where it is.
 *
 * @throws {EngineError} `STORE_FAILED` where there is a repository, or what is left of one.
 */
export async function createRepository(client: ResticClient, place: Place): Promise<void> {
  const {localPath, temporary} = place;
  if (localPath !== undefined && holdsRepositoryData(localPath)) {
    throw new EngineError('STORE_FAILED', `${client.name} exists already or is damaged`, {
      site: {path: localPath},
      hint: 'Restore its file "config" from a copy, or choose another folder.',
    });
  }
  if (localPath === undefined || temporary === undefined || existsSync(localPath)) {
    await client.change({args: ['init']});
    return;
  }
  const draft = temporary();
  try {
    await client.change({args: ['init', '--repo', `local:${draft}`]});
    if (!takeName(draft, localPath)) await client.change({args: ['init']});
  } finally {
    rmSync(draft, {recursive: true, force: true});
  }
}

/** False where it is on another file system. A repository that somebody else has made there meanwhile serves as well. */
function takeName(draft: string, path: string): boolean {
  try {
    mkdirSync(dirname(path), {recursive: true, mode: 0o700});
    renameSync(draft, path);
    return true;
  } catch (error) {
    if (existsSync(join(path, 'config'))) return true;
    if (error instanceof Error && 'code' in error && error.code === 'EXDEV') return false;
    throw error;
  }
}
