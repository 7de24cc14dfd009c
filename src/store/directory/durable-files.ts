/** Writing files so that they are there, whole, after a power failure. */
import {createHash, randomUUID} from 'node:crypto';
import {createReadStream, createWriteStream} from 'node:fs';
import {mkdir, open, rename, writeFile} from 'node:fs/promises';
import {dirname, join} from 'node:path';
import {Transform} from 'node:stream';
import {pipeline} from 'node:stream/promises';

/** Snapshots hold secrets: only the owner reads them. */
export const FOLDER_MODE = 0o700;
export const FILE_MODE = 0o600;

/** A path in `folder` that no other writer uses. */
export function uniquePath(folder: string, prefix = ''): string {
  return join(folder, prefix + randomUUID());
}

/** Writes text and flushes it. The folder's entry is not flushed: see `syncFolder`. */
export async function writeFlushed(
  path: string,
  text: string,
  flag: 'w' | 'wx' = 'wx',
): Promise<void> {
  await writeFile(path, text, {mode: FILE_MODE, flag, flush: true});
}

/** Copies a file, flushes the copy, and returns the SHA-256 of its bytes in hex. Memory is bounded. */
export async function copyFlushed(from: string, to: string): Promise<string> {
  const hash = createHash('sha256');
  const tap = new Transform({
    transform(bytes: Buffer, _encoding, done) {
      hash.update(bytes);
      done(null, bytes);
    },
  });
  const target = createWriteStream(to, {mode: FILE_MODE, flags: 'wx', flush: true});
  await pipeline(createReadStream(from), tap, target);
  return hash.digest('hex');
}

/** The SHA-256 of a file's bytes in hex. */
export async function digestFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return hash.digest('hex');
}

/** Moves a flushed file or folder to its name in one step. */
export async function moveInto(from: string, to: string): Promise<void> {
  await mkdir(dirname(to), {recursive: true, mode: FOLDER_MODE});
  await rename(from, to);
}

/** Flushes a folder's entries: only then does a file that was moved there stay. */
export async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
