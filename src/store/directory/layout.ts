/** Where things are in a directory store, and the checks that it is one. */
import {lstat, mkdir, readdir, rename, stat} from 'node:fs/promises';
import {basename, join} from 'node:path';
import {EngineError} from '../../kernel/errors.ts';
import {LABEL_BYTES_MAX} from '../../kernel/limits.ts';
import type {SnapshotLabel} from '../port.ts';
import {FOLDER_MODE, syncFolder, writeFlushed} from './durable-files.ts';
import {readPlain} from './plain-file.ts';
import {codeOf} from './store-errors.ts';

const MARKER = 'rowplica-store.json';
const FORMAT = 1;
const UNFINISHED = 'unfinished';
const FOLDERS = ['objects', 'snapshots', UNFINISHED, 'alive'];
/** Found in a fresh file system; no reason to refuse it. */
const HARMLESS = ['lost+found'];

export type Layout = {
  readonly root: string;
  /** `objects/<first 2 digits>/<digest>`: shared by all snapshots. */
  readonly objects: string;
  /** `snapshots/<name>/{label.json,manifest,files}`: moved there whole, last. */
  readonly snapshots: string;
  /** Files being written, in a folder for each snapshot on its way. */
  readonly unfinished: string;
  /** `alive/<author>.json`: the newest sign of life of each; not there in stores of older releases. */
  readonly alive: string;
};

export function layoutOf(root: string): Layout {
  const [objects = '', snapshots = '', unfinished = '', alive = ''] = FOLDERS.map((name) =>
    join(root, name),
  );
  return {root, objects, snapshots, unfinished, alive};
}

/** The folder's name of a snapshot. One position has one, so that saving it twice changes nothing. */
export function snapshotName({lineage, epoch, sequence, digest}: SnapshotLabel): string {
  return `${encodeURIComponent(lineage)}.${epoch}.${sequence}.${digest}`;
}

/** Begins the names of an author's drafts. One process of it writes at a time. */
export function draftPrefix({author}: SnapshotLabel): string {
  return `${encodeURIComponent(author)}.`;
}

/** Where an object is kept, by the last part of its path in the snapshot: its digest. */
export function objectPath({objects}: Layout, path: string): string {
  const digest = basename(path);
  return join(objects, digest.slice(0, 2), digest);
}

/**
 * Makes sure that the folder is a store that this version can read.
 *
 * A link in the place of one of its folders would have a capture write, and tidy up, in another folder.
 *
 * @throws {EngineError} `STORE_MISSING` where the folder or its marker is not there, `FORMAT_NEWER`,
 * `STORE_FAILED` for anything else that is not a store.
 */
export async function mustBeStore({root}: Layout): Promise<void> {
  const marker = await readMarker(root);
  if (marker === undefined) {
    throw new EngineError('STORE_MISSING', `there is no store in ${root}`, {
      site: {path: root},
      hint: 'The first capture on the primary creates it; else check the path.',
    });
  }
  const format = formatOf(marker);
  if (format === FORMAT) return mustHaveOwnFolders(root);
  if (format !== undefined && format > FORMAT) {
    throw new EngineError('FORMAT_NEWER', `the store in ${root} has format ${format}`, {
      site: {path: root},
      hint: 'Upgrade Rowplica on this machine.',
    });
  }
  throw new EngineError('STORE_FAILED', `the file ${MARKER} in ${root} is damaged`, {
    site: {path: root},
    hint: `Write {"format":${FORMAT}} to it if this is a store of Rowplica.`,
  });
}

async function mustHaveOwnFolders(root: string): Promise<void> {
  for (const folder of FOLDERS) await mustBeOwnFolder(join(root, folder));
}

/**
 * Refuses a link, or a file, in the place of a folder. What is not there is not refused: others say so.
 *
 * @throws {EngineError} `STORE_FAILED`.
 */
export async function mustBeOwnFolder(path: string): Promise<void> {
  if (await isOwnFolder(path)) return;
  throw new EngineError('STORE_FAILED', `${path} is not a folder of the store itself`, {
    site: {path},
    hint: 'Someone else has written to the store: restore it from a copy.',
  });
}

async function isOwnFolder(path: string): Promise<boolean> {
  try {
    return (await lstat(path)).isDirectory();
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return true;
    throw error;
  }
}

/** Makes an empty store in a folder that is empty or not there. The marker comes last. */
export async function createStore({root, unfinished}: Layout): Promise<void> {
  await refuseUsedFolder(root);
  for (const folder of FOLDERS) {
    await mkdir(join(root, folder), {recursive: true, mode: FOLDER_MODE});
  }
  await saveMarker(join(unfinished, MARKER), join(root, MARKER));
  await syncFolder(root);
}

/** Two may do so at once: they write the same, and the first to move it is enough. */
async function saveMarker(draft: string, marker: string): Promise<void> {
  await writeFlushed(draft, `${JSON.stringify({format: FORMAT})}\n`, 'w');
  try {
    await rename(draft, marker);
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' || !(await isThere(marker))) throw error;
  }
}

async function refuseUsedFolder(root: string): Promise<void> {
  const entries = await entriesOf(root);
  if (entries.includes(MARKER)) {
    throw new EngineError('STORE_FAILED', `there is a store in ${root} already`, {
      site: {path: root},
    });
  }
  const others = entries.filter((name) => !HARMLESS.includes(name));
  for (const name of others) {
    // What an interrupted creation leaves.
    if (name === UNFINISHED) continue;
    if (FOLDERS.includes(name) && (await entriesOf(join(root, name))).length === 0) continue;
    throw new EngineError('STORE_FAILED', `${root} holds other files and is no store`, {
      site: {path: root},
      hint: 'Choose an empty folder, or one that does not exist yet.',
    });
  }
}

async function entriesOf(root: string): Promise<readonly string[]> {
  try {
    return await readdir(root);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return [];
    throw error;
  }
}

async function readMarker(root: string): Promise<string | undefined> {
  try {
    return await readPlain(join(root, MARKER), LABEL_BYTES_MAX);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function formatOf(marker: string): number | undefined {
  try {
    const {format}: {format?: unknown} = JSON.parse(marker);
    return Number.isSafeInteger(format) ? Number(format) : undefined;
  } catch {
    return undefined;
  }
}

/** True where the path is there, whatever it is. */
export async function isThere(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}
