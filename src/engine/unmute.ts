/** unmute: bring back what muting took away, and change nothing else, so that a muted replica can become the primary. */
import type {TablePolicy} from '../merge/policy.ts';
import {mutedThen} from './base-domains.ts';
import {followedManifest} from './followed.ts';
import {peekAtState} from './open.ts';
import type {EngineOptions} from './options.ts';
import {recordedManifest} from './recorded.ts';
import {replicate, type ReplicateResult} from './replicate.ts';

export type UnmuteResult = {
  /** False where nothing was muted. */
  readonly unmuted: boolean;
  /** What was done, as `replicate` tells it; null where nothing was. */
  readonly applied: ReplicateResult | null;
};

/**
 * Brings the rows back that the snapshot last applied has in the muted tables. Local edits of all other tables stay, and links of rows that
 * were deleted here stay away with them.
 *
 * @throws {EngineError} `SNAPSHOT_UNKNOWN` where the store has that snapshot no more, and those of `replicate`.
 */
export async function unmute(options: EngineOptions): Promise<UnmuteResult> {
  const found = await peekAtState(options, async (state) => {
    const position = await state?.position();
    const muted = mutedThen(position?.domains);
    if (position === undefined || muted.length === 0) return undefined;
    const {tables} = followedManifest(recordedManifest(position), {...options, muted: undefined});
    const others = tables.map(({name}) => name).filter((name) => !muted.includes(name));
    return {snapshot: position.digest, muted, others};
  });
  if (found === undefined) return {unmuted: false, applied: null};
  const {snapshot, muted, others} = found;
  const policies = new Map<string, TablePolicy>(options.policies);
  for (const table of others) policies.set(table, {...policies.get(table), ...KEEPS});
  for (const table of muted) policies.set(table, {...policies.get(table), ...COMES});
  const applied = await replicate({...options, muted: undefined, snapshot, policies});
  return {unmuted: true, applied};
}

/** Since nothing changed in the snapshot, nothing is written, whatever was edited here. */
const KEEPS: TablePolicy = {policy: 'merge', onConflict: 'replicaWins'};
const COMES: TablePolicy = {policy: 'mirror', drift: 'repair', local: []};
