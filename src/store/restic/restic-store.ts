/** Snapshots in a restic repository: one restic snapshot each, found again by its tags. */
import type {Log, Progress} from '../../kernel/log.ts';
import type {Store} from '../port.ts';
import {checkRepository, forgetSnapshots, pruneRepository, unlockRepository} from './care.ts';
import {createRepository} from './create-repository.ts';
import {makeEnvironment} from './environment.ts';
import {fetchFiles, fetchOthers} from './fetch-files.ts';
import {KnownListing, type ListingShelf} from './known-listing.ts';
import {findLocation} from './location.ts';
import {makeMask, maskUrls} from './mask.ts';
import {makeClient, type ResticTimes} from './restic-client.ts';
import {listSnapshots} from './list-snapshots.ts';
import {newestForeign} from './newest-foreign.ts';
import {saveAlive} from './save-alive.ts';
import {saveSnapshot} from './save-snapshot.ts';

export type ResticStoreOptions = {
  /** As restic takes it; default: RESTIC_REPOSITORY, else RESTIC_REPOSITORY_FILE. */
  readonly repository?: string | undefined;
  /** The environment for restic. Its own variables pass through; ROWPLICA_RESTIC names the binary. */
  readonly env: NodeJS.ProcessEnv;
  /** File that holds the password, used where the environment names none. */
  readonly passwordFile?: string | undefined;
  /** Folder for restic's cache, used where the environment has no home. */
  readonly cacheDir?: string | undefined;
  /** Makes an empty folder for a repository on its way; without it, two that make one at once may spoil it. */
  readonly temporary?: (() => string) | undefined;
  /**
   * Where the last list of a repository in a local folder is kept: restic is not asked again while that shows no reason to. Without it,
   * it is asked each time.
   */
  readonly shelf?: ListingShelf | undefined;
  /** Host recorded in snapshots. Keep it stable: restic finds unchanged files by it. */
  readonly host: string;
  readonly log: Log;
  readonly progress?: Progress | undefined;
  /** Stops a running command: restic removes its lock, and the call throws `INTERRUPTED`. */
  readonly signal?: AbortSignal | undefined;
  /** Time-outs other than those of limits.ts, for tests. */
  readonly times?: Partial<ResticTimes> | undefined;
};

/**
 * A store in a restic repository, 0.14 or newer. Nothing runs until the first call. Reads take no
 * lock, so that they neither wait for a prune nor hinder one. Only `create` runs `restic init`.
 *
 * @throws {EngineError} `USAGE` where no repository is named, `STORE_PASSWORD` where no password is.
 */
export function openResticStore(options: ResticStoreOptions): Store {
  const {env, host, log, progress, shelf, signal, temporary, times} = options;
  const location = findLocation(options.repository, env);
  const resticEnv = makeEnvironment({...options, location});
  const name = `restic:${maskUrls(location.localPath ?? location.repository)}`;
  const binary = env['ROWPLICA_RESTIC'] || 'restic';
  const client = makeClient({
    binary,
    env: resticEnv,
    mask: makeMask(resticEnv, location.repository),
    address: location.localPath ?? location.repository,
    name,
    log,
    signal,
    times,
  });
  const {localPath} = location;
  const known =
    localPath === undefined || shelf === undefined
      ? undefined
      : new KnownListing({localPath, binary, env: resticEnv, shelf, signal});
  const ask = () => listSnapshots(client);
  const look = known === undefined ? ask : () => known.look(ask, () => client.features());
  return {
    name,
    list: async () => (await look()).snapshots,
    look,
    newestForeign: () => newestForeign(client),
    beat: (label, earlier) => saveAlive(client, label, {host, earlier}),
    create: () => createRepository(client, {...location, temporary}),
    save: async (staged) => {
      const ref = await saveSnapshot(client, staged, {host, progress, localPath});
      await known?.add(ref);
      return ref;
    },
    fetch: (ref, request) => fetchFiles(client, ref, request),
    fetchOthers: (ref, request) => fetchOthers(client, ref, request),
    forget: (ids) => forgetSnapshots(client, ids),
    prune: () => pruneRepository(client),
    check: (part) => checkRepository(client, part),
    unlock: () => unlockRepository(client),
  };
}
