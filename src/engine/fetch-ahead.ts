/** What a replica needs of a new snapshot, fetched before its manifest says what that is. */
import {readdirSync} from 'node:fs';
import {join} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {digestOf, isDigest, type Digest} from '../canonical/digest.ts';
import {isEngineError} from '../kernel/errors.ts';
import {MANIFEST_BYTES_MAX} from '../kernel/format-limits.ts';
import {OBJECTS_AT_ONCE} from '../kernel/read-limits.ts';
import {MANIFEST_FILE} from '../snapshot/layout.ts';
import {decodeManifest} from '../snapshot/manifest-text.ts';
import type {ManifestTable} from '../snapshot/manifest.ts';
import {decodePage} from '../snapshot/pages.ts';
import {guarded, readBounded, removeAll} from '../state/files.ts';
import type {SnapshotRef} from '../store/port.ts';
import type {KnownSnapshot, ReaderOptions} from './snapshot-reader.ts';

export type Ahead = {
  readonly manifest: Uint8Array | undefined;
  /** Objects that are at hand now, and were not before. */
  readonly objects: ReadonlySet<Digest>;
};

/**
 * Nearly all objects of a snapshot are those of the one before. So all but those are fetched, with the manifest, in one round trip,
 * where manifest, index pages and chunks would take one each. What was missed, or got damaged, is fetched later as ever.
 *
 * Without one before, all are fetched.
 *
 * Undefined where it cannot be told which objects those are, or the store has no such way.
 */
export async function fetchAhead(
  {store, cache, temporary}: ReaderOptions,
  ref: SnapshotRef,
  base: KnownSnapshot | undefined,
): Promise<Ahead | undefined> {
  if (store.fetchOthers === undefined) return undefined;
  const into = temporary();
  try {
    const names = base === undefined ? [] : objectsOf(base, cache);
    if (names === undefined || !(await store.fetchOthers(ref, {names, into}))) return undefined;
    return {
      manifest: readBounded(join(into, MANIFEST_FILE), MANIFEST_BYTES_MAX),
      objects: await keepObjects(into, cache),
    };
  } catch (error) {
    // A damaged object may be one that is not needed, and a damaged record only makes this slower.
    if (isEngineError(error, 'SNAPSHOT_CORRUPT', 'SNAPSHOT_INCOMPLETE')) return undefined;
    throw error;
  } finally {
    removeAll(into);
  }
}

/** All that the store's own snapshot of that digest lists; what was made of it for another version lists others. */
function objectsOf(
  {digest, manifest}: KnownSnapshot,
  cache: ReaderOptions['cache'],
): readonly Digest[] | undefined {
  const bytes = digestOf(manifest) === digest ? manifest : cache.read(digest);
  if (bytes === undefined) return undefined;
  const listed = decodeManifest(bytes, digest).tables.map((table) => objectsIn(table, cache));
  return listed.every((digests) => digests !== undefined) ? listed.flat() : undefined;
}

function objectsIn(
  {name, chunks = [], pages = []}: ManifestTable,
  cache: ReaderOptions['cache'],
): readonly Digest[] | undefined {
  const digests = [...pages, ...chunks].map((entry) => entry.digest);
  for (const page of pages) {
    const bytes = cache.read(page.digest);
    if (bytes === undefined) return undefined;
    for (const chunk of decodePage(name, page, bytes)) digests.push(chunk.digest);
  }
  return digests;
}

/** Of what was fetched, what is what its name says. A large snapshot takes seconds, in which other work is let in. */
async function keepObjects(
  folder: string,
  cache: ReaderOptions['cache'],
): Promise<ReadonlySet<Digest>> {
  const kept = new Set<Digest>();
  const entries = guarded(folder, () =>
    readdirSync(folder, {recursive: true, withFileTypes: true}),
  );
  for (const [at, entry] of entries.entries()) {
    if (at % OBJECTS_AT_ONCE === 0) await setImmediate();
    if (!entry.isFile() || !isDigest(entry.name) || cache.has(entry.name)) continue;
    if (cache.take(entry.name, join(entry.parentPath, entry.name))) kept.add(entry.name);
  }
  return kept;
}
