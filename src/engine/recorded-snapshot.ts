/** The snapshot on record of a database, for commands that only look: its rows come from the state, or else from the store. */
import {join} from 'node:path';
import {mkdtempSync} from 'node:fs';
import type {Database} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import {ObjectFolder} from '../state/object-folder.ts';
import {withScratch} from '../state/scratch.ts';
import type {State, StoredPosition} from '../state/state.ts';
import type {Store} from '../store/port.ts';
import {followed} from './followed.ts';
import {peekAtState, storeOf, withDatabase} from './open.ts';
import type {EngineOptions} from './options.ts';
import {SnapshotReader, type Snapshot} from './snapshot-reader.ts';

export type Recorded = {
  readonly database: Database;
  readonly state: State;
  readonly position: StoredPosition;
  /** Without the tables that are not followed. */
  readonly snapshot: Snapshot;
  readonly reader: SnapshotReader;
};

/** @throws {EngineError} `NO_SNAPSHOT` where none was captured or applied here. */
export async function withRecorded<T>(
  options: EngineOptions,
  work: (recorded: Recorded) => Promise<T>,
): Promise<T> {
  return withDatabase(options, options.database, (database) =>
    peekAtState(options, async (state) => {
      const position = await state?.position();
      if (state === undefined || position === undefined) throw nothingApplied();
      return readRecorded(options, {state, position}, (reader, snapshot) =>
        work({database, state, position, snapshot, reader}),
      );
    }),
  );
}

/** Opens the snapshot on record of a state that is open. */
export async function readRecorded<T>(
  options: EngineOptions,
  {state, position}: {readonly state: State; readonly position: StoredPosition},
  work: (reader: SnapshotReader, snapshot: Snapshot) => Promise<T>,
): Promise<T> {
  return withScratch((folder) => {
    const fetched = new ObjectFolder(join(folder, 'objects'));
    const cache = {
      has: (digest: string) => fetched.has(digest),
      read: (digest: string) => fetched.read(digest) ?? state.peekObject(digest),
      isWhole: (digest: string) =>
        fetched.isWhole(digest) || state.peekObject(digest) !== undefined,
      take: (digest: string, path: string) => fetched.take(digest, path),
      size: (digest: string) => fetched.size(digest),
    };
    const temporary = (): string => mkdtempSync(join(folder, 'fetch-'));
    const store = onDemand(() => storeOf(options, state.instance.host));
    const reader = new SnapshotReader({store, cache, temporary});
    return work(reader, followed(reader.reopen(position), options));
  });
}

/** A store that is opened, and asked which snapshot is meant, only once something is missing. */
function onDemand(open: () => Store): Pick<Store, 'fetch'> {
  return {
    fetch: async (ref, wanted) => {
      const store = open();
      const listed = (await store.list()).find(({digest}) => digest === ref.digest);
      if (listed === undefined) throw notThere(ref.digest);
      return store.fetch(listed, wanted);
    },
  };
}

function notThere(digest: string): EngineError {
  return new EngineError(
    'SNAPSHOT_INCOMPLETE',
    'rows of the snapshot last applied are not in the state, and the store does not have it any more',
    {site: {snapshot: digest}, hint: 'Run replicate, which fetches the newest one.'},
  );
}

function nothingApplied(): EngineError {
  return new EngineError('NO_SNAPSHOT', 'no snapshot was captured or applied here yet', {
    hint: 'Run capture or replicate first; --snapshot checks a snapshot in the store.',
  });
}
