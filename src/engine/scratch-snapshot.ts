/** A snapshot of a database that no store keeps: to see what would come of it elsewhere. */
import {randomUUID} from 'node:crypto';
import {mkdtempSync} from 'node:fs';
import {join} from 'node:path';
import {digestOf} from '../canonical/digest.ts';
import type {Database} from '../database/port.ts';
import {encodeManifest} from '../snapshot/manifest-text.ts';
import {ObjectFolder} from '../state/object-folder.ts';
import type {Store} from '../store/port.ts';
import {makeManifest} from './make-manifest.ts';
import type {AdaptRequest} from './adapt.ts';
import type {EngineOptions} from './options.ts';
import {readSource} from './read-source.ts';
import {SnapshotReader, type Snapshot} from './snapshot-reader.ts';

/** A snapshot, what reads it, and where what is made of it is kept. */
export type AtHand = Pick<AdaptRequest, 'reader' | 'keep'> & {readonly snapshot: Snapshot};

/** @param folder A passing folder of its own, which then holds rows. */
export async function scratchSnapshot(
  database: Database,
  folder: string,
  options: EngineOptions,
): Promise<AtHand> {
  const cache = new ObjectFolder(join(folder, 'objects'));
  const keep: AtHand['keep'] = (digest, bytes) => cache.write(digest, bytes);
  const captured = await database.view((view) =>
    readSource(view, options, database.capabilities.engine, {
      keep: {known: cache.digests(), write: (entry, bytes) => keep(entry.digest, bytes)},
    }),
  );
  const author = randomUUID();
  const position = {lineage: randomUUID(), epoch: 1, sequence: 1};
  const {manifest, pages} = makeManifest(captured, {...position, author, parent: null});
  for (const {entry, bytes} of pages) keep(entry.digest, bytes);
  const bytes = encodeManifest(manifest);
  const digest = digestOf(bytes);
  const ref = {...position, author, digest, parent: undefined, storeId: '', time: manifest.created};
  const temporary = (): string => mkdtempSync(join(folder, 'fetch-'));
  const reader = new SnapshotReader({store: nowhere, cache, temporary});
  return {snapshot: {ref, manifest, bytes}, reader, keep};
}

/** All objects are at hand: nothing is ever asked of it. */
const nowhere: Store = {
  name: 'nowhere',
  list: async () => [],
  look: async () => ({snapshots: [], alive: []}),
  beat: async () => unreachable(),
  create: async () => unreachable(),
  save: async () => unreachable(),
  fetch: async () => unreachable(),
  forget: async () => unreachable(),
  prune: async () => unreachable(),
  check: async () => unreachable(),
  newestForeign: async () => unreachable(),
  unlock: async () => unreachable(),
};

function unreachable(): never {
  throw new Error('broken invariant: a passing snapshot is in no store');
}
