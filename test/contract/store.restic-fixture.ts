/** Opens stores on the installed restic, with a cache and a password of their own. */
import {join} from 'node:path';
import {silentLog} from '../../src/kernel/log.ts';
import type {Store} from '../../src/store/port.ts';
import {openResticStore, type ResticStoreOptions} from '../../src/store/restic/restic-store.ts';

export const password = 'correct-horse-battery';
export const binary = process.env['ROWPLICA_RESTIC'] || 'restic';

export type OpenOptions = Partial<ResticStoreOptions> & {readonly cacheOf: string};

export function open({env, cacheOf, ...options}: OpenOptions): Store {
  const all = {...environment(cacheOf), ...env};
  return openResticStore({host: 'test-host', log: silentLog, ...options, env: all});
}

/** Nothing of the machine's own restic settings. */
export function environment(folder: string): NodeJS.ProcessEnv {
  return {
    PATH: process.env['PATH'],
    ROWPLICA_RESTIC: binary,
    RESTIC_PASSWORD: password,
    RESTIC_CACHE_DIR: join(folder, 'cache'),
  };
}
