/** Reads the compat steps of an application: those that come with Rowplica, and the user's own. */
import {existsSync, readdirSync, readFileSync, statSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {readSteps, type CompatFile} from '../compat/read-steps.ts';
import type {Step} from '../compat/step.ts';
import {EngineError} from '../kernel/errors.ts';
import {APPLICATION_NAME} from '../profiles/find-profile.ts';
import {COMPAT_FILE_CHARS_MAX} from '../kernel/limits.ts';
import {compareNames} from '../schema/names.ts';

/** The folder that comes with Rowplica, beside its sources and beside what is built of them. */
const OWN = resolve(import.meta.dirname, '../../migrations-compat');

/**
 * All steps of an application, in their order.
 *
 * @param folder The user's own folder, laid out as Rowplica's: a folder for each application.
 * @throws {EngineError} as `readSteps`; `CONFIG_INVALID` where the folder is not there.
 */
export function loadSteps(application: string | null, folder: string | undefined): readonly Step[] {
  if (application === null || !APPLICATION_NAME.test(application)) return [];
  return readSteps(roots(folder).flatMap((root) => filesIn(root, application)));
}

/**
 * The files of all applications, by the names of their folders, in order of these.
 *
 * @throws {EngineError} `COMPAT_INVALID` where a file cannot be read; `CONFIG_INVALID` as `loadSteps`.
 */
export function compatFiles(
  folder: string | undefined,
): ReadonlyMap<string, readonly CompatFile[]> {
  const all = roots(folder);
  const names = all.filter(existsSync).flatMap((root) =>
    readdirSync(root, {withFileTypes: true})
      .filter((entry) => entry.isDirectory())
      .map(({name}) => name),
  );
  const applications = [...new Set(names)].sort(compareNames);
  return new Map(
    applications.map((name) => [name, all.flatMap((root) => filesIn(root, name))] as const),
  );
}

function roots(folder: string | undefined): readonly string[] {
  if (folder !== undefined && !existsSync(folder)) throw noFolder(folder);
  return folder === undefined ? [OWN] : [OWN, folder];
}

/** The files of one application, by name. A file's own name is that of its step. */
function filesIn(root: string, application: string): readonly CompatFile[] {
  const folder = join(root, application);
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .sort(compareNames)
    .map((name) => readFile(join(folder, name), application));
}

/** @throws {EngineError} `COMPAT_INVALID` where it cannot be read, or is too large to be one. */
function readFile(path: string, folder: string): CompatFile {
  const name =
    path
      .split(/[\\/]/)
      .at(-1)
      ?.replace(/\.yaml$/, '') ?? path;
  try {
    // A file of more bytes has more characters than are read, whatever they are.
    if (statSync(path).size > 4 * COMPAT_FILE_CHARS_MAX) throw unreadable(path, 'it is too large');
    return {path, folder, name, text: readFileSync(path, 'utf8')};
  } catch (cause) {
    if (cause instanceof EngineError) throw cause;
    throw unreadable(path, 'it cannot be read', cause);
  }
}

function unreadable(path: string, why: string, cause?: unknown): EngineError {
  return new EngineError('COMPAT_INVALID', `${path}: ${why}`, {
    site: {path},
    hint: 'See docs/migrations-compat.md for what a compat file may say.',
    cause,
  });
}

function noFolder(path: string): EngineError {
  return new EngineError('CONFIG_INVALID', `there is no folder of compat steps at ${path}`, {
    site: {path},
    hint: 'Name a folder that holds a folder for each application, or leave --compat out.',
  });
}
