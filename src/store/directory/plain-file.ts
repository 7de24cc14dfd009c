/**
 * Reads files that someone else may have put into a store. What is no plain file (a link, a pipe that never
 * ends, a folder) is not read, nor one larger than it can be.
 */
import {constants, createWriteStream} from 'node:fs';
import {open, type FileHandle} from 'node:fs/promises';
import {pipeline} from 'node:stream/promises';
import {EngineError} from '../../kernel/errors.ts';
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
  const file = await openPlain(path, bytesMax);
  try {
    const chunks: Buffer[] = [];
    for await (const chunk of file.createReadStream({autoClose: false, end: bytesMax - 1}))
      chunks.push(chunk as Buffer);
    return Buffer.concat(chunks).toString('utf8');
  } finally {
    await file.close();
  }
}

/** Copies a file of at most so many bytes, in bounded memory. @throws as `readPlain`. */
export async function copyPlain(from: string, to: string, bytesMax: number): Promise<void> {
  const file = await openPlain(from, bytesMax);
  try {
    await pipeline(
      file.createReadStream({autoClose: false, end: bytesMax - 1}),
      createWriteStream(to, {mode: FILE_MODE}),
    );
  } finally {
    await file.close();
  }
}

/** True for a plain file, which may be read to its end. */
export async function isPlain(path: string, bytesMax: number): Promise<boolean> {
  try {
    await (await openPlain(path, bytesMax)).close();
    return true;
  } catch (error) {
    if (error instanceof EngineError) return false;
    throw error;
  }
}

async function openPlain(path: string, bytesMax: number): Promise<FileHandle> {
  const file = await openAsItIs(path);
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw corrupt(path, 'it is no plain file');
    if (stat.size > bytesMax) throw corrupt(path, `it is larger than ${bytesMax} bytes`);
    return file;
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
