/**
 * The objects of one snapshot as files: the staging folder of a primary, in the very layout in which the store keeps them, and the cache of a
 * replica, in one folder. Unchanged objects stay untouched from snapshot to
 * snapshot, so that restic does not read them again.
 */
import {existsSync, readdirSync, rmSync, rmdirSync} from 'node:fs';
import {join} from 'node:path';
import {digestOf, isDigest, type Digest} from '../canonical/digest.ts';
import {CHUNK_BYTES_MAX, FOLDER_DEPTH_MAX} from '../kernel/format-limits.ts';
import {MANIFEST_FILE, objectPath, OBJECTS_FOLDER} from '../snapshot/layout.ts';
import {
  digestBounded,
  guarded,
  keepToOwner,
  makeFolder,
  moveTo,
  readBounded,
  removeFile,
  sizeOf,
  syncFile,
  writeDurably,
  writeWhole,
} from './files.ts';

export class ObjectFolder {
  readonly root: string;
  /** Digest → folder levels above its file. */
  readonly #known = new Map<Digest, number>();
  /** Where new objects go: most likely where they stay. */
  #depth = 0;

  constructor(root: string) {
    this.root = root;
    makeFolder(root);
    guarded(root, () => this.#index(join(root, OBJECTS_FOLDER), 0));
  }

  has(digest: Digest): boolean {
    return this.#known.has(digest);
  }

  /** All that are kept, whole or not. */
  digests(): ReadonlySet<Digest> {
    return new Set(this.#known.keys());
  }

  /** Bytes of an object, or undefined where it is missing or damaged: then it is gone, and the caller fetches it anew. */
  read(digest: Digest): Uint8Array | undefined {
    const found = this.#bytesOf(digest);
    if (found === undefined) return undefined;
    if (found.bytes !== undefined && digestOf(found.bytes) === digest) return found.bytes;
    this.#remove(digest, found.path);
    return undefined;
  }

  /** Bytes of what is there under that name, whole or damaged; 0 for nothing. */
  size(digest: Digest): number {
    const depth = this.#known.get(digest);
    return depth === undefined ? 0 : sizeOf(this.#path(digest, depth));
  }

  /** As `read` finds it, without its bytes. */
  isWhole(digest: Digest): boolean {
    const depth = this.#known.get(digest);
    if (depth === undefined) return false;
    const path = this.#path(digest, depth);
    if (guarded(path, () => digestBounded(path, CHUNK_BYTES_MAX)) === digest) return true;
    this.#remove(digest, path);
    return false;
  }

  /**
   * Keeps an object. One that is there whole is left alone. None is waited for until it is on disk: whatever reads an object digests it,
   * and has it anew where a power failure took it.
   */
  write(digest: Digest, bytes: Uint8Array): void {
    // Looked into, because a store may keep what is staged without looking, and no replica could read it.
    const found = this.#bytesOf(digest);
    if (found?.bytes !== undefined && Buffer.compare(found.bytes, bytes) === 0) return;
    if (found !== undefined) this.#remove(digest, found.path);
    writeWhole(this.#path(digest, this.#depth), bytes);
    this.#known.set(digest, this.#depth);
  }

  /** Keeps a file of the same disk as an object, under its own name alone; false, and it stays, where it is not that object. */
  take(digest: Digest, path: string): boolean {
    return guarded(path, () => {
      if (digestBounded(path, CHUNK_BYTES_MAX) !== digest) return false;
      const depth = this.#known.get(digest) ?? this.#depth;
      keepToOwner(path); // it comes with the rights that it had where it was stored
      moveTo(this.#path(digest, depth), path);
      this.#known.set(digest, depth);
      return true;
    });
  }

  /** Waits until those that are there are on disk: for objects that no store may have any more when they are needed. */
  sync(digests: Iterable<Digest>): void {
    for (const digest of digests) {
      const depth = this.#known.get(digest);
      if (depth !== undefined) syncFile(this.#path(digest, depth));
    }
  }

  /** What is there under that name, whole or damaged. */
  #bytesOf(
    digest: Digest,
  ): {readonly path: string; readonly bytes: Uint8Array | undefined} | undefined {
    const depth = this.#known.get(digest);
    if (depth === undefined) return undefined;
    const path = this.#path(digest, depth);
    return {path, bytes: guarded(path, () => readBounded(path, CHUNK_BYTES_MAX))};
  }

  writeManifest(bytes: Uint8Array): void {
    writeDurably(join(this.root, MANIFEST_FILE), bytes);
  }

  /** Keeps exactly these objects, at this depth, and returns the relative paths of all files. */
  arrange(digests: ReadonlySet<Digest>, depth: number): readonly string[] {
    for (const [digest, now] of this.#known) {
      const path = this.#path(digest, now);
      if (!digests.has(digest)) this.#remove(digest, path);
      else if (now !== depth) this.#move(digest, path, depth);
    }
    this.#depth = depth;
    guarded(this.root, () => removeEmptyFolders(join(this.root, OBJECTS_FOLDER)));
    return [MANIFEST_FILE, ...[...digests].map((digest) => objectPath(digest, depth))];
  }

  #path(digest: Digest, depth: number): string {
    return join(this.root, objectPath(digest, depth));
  }

  #remove(digest: Digest, path: string): void {
    removeFile(path);
    this.#known.delete(digest);
  }

  #move(digest: Digest, path: string, depth: number): void {
    moveTo(this.#path(digest, depth), path);
    this.#known.set(digest, depth);
  }

  #note(digest: Digest, depth: number): void {
    this.#known.set(digest, depth);
    this.#depth = depth;
  }

  #index(folder: string, depth: number): void {
    if (!existsSync(folder)) return;
    for (const entry of readdirSync(folder, {withFileTypes: true})) {
      if (entry.isDirectory() && isDigest(entry.name))
        rmSync(join(folder, entry.name), {recursive: true}); // nothing that this writes
      else if (entry.isDirectory()) this.#index(join(folder, entry.name), depth + 1);
      else if (isDigest(entry.name)) this.#note(entry.name, depth);
      else rmSync(join(folder, entry.name), {force: true}); // left by an interrupted write
    }
  }
}

/** Bytes of an object beside a process that may be writing: nothing is put in order. Undefined where it is missing or damaged. */
export function peekObject(root: string, digest: Digest): Uint8Array | undefined {
  for (let depth = 0; depth <= FOLDER_DEPTH_MAX; depth++) {
    const path = join(root, objectPath(digest, depth));
    const bytes = guarded(path, () => readBounded(path, CHUNK_BYTES_MAX));
    if (bytes !== undefined && digestOf(bytes) === digest) return bytes;
  }
  return undefined;
}

function removeEmptyFolders(folder: string): void {
  if (!existsSync(folder)) return;
  for (const entry of readdirSync(folder, {withFileTypes: true})) {
    if (!entry.isDirectory()) continue;
    const inner = join(folder, entry.name);
    removeEmptyFolders(inner);
    if (readdirSync(inner).length === 0) rmdirSync(inner);
  }
}
