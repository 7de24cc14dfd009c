/** Tells whether the password is the one that opened a repository before, without keeping it. */
import {createHash, randomBytes, scrypt} from 'node:crypto';
import {readFile} from 'node:fs/promises';
import {PASSWORD_PRINT_COST} from '../../kernel/limits.ts';

/** Of no use but to recognise the password: trying others against it costs, each, what `PASSWORD_PRINT_COST` says. */
export type PasswordPrint = {readonly salt: string; readonly hash: string};

const SALT_BYTES = 16;
const HASH_BYTES = 32;

/**
 * What restic would open a repository with. Undefined where a command of the user's tells it, which has to run, or where it
 * cannot be read.
 *
 * @param env As restic gets it.
 */
export async function secretOf(env: NodeJS.ProcessEnv): Promise<string | undefined> {
  if (env['RESTIC_PASSWORD_COMMAND']) return undefined;
  const path = env['RESTIC_PASSWORD_FILE'];
  if (!path) return secret('variable', env['RESTIC_PASSWORD'] ?? '');
  try {
    return secret('file', await readFile(path, 'utf8'));
  } catch {
    return undefined;
  }
}

/** A digest, for this process's memory alone. */
function secret(from: string, password: string): string {
  return createHash('sha256').update(`${from}\n${password}`).digest('hex');
}

export async function printPassword(
  secret: string,
  salt: string = randomBytes(SALT_BYTES).toString('hex'),
): Promise<PasswordPrint> {
  const {promise, resolve, reject} = Promise.withResolvers<PasswordPrint>();
  scrypt(secret, salt, HASH_BYTES, {N: PASSWORD_PRINT_COST}, (error, key) =>
    error === null ? resolve({salt, hash: key.toString('hex')}) : reject(error),
  );
  return promise;
}
