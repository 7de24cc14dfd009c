/** Which store is meant, before anything is opened. */
import {findLocation} from '../store/restic/location.ts';
import {makeMask} from '../store/restic/mask.ts';

/**
 * The address of a store, with the repository that restic's own variables name where it names none; undefined for the
 * default one, in the state folder.
 *
 * @throws {EngineError} `USAGE` where no repository is named, or the file that names it cannot be read.
 */
export function storeAddress(
  store: string | undefined,
  env: NodeJS.ProcessEnv,
): string | undefined {
  if (store === undefined && repositoryVariable(env) === undefined) return undefined;
  if (store !== undefined && !store.startsWith('restic:')) return store;
  const {localPath, repository} = findLocation(store?.slice('restic:'.length), env);
  return `restic:${localPath ?? repository}`;
}

/** The variable by which restic itself is told of a repository; an empty one counts as none. */
export function repositoryVariable(env: NodeJS.ProcessEnv): string | undefined {
  return ['RESTIC_REPOSITORY', 'RESTIC_REPOSITORY_FILE'].find((name) => env[name]);
}

/** As it may be shown: without the passwords of URLs, whatever they are made of. */
export function shownAddress(address: string): string {
  return makeMask({}, address)(address);
}
