/**
 * Reads files that someone else may have put into a store. What is no plain file (a link, a pipe that never
 * ends, a folder) is not read, nor one larger than it can be.
 */
import {constants} from 'node:fs';
import {open, type FileHandle} from 'node:fs/promises';
import {EngineError} from '../../kernel/errors.ts';
import {STORE_PART_BYTES} from '../../kernel/limits.ts';
import {FILE_MODE} from './durable-files.ts';
import {codeOf} from './store-errors.ts';

/** Windows knows neither; opening a pipe that nobody writes to would wait for ever without the second. */
const FLAGS = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);

/**
 * The text of a file of at most so many bytes.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` for anything else; errors of the system as they are.
 */
export async function readPlain(path: string, bytesMax: number): Promise<string> {
  const {file, size} = await openPlain(path, bytesMax);
  try {
    const parts: Buffer[] = [];
    for await (const part of partsOf(file, size, bytesMax)) parts.push(Buffer.from(part));
    return Buffer.concat(parts).toString('utf8');
  } finally {
    await file.close();
  }
}

/** Copies a file of at most so many bytes, in bounded memory. @throws as `readPlain`. */
export async function copyPlain(from: string, to: string, bytesMax: number): Promise<void> {
  const {file, size} = await openPlain(from, bytesMax);
  try {
    const copy = await open(to, 'w', FILE_MODE);
    try {
      for await (const part of partsOf(file, size, bytesMax)) await copy.writeFile(part);
    } finally {
      await copy.close();
    }
  } finally {
    await file.close();
  }
}

/** The bytes of a file from its beginning, each part overwritten by the next. Streams take several times as long for small files. */
async function* partsOf(
  file: FileHandle,
  size: number,
  bytesMax: number,
): AsyncGenerator<Uint8Array> {
  const part = Buffer.allocUnsafe(Math.min(size + 1, STORE_PART_BYTES)); // one more shows that a small file ends there
  for (let at = 0; at < bytesMax;) {
    const wanted = Math.min(part.length, bytesMax - at);
    const {bytesRead} = await file.read(part, 0, wanted, at);
    if (bytesRead > 0) yield part.subarray(0, bytesRead);
    at += bytesRead;
    if (bytesRead < wanted) return;
  }
}

/** True for a plain file, which may be read to its end. */
export async function isPlain(path: string, bytesMax: number): Promise<boolean> {
  try {
    await (await openPlain(path, bytesMax)).file.close();
    return true;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}

type Opened = {readonly file: FileHandle; readonly size: number};

async function openPlain(path: string, bytesMax: number): Promise<Opened> {
  const file = await openAsItIs(path);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw corrupt(path, 'it is no plain file');
    if (stat.size > bytesMax) throw corrupt(path, `it is larger than ${bytesMax} bytes`);
    return {file, size: stat.size};
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** ELOOP: a link. ENXIO: a socket, or a device without a driver. */
async function openAsItIs(path: string): Promise<FileHandle> {
  try {
    return await open(path, FLAGS);
  } catch (error) {
    if (['ELOOP', 'EMLINK', 'ENXIO', 'ENODEV'].includes(codeOf(error) ?? ''))
      throw corrupt(path, 'it is no plain file');
    throw error;
  }
}

function corrupt(path: string, why: string): EngineError {
  return new EngineError('SNAPSHOT_CORRUPT', `cannot read ${path} of the store: ${why}`, {
    site: {path},
    hint: 'Someone else has written to the store: restore it from a copy, or replicate another snapshot.',
  });
}
