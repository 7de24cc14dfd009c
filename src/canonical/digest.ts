/** Digests of data. Hashes only ever skip work; equality is decided by typed values. */
import {createHash} from 'node:crypto';

/** SHA-256 in lower-case hex. */
export type Digest = string;

export function digestOf(data: string | Uint8Array): Digest {
  return createHash('sha256').update(data).digest('hex');
}

/** Of texts of which none holds a line break, one a line. */
export function digestOfLines(lines: Iterable<string>): Digest {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(line).update('\n');
  return hash.digest('hex');
}

/** For data that comes in pieces. */
export function digester(): {
  readonly update: (piece: Uint8Array) => void;
  readonly digest: () => Digest;
} {
  const hash = createHash('sha256');
  return {update: (piece) => void hash.update(piece), digest: () => hash.digest('hex')};
}

const DIGEST = /^[0-9a-f]{64}$/;

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}
