/** Files of the state folder: secrets in clear, so 0600 in folders of 0700, and never half written. */
import {
  chmodSync,
  closeSync,
  fsyncSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import {dirname} from 'node:path';
import {digester, type Digest} from '../canonical/digest.ts';
import {EngineError} from '../kernel/errors.ts';

const FOLDER_MODE = 0o700;
const FILE_MODE = 0o600;
/** Bytes of a file digested at a time: most objects are read in one piece. */
const DIGEST_BYTES = 256 * 1024;

export function makeFolder(path: string): void {
  guarded(path, () => mkdirSync(path, {recursive: true, mode: FOLDER_MODE}));
}

/** False only where nothing is there. What may not be looked at is no reason to believe so. */
export function isThere(path: string): boolean {
  return guarded(path, () => statSync(path, {throwIfNoEntry: false}) !== undefined);
}

/** Takes all rights away from others, where they have any. */
export function keepToOwner(path: string): void {
  guarded(path, () => {
    if ((statSync(path).mode & 0o777) !== FILE_MODE) chmodSync(path, FILE_MODE);
  });
}

/** Makes a file where there is none. One that is there is not even opened: to close it would end this process's locks on it. */
export function makeEmptyFile(path: string): void {
  guarded(path, () => {
    try {
      writeFileSync(path, '', {flag: 'wx', mode: FILE_MODE});
    } catch (error) {
      if (codeOf(error) !== 'EEXIST') throw error;
    }
  });
}

/** Writes a file under its name only once its bytes are on disk. */
export function writeDurably(path: string, bytes: Uint8Array): void {
  writePartial(path, bytes, fsyncSync);
}

/** Writes a file under its name once it is whole, for every process that looks; after a power failure it may be anything. */
export function writeWhole(path: string, bytes: Uint8Array): void {
  writePartial(path, bytes, () => {});
}

function writePartial(path: string, bytes: Uint8Array, sync: (file: number) => void): void {
  const partial = `${path}.partial`;
  guarded(path, () => {
    const file = inFolder(partial, () => openSync(partial, 'w', FILE_MODE));
    try {
      for (let at = 0; at < bytes.byteLength;) at += writeSync(file, bytes, at);
      sync(file);
    } finally {
      closeSync(file);
    }
    renameSync(partial, path);
  });
}

/** Waits until the bytes of a file are on disk. */
export function syncFile(path: string): void {
  guarded(path, () => {
    const file = openSync(path, 'r');
    try {
      fsyncSync(file);
    } finally {
      closeSync(file);
    }
  });
}

/** Moves a file to its name, in a folder that is made where it is missing. */
export function moveTo(path: string, from: string): void {
  guarded(path, () => inFolder(path, () => renameSync(from, path)));
}

/** Nearly always the folder is there: that it is not shows soon enough. */
function inFolder<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    if (codeOf(error) !== 'ENOENT') throw error;
    mkdirSync(dirname(path), {recursive: true, mode: FOLDER_MODE});
    return operation();
  }
}

/** Removes a file, if it is there. */
export function removeFile(path: string): void {
  guarded(path, () => {
    try {
      unlinkSync(path);
    } catch (error) {
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  });
}

/** Bytes of what is there; 0 for nothing. */
export function sizeOf(path: string): number {
  return guarded(path, () => lstatSync(path, {throwIfNoEntry: false})?.size ?? 0);
}

/** Bytes of a plain file of at most so many; undefined where there is none, or it is anything else. */
export function readBounded(path: string, bytesMax: number): Uint8Array | undefined {
  const stat = lstatSync(path, {throwIfNoEntry: false});
  return stat?.isFile() === true && stat.size <= bytesMax ? readFileSync(path) : undefined;
}

/** Read into again and again: what is only digested shall leave nothing behind. */
const scratch = Buffer.allocUnsafe(DIGEST_BYTES);

/** Digest of a plain file of at most so many bytes, read piece by piece; undefined where there is none, or it is anything else. */
export function digestBounded(path: string, bytesMax: number): Digest | undefined {
  const stat = lstatSync(path, {throwIfNoEntry: false});
  if (stat?.isFile() !== true || stat.size > bytesMax) return undefined;
  const file = openSync(path, 'r');
  try {
    const digesting = digester();
    for (let read = readSync(file, scratch); read > 0; read = readSync(file, scratch))
      digesting.update(scratch.subarray(0, read));
    return digesting.digest();
  } finally {
    closeSync(file);
  }
}

export function removeAll(path: string): void {
  guarded(path, () => rmSync(path, {recursive: true, force: true}));
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the disk quota is used up',
  EROFS: 'it is on a read-only file system',
  EACCES: 'access is denied',
  EPERM: 'access is denied',
  EIO: 'the disk reported an error',
  ENOTDIR: 'a part of the path is not a folder',
  ENOENT: 'it is not there',
};

/** Runs a file operation; failures of the file system become `STATE_UNWRITABLE`. */
export function guarded<T>(
  path: string,
  operation: () => T,
  hint = 'Make room or access for the state folder, or choose another with --state.',
): T {
  try {
    return operation();
  } catch (cause) {
    const why = reasonOf(cause);
    if (why === undefined) throw cause;
    throw new EngineError('STATE_UNWRITABLE', `cannot use ${path}: ${why}`, {
      site: {path},
      hint,
      retryable: true,
      cause,
    });
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

/** Undefined for what is no error of the system. To some of those Node gives no code, only a text. */
function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof Error && 'code' in error)) return undefined;
  const code = String(error.code);
  if (code in REASONS || !('syscall' in error)) return REASONS[code];
  return `the system says ${code || error.message.replace(/^\W+/, '')}`;
}
