/** Lists the snapshots of a directory store from their label files. */
import {readdir} from 'node:fs/promises';
import {join} from 'node:path';
import {EngineError, isEngineError} from '../../kernel/errors.ts';
import {LABEL_BYTES_MAX} from '../../kernel/limits.ts';
import {inBatches} from '../in-batches.ts';
import {isoTime, labelOf} from '../label.ts';
import type {SnapshotLabel, SnapshotRef} from '../port.ts';
import {isThere, snapshotName, type Layout} from './layout.ts';
import {readPlain} from './plain-file.ts';
import {codeOf} from './store-errors.ts';

export const LABEL_FILE = 'label.json';
/** Paths of all files of the snapshot, a line each: a store does not read what is inside a snapshot. */
export const FILES_FILE = 'files';

type Stored = SnapshotLabel & {readonly time: string};

/**
 * @throws {EngineError} `SNAPSHOT_CORRUPT` where a snapshot has no readable label: all of them are
 * ours here, and passing over one could make an older one the newest.
 */
export async function listLabels({snapshots}: Layout): Promise<readonly SnapshotRef[]> {
  const names = await readdir(snapshots);
  const refs = await inBatches(names, (name) => readRef(snapshots, name));
  return refs.filter((ref) => ref !== undefined);
}

export function formatLabel(label: SnapshotLabel, time: string): string {
  return `${JSON.stringify({...label, time})}\n`;
}

/** Undefined where the snapshot was deleted meanwhile. */
async function readRef(snapshots: string, name: string): Promise<SnapshotRef | undefined> {
  const folder = join(snapshots, name);
  try {
    const stored = parseLabel(await readPlain(join(folder, LABEL_FILE), LABEL_BYTES_MAX));
    if (stored !== undefined && snapshotName(stored) === name) return {...stored, storeId: name};
  } catch (error) {
    // An EngineError says that it is no plain file.
    const code = isEngineError(error) ? undefined : codeOf(error);
    if (!isEngineError(error) && code !== 'ENOENT' && code !== 'ENOTDIR') throw error;
    if (code === 'ENOENT' && !(await isThere(folder))) return undefined;
  }
  throw new EngineError('SNAPSHOT_CORRUPT', `the label of snapshot ${name} is missing or damaged`, {
    site: {snapshot: name, path: folder},
    hint: 'Restore the folder from a copy of the store, or delete it.',
  });
}

/** Undefined for the text of anything but a label as it is written. */
export function parseLabel(text: string): Stored | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return typeof value === 'object' && value !== null ? storedOf(value) : undefined;
}

function storedOf(value: {readonly [Field in keyof Stored]?: unknown}): Stored | undefined {
  const label = labelOf(value);
  const time = isoTime(value.time);
  return label === undefined || time === undefined ? undefined : {...label, time};
}
