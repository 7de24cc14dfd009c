/** What keeps a restic repository small and sound. Each is one command of restic's own. */
import {RESTIC_FORGET_MAX} from '../../kernel/limits.ts';
import type {CheckPart} from '../port.ts';
import {mustBeId} from './fetch-files.ts';
import type {ResticClient} from './restic-client.ts';
import {ANY_LINE} from './run-restic.ts';

/** By id, and never by restic's own policies: those go by clocks, hosts and paths, and know nothing of positions. */
export async function forgetSnapshots(client: ResticClient, ids: readonly string[]): Promise<void> {
  ids.forEach(mustBeId);
  for (let start = 0; start < ids.length; start += RESTIC_FORGET_MAX)
    await client.change({
      args: ['forget', ...ids.slice(start, start + RESTIC_FORGET_MAX)],
      takesLock: ANY_LINE,
    });
}

/** restic has the repository for itself meanwhile: who wants to store something waits, as with every lock. */
export async function pruneRepository(client: ResticClient): Promise<void> {
  await client.change({args: ['prune'], transfers: true, takesLock: ANY_LINE});
}

/** restic reads everything but the packs' contents each time, and of those one part. */
export async function checkRepository(
  client: ResticClient,
  {number, of}: CheckPart,
): Promise<void> {
  const part = `--read-data-subset=${number}/${of}`;
  await client.change({args: ['check', part], transfers: true, takesLock: /^load indexes/});
}

/**
 * Without --remove-all: restic removes locks of processes of this host that are not there any more, and any that were not refreshed for
 * half an hour, and leaves the others.
 */
export async function unlockRepository(client: ResticClient): Promise<void> {
  await client.read({args: ['unlock']});
}
