/** Writes a staged snapshot into a directory store: objects first, the snapshot itself last. */
import {randomUUID} from 'node:crypto';
import {lstat, lutimes, mkdir, readdir, rm} from 'node:fs/promises';
import {basename, dirname, join} from 'node:path';
import {EngineError} from '../../kernel/errors.ts';
import {CHUNK_BYTES_MAX} from '../../kernel/format-limits.ts';
import {STORE_LEFTOVER_MS} from '../../kernel/limits.ts';
import type {Log} from '../../kernel/log.ts';
import {inBatches} from '../in-batches.ts';
import type {SnapshotLabel, SnapshotRef, StagedSnapshot} from '../port.ts';
import {checkPaths, checkPresent, incomplete} from '../snapshot-files.ts';
import {
  copyFlushed,
  digestFile,
  FOLDER_MODE,
  moveInto,
  syncFolder,
  uniquePath,
  writeFlushed,
} from './durable-files.ts';
import {
  draftPrefix,
  isThere,
  mustBeOwnFolder,
  objectPath,
  snapshotName,
  type Layout,
} from './layout.ts';
import {FILES_FILE, formatLabel, LABEL_FILE} from './list-labels.ts';
import {isPlain} from './plain-file.ts';
import {codeOf} from './store-errors.ts';

/** Drafts of an earlier process of the same author have another. */
const THIS_PROCESS = `${randomUUID()}.`;
const MANIFEST = 'manifest';
const OBJECT = /^objects\/(?:[^/]+\/)*[0-9a-f]{64}$/;

/**
 * All or nothing: the snapshot's own folder is moved into place in one step, after every object is
 * flushed. Objects that are there and whole are not written again; a damaged one is replaced.
 */
export async function saveFiles(
  layout: Layout,
  {folder, files, label}: StagedSnapshot,
  log: Log,
): Promise<SnapshotRef> {
  const name = snapshotName(label);
  checkPaths(files);
  checkNames(files);
  if (!files.includes(MANIFEST)) throw incomplete(name, MANIFEST);
  await checkPresent(folder, files, name);
  await removeLeftovers(layout, draftPrefix(label));

  const drafts = uniquePath(layout.unfinished, draftPrefix(label) + THIS_PROCESS);
  await mkdir(drafts, {recursive: true, mode: FOLDER_MODE});
  const time = new Date().toISOString();
  try {
    const objects = files.filter((file) => file !== MANIFEST);
    const written = await inBatches(objects, (file) =>
      saveObject(layout, drafts, join(folder, file)),
    );
    await flushFolders(
      layout,
      written.filter((path) => path !== undefined),
    );
    await saveLabel(layout, drafts, {name, label, time, files, manifest: join(folder, MANIFEST)});
  } finally {
    await removeFolder(drafts);
  }
  log.debug('stored', {snapshot: name, files: files.length});
  return {...label, storeId: name, time};
}

/** The path written, or undefined where the object was there already. */
async function saveObject(
  layout: Layout,
  drafts: string,
  staged: string,
): Promise<string | undefined> {
  const target = objectPath(layout, staged);
  await mustBeOwnFolder(dirname(target));
  if (await isWhole(target)) return undefined;
  const draft = uniquePath(drafts);
  const digest = await copyFlushed(staged, draft);
  if (digest !== basename(staged)) throw misnamed(staged);
  await moveInto(draft, target);
  return target;
}

async function saveLabel(
  {snapshots}: Layout,
  drafts: string,
  snapshot: {
    name: string;
    label: SnapshotLabel;
    time: string;
    files: readonly string[];
    manifest: string;
  },
): Promise<void> {
  const target = join(snapshots, snapshot.name);
  if (await isThere(target)) return;
  const draft = uniquePath(drafts);
  try {
    await mkdir(draft, {mode: FOLDER_MODE});
    await copyFlushed(snapshot.manifest, join(draft, MANIFEST));
    await writeFlushed(join(draft, FILES_FILE), `${snapshot.files.join('\n')}\n`);
    await writeFlushed(join(draft, LABEL_FILE), formatLabel(snapshot.label, snapshot.time));
    await syncFolder(draft);
    await moveInto(draft, target);
    await syncFolder(snapshots);
  } catch (error) {
    // Another process stored the same snapshot meanwhile.
    if (codeOf(error) !== 'ENOTEMPTY' && codeOf(error) !== 'EEXIST') throw error;
  }
}

/** Renews its time, too, which keeps it from being pruned before the snapshot is there. */
async function isWhole(object: string): Promise<boolean> {
  try {
    await lutimes(object, new Date(), new Date());
    if (!(await isPlain(object, CHUNK_BYTES_MAX))) return false;
    return (await digestFile(object)) === basename(object);
  } catch (error) {
    // One of another user is replaced by an own one.
    if (['ENOENT', 'EPERM', 'EACCES'].includes(codeOf(error) ?? '')) return false;
    throw error;
  }
}

async function flushFolders({objects}: Layout, written: readonly string[]): Promise<void> {
  const folders = [...new Set(written.map((path) => dirname(path)))];
  await inBatches(folders, syncFolder);
  if (folders.length > 0) await syncFolder(objects);
}

/** What this author left when it died, and after a day what others did, who may still be at it. */
async function removeLeftovers({unfinished}: Layout, ownPrefix: string): Promise<void> {
  await mkdir(unfinished, {recursive: true, mode: FOLDER_MODE});
  for (const name of await readdir(unfinished)) {
    const path = join(unfinished, name);
    if (name.startsWith(ownPrefix + THIS_PROCESS)) continue;
    if (name.startsWith(ownPrefix) || (await isOld(path))) await removeFolder(path);
  }
}

async function isOld(path: string): Promise<boolean> {
  const {mtimeMs} = await lstat(path).catch(() => ({mtimeMs: Date.now()}));
  return Date.now() - mtimeMs > STORE_LEFTOVER_MS;
}

async function removeFolder(path: string): Promise<void> {
  await rm(path, {recursive: true, force: true});
}

function checkNames(files: readonly string[]): void {
  const bad = files.find((file) => file !== MANIFEST && !OBJECT.test(file));
  if (bad !== undefined) throw misnamed(bad);
}

function misnamed(path: string): EngineError {
  return new EngineError('SNAPSHOT_CORRUPT', `the staged file ${path} is not named by its digest`, {
    site: {path},
    hint: 'Leave the state folder to Rowplica alone, and capture again.',
  });
}
