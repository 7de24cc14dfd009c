/** replicate: bring a live database to a snapshot, row by row, in one transaction: converge or refuse. */
import type {Digest} from '../canonical/digest.ts';
import type {Applied} from '../apply/apply-plan.ts';
import {EngineError, isEngineError} from '../kernel/errors.ts';
import {REPLAN_ATTEMPTS_MAX} from '../kernel/limits.ts';
import type {ChangeCounts} from '../kernel/row.ts';
import {checkFuse} from '../plan/fuse.ts';
import {checkTriggers} from '../plan/make-plan.ts';
import {cascadeCounts, isEmpty, type Plan} from '../plan/plan.ts';
import {shapeOf, type Manifest} from '../snapshot/manifest.ts';
import type {SnapshotRef} from '../store/port.ts';
import {applyDurably} from './apply-snapshot.ts';
import {checkMonotone, newestSnapshot, snapshotById} from './choose-snapshot.ts';
import {withAll, type Opened} from './open.ts';
import type {EngineOptions} from './options.ts';
import {planReplicate, proofFits, type Planned} from './plan-replicate.ts';
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
  /** What it cost: live rows read to plan, and objects fetched from the store. */
  readonly cost: {readonly rowsRead: number; readonly objectsFetched: number};
};

/**
 * Replicates a snapshot into the database. After success the replicated tables equal it; after an error
 * they are as they were.
 *
 * @throws {EngineError} see docs: guard (20), position (22), fuse (23), store (10-13), database (14),
 * damaged snapshot or failed proof (30).
 */
export async function replicate(options: ReplicateOptions): Promise<ReplicateResult> {
  return withAll(options, false, async (opened) => {
    const {state, store, database} = opened;
    await recover(database, state, options.log);
    const ref = await chooseSnapshot(await store.list(), await state.position(), options);
    const reader = new SnapshotReader({
      store,
      cache: state.objects,
      temporary: () => state.temporary(),
    });
    const target = await reader.open(ref, await state.position());
    checkTables(target.manifest, options);
    const outcome = await attempts(opened, reader, target, options);
    if (options.dryRun !== true) keepObjects(opened, target);
    return outcome;
  });
}

async function chooseSnapshot(
  refs: readonly SnapshotRef[],
  position: Awaited<ReturnType<Opened['state']['position']>>,
  {snapshot}: ReplicateOptions,
): Promise<SnapshotRef> {
  if (snapshot !== undefined && snapshot !== 'latest') return snapshotById(refs, snapshot);
  const newest = newestSnapshot(refs, position?.lineage);
  if (newest !== undefined) {
    checkMonotone(position, newest);
    return newest;
  }
  if (refs.length === 0) throw noSnapshot();
  throw new EngineError(
    'POSITION_MISMATCH',
    'the store holds no snapshot of the history that this database follows',
    {
      hint: 'If it shall follow another one from now on, name a snapshot of it with --snapshot.',
    },
  );
}

export function noSnapshot(): EngineError {
  return new EngineError('NO_SNAPSHOT', 'the store holds no snapshot yet', {
    hint: 'Run capture on the primary first.',
    retryable: true,
  });
}

/** Tables named on the command line must be those of the snapshot: half a snapshot is no position. */
function checkTables(manifest: Manifest, {tables}: EngineOptions): void {
  if (tables === undefined) return;
  const held = manifest.tables.map((table) => table.name);
  const unknown = tables.find((table) => !held.includes(table));
  const left = held.find((table) => !tables.includes(table));
  if (unknown === undefined && left === undefined) return;
  const why = unknown === undefined ? `it also holds "${left}"` : `it does not hold "${unknown}"`;
  throw new EngineError(
    'TABLE_NOT_FOUND',
    `the snapshot does not hold exactly the tables named: ${why}`,
    {
      site: {table: unknown ?? left},
      hint: `It holds: ${held.join(', ')}. Leave --tables out to take them all.`,
    },
  );
}

/** Plans and applies; afresh where a row changed in between, and comparing all rows where a proof failed. */
async function attempts(
  opened: Opened,
  reader: SnapshotReader,
  target: Snapshot,
  options: ReplicateOptions,
): Promise<ReplicateResult> {
  let compareAll = options.verifyFull === true || proofFits(target.manifest);
  for (let attempt = 1; ; attempt++) {
    try {
      return await attemptOnce(opened, reader, target, {...options, compareAll});
    } catch (error) {
      const again =
        isEngineError(error, 'PLAN_STALE') ||
        (isEngineError(error, 'PROOF_FAILED') && error.retryable);
      if (!again || attempt === REPLAN_ATTEMPTS_MAX) throw error;
      options.log.info('planning afresh', {code: error.code, attempt});
      compareAll = true;
    }
  }
}

async function attemptOnce(
  opened: Opened,
  reader: SnapshotReader,
  target: Snapshot,
  options: ReplicateOptions & {readonly compareAll: boolean},
): Promise<ReplicateResult> {
  const {database, state} = opened;
  const base = options.compareAll ? undefined : await trustedBase(opened, reader, target);
  const position = await state.position();
  const planned = await planReplicate({database, reader, target, base, options});
  const {plan, rowsBefore} = planned;
  checkFuse(plan.tables, rowsBefore, new Set(options.allowDeletes));
  if (options.allowTriggers !== true)
    checkTriggers((await schemaOf(opened)).tables, writtenTables(plan));
  const full = position === undefined || options.compareAll;
  if (options.dryRun === true)
    return result(target, planned, {
      applied: false,
      dryRun: true,
      proof: full ? 'full' : 'touched',
    });
  if (isEmpty(plan)) {
    const moved = position?.digest !== target.ref.digest || !position.trusted;
    if (moved) await state.reach({...target.ref, manifest: target.bytes});
    return result(target, planned, {
      applied: moved,
      dryRun: false,
      proof: base === undefined ? 'full' : 'touched',
    });
  }
  const done = await applyDurably(opened, target, plan, full);
  return result(target, planned, {
    applied: true,
    dryRun: false,
    proof: done.proof,
    cascades: done.cascades,
  });
}

const schemaOf = async ({database}: Opened) => database.view((view) => view.schema());

function writtenTables(plan: Plan): ReadonlySet<string> {
  const cascaded = [...plan.before, ...plan.after].map((step) => step.key.table);
  return new Set([...plan.rows.map((step) => step.shape.table), ...cascaded]);
}

/** The snapshot whose rows the database can be taken to hold, if that is known and another than the target. */
async function trustedBase(
  opened: Opened,
  reader: SnapshotReader,
  target: Snapshot,
): Promise<Snapshot | undefined> {
  const position = await opened.state.position();
  if (position === undefined || !position.trusted || position.digest === target.ref.digest)
    return undefined;
  const ref = {...position, parent: undefined, storeId: '', time: position.at};
  const base = await reader.open(ref, position);
  return sameTables(base.manifest, target.manifest) && pagesAtHand(opened, base.manifest)
    ? base
    : undefined;
}

function sameTables(a: Manifest, b: Manifest): boolean {
  const shapes = (manifest: Manifest): string => JSON.stringify(manifest.tables.map(shapeOf));
  return shapes(a) === shapes(b);
}

/** Index pages of the base are not fetched again: without them, all rows are compared. */
function pagesAtHand({state}: Opened, manifest: Manifest): boolean {
  return manifest.tables.every((table) =>
    (table.pages ?? []).every((page) => state.objects.has(page.digest)),
  );
}

/** Of the objects at hand, keeps those of the snapshot that the database holds now. */
function keepObjects({state}: Opened, {manifest}: Snapshot): void {
  const listed = manifest.tables.flatMap(({chunks, pages}) => [
    ...(chunks ?? []),
    ...(pages ?? []),
  ]);
  state.objects.arrange(new Set(listed.map((entry) => entry.digest)), manifest.depth);
}

function result(
  {ref}: Snapshot,
  {plan, rowsRead, objectsFetched}: Planned,
  outcome: Pick<ReplicateResult, 'applied' | 'dryRun' | 'proof'> &
    Partial<Pick<Applied, 'cascades'>>,
): ReplicateResult {
  const {cascades = cascadeCounts(plan), ...rest} = outcome;
  return {
    ...rest,
    snapshot: ref.digest,
    lineage: ref.lineage,
    epoch: ref.epoch,
    sequence: ref.sequence,
    tables: Object.fromEntries(plan.tables),
    cascades: Object.fromEntries(cascades),
    conflicts: [],
    cost: {rowsRead, objectsFetched},
  };
}
