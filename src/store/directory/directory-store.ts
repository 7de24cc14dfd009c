/**
 * Snapshots in a plain folder, for tests, small set-ups and network disks. Objects are named by
 * their digest and shared by all snapshots. Nothing is encrypted: the folder is as secret as the
 * database.
 */
import {mkdir} from 'node:fs/promises';
import {dirname, join, resolve} from 'node:path';
import type {Log} from '../../kernel/log.ts';
import {EngineError} from '../../kernel/errors.ts';
import {CHUNK_BYTES_MAX, MANIFEST_BYTES_MAX} from '../../kernel/format-limits.ts';
import {inBatches} from '../in-batches.ts';
import type {FetchRequest, SnapshotRef, Store} from '../port.ts';
import {checkPaths, incomplete} from '../snapshot-files.ts';
import {FOLDER_MODE} from './durable-files.ts';
import {listAlive, writeAlive} from './alive-files.ts';
import {checkFiles, forgetSnapshots, pruneObjects} from './care-files.ts';
import {createStore, isThere, layoutOf, mustBeStore, objectPath, type Layout} from './layout.ts';
import {listLabels} from './list-labels.ts';
import {copyPlain} from './plain-file.ts';
import {saveFiles} from './save-files.ts';
import {codeOf, copyError, withStoreErrors} from './store-errors.ts';

export type DirectoryStoreOptions = {
  /** The store's folder, made by `create`. Relative paths start at the working directory. */
  readonly path: string;
  readonly log: Log;
};

const SNAPSHOT_NAME = /^[A-Za-z0-9%_~!'()*-][A-Za-z0-9%_~!'()*.-]*$/;

/** A store in a folder. Several processes may use it at the same time. */
export function openDirectoryStore({path, log}: DirectoryStoreOptions): Store {
  const layout = layoutOf(resolve(path));
  const use = <Result>(work: () => Promise<Result>) => withStoreErrors(layout.root, work);
  const useExisting = <Result>(work: () => Promise<Result>) =>
    use(async () => {
      await mustBeStore(layout);
      return work();
    });
  return {
    name: `dir:${layout.root}`,
    list: () => useExisting(() => listLabels(layout)),
    look: () =>
      useExisting(async () => ({
        snapshots: await listLabels(layout),
        alive: await listAlive(layout),
      })),
    newestForeign: () => useExisting(async () => undefined), // nobody else writes its format
    beat: (label) => useExisting(() => writeAlive(layout, label)),
    create: () => use(() => createStore(layout)),
    save: (staged) => useExisting(() => saveFiles(layout, staged, log)),
    fetch: (ref, request) => useExisting(() => fetchFiles(layout, ref, request)),
    forget: (ids) => useExisting(() => forgetSnapshots(layout, ids.filter(isName))),
    prune: () => useExisting(() => pruneObjects(layout, log)),
    check: (part) => useExisting(() => checkFiles(layout, part)),
    unlock: () => useExisting(async () => {}), // there are none
  };
}

async function fetchFiles(
  layout: Layout,
  {storeId}: Pick<SnapshotRef, 'storeId'>,
  {files, into}: FetchRequest,
): Promise<void> {
  checkPaths(files);
  if (!isName(storeId) || !(await isThere(join(layout.snapshots, storeId)))) {
    throw new EngineError('SNAPSHOT_UNKNOWN', `there is no snapshot ${storeId} in ${layout.root}`, {
      site: {snapshot: storeId},
      hint: 'List the snapshots to see which exist.',
    });
  }
  const folders = new Set(files.map((file) => dirname(join(into, file))));
  await inBatches([...folders], async (folder) =>
    mkdir(folder, {recursive: true, mode: FOLDER_MODE}),
  );
  await inBatches(files, async (file) => {
    const target = join(into, file);
    const source =
      file === 'manifest' ? join(layout.snapshots, storeId, file) : objectPath(layout, file);
    await copyOut(source, target, {storeId, file});
  });
}

/** Signs of life have other ids: of each author there is only one, which stays. */
const isName = (storeId: string): boolean => SNAPSHOT_NAME.test(storeId);

async function copyOut(
  source: string,
  target: string,
  {storeId, file}: {storeId: string; file: string},
): Promise<void> {
  try {
    await copyPlain(source, target, file === 'manifest' ? MANIFEST_BYTES_MAX : CHUNK_BYTES_MAX);
  } catch (error) {
    const isMissing = codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR';
    throw isMissing ? incomplete(storeId, file, error) : copyError(target, error);
  }
}
