/** What a repository on the file system shows without restic: which one it is, and which snapshots are there. */
import {lstat, readdir, readFile} from 'node:fs/promises';
import {join} from 'node:path';
import {digestOf} from '../../canonical/digest.ts';
import {LABEL_BYTES_MAX} from '../../kernel/limits.ts';
import {inBatches} from '../in-batches.ts';

export type RepositoryPrint = {
  /** Digest of what tells one repository from another, and of the keys that open it. */
  readonly repository: string;
  /** Full ids of all snapshots, anyone's, in order. */
  readonly ids: readonly string[];
};

/** Anything else in there is restic's as well: what it has not finished writing. */
const ID = /^[0-9a-f]{64}$/;

/**
 * Undefined where restic has to be asked: nothing is there, it may not be read, or is more than `idsMax` snapshots.
 *
 * restic names a snapshot's file by the SHA-256 of what is in it, and never writes to it again. So the same ids, with files that are
 * whole, are the same list. A repository made in the place of another has a `config` of its own.
 */
export async function printOf(
  localPath: string,
  idsMax: number,
): Promise<RepositoryPrint | undefined> {
  try {
    const names = await readdir(join(localPath, 'snapshots'));
    const ids = names.filter((name) => ID.test(name)).sort();
    if (ids.length > idsMax) return undefined;
    const keys = (await readdir(join(localPath, 'keys'))).sort();
    const config = await read(join(localPath, 'config'));
    const digests = await inBatches(ids, async (id) =>
      digestOf(await read(join(localPath, 'snapshots', id))),
    );
    if (digests.some((digest, at) => digest !== ids[at])) return undefined;
    return {repository: digestOf(Buffer.concat([config, Buffer.from(keys.join())])), ids};
  } catch {
    return undefined; // restic says what is wrong with it
  }
}

/** The only snapshot there whose id begins like this, if there is just one. */
export async function fullIdIn(localPath: string, start: string): Promise<string | undefined> {
  const names = await readdir(join(localPath, 'snapshots')).catch(() => []);
  const ids = names.filter((name) => ID.test(name) && name.startsWith(start));
  return ids.length === 1 ? ids[0] : undefined;
}

async function read(path: string): Promise<Uint8Array> {
  const stat = await lstat(path);
  if (!stat.isFile() || stat.size > LABEL_BYTES_MAX) throw new Error(`${path} is no small file`);
  return readFile(path);
}
