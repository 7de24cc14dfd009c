/** Stores a primary's sign of life in a restic repository: a snapshot of one tiny file, told apart by its tags. */
import {EngineError} from '../../kernel/errors.ts';
import {ALIVE_FORGOTTEN_MAX, ALIVE_KEPT_MAX} from '../../kernel/limits.ts';
import type {AliveLabel, AliveRef} from '../port.ts';
import type {ResticClient} from './restic-client.ts';
import {ANY_LINE} from './run-restic.ts';
import {readSummary} from './save-snapshot.ts';
import {encodeAliveTags} from './snapshot-tags.ts';

/**
 * One small command; a second one now and then, which removes earlier signs. restic needs the repository for itself for
 * that: where it is in use, they go with a later one.
 *
 * @param earlier Signs of the same author.
 */
export async function saveAlive(
  client: ResticClient,
  label: AliveLabel,
  {host, earlier}: {readonly host: string; readonly earlier: readonly AliveRef[]},
): Promise<void> {
  const tags = encodeAliveTags(label).flatMap((tag) => ['--tag', tag]);
  const {stdout} = await client.change({
    args: ['backup', '--stdin', '--stdin-filename', 'alive', '--json', '--host', host, ...tags],
    input: 'alive\n', // restic stores no empty stdin
    takesLock: ANY_LINE,
  });
  const {id} = readSummary(stdout);
  if (id === undefined)
    throw new EngineError('STORE_FAILED', `restic did not say that it stored a sign of life`, {
      hint: 'Run `restic snapshots --tag rowplica-alive` to see what is there.',
      retryable: true,
    });
  if (earlier.length >= ALIVE_KEPT_MAX) await forget(client, earlier);
}

async function forget(client: ResticClient, earlier: readonly AliveRef[]): Promise<void> {
  try {
    // Not as other changes, which wait for a lock: meanwhile the primary would not look at its rows.
    const ids = earlier.slice(0, ALIVE_FORGOTTEN_MAX).map(({storeId}) => storeId);
    await client.read({args: ['forget', ...ids], takesLock: ANY_LINE});
  } catch (error) {
    if (!(error instanceof EngineError) || error.code === 'INTERRUPTED') throw error;
    client.log.info('earlier signs of life stay for now', {code: error.code});
  }
}
