/** Digests of data. Hashes only ever skip work; equality is decided by typed values. */
import {createHash} from 'node:crypto';

/** SHA-256 in lower-case hex. */
export type Digest = string;

export function digestOf(data: string | Uint8Array): Digest {
  return createHash('sha256').update(data).digest('hex');
}

const DIGEST = /^[0-9a-f]{64}$/;

export function isDigest(text: string): boolean {
  return DIGEST.test(text);
}
