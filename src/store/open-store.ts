/** Opens the store that an address names. */
import {EngineError} from '../kernel/errors.ts';
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
    return openResticStore({...options, repository: repository || undefined});
  }
  const path = address.startsWith('dir:') ? address.slice('dir:'.length) : '';
  if (path !== '') return openDirectoryStore({path, log: options.log});
  // The address itself may hold a password.
  throw new EngineError('USAGE', 'the address of the store is neither restic: nor dir:', {
    hint: 'Give restic:<repository>, for example restic:/srv/backup, or dir:<path>.',
  });
}
