/** Where a restic repository is: whether on this machine's file system, and under which full path. */
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {EngineError} from '../../kernel/errors.ts';

/** As restic tells a path from an address: `s4:x` is a mistyped address, not a folder of that name. */
const LOCAL = /^(?:local:|\.{0,2}\/|[^:]*$)/;
/** Folders in which restic keeps what a repository holds; keys alone are left by an `init` that was cut short. */
const CONTENT_FOLDERS = ['snapshots', 'index', 'data'];

export type Location = {
  /** The address as restic takes it, a local path made absolute: backups run in another folder. */
  readonly repository: string;
  /** The full path of a repository on the file system, undefined for a remote one. */
  readonly localPath: string | undefined;
  /** True where RESTIC_REPOSITORY_FILE says it, and can go on doing so. restic takes no --repo beside it. */
  readonly inFile: boolean;
};

/**
 * The repository that restic will use: the given address, else RESTIC_REPOSITORY, else what
 * RESTIC_REPOSITORY_FILE holds.
 *
 * @throws {EngineError} `USAGE` where none is named or the file cannot be read.
 */
export function findLocation(repository: string | undefined, env: NodeJS.ProcessEnv): Location {
  const named = repository || env['RESTIC_REPOSITORY'];
  const address = named || readAddress(env);
  if (!address) {
    throw new EngineError('USAGE', 'no restic repository is named', {
      hint: 'Give --store restic:<repository>, or set RESTIC_REPOSITORY.',
    });
  }
  if (!LOCAL.test(address)) return {repository: address, localPath: undefined, inFile: !named};
  const path = address.replace(/^local:/, '');
  const localPath = resolve(path);
  return {repository: `local:${localPath}`, localPath, inFile: false};
}

/** True where a folder has no `config` but holds repository data: a damaged repository, not an absent one. */
export function holdsRepositoryData(localPath: string): boolean {
  return CONTENT_FOLDERS.map((name) => join(localPath, name)).some(holdsFile);
}

function readAddress(env: NodeJS.ProcessEnv): string | undefined {
  const file = env['RESTIC_REPOSITORY_FILE'];
  if (!file) return undefined;
  try {
    return readFileSync(file, 'utf8').trim();
  } catch (cause) {
    throw new EngineError('USAGE', `cannot read RESTIC_REPOSITORY_FILE ${file}`, {
      site: {path: file},
      hint: 'Name a file that holds the address of the repository.',
      cause,
    });
  }
}

function holdsFile(folder: string): boolean {
  if (!existsSync(folder)) return false;
  return readdirSync(folder, {recursive: true, withFileTypes: true}).some((entry) =>
    entry.isFile(),
  );
}
