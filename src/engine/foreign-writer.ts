/** Whether another tool writes to the store, too. */
import {EngineError, isEngineError} from '../kernel/errors.ts';
import {withStore} from './open.ts';
import type {EngineOptions} from './options.ts';

export type ForeignWriter = {
  /** Name of the tool that is looked for, for messages: anything that is not Rowplica's is taken for its own. */
  readonly tool: string;
  /** Milliseconds within which it would have written again, at most. */
  readonly withinMs: number;
};

/**
 * Reads the list of snapshots once; writes nothing.
 *
 * @throws {EngineError} `FOREIGN_WRITER` where the newest snapshot of another tool is younger than that; those of the store.
 */
export async function refuseForeignWriter(
  options: EngineOptions,
  {tool, withinMs}: ForeignWriter,
  now: Date,
): Promise<void> {
  const newest = await newestForeign(options);
  if (newest === undefined) return;
  const ageMs = now.getTime() - Date.parse(newest.time);
  // A clock that is ahead over there is no reason to think that it has ended.
  if (ageMs >= withinMs) return;
  throw new EngineError(
    'FOREIGN_WRITER',
    `${tool} seems to write to this repository still: host ${newest.host} stored a snapshot that is not Rowplica's at ${newest.time}`,
    {
      hint: `Stop it there. Replication begins by itself once that snapshot is ${Math.round(withinMs / 60_000)} min old, or at once with ROWPLICA_TAKE_OVER=1.`,
      retryable: true,
    },
  );
}

type Newest = {readonly time: string; readonly host: string};

/** The first capture makes the repository. */
async function newestForeign(options: EngineOptions): Promise<Newest | undefined> {
  try {
    return await withStore(options, ({store}) => store.newestForeign());
  } catch (error) {
    if (isEngineError(error, 'STORE_MISSING')) return undefined;
    throw error;
  }
}
