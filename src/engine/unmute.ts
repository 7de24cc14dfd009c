/** unmute: bring back what muting took away, and change nothing else, so that a muted replica can become the primary. */
import {EngineError} from '../kernel/errors.ts';
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
 * Brings the rows back that the snapshot last applied has in the muted tables. Local edits stay, links that were made here meanwhile among
 * them, and links of rows that were deleted here stay away with them.
 *
 * @throws {EngineError} `MUTED` where that snapshot lacks such a table, `SNAPSHOT_UNKNOWN` where the store has it no more, and those of
 * `replicate`.
 */
export async function unmute(options: EngineOptions): Promise<UnmuteResult> {
  const found = await peekAtState(options, async (state) => {
    const position = await state?.position();
    const muted = mutedThen(position?.domains);
    if (position === undefined || muted.length === 0) return undefined;
    const manifest = recordedManifest(position);
    const missing = muted.find((table) => manifest.tables.every(({name}) => name !== table));
    if (missing !== undefined) throw notThere(missing);
    const {tables} = followedManifest(manifest, {...options, muted: undefined});
    return {snapshot: position.digest, tables: [...tables.map(({name}) => name), ...muted]};
  });
  if (found === undefined) return {unmuted: false, applied: null};
  const {snapshot, tables} = found;
  const policies = new Map<string, TablePolicy>(options.policies);
  for (const table of tables) policies.set(table, {...policies.get(table), ...KEEPS});
  const applied = await replicate({...options, muted: undefined, snapshot, policies});
  return {unmuted: true, applied};
}

/** Since nothing changed in the snapshot, nothing is written, whatever was edited here; muted tables have no base, so that all rows come. */
const KEEPS: TablePolicy = {policy: 'merge', onConflict: 'replicaWins'};

function notThere(table: string): EngineError {
  return new EngineError(
    'MUTED',
    `the rows of "${table}" cannot be brought back: the snapshot last applied does not hold that table`,
    {
      site: {table},
      hint: 'Name an older one that does, without alerts.muted: rowplica replicate --snapshot ID (rowplica snapshots lists them).',
    },
  );
}
