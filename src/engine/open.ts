/** Opens what a call works with, and closes it again however the call ends. */
import {existsSync, mkdtempSync} from 'node:fs';
import {dirname, join, resolve} from 'node:path';
import type {Digest} from '../canonical/digest.ts';
import type {Database} from '../database/port.ts';
import {openSqlite} from '../database/sqlite/database.ts';
import {onLocal} from '../database/sqlite/local.ts';
import {EngineError, isEngineError} from '../kernel/errors.ts';
import {ObjectFolder} from '../state/object-folder.ts';
import {withScratch} from '../state/scratch.ts';
import {openState, peekState, type State} from '../state/state.ts';
import {openStore, type OpenStoreOptions} from '../store/open-store.ts';
import type {Store} from '../store/port.ts';
import {makeRepositoryKey, REPOSITORY_KEY} from '../state/repository-key.ts';
import type {EngineOptions} from './options.ts';
import {SnapshotReader} from './snapshot-reader.ts';
import {repositoryVariable} from './store-address.ts';

export type ReadOpened = {
  readonly state: State | undefined;
  readonly store: Store;
  /** Keeps what it fetches in a passing folder. */
  readonly reader: SnapshotReader;
  /** Keeps an object beside those. */
  readonly keep: (digest: Digest, bytes: Uint8Array) => void;
};

export type Opened = {readonly database: Database; readonly store: Store; readonly state: State};

/** Opens database, state (locked) and store for a command that writes. Only a capture may make a repository. */
export async function withAll<T>(
  options: EngineOptions,
  mayCreateStore: boolean,
  work: (opened: Opened) => Promise<T>,
): Promise<T> {
  const access = mayCreateStore ? 'read' : 'write';
  return withState(
    options,
    async ({database, state}) => {
      if (mayCreateStore) prepareDefaultStore(options);
      const {host} = state.instance;
      const shelf = shelfOf(state, options, (listing) => state.keepFact(LISTED, listing));
      const store = storeFor(options, {host, shelf, temporary: () => state.temporary()});
      return work({database, store, state});
    },
    access,
  );
}

/** Whether a command writes to the application's database; the primary's is only read. */
type Access = 'read' | 'write';

/** Opens database and state (locked) for a command that needs no store. */
export async function withState<T>(
  options: EngineOptions,
  work: (opened: Omit<Opened, 'store'>) => Promise<T>,
  access: Access = 'write',
): Promise<T> {
  const withState = async (database: Database): Promise<T> => {
    const state = await openState({
      folder: stateFolder(options),
      database: databasePath(options.database),
    });
    try {
      return await onLocal(state.folder, () => work({database, state}));
    } finally {
      await state.close();
    }
  };
  return withDatabase(options, options.database, withState, access);
}

/** Opens one database; the given URL is that of the options or another one to compare with. */
export async function withDatabase<T>(
  options: EngineOptions,
  url: string,
  work: (database: Database) => Promise<T>,
  access: Access = 'read',
): Promise<T> {
  const database = openSqlite({path: databasePath(url), mayRollBack: access === 'write'});
  try {
    options.signal?.throwIfAborted();
    return await work(database);
  } finally {
    await database.close();
  }
}

/** Whether a list of the store that is known to be the same again will do, or the store has to answer in any case. */
type Listing = 'known' | 'asked';

/** Opens store and state for a command that writes neither database nor state. */
export async function withStore<T>(
  options: EngineOptions,
  work: (opened: ReadOpened) => Promise<T>,
  listing: Listing = 'asked',
): Promise<T> {
  return peekAtState(options, async (state) => {
    const host = state?.instance.host ?? 'rowplica';
    const shelf = listing === 'known' ? shelfOf(state, options) : undefined;
    const store = storeFor(options, {host, shelf});
    return withScratch((folder) => {
      const cache = new ObjectFolder(join(folder, 'objects'));
      const temporary = (): string => mkdtempSync(join(folder, 'fetch-'));
      const keep: ReadOpened['keep'] = (digest, bytes) => cache.write(digest, bytes);
      return work({state, store, keep, reader: new SnapshotReader({store, cache, temporary})});
    });
  });
}

/** The state as it is, beside a running writer; undefined where there is none. */
export async function peekAtState<T>(
  options: EngineOptions,
  work: (state: State | undefined) => Promise<T>,
): Promise<T> {
  const state = await peekState({
    folder: stateFolder(options),
    database: databasePath(options.database),
  });
  try {
    return await onLocal(stateFolder(options), () => work(state));
  } finally {
    await state?.close();
  }
}

export function stateFolder({state, database}: Pick<EngineOptions, 'state' | 'database'>): string {
  return resolve(state ?? join(dirname(databasePath(database)), '.rowplica'));
}

/** @throws {EngineError} `USAGE` for a kind of database that is not supported. The address may hold a password. */
export function databasePath(url: string): string {
  if (/^sqlite:/i.test(url)) return resolve(url.slice('sqlite:'.length));
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(url)?.[1];
  if (scheme === undefined) return resolve(url);
  throw new EngineError(
    'USAGE',
    `databases of kind "${scheme.toLowerCase()}" are not supported yet`,
    {
      hint: 'Give sqlite:<path> or a plain path.',
    },
  );
}

const LISTED = 'listed';

/** The last list of the store, among what the state remembers. Where it cannot be kept, the store is asked again. */
function shelfOf(
  state: State | undefined,
  {log}: EngineOptions,
  write?: (listing: unknown) => Promise<void>,
): OpenStoreOptions['shelf'] {
  const keep = async (listing: unknown): Promise<void> => {
    await write?.(listing).catch((error: unknown) => {
      if (!isEngineError(error)) throw error;
      log.debug('the list of snapshots was not kept', {code: error.code});
    });
  };
  return {read: async () => state?.fact(LISTED), keep};
}

/** The store that the options name, for a command that only looks. */
export function storeOf(options: EngineOptions, host: string): Store {
  return storeFor(options, {host});
}

/** The store that the options name, or the default one. */
function storeFor(
  options: EngineOptions,
  instance: Pick<OpenStoreOptions, 'host' | 'shelf' | 'temporary'>,
): Store {
  if (typeof options.store === 'object') return options.store;
  const {env, log, signal} = options;
  const folder = stateFolder(options);
  const shared = {...instance, env, log, signal, cacheDir: join(folder, 'cache')};
  if (options.store !== undefined) return openStore(options.store, shared);
  if (repositoryVariable(env) !== undefined) return openStore('restic:', shared);
  const key = defaultKey(folder);
  if (!existsSync(key))
    throw existsSync(defaultRepository(folder)) ? keyIsLost(key) : noDefaultStore(folder);
  return openStore(`restic:${defaultRepository(folder)}`, {...shared, passwordFile: key});
}

function keyIsLost(path: string): EngineError {
  return new EngineError(
    'STORE_PASSWORD',
    `the key of the repository in the state folder is missing: ${path}`,
    {
      site: {path},
      hint: 'Put the key file back; without it the repository cannot be read, and has to be moved away.',
    },
  );
}

function noDefaultStore(folder: string): EngineError {
  return new EngineError('STORE_MISSING', `no store was named, and there is none in ${folder}`, {
    site: {path: folder},
    hint: 'Name it with --store restic:<repository> or dir:<path>, or run capture on the primary first.',
  });
}

function prepareDefaultStore(options: EngineOptions): void {
  if (options.store !== undefined || repositoryVariable(options.env) !== undefined) return;
  const folder = stateFolder(options);
  if (!existsSync(defaultRepository(folder))) makeRepositoryKey(defaultKey(folder));
}

export const defaultRepository = (folder: string): string => join(folder, 'repository');
const defaultKey = (folder: string): string => join(folder, REPOSITORY_KEY);
