/** One try to bring a database to a snapshot: plan, look at what forbids it, write. */
import type {Applied} from '../apply/apply-plan.ts';
import {isEngineError} from '../kernel/errors.ts';
import {checkFuse, checkOnlyAdds} from '../plan/fuse.ts';
import {checkTriggers} from '../plan/make-plan.ts';
import {cascadeCounts, isEmpty, rowSteps, totals, type Plan} from '../plan/plan.ts';
import {shapeOf, type Manifest} from '../snapshot/manifest.ts';
import type {StoredConflict} from '../state/conflicts.ts';
import type {StoredPosition} from '../state/state.ts';
import type {SnapshotRef} from '../store/port.ts';
import type {AdaptRequest} from './adapt.ts';
import {applyDurably, raiseCounters} from './apply-snapshot.ts';
import {encodeDomains, mutedThen} from './base-domains.ts';
import {isOwn} from './authority.ts';
import {ownSnapshot} from './choose-target.ts';
import {lastClaim} from './claims.ts';
import {evidence} from './evidence.ts';
import {fillReader} from './fills.ts';
import {followed, isToldIn, leavesEdits, mayBecomeEmpty, waysOf, type Ways} from './followed.ts';
import type {HeldLocks} from './held-locks.ts';
import {budgeted, lockReport, type LockPlan} from './lock-budget.ts';
import {findBases} from './merge-base.ts';
import type {Opened} from './open.ts';
import {planReplicate, type Planned} from './plan-replicate.ts';
import {interrupted} from './read-tables.ts';
import type {ReplicateOptions, ReplicateResult} from './replicate.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {sweepReader} from './sweeps.ts';
import {trimFirst} from './trim.ts';

/** What a run works with, and what it notes of its locks on the way. */
export type Run = Opened & {
  readonly held: HeldLocks;
  readonly reader: SnapshotReader;
  /** All snapshots of the store. */
  readonly refs: readonly SnapshotRef[];
};

type AttemptOptions = ReplicateOptions & {
  /** Reads every row to plan. */
  readonly compareAll: boolean;
  /** Reads every table before COMMIT: what drifted shows then, and is planned with all rows compared. */
  readonly proveAll: boolean;
  readonly hasTrimmed?: boolean;
};

/** @param target The snapshot as this database can take it, without the tables that are not followed. */
export async function attemptOnce(
  run: Run,
  adapting: AdaptRequest,
  target: Snapshot,
  options: AttemptOptions,
): Promise<ReplicateResult> {
  const attempt = await prepare(run, adapting, target, options);
  const {planned, lock, proof} = attempt;
  const {plan} = planned;
  if (options.dryRun === true)
    return result(target, planned, run.held, {applied: false, dryRun: true, proof, lock});
  if (isEmpty(plan) && attempt.isUnproved) {
    // Nothing will be written, and so nothing proved.
    return attemptOnce(run, adapting, target, {...options, compareAll: true});
  }
  if (isEmpty(plan)) {
    const applied = await recordOnly(run, target, attempt, options);
    return result(target, planned, run.held, {applied, dryRun: false, proof, lock});
  }
  if (options.signal?.aborted) throw interrupted();
  const {ways, full, domains} = attempt;
  const {counters} = planned;
  const fills = fillReader(run.reader, options);
  const source = {...fills, ...sweepReader(run.database, run.reader, options)};
  const how = {full, ways, source, counters, migrations: options.migrations};
  if (lock.trims.length > 0) {
    const trimming = {opened: run, target, held: run.held, options, how};
    await trimFirst(trimming, {plan, trims: lock.trims});
    return attemptOnce(run, adapting, target, {...options, hasTrimmed: true}); // counts what is left
  }
  const {trimmed} = run.held;
  const {inbox: conflicts} = planned;
  await syncBase(run, target, ways);
  const done = await applyDurably(run, target, plan, {...how, trimmed, domains, conflicts});
  const {cascades} = done;
  return result(target, planned, run.held, {
    applied: true,
    dryRun: false,
    proof: done.proof,
    lock,
    cascades,
  });
}

/** A plan that may run, and what was on record before it. */
type Attempt = {
  readonly position: StoredPosition | undefined;
  readonly before: readonly StoredConflict[];
  readonly ways: Ways;
  readonly planned: Planned;
  /** Every table is read before COMMIT. */
  readonly full: boolean;
  /** True where every table was to be read, and was not to plan. */
  readonly isUnproved: boolean;
  readonly proof: ReplicateResult['proof'];
  readonly lock: LockPlan;
  /** Which rows are followed, for the record. */
  readonly domains: string;
};

async function mustBeNews({state}: Run, {ref}: Snapshot): Promise<void> {
  const [position, claimed] = [await state.position(), await lastClaim(state)];
  if (isOwn(ref, {author: state.instance.id, position, claimed})) throw ownSnapshot();
}

/** @throws {EngineError} `FUSE`, `TRIGGER`, and those of planning. */
async function prepare(
  run: Run,
  adapting: AdaptRequest,
  target: Snapshot,
  options: AttemptOptions,
): Promise<Attempt> {
  const {database, state, reader, refs} = run;
  const position = await state.position();
  const {tables: schema} = await database.view((view) => view.schema());
  const isOnRecord = position?.digest === target.ref.digest;
  const wereMuted = mutedThen(position?.domains);
  const ways = waysOf({schema, snapshot: target, options, isOnRecord, wereMuted});
  const domains = encodeDomains(ways, position?.domains);
  const base = mustCompare(options, target, ways)
    ? undefined
    : await trustedBase(run, target, {options, ways, domains});
  const bases = await findBases({...adapting, opened: run, target, ways, refs});
  const before = await state.conflicts();
  const request = {database, reader, target, ways, bases, base, conflicts: before, options};
  const planned = await planReplicate(request);
  const {plan} = planned;
  const leave = {
    allowed: new Set([...(options.allowDeletes ?? []), ...ways.muted]),
    // What a database that follows nobody yet loses may be a mistake, however little it is.
    mayEmpty: position === undefined ? undefined : mayBecomeEmpty(target.manifest),
  };
  checkFuse(plan.tables, planned.rowsBefore, leave);
  if (options.allowTriggers !== true) checkTriggers(schema, writtenTables(plan));
  if (!isEmpty(plan) && options.snapshot === undefined) await mustBeNews(run, target);
  const wasReplica = position !== undefined && position.author !== state.instance.id;
  if (options.isGuess === true && !wasReplica) checkOnlyAdds(plan.tables);
  const triggers = [...writtenTables(plan)].some((name) => schema.get(name)?.triggers.length !== 0);
  const full = position === undefined || options.compareAll || options.proveAll || triggers;
  const comparedAll = isEmpty(plan) && base === undefined;
  const work = {plan, proof: full ? target.manifest.tables : filledTables(target, plan)};
  const lock = await budgeted(run, {...work, isTrimmed: options.hasTrimmed === true}, options);
  const proof = full || comparedAll ? 'full' : 'touched';
  const isUnproved = options.proveAll && base !== undefined;
  return {position, before, ways, planned, full, isUnproved, proof, lock, domains};
}

/**
 * Where all tables are proved, and that is cheap, rows need not be compared to plan, too, unless the plan itself is asked for, or tells
 * local edits.
 */
function mustCompare(
  {compareAll, proveAll, dryRun}: AttemptOptions,
  {own}: Snapshot,
  {merged, muted}: Ways,
): boolean {
  const isPlain = own === undefined && merged.length === 0 && muted.size === 0;
  return compareAll || (proveAll && (dryRun === true || !isPlain));
}

/** Nothing is to be written but where the database stands. True where that is news. */
async function recordOnly(
  run: Run,
  target: Snapshot,
  {position, before, ways, planned, domains}: Attempt,
  {migrations}: ReplicateOptions,
): Promise<boolean> {
  const {counters, inbox} = planned;
  await raiseCounters(run, target, {counters, migrations});
  const moved = position?.digest !== target.ref.digest || !position.trusted;
  // What was made of the same snapshot for another version, or beside other values of its own, is not what is here now.
  const isKnown = !moved && Buffer.compare(position.manifest, target.bytes) === 0;
  const isSame = isKnown && position.isBase && position.domains === domains;
  if (!isSame) await syncBase(run, target, ways);
  if (!isSame || JSON.stringify(inbox) !== JSON.stringify(before))
    await run.state.reach({...target.ref, manifest: target.bytes, domains}, inbox);
  return moved;
}

/** The next merge needs these rows, and by then no store may have them any more: it would take what the primary changed for local edits. */
async function syncBase({reader, state}: Run, target: Snapshot, {merged}: Ways): Promise<void> {
  for (const {needsBase, table} of merged)
    if (needsBase)
      state.objects.sync((await reader.chunks(target, table)).map(({digest}) => digest));
}

function writtenTables(plan: Plan): ReadonlySet<string> {
  const cascaded = [...plan.before, ...plan.after].map((step) => step.key.table);
  const filled = [...plan.sweeps, ...plan.fills].map(({shape}) => shape.table);
  return new Set([...rowSteps(plan).map((step) => step.shape.table), ...filled, ...cascaded]);
}

function filledTables({manifest}: Snapshot, {fills}: Plan): Manifest['tables'] {
  const names = new Set(fills.map(({shape}) => shape.table));
  return manifest.tables.filter(({name}) => names.has(name));
}

type Trusting = {
  readonly options: AttemptOptions;
  readonly ways: Ways;
  /** Which rows are followed. */
  readonly domains: string;
};

/** The snapshot whose rows the database can be taken to hold, if that is known and another than the target. */
async function trustedBase(
  opened: Run,
  target: Snapshot,
  {options, ways, domains}: Trusting,
): Promise<Snapshot | undefined> {
  const {database, state, reader} = opened;
  const position = await state.position();
  if (position === undefined || !position.trusted || position.digest === target.ref.digest)
    return undefined;
  if (position.author === state.instance.id) return undefined; // a primary's application writes it all the time
  if (position.domains !== domains) return undefined; // the rows are what other policies made of that snapshot
  if (leavesEdits(target.manifest, options)) return undefined; // what was left until now is put back, wherever it is
  if (!options.proveAll) {
    const {isAsLeft} = await database.view((view) =>
      evidence(view, state.undos, position, isToldIn(ways)),
    );
    if (!isAsLeft) return undefined;
  }
  const base = readable(() => followed(reader.reopen(position), options));
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

function result(
  {ref}: Snapshot,
  {plan, rowsRead, objectsFetched, conflicts, merged, muted}: Planned,
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
    merged,
    muted,
    conflicts,
    held: null,
    lock: lockReport(lock, held, rest.dryRun),
    cost: {rowsRead, objectsFetched},
  };
}
