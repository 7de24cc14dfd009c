/** Lists Rowplica's snapshots and signs of life in a restic repository. */
import {EngineError} from '../../kernel/errors.ts';
import type {Looked} from '../port.ts';
import {linesOf} from './classify.ts';
import type {ResticClient} from './restic-client.ts';
import {ALIVE_TAG, OUR_TAG, parseListed} from './snapshot-tags.ts';

const UNREADABLE = /could not load snapshot/i;
const GONE = /no such file|not exist|not found/i;

/**
 * One command, without a lock. restic succeeds and merely grumbles where it cannot read a snapshot:
 * passing over it would make an older one the newest, or the store look empty. A snapshot that was
 * forgotten between listing and reading gives the same text, so then it looks once more.
 *
 * @throws {EngineError} `SNAPSHOT_CORRUPT` where a snapshot cannot be read; see the port for others.
 */
export async function listSnapshots(client: ResticClient): Promise<Looked> {
  const first = await list(client);
  if (first.unreadable === undefined) return first.looked;
  const second = GONE.test(first.unreadable) ? await list(client) : first;
  if (second.unreadable === undefined) return second.looked;
  throw new EngineError(
    'SNAPSHOT_CORRUPT',
    `a snapshot in ${client.name} cannot be read: ${second.unreadable}`,
    {hint: 'Run `restic check`; where the snapshot is lost, `restic forget` it.'},
  );
}

async function list(
  client: ResticClient,
): Promise<{looked: Looked; unreadable: string | undefined}> {
  // Given twice, the option asks for snapshots with either tag.
  const {stdout, stderr} = await client.read({
    args: ['snapshots', '--json', '--no-lock', '--tag', OUR_TAG, '--tag', ALIVE_TAG],
  });
  const unreadable = linesOf(stderr).find((line) => UNREADABLE.test(line));
  return {looked: parseListed(stdout), unreadable};
}
