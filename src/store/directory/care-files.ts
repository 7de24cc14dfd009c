/** What keeps a directory store small and sound. */
import type {Stats} from 'node:fs';
import {lstat, readdir, rename, rm} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {EngineError, isEngineError} from '../../kernel/errors.ts';
import {CHUNK_BYTES_MAX, MANIFEST_BYTES_MAX} from '../../kernel/format-limits.ts';
import {STORE_FILES_BYTES_MAX, STORE_LEFTOVER_MS} from '../../kernel/limits.ts';
import type {Log} from '../../kernel/log.ts';
import {inBatches} from '../in-batches.ts';
import type {CheckPart} from '../port.ts';
import {digestFile, moveInto, syncFolder, uniquePath} from './durable-files.ts';
import {isThere, mustBeOwnFolder, objectPath, type Layout} from './layout.ts';
import {FILES_FILE, listLabels} from './list-labels.ts';
import {isPlain, readPlain} from './plain-file.ts';
import {codeOf} from './store-errors.ts';

/** Each goes in one step, as a whole; what is left of it after a crash is a leftover like others. */
export async function forgetSnapshots(layout: Layout, names: readonly string[]): Promise<void> {
  for (const name of names) {
    const folder = join(layout.snapshots, name);
    const gone = uniquePath(layout.unfinished, 'forgotten-');
    if (!(await isThere(folder))) continue;
    await moveInto(folder, gone);
    await rm(gone, {recursive: true, force: true});
  }
  await syncFolder(layout.snapshots);
}

/**
 * Removes objects that are in no snapshot. One that is being saved is not there yet: whoever saves renews the time of the objects
 * that it finds, and those of the last day stay. Each is moved aside and looked at once more, as that may have happened in between.
 */
export async function pruneObjects(layout: Layout, log: Log): Promise<void> {
  for (const path of await listObjects(layout)) if (path.endsWith(ASIDE)) await putBack(path);
  const objects = await listObjects(layout);
  const needed = new Set<string>();
  for (const {storeId} of await listLabels(layout))
    for (const object of await objectsOf(layout, storeId)) needed.add(object);
  const orphans = objects.filter(
    (path) => OBJECT.test(basename(path)) && !needed.has(basename(path)),
  );
  const removed = await inBatches(orphans, removeOld);
  const count = removed.filter(Boolean).length;
  log.debug('pruned', {objects: objects.length, removed: count});
}

/** Ends the name of an object that is about to be removed. */
const ASIDE = '.pruned';
const OBJECT = /^[0-9a-f]{64}$/;

async function removeOld(path: string): Promise<boolean> {
  if (!(await isOld(path))) return false;
  const aside = path + ASIDE;
  if (!(await moved(path, aside))) return false;
  if (!(await isOld(aside))) {
    await putBack(aside);
    return false;
  }
  await rm(aside, {force: true});
  return true;
}

/** Also after a crash: then it is an orphan like before, or a snapshot has come to need it. */
async function putBack(aside: string): Promise<void> {
  const path = aside.slice(0, -ASIDE.length);
  if (await isThere(path)) await rm(aside, {force: true});
  else await moved(aside, path);
}

/** False where someone else was quicker. */
async function moved(from: string, to: string): Promise<boolean> {
  try {
    await rename(from, to);
    return true;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return false;
    throw error;
  }
}

async function isOld(path: string): Promise<boolean> {
  const stat = await statOf(path);
  return stat !== undefined && Date.now() - stat.mtimeMs > STORE_LEFTOVER_MS;
}

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function listObjects({objects}: Layout): Promise<readonly string[]> {
  const paths: string[] = [];
  for (const folder of await readdir(objects, {withFileTypes: true})) {
    if (!folder.isDirectory()) continue; // a link would lead out of the store
    const path = join(objects, folder.name);
    paths.push(...(await readdir(path)).map((name) => join(path, name)));
  }
  return paths;
}

/** @throws {EngineError} `STORE_DAMAGED`. */
export async function checkFiles(layout: Layout, part: CheckPart): Promise<void> {
  const objects = new Map<string, string>();
  for (const {storeId, digest} of await listLabels(layout)) {
    const snapshot = join(layout.snapshots, storeId);
    const bytesMax = MANIFEST_BYTES_MAX;
    await mustBeWhole(join(snapshot, 'manifest'), {digest, snapshot, bytesMax});
    for (const object of await objectsOf(layout, storeId))
      objects.set(objectPath(layout, object), snapshot);
  }
  await inBatches([...objects], async ([path, snapshot]) => {
    await mustBeOwnFolder(dirname(path));
    const digest = basename(path);
    const isInPart = (Number.parseInt(digest.slice(0, 2), 16) % part.of) + 1 === part.number;
    const bytesMax = CHUNK_BYTES_MAX;
    await mustBeWhole(path, {digest: isInPart ? digest : undefined, snapshot, bytesMax});
  });
}

type Expected = {
  /** Of its contents; undefined where it is enough that it is there. */
  readonly digest: string | undefined;
  /** Folder of a snapshot that needs it. */
  readonly snapshot: string;
  readonly bytesMax: number;
};

async function mustBeWhole(path: string, {digest, snapshot, bytesMax}: Expected): Promise<void> {
  const storeId = basename(snapshot);
  try {
    if (!(await isPlain(path, bytesMax))) throw damaged(path, storeId, 'is no plain file');
    if (digest === undefined || (await digestFile(path)) === digest) return;
  } catch (error) {
    if (codeOf(error) !== 'ENOENT' && codeOf(error) !== 'ENOTDIR') throw error;
    if (!(await isThere(snapshot))) return; // forgotten meanwhile
    throw damaged(path, storeId, 'is missing');
  }
  throw damaged(path, storeId, 'is damaged');
}

/** Digests of the objects of a snapshot; none where it was forgotten meanwhile. */
async function objectsOf({snapshots}: Layout, name: string): Promise<readonly string[]> {
  const folder = join(snapshots, name);
  try {
    const text = await readPlain(join(folder, FILES_FILE), STORE_FILES_BYTES_MAX);
    const files = text.split('\n').filter((line) => line !== '' && line !== 'manifest');
    const objects = files.map((file) => basename(file));
    if (objects.every((object) => OBJECT.test(object))) return objects;
    throw damaged(join(folder, FILES_FILE), name, 'is damaged');
  } catch (error) {
    const isMissing = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
    if (isEngineError(error, 'STORE_DAMAGED') || !(isMissing || isEngineError(error))) throw error;
    if (isMissing && !(await isThere(folder))) return [];
    throw damaged(join(folder, FILES_FILE), name, 'is missing or no plain file');
  }
}

function damaged(path: string, snapshot: string, why: string): EngineError {
  return new EngineError('STORE_DAMAGED', `a file of snapshot ${snapshot} ${why}: ${path}`, {
    site: {snapshot, path},
    hint: 'Restore it from a copy of the store; or remove that snapshot, and capture anew.',
  });
}
