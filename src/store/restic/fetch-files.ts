/** Copies files of one snapshot out of a restic repository. */
import {mkdir, readdir, rm} from 'node:fs/promises';
import {dirname, join, relative, sep} from 'node:path';
import {EngineError, isEngineError} from '../../kernel/errors.ts';
import {must} from '../../kernel/assert.ts';
import {
  RESTIC_EXCLUDES_MAX,
  RESTIC_INCLUDES_MAX,
  RESTIC_WHOLE_SHARE_MIN,
} from '../../kernel/limits.ts';
import type {FetchRequest, OthersRequest, SnapshotRef} from '../port.ts';
import {checkPaths, checkPresent, incomplete} from '../snapshot-files.ts';
import type {ResticClient} from './restic-client.ts';
import {watchFiles} from './watch-files.ts';

const SNAPSHOT_ID = /^[0-9a-f]{8,64}$/;

/**
 * One restic command, without a lock: `dump` for one file, which reads only the folders above it;
 * `restore` of the named files for more; `restore` of all where most are wanted or there are more
 * than RESTIC_INCLUDES_MAX, dropping what was not asked for.
 */
export async function fetchFiles(
  client: ResticClient,
  {storeId}: Pick<SnapshotRef, 'storeId'>,
  request: FetchRequest,
): Promise<void> {
  const {files, into} = request;
  checkPaths(files);
  mustBeId(storeId);
  if (files.length === 0) return;
  if (files.length === 1) return dump(client, storeId, must(files[0], 'there is one'), into);

  const whole = isWholeQuicker(request);
  const includes = whole ? [] : files.flatMap((file) => ['--include', `/${file}`]);
  await restore(client, storeId, into, includes);
  await checkPresent(into, files, storeId);
  if (whole) await dropOthers(into, new Set(files));
}

/** One restic command, without a lock. restic compares each file with each name: with too many of them, it is left to `fetchFiles`. */
export async function fetchOthers(
  client: ResticClient,
  {storeId}: Pick<SnapshotRef, 'storeId'>,
  {names, into}: OthersRequest,
): Promise<boolean> {
  checkPaths(names);
  mustBeId(storeId);
  if (names.length > RESTIC_EXCLUDES_MAX) return false;
  const excludes = names.flatMap((name) => ['--exclude', name]);
  await restore(client, storeId, into, excludes);
  return true;
}

async function restore(
  client: ResticClient,
  storeId: string,
  into: string,
  selection: readonly string[],
): Promise<void> {
  await watched(storeId, into, (stop) =>
    client.read({
      args: ['restore', storeId, '--no-lock', '--target', into, ...selection],
      transfers: true,
      snapshot: storeId,
      stop,
    }),
  );
}

async function dump(client: ResticClient, id: string, file: string, into: string): Promise<void> {
  const target = join(into, file);
  await mkdir(dirname(target), {recursive: true, mode: 0o700});
  try {
    await watched(id, into, (stop) =>
      client.read({
        args: ['dump', id, `/${file}`, '--no-lock'],
        intoFile: target,
        transfers: true,
        snapshot: id,
        stop,
      }),
    );
  } catch (error) {
    await rm(target, {force: true});
    throw isEngineError(error, 'SNAPSHOT_INCOMPLETE') ? incomplete(id, file, error) : error;
  }
}

/** A file that is too large is the reason, whatever restic says of being stopped. */
async function watched(
  id: string,
  into: string,
  work: (stop: AbortSignal) => Promise<unknown>,
): Promise<void> {
  const watch = watchFiles(into, id);
  try {
    await work(watch.signal);
  } catch (error) {
    await watch.end();
    throw error;
  }
  await watch.end();
}

function isWholeQuicker({files, filesTotal}: FetchRequest): boolean {
  if (files.length > RESTIC_INCLUDES_MAX) return true;
  return filesTotal !== undefined && files.length >= filesTotal * RESTIC_WHOLE_SHARE_MIN;
}

async function dropOthers(folder: string, wanted: ReadonlySet<string>): Promise<void> {
  const entries = await readdir(folder, {recursive: true, withFileTypes: true});
  for (const entry of entries.filter((each) => !each.isDirectory())) {
    const path = join(entry.parentPath, entry.name);
    if (!wanted.has(relative(folder, path).replaceAll(sep, '/'))) await rm(path);
  }
}

/** Anything else could be an option, or restic's `latest`, which trusts clocks. */
export function mustBeId(id: string): void {
  if (SNAPSHOT_ID.test(id)) return;
  throw new EngineError('SNAPSHOT_UNKNOWN', `${JSON.stringify(id)} is not the id of a snapshot`, {
    site: {snapshot: id},
    hint: 'List the snapshots to see which exist.',
  });
}
