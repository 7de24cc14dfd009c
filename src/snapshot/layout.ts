/** Where a snapshot's files stand in its folder (FORMAT.md). */
import type {Digest} from '../canonical/digest.ts';
import {FOLDER_FILES_FLAT_MAX, FOLDER_FILES_MEAN_MAX} from '../kernel/format-limits.ts';

export const MANIFEST_FILE = 'manifest';
export const OBJECTS_FOLDER = 'objects';

/** Folder levels that keep every folder small: restic pays for each entry of a folder that changes. */
export function folderDepth(objects: number): number {
  if (objects <= FOLDER_FILES_FLAT_MAX) return 0;
  let depth = 1;
  while (objects > FOLDER_FILES_MEAN_MAX * 16 ** depth) depth++;
  return depth;
}

/** Relative path of an object, with `/` on every platform. */
export function objectPath(digest: Digest, depth: number): string {
  return [OBJECTS_FOLDER, ...Array.from(digest.slice(0, depth)), digest].join('/');
}
