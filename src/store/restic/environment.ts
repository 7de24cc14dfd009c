/** The environment that restic runs in: the user's own, with what Rowplica must add. */
import {accessSync, constants, statSync} from 'node:fs';
import {resolve} from 'node:path';
import {EngineError} from '../../kernel/errors.ts';
import type {Location} from './location.ts';

const PASSWORDS = ['RESTIC_PASSWORD', 'RESTIC_PASSWORD_FILE', 'RESTIC_PASSWORD_COMMAND'];
/** Names of files that restic opens: made absolute, because backups run in another folder. */
const FILES = [
  'RESTIC_REPOSITORY_FILE',
  'RESTIC_PASSWORD_FILE',
  'RESTIC_CACHE_DIR',
  'RESTIC_CACERT',
  'RESTIC_TLS_CLIENT_CERT',
  'GOOGLE_APPLICATION_CREDENTIALS',
];

export type EnvironmentOptions = {
  readonly env: NodeJS.ProcessEnv;
  readonly location: Location;
  readonly passwordFile?: string | undefined;
  readonly cacheDir?: string | undefined;
};

/**
 * The variables of a restic process. The user's pass through, but for Rowplica's own, some of which are secrets; the repository is handed over here and
 * never as an argument, because an address may hold a password and arguments are public. A password
 * the user set goes before `passwordFile`, a cache that restic can find itself before `cacheDir`.
 *
 * @throws {EngineError} `STORE_PASSWORD` where no password is named: restic would ask for it.
 */
export function makeEnvironment(options: EnvironmentOptions): NodeJS.ProcessEnv {
  const {location, passwordFile, cacheDir} = options;
  const env: NodeJS.ProcessEnv = {...options.env};
  for (const name of Object.keys(env)) if (name.startsWith('ROWPLICA_')) delete env[name];
  for (const name of FILES) if (env[name]) env[name] = resolve(env[name]);

  if (!location.inFile) {
    env['RESTIC_REPOSITORY'] = location.repository;
    delete env['RESTIC_REPOSITORY_FILE'];
  }
  if (!hasPassword(env)) env['RESTIC_PASSWORD_FILE'] = resolve(mustHavePassword(passwordFile));
  if (cacheDir !== undefined && !findsCache(env)) env['RESTIC_CACHE_DIR'] = resolve(cacheDir);
  // In JSON mode restic otherwise reports sixty times a second. The first report says that it holds
  // its lock (see stop-child.ts), so it should not be long in coming either.
  env['RESTIC_PROGRESS_FPS'] ||= '10';
  return env;
}

function hasPassword(env: NodeJS.ProcessEnv): boolean {
  return PASSWORDS.some((name) => Boolean(env[name]));
}

function mustHavePassword(passwordFile: string | undefined): string {
  if (passwordFile) return passwordFile;
  throw new EngineError('STORE_PASSWORD', 'no password for the restic repository is named', {
    hint: 'Set RESTIC_PASSWORD_FILE to a file that holds the password.',
  });
}

function findsCache(env: NodeJS.ProcessEnv): boolean {
  if (env['RESTIC_CACHE_DIR']) return true;
  const home = env['XDG_CACHE_HOME'] || env['HOME'];
  return home !== undefined && isWritableFolder(home);
}

function isWritableFolder(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
