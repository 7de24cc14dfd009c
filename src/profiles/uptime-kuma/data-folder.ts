/** Where Uptime Kuma keeps its data, and whether that is a database that Rowplica can take. */
import {dirname, join} from 'node:path';
import {EngineError} from '../../kernel/errors.ts';
import type {Files} from '../predecessor.ts';

export type Found = {readonly path: string; readonly source: string};

/** In the container, and beside a checkout: the working directory of the server has a folder `data`. */
const FOLDERS = ['data', '/app/data'] as const;

/** The database that is named, else the one in the data folder; the application may have yet to make it. */
export function databaseOf(env: NodeJS.ProcessEnv, {exists}: Files): Found {
  const {SQLITE_DATABASE: named, DATA_DIR: folder} = env;
  if (named) return {path: named, source: 'environment SQLITE_DATABASE'};
  if (folder) return {path: join(folder, 'kuma.db'), source: 'environment DATA_DIR'};
  const found =
    FOLDERS.find((each) => exists(join(each, 'kuma.db'))) ?? FOLDERS.find((each) => exists(each));
  return {path: join(found ?? FOLDERS[0], 'kuma.db'), source: 'found in the data folder'};
}

/** True where the server has kept something beside this path. */
export function isDataFolder(path: string, {exists}: Files): boolean {
  return exists(path) || exists(configPath(path));
}

/**
 * A server of 1.x has no `db-config.json`, one of 2.x makes it when it is set up, and its own variable counts for more.
 *
 * @throws {EngineError} `CONFIG_INVALID` where it is another database than SQLite, or nobody can tell.
 */
export function refuseOtherDatabase(path: string, env: NodeJS.ProcessEnv, files: Files): void {
  const variable = env['UPTIME_KUMA_DB_TYPE'];
  const [type, by] = variable
    ? [variable, 'UPTIME_KUMA_DB_TYPE']
    : [typeIn(path, files), configPath(path)];
  if (type === undefined || type === 'sqlite') return;
  const known = OTHERS.find((each) => each === type);
  throw new EngineError(
    'CONFIG_INVALID',
    known === undefined
      ? `${by} names a kind of database that is not known`
      : `${by} says that Uptime Kuma keeps its data in ${known}: databases of that kind are not supported yet`,
    {
      site: {path: configPath(path)},
      hint: 'Only SQLite is. If kuma.db is meant all the same, name it with --database or ROWPLICA_DATABASE.',
    },
  );
}

const OTHERS = ['mariadb', 'embedded-mariadb'] as const;

const configPath = (database: string): string => join(dirname(database), 'db-config.json');

/** An empty file is one that is about to be written. */
function typeIn(database: string, {read}: Files): string | undefined {
  const path = configPath(database);
  const text = read(path);
  if (text === undefined || text.trim() === '') return undefined;
  try {
    const config: unknown = JSON.parse(text);
    if (typeof config === 'object' && config !== null && 'type' in config)
      return String(config.type);
  } catch {
    // What the parser says quotes the file, which may hold a password.
  }
  throw new EngineError('CONFIG_INVALID', `${path}: it does not say which kind of database it is`, {
    site: {path},
    hint: 'It is made by Uptime Kuma when it is set up; mend or remove it, or name the database with --database.',
  });
}
