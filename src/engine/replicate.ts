/** replicate: bring a live database to a snapshot, row by row, in one transaction: converge or refuse. */
import {StaleSweep} from '../apply/sweep.ts';
import type {Digest} from '../canonical/digest.ts';
import {isEngineError} from '../kernel/errors.ts';
import {REPLAN_ATTEMPTS_MAX} from '../kernel/limits.ts';
import type {ChangeCounts} from '../kernel/row.ts';
import {adapt} from './adapt.ts';
import {attemptOnce, type Run} from './attempt.ts';
import {checkAllowed, checkTables, chooseTarget} from './choose-target.ts';
import {followed} from './followed.ts';
import {heldBack, isHeld} from './held.ts';
import {timed, warnOfTrimmed} from './held-locks.ts';
import {holdsLittle} from './holds-little.ts';
import type {ConflictReport} from './inbox.ts';
import type {LockReport} from './lock-budget.ts';
import {withAll, type Opened} from './open.ts';
import type {EngineOptions} from './options.ts';
import {proofFits} from './plan-replicate.ts';
import {recover} from './recover.ts';
import {SnapshotReader, type Snapshot} from './snapshot-reader.ts';

export type ReplicateOptions = EngineOptions & {
  /** Plan and print, write nothing. */
  readonly dryRun?: boolean | undefined;
  /** A snapshot by name instead of the newest one; may lead back. */
  readonly snapshot?: string | undefined;
  /** Compare every row and prove every table, whatever it costs. */
  readonly verifyFull?: boolean | undefined;
  /** Tables whose deletes the fuse lets pass in this run. */
  readonly allowDeletes?: readonly string[] | undefined;
  readonly allowTriggers?: boolean | undefined;
  /** Lets this run hold the write lock for longer than `maxWriteLock`, without a word. */
  readonly allowLongLock?: boolean | undefined;
  /** Refuses a plan that would hold it for longer, instead of warning. */
  readonly holdLongLocks?: boolean | undefined;
  /** Puts local edits back also where they are to stay until there is a new snapshot. */
  readonly repair?: boolean | undefined;
};

export type ReplicateResult = {
  /** True where this run brought the database to the snapshot; false in a dry run and where it was there already. */
  readonly applied: boolean;
  readonly dryRun: boolean;
  /** `full`: every replicated table was compared with the snapshot. `touched`: the rows written, and what changed since the last position. */
  readonly proof: 'full' | 'touched';
  readonly snapshot: Digest;
  readonly lineage: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly tables: Readonly<Record<string, ChangeCounts>>;
  /** Rows changed or deleted in tables that are not replicated, because declared foreign keys say so. */
  readonly cascades: Readonly<Record<string, number>>;
  /** Tables that are no copies of the snapshot's, by their policies. */
  readonly merged: readonly string[];
  /** Tables that are kept empty, so that the application alerts nobody. */
  readonly muted: readonly string[];
  /** Rows that both sides changed and do not agree on: those of this run, and those still open. */
  readonly conflicts: readonly ConflictReport[];
  /** `undone` in a dry run that a real run would refuse, because an undo holds this replica. */
  readonly held: 'undone' | null;
  /** How long the database's write lock is held. */
  readonly lock: LockReport;
  /** What it cost: live rows read to plan, and objects fetched from the store. */
  readonly cost: {readonly rowsRead: number; readonly objectsFetched: number};
};

/**
 * Replicates a snapshot into the database. After success the replicated tables equal it; after an error
 * they are as they were.
 *
 * @throws {EngineError} see docs: guard (20), `HELD` (20) after an undo, position (22), fuse (23), store (10-13), database (14),
 * damaged snapshot or failed proof (30).
 */
export async function replicate(options: ReplicateOptions): Promise<ReplicateResult> {
  return withAll(options, false, async (given) => {
    const opened = timed(given);
    const {state, store, database} = opened;
    await recover(database, state, options.log);
    const refs = await store.list();
    const ref = chooseTarget(refs, await state.position(), options.snapshot);
    const hold = options.snapshot === undefined ? await state.undos.held() : undefined;
    const held = isHeld(hold, ref, await state.position());
    if (held && options.dryRun !== true) throw heldBack(hold);
    const reader = new SnapshotReader({
      store,
      cache: state.objects,
      temporary: () => state.temporary(),
    });
    // What came for a run that was refused is at hand, and need not come again.
    const needsAll = async (): Promise<boolean> =>
      state.objects.digests().size === 0 && (await holdsLittle(database, options));
    const next = await reader.openNext(ref, await state.position(), needsAll);
    const target = followed(next, options);
    const {outcome, applied} = await attempts({...opened, reader, refs}, target, options);
    if (options.dryRun !== true) await keepObjects(opened, reader, [target, applied]);
    return held ? {...outcome, held: 'undone'} : outcome;
  });
}

/**
 * Plans and applies; afresh where a row changed in between. What fails against the rows that were taken
 * as known is tried again with all of them compared: they may have drifted. Where somebody wrote beside rows that were to be swept, all
 * changes are held, so that nothing else is looked at.
 */
async function attempts(
  opened: Run,
  target: Snapshot,
  options: ReplicateOptions,
): Promise<{readonly outcome: ReplicateResult; readonly applied: Snapshot}> {
  const {database, state, reader} = opened;
  const keep = (digest: Digest, bytes: Uint8Array): void => state.objects.write(digest, bytes);
  const proveAll = options.verifyFull === true || proofFits(target.manifest);
  let compareAll = options.verifyFull === true;
  let {heldRows} = options;
  for (let attempt = 1; ; attempt++) {
    try {
      const adapting = {database, reader, keep, options};
      const applied = await adapt(adapting, target);
      checkTables(applied.manifest, options.tables);
      checkAllowed(applied.manifest, options.allowDeletes);
      const how = {...options, compareAll, proveAll, heldRows};
      return {outcome: await attemptOnce(opened, adapting, applied, how), applied};
    } catch (error) {
      if (error instanceof StaleSweep && heldRows !== Infinity) {
        options.log.info('planning afresh', {code: error.code, attempt});
        heldRows = Infinity;
        attempt--; // planned in another way, it is no second try
        continue;
      }
      if (attempt === REPLAN_ATTEMPTS_MAX || !mayDifferNextTime(error, attempt > 1 && compareAll)) {
        warnOfTrimmed(opened.held, options.log);
        throw error;
      }
      options.log.info('planning afresh', {code: isEngineError(error) ? error.code : '', attempt});
      if (!compareAll && proveAll) attempt = 0; // rows had drifted, which is no reason to give up any sooner
      compareAll = true;
    }
  }
}

/** The application may have written what a constraint forbids now, after the plan was made: planned afresh, it stands. */
function mayDifferNextTime(error: unknown, isSettled: boolean): boolean {
  if (isEngineError(error, 'PLAN_STALE')) return true;
  if (isEngineError(error, 'PROOF_FAILED')) return error.retryable;
  return !isSettled && isEngineError(error, 'CONSTRAINT', 'FOREIGN_KEY', 'UNIQUE_CYCLE');
}

/** Of the objects at hand, keeps those of the snapshot that the database holds now, and of what it was adapted from. */
async function keepObjects(
  {state}: Opened,
  reader: SnapshotReader,
  [target, applied]: readonly [Snapshot, Snapshot],
): Promise<void> {
  const kept = new Set<Digest>();
  const isAdapted = applied !== target;
  for (const snapshot of isAdapted ? [target, applied] : [target]) {
    for (const table of snapshot.manifest.tables) {
      for (const entry of [...(table.pages ?? []), ...(await reader.chunks(snapshot, table))])
        kept.add(entry.digest);
    }
  }
  if (isAdapted) {
    state.objects.write(target.ref.digest, target.bytes);
    kept.add(target.ref.digest);
  }
  state.objects.arrange(kept, 0); // in one folder: nothing is stored from here, and a folder for each takes longer than the rest
}
