/**
 * A token like those that Uptime Kuma gives to browsers, made of what is in its database: whoever can read that could write to it, too,
 * so that no right is gained, and no password has to be kept for it.
 */
import {createHash, createHmac} from 'node:crypto';
import {RELOAD_TOKEN_S} from '../../../kernel/limits.ts';

export type TokenOf = {
  readonly username: string;
  /** As the database has it: a hash. */
  readonly password: string;
  /** `jwtSecret` of the settings. */
  readonly secret: string;
  /** Seconds since 1970. */
  readonly now: number;
};

/** Bytes of the digest of the password that the token is bound to. */
const SHAKE_BYTES = 16;

/** JWT, HS256. It expires within minutes, which those of browsers do not. */
export function mintToken({username, password, secret, now}: TokenOf): string {
  const shake = createHash('shake256', {outputLength: SHAKE_BYTES});
  const h = password === '' ? '' : shake.update(password).digest('hex');
  const body = {username, h, iat: now, exp: now + RELOAD_TOKEN_S};
  const signed = [{alg: 'HS256', typ: 'JWT'}, body].map(encoded).join('.');
  return `${signed}.${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}

const encoded = (part: object): string => Buffer.from(JSON.stringify(part)).toString('base64url');
