/** Opens the store that an address names. */
import {EngineError, isEngineError} from '../kernel/errors.ts';
import {openDirectoryStore} from './directory/directory-store.ts';
import type {Store} from './port.ts';
import {openResticStore, type ResticStoreOptions} from './restic/restic-store.ts';

export type OpenStoreOptions = Omit<ResticStoreOptions, 'repository'>;

/**
 * `restic:<repository>` is anything that restic takes; `restic:` alone leaves it to restic's own
 * variables. `dir:<path>` is a folder. Nothing is read or written yet.
 *
 * @throws {EngineError} `USAGE` for any other address, and as `openResticStore` does.
 */
export function openStore(address: string, options: OpenStoreOptions): Store {
  if (address.startsWith('restic:')) {
    const repository = address.slice('restic:'.length);
    return tellingFullTarget(openResticStore({...options, repository: repository || undefined}));
  }
  const path = address.startsWith('dir:') ? address.slice('dir:'.length) : '';
  if (path !== '') return tellingFullTarget(openDirectoryStore({path, log: options.log}));
  // The address itself may hold a password.
  throw new EngineError('USAGE', 'the address of the store is neither restic: nor dir:', {
    hint: 'Give restic:<repository>, for example restic:/srv/backup, or dir:<path>.',
  });
}

/** A fetch writes nothing into the store: when space runs out, it is where the files go. */
function tellingFullTarget(store: Store): Store {
  const {fetchOthers} = store;
  return {
    ...store,
    fetch: (ref, request) => tellingFull(request.into, () => store.fetch(ref, request)),
    ...(fetchOthers && {
      fetchOthers: (ref, request) => tellingFull(request.into, () => fetchOthers(ref, request)),
    }),
  };
}

async function tellingFull<T>(folder: string, fetch: () => Promise<T>): Promise<T> {
  try {
    return await fetch();
  } catch (error) {
    const full =
      isEngineError(error, 'STORE_FAILED') &&
      /ENOSPC|EDQUOT|no space left|quota/i.test(error.message);
    throw full ? fullTarget(folder, error) : error;
  }
}

function fullTarget(folder: string, cause: unknown): EngineError {
  return new EngineError('STATE_UNWRITABLE', `cannot write ${folder}: the disk is full`, {
    site: {path: folder},
    hint: 'Make room for the state folder, or choose another with --state.',
    retryable: true,
    cause,
  });
}
