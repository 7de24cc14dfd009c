/** Reads snapshots out of a store, through the objects that are already at hand. */
import {join} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import {digestOf, type Digest} from '../canonical/digest.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import {MANIFEST_BYTES_MAX} from '../kernel/format-limits.ts';
import {OBJECTS_AT_ONCE} from '../kernel/read-limits.ts';
import type {CanonicalRow, WireRow} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {chunkCells} from '../snapshot/chunk-cells.ts';
import {chunkLines, decodeKnown} from '../snapshot/chunk.ts';
import {tableContent, type ChunkEntry} from '../snapshot/content.ts';
import {MANIFEST_FILE, objectPath} from '../snapshot/layout.ts';
import {decodeManifest} from '../snapshot/manifest-text.ts';
import {shapeOf, type Manifest, type ManifestTable} from '../snapshot/manifest.ts';
import {decodePage} from '../snapshot/pages.ts';
import {readBounded, removeAll} from '../state/files.ts';
import {fetchAhead} from './fetch-ahead.ts';
import {recordedManifest} from './recorded.ts';
import type {SnapshotRef, Store} from '../store/port.ts';

/** Where fetched objects are kept: the state's own folder, or a passing one. */
type ObjectCache = {
  has(digest: Digest): boolean;
  /** Bytes that have this digest, and are no more than any chunk can be; undefined where there are none. */
  read(digest: Digest): Uint8Array | undefined;
  /** True where `read` finds them, without holding them all. */
  isWhole(digest: Digest): boolean;
  /** Bytes of what is there under that name; 0 for nothing. */
  size(digest: Digest): number;
  /** Moves a file in, where it is that object; else it is left alone. */
  take(digest: Digest, path: string): boolean;
};

export type ReaderOptions = {
  readonly store: Pick<Store, 'fetch' | 'fetchOthers'>;
  readonly cache: ObjectCache;
  /** Makes an empty folder for files on their way. */
  readonly temporary: () => string;
};

/** One snapshot: its manifest, and its objects on demand. */
export type Snapshot = {
  readonly ref: SnapshotRef;
  readonly manifest: Manifest;
  readonly bytes: Uint8Array;
  /** Where it was adapted, by table: columns that only this database has, filled with what rows hold here. */
  readonly own?: ReadonlyMap<string, OwnColumns> | undefined;
};

/** By name, columns that only this database has, each with the values, as encoded keys, that rows do not keep there. */
export type OwnColumns = ReadonlyMap<string, ReadonlySet<string>>;

/** A manifest that is kept in the state. */
export type KnownSnapshot = {readonly digest: Digest; readonly manifest: Uint8Array};

export class SnapshotReader {
  readonly #options: ReaderOptions;
  /** What index pages list, for tables that have them: they are asked for several times. */
  readonly #listed = new WeakMap<ManifestTable, readonly ChunkEntry[]>();
  /** Objects that were fetched before anyone asked for them. */
  #ahead: ReadonlySet<Digest> = new Set();
  /** Objects that were digested when they came: a moment later they need not be looked into to be found whole. */
  readonly #fresh = new Set<Digest>();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  /** Fetches the manifest; `known` saves the round trip where the caller has these bytes already. */
  async open(ref: SnapshotRef, known?: KnownSnapshot): Promise<Snapshot> {
    const kept = isAtHand(known, ref) ? known.manifest : this.#options.cache.read(ref.digest);
    const bytes = kept ?? (await this.#fetchManifest(ref));
    const manifest = decodeManifest(bytes, ref.digest);
    if (!isLabelOf(ref, manifest)) throw otherLabel(ref);
    return {ref, manifest, bytes};
  }

  /**
   * As `open`, for a snapshot that is going to be read: with the manifest come the objects that the one before, `known`, does not list.
   *
   * @param needsAll Asked where there is none before: whether next to all of its objects may be expected to be needed.
   */
  async openNext(
    ref: SnapshotRef,
    known: KnownSnapshot | undefined,
    needsAll: () => Promise<boolean>,
  ): Promise<Snapshot> {
    const {cache} = this.#options;
    if (isAtHand(known, ref) || cache.has(ref.digest)) return this.open(ref, known);
    if (known === undefined && !(await needsAll())) return this.open(ref);
    const ahead = await fetchAhead(this.#options, ref, known);
    this.#ahead = ahead?.objects ?? this.#ahead;
    for (const digest of this.#ahead) this.#fresh.add(digest);
    const {manifest} = ahead ?? {};
    return this.open(ref, manifest && {digest: ref.digest, manifest});
  }

  /** A snapshot whose manifest is at hand; its objects are read from the cache, and fetched from nowhere. */
  reopen(known: KnownSnapshot): Snapshot {
    const manifest = recordedManifest(known);
    const ref = {
      ...manifest,
      digest: known.digest,
      parent: manifest.parent ?? undefined,
      storeId: '',
      time: '',
    };
    return {ref, manifest, bytes: known.manifest};
  }

  /** The chunks of a table, index pages followed. */
  async chunks(snapshot: Snapshot, table: ManifestTable): Promise<readonly ChunkEntry[]> {
    if (table.chunks !== undefined) return table.chunks;
    const known = this.#listed.get(table) ?? (await this.#list(snapshot, table));
    this.#listed.set(table, known);
    return known;
  }

  async #list(snapshot: Snapshot, table: ManifestTable): Promise<readonly ChunkEntry[]> {
    const pages = table.pages ?? [];
    await this.fetch(
      snapshot,
      pages.map((page) => page.digest),
    );
    const chunks = pages.flatMap((page) => decodePage(table.name, page, this.#bytes(page.digest)));
    if (tableContent(shapeOf(table), chunks).digest === table.digest) return chunks;
    throw new EngineError(
      'SNAPSHOT_CORRUPT',
      `the index of table "${table.name}" does not fit its digest`,
      {
        site: {table: table.name, snapshot: snapshot.ref.digest},
        hint: 'Take another snapshot; this one was written by a faulty program or altered.',
      },
    );
  }

  /** Brings objects into the cache, all that are missing in one round trip. Returns how many of them were fetched, now or ahead. */
  async fetch(snapshot: Snapshot, digests: readonly Digest[]): Promise<number> {
    const {cache, store} = this.#options;
    const wanted = [...new Set(digests)];
    const missing = await this.#missing(wanted);
    const fetched = wanted.filter((digest) => this.#ahead.has(digest)).length;
    if (missing.length === 0) return fetched;
    const {depth} = snapshot.manifest;
    await this.#inTemporary(async (into) => {
      const files = missing.map((digest) => objectPath(digest, depth));
      await store.fetch(snapshot.ref, {files, into, filesTotal: filesOf(snapshot.manifest)});
      for (const [at, digest] of missing.entries()) {
        if (at % OBJECTS_AT_ONCE === 0) await setImmediate();
        if (cache.take(digest, join(into, must(files[at], 'one path each'))))
          this.#fresh.add(digest);
      }
    });
    return fetched + missing.filter((digest) => !this.#ahead.has(digest)).length;
  }

  /** Those that are not at hand, or damaged. All of a large table take seconds to look into, in which other work is let in. */
  async #missing(wanted: readonly Digest[]): Promise<readonly Digest[]> {
    const missing: Digest[] = [];
    for (const [at, digest] of wanted.entries()) {
      if (at % OBJECTS_AT_ONCE === 0) await setImmediate();
      if (!this.#fresh.has(digest) && !this.isWhole(digest)) missing.push(digest);
    }
    return missing;
  }

  /** True where an object is at hand, whole or damaged. */
  has(digest: Digest): boolean {
    return this.#options.cache.has(digest);
  }

  /** As `has`, for objects that could not be fetched anew: a damaged one is gone then. */
  isWhole(digest: Digest): boolean {
    return this.#options.cache.isWhole(digest);
  }

  /**
   * Rows of a chunk that was fetched.
   *
   * @param alike Rows in key order that are mostly those of the chunk, which spares parsing them.
   * @throws {EngineError} `SNAPSHOT_CORRUPT`, `SNAPSHOT_INCOMPLETE`.
   */
  rows(
    shape: TableShape,
    entry: ChunkEntry,
    alike?: readonly CanonicalRow[],
  ): readonly CanonicalRow[] {
    return decodeKnown(shape, entry, this.#bytes(entry.digest), alike);
  }

  /** Texts of the same rows; that they are rows is left to whoever takes them apart. */
  lines(shape: TableShape, entry: ChunkEntry): readonly string[] {
    return chunkLines(shape, entry, this.#bytes(entry.digest));
  }

  /** Cells of the same rows one by one, as they are: for rows that are proved where they end up. */
  cells(shape: TableShape, entry: ChunkEntry): Iterable<WireRow> {
    return chunkCells(shape, entry, this.#bytes(entry.digest));
  }

  /** Characters of a chunk that was fetched. */
  characters({digest}: ChunkEntry): number {
    const {buffer, byteOffset, byteLength} = this.#bytes(digest);
    return Buffer.from(buffer, byteOffset, byteLength).toString().length;
  }

  /** Bytes of a chunk that was fetched, which is not read for that. */
  size({digest}: ChunkEntry): number {
    return this.#options.cache.size(digest);
  }

  #bytes(digest: Digest): Uint8Array {
    const bytes = this.#options.cache.read(digest);
    if (bytes !== undefined) return bytes;
    throw new EngineError(
      'SNAPSHOT_CORRUPT',
      `object ${digest.slice(0, 12)} of the snapshot is damaged or missing`,
      {
        hint: 'Check the store (restic check --read-data), or replicate another snapshot with --snapshot.',
      },
    );
  }

  async #fetchManifest(ref: SnapshotRef): Promise<Uint8Array> {
    return this.#inTemporary(async (into) => {
      await this.#options.store.fetch(ref, {files: [MANIFEST_FILE], into});
      const bytes = readBounded(join(into, MANIFEST_FILE), MANIFEST_BYTES_MAX);
      if (bytes !== undefined) return bytes;
      throw new EngineError('SNAPSHOT_INCOMPLETE', 'the snapshot has no manifest', {
        site: {snapshot: ref.storeId},
      });
    });
  }

  async #inTemporary<T>(work: (folder: string) => Promise<T>): Promise<T> {
    const folder = this.#options.temporary();
    try {
      return await work(folder);
    } finally {
      removeAll(folder);
    }
  }
}

/** What the state keeps may be damaged; the store has it, too. */
function isAtHand(known: KnownSnapshot | undefined, ref: SnapshotRef): known is KnownSnapshot {
  return known?.digest === ref.digest && digestOf(known.manifest) === ref.digest;
}

/** What the store says of a snapshot has to be what the snapshot says of itself. */
function isLabelOf(ref: SnapshotRef, manifest: Manifest): boolean {
  const {lineage, epoch, sequence, author, parent} = manifest;
  const same = ref.lineage === lineage && ref.epoch === epoch && ref.sequence === sequence;
  return same && ref.author === author && (ref.parent ?? null) === parent;
}

function otherLabel(ref: SnapshotRef): EngineError {
  return new EngineError(
    'SNAPSHOT_CORRUPT',
    'the store labels the snapshot with another position than its manifest has',
    {
      site: {snapshot: ref.storeId},
      hint: 'Its tags were altered; remove that snapshot from the store, or name another with --snapshot.',
    },
  );
}

/** How many files the snapshot has, manifest included; repeated chunks are counted more than once. */
function filesOf(manifest: Manifest): number {
  const counts = manifest.tables.map(({chunks, pages}) => {
    const inPages = (pages ?? []).reduce((sum, page) => sum + page.chunks + 1, 0);
    return (chunks?.length ?? 0) + inPages;
  });
  return counts.reduce((sum, count) => sum + count, 1);
}
