/** replicate: bring a live database to a snapshot, row by row, in one transaction: converge or refuse. */
import type {Digest} from '../canonical/digest.ts';
import type {Applied} from '../apply/apply-plan.ts';
import {isEngineError} from '../kernel/errors.ts';
import {REPLAN_ATTEMPTS_MAX} from '../kernel/limits.ts';
import type {ChangeCounts} from '../kernel/row.ts';
import {checkFuse} from '../plan/fuse.ts';
import {checkTriggers} from '../plan/make-plan.ts';
import {cascadeCounts, isEmpty, rowSteps, totals, type Plan} from '../plan/plan.ts';
import {shapeOf, type Manifest} from '../snapshot/manifest.ts';
import {adapt} from './adapt.ts';
import {applyDurably} from './apply-snapshot.ts';
import {checkAllowed, checkTables, chooseTarget, ownSnapshot} from './choose-target.ts';
import {evidence} from './evidence.ts';
import {heldBack, isHeld} from './held.ts';
import {withAll, type Opened} from './open.ts';
import type {EngineOptions} from './options.ts';
import {timed, warnOfTrimmed, type HeldLocks} from './held-locks.ts';
import {budgeted, lockReport, type LockPlan, type LockReport} from './lock-budget.ts';
import {interrupted} from './read-tables.ts';
import {planReplicate, proofFits, type Planned} from './plan-replicate.ts';
import {recover} from './recover.ts';
import {SnapshotReader, type Snapshot} from './snapshot-reader.ts';
import {trimFirst} from './trim.ts';

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
  readonly conflicts: readonly never[];
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
    const ref = chooseTarget(await store.list(), await state.position(), options.snapshot);
    const hold = options.snapshot === undefined ? await state.undos.held() : undefined;
    const held = isHeld(hold, ref, await state.position());
    if (held && options.dryRun !== true) throw heldBack(hold);
    const reader = new SnapshotReader({
      store,
      cache: state.objects,
      temporary: () => state.temporary(),
    });
    const target = await reader.open(ref, await state.position());
    const {outcome, applied} = await attempts(opened, reader, target, options);
    if (options.dryRun !== true) await keepObjects(opened, reader, [target, applied]);
    return held ? {...outcome, held: 'undone'} : outcome;
  });
}

/** What a run works with, and what it notes of its locks on the way. */
type Run = Opened & {readonly held: HeldLocks};

/**
 * Plans and applies; afresh where a row changed in between. What fails against the rows that were taken
 * as known is tried again with all of them compared: they may have drifted.
 */
async function attempts(
  opened: Run,
  reader: SnapshotReader,
  target: Snapshot,
  options: ReplicateOptions,
): Promise<{readonly outcome: ReplicateResult; readonly applied: Snapshot}> {
  const {database, state} = opened;
  const keep = (digest: Digest, bytes: Uint8Array): void => state.objects.write(digest, bytes);
  let compareAll = options.verifyFull === true || proofFits(target.manifest);
  for (let attempt = 1; ; attempt++) {
    try {
      const applied = await adapt({database, reader, keep, options}, target);
      checkTables(applied.manifest, options.tables);
      checkAllowed(applied.manifest, options.allowDeletes);
      const outcome = await attemptOnce(opened, reader, applied, {...options, compareAll});
      return {outcome, applied};
    } catch (error) {
      if (attempt === REPLAN_ATTEMPTS_MAX || !mayDifferNextTime(error, attempt > 1 && compareAll)) {
        warnOfTrimmed(opened.held, options.log);
        throw error;
      }
      options.log.info('planning afresh', {code: isEngineError(error) ? error.code : '', attempt});
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

async function attemptOnce(
  opened: Run,
  reader: SnapshotReader,
  target: Snapshot,
  options: ReplicateOptions & {readonly compareAll: boolean; readonly hasTrimmed?: boolean},
): Promise<ReplicateResult> {
  const {database, state} = opened;
  const base = options.compareAll ? undefined : await trustedBase(opened, reader, target);
  const position = await state.position();
  const planned = await planReplicate({database, reader, target, base, options});
  const {plan, rowsBefore} = planned;
  const {tables: schema} = await schemaOf(opened);
  checkFuse(plan.tables, rowsBefore, new Set(options.allowDeletes));
  if (options.allowTriggers !== true) checkTriggers(schema, writtenTables(plan));
  const triggers = [...writtenTables(plan)].some((name) => schema.get(name)?.triggers.length !== 0);
  const full = position === undefined || options.compareAll || triggers;
  const own = target.ref.author === state.instance.id && options.snapshot === undefined;
  if (own && !isEmpty(plan)) throw ownSnapshot();
  const comparedAll = isEmpty(plan) && base === undefined;
  const proof = full || comparedAll ? 'full' : 'touched';
  const lock = await budgeted(
    opened,
    {plan, proof: full ? target.manifest.tables : [], isTrimmed: options.hasTrimmed === true},
    options,
  );
  if (options.dryRun === true)
    return result(target, planned, opened.held, {applied: false, dryRun: true, proof, lock});
  if (isEmpty(plan)) {
    const moved = position?.digest !== target.ref.digest || !position.trusted;
    // What was made of the same snapshot for another version, or beside other values of its own, is not what is here now.
    const isOnRecord = !moved && Buffer.compare(position.manifest, target.bytes) === 0;
    if (!isOnRecord) await state.reach({...target.ref, manifest: target.bytes});
    return result(target, planned, opened.held, {applied: moved, dryRun: false, proof, lock});
  }
  if (options.signal?.aborted) throw interrupted();
  if (lock.trims.length > 0) {
    await trimFirst({opened, target, held: opened.held, options}, {plan, full, trims: lock.trims});
    return attemptOnce(opened, reader, target, {...options, hasTrimmed: true}); // counts what is left
  }
  const {migrations} = options;
  const {trimmed} = opened.held;
  const done = await applyDurably(opened, target, plan, {full, trimmed, migrations});
  return result(target, planned, opened.held, {
    applied: true,
    dryRun: false,
    proof: done.proof,
    lock,
    cascades: done.cascades,
  });
}

const schemaOf = async ({database}: Opened) => database.view((view) => view.schema());

function writtenTables(plan: Plan): ReadonlySet<string> {
  const cascaded = [...plan.before, ...plan.after].map((step) => step.key.table);
  return new Set([...rowSteps(plan).map((step) => step.shape.table), ...cascaded]);
}

/** The snapshot whose rows the database can be taken to hold, if that is known and another than the target. */
async function trustedBase(
  opened: Opened,
  reader: SnapshotReader,
  target: Snapshot,
): Promise<Snapshot | undefined> {
  const {database, state} = opened;
  const position = await state.position();
  if (position === undefined || !position.trusted || position.digest === target.ref.digest)
    return undefined;
  if (position.author === state.instance.id) return undefined; // a primary's application writes it all the time
  if (!(await database.view((view) => evidence(view, state.undos, position))).isAsLeft)
    return undefined;
  const base = readable(() => reader.reopen(position));
  if (base === undefined) return undefined;
  return sameTables(base.manifest, target.manifest) && pagesAtHand(opened, base.manifest)
    ? base
    : undefined;
}

/** A manifest that got damaged in the state says nothing: then all rows are compared. */
function readable(reopen: () => Snapshot): Snapshot | undefined {
  try {
    return reopen();
  } catch (error) {
    if (isEngineError(error, 'SNAPSHOT_CORRUPT')) return undefined;
    throw error;
  }
}

function sameTables(a: Manifest, b: Manifest): boolean {
  const shapes = (manifest: Manifest): string => JSON.stringify(manifest.tables.map(shapeOf));
  return shapes(a) === shapes(b);
}

/** Index pages of the base are not fetched again: without them, all rows are compared. */
function pagesAtHand({state}: Opened, manifest: Manifest): boolean {
  return manifest.tables.every((table) =>
    (table.pages ?? []).every((page) => state.objects.read(page.digest) !== undefined),
  );
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
  state.objects.arrange(kept, target.manifest.depth);
}

function result(
  {ref}: Snapshot,
  {plan, rowsRead, objectsFetched}: Planned,
  held: HeldLocks,
  outcome: Pick<ReplicateResult, 'applied' | 'dryRun' | 'proof'> &
    Partial<Pick<Applied, 'cascades'>> & {readonly lock: LockPlan},
): ReplicateResult {
  const {cascades = cascadeCounts(plan), lock, ...rest} = outcome;
  return {
    ...rest,
    snapshot: ref.digest,
    lineage: ref.lineage,
    epoch: ref.epoch,
    sequence: ref.sequence,
    tables: Object.fromEntries(plan.tables),
    cascades: Object.fromEntries(totals(cascades, held.trimmed)),
    conflicts: [],
    held: null,
    lock: lockReport(lock, held, rest.dryRun),
    cost: {rowsRead, objectsFetched},
  };
}
