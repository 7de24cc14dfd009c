/** Small text files: no more is read than may be there, whatever the path leads to. */
import {closeSync, existsSync, openSync, readSync} from 'node:fs';
import {EngineError} from '../kernel/errors.ts';
import {CONFIG_BYTES_MAX} from '../kernel/limits.ts';
import type {Files} from '../profiles/predecessor.ts';

type Read =
  | {readonly text: string}
  /** Why there is none; it quotes nothing of the content. */
  | {readonly why: string; readonly cause?: unknown};

export function readText(path: string, bytesMax: number): Read {
  const bytes = Buffer.alloc(bytesMax + 1);
  let length = 0;
  try {
    const file = openSync(path, 'r');
    try {
      for (let read = -1; read !== 0; length += read)
        read = readSync(file, bytes, length, bytes.length - length, null);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    return {why: missing ? 'there is no such file' : 'it cannot be read', cause};
  }
  if (length > bytesMax) return {why: `it has more than ${bytesMax} bytes`};
  return {text: bytes.toString('utf8', 0, length)};
}

/** Files of another tool's configuration. */
export const besides: Files = {
  exists: existsSync,
  read: (path) => {
    if (!existsSync(path)) return undefined;
    const read = readText(path, CONFIG_BYTES_MAX);
    if ('text' in read) return read.text;
    throw new EngineError('CONFIG_INVALID', `${path}: ${read.why}`, {
      site: {path},
      hint: 'Let this user read it.',
      cause: read.cause,
    });
  },
};
