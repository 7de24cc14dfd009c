/** Looks in a restic repository for what is not Rowplica's. */
import {isoTime} from '../label.ts';
import type {ForeignRef} from '../port.ts';
import type {ResticClient} from './restic-client.ts';
import {ALIVE_TAG, entriesIn, OUR_TAG} from './snapshot-tags.ts';

/** One command, without a lock; of each host and path restic lists the newest alone, so that it stays short. */
export async function newestForeign(client: ResticClient): Promise<ForeignRef | undefined> {
  const {stdout} = await client.read({
    args: ['snapshots', '--json', '--no-lock', '--latest', '1'],
  });
  const foreign = entriesIn(stdout).flatMap((entry) => foreignOf(entry) ?? []);
  return foreign.toSorted((a, b) => a.time.localeCompare(b.time)).at(-1);
}

function foreignOf(entry: unknown): ForeignRef | undefined {
  if (typeof entry !== 'object' || entry === null) return undefined;
  const {time, hostname, tags}: {time?: unknown; hostname?: unknown; tags?: unknown} = entry;
  if (Array.isArray(tags) && (tags.includes(OUR_TAG) || tags.includes(ALIVE_TAG))) return undefined;
  const at = isoTime(time);
  if (at === undefined) return undefined;
  return {time: at, host: typeof hostname === 'string' ? hostname : 'an unknown host'};
}
