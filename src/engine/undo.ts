/** undo: bring back the rows from before the last apply, as long as they are as that apply left them. */
import {applyPlan, type Applied} from '../apply/apply-plan.ts';
import type {Digest} from '../canonical/digest.ts';
import type {View} from '../database/port.ts';
import {EngineError, isEngineError} from '../kernel/errors.ts';
import {REPLAN_ATTEMPTS_MAX, UNDO_BYTES_MAX} from '../kernel/limits.ts';
import type {ChangeCounts} from '../kernel/row.ts';
import {estimateLock} from '../plan/lock-time.ts';
import {shapeOf, type Manifest} from '../snapshot/manifest.ts';
import type {UndoRecord} from '../state/undo-records.ts';
import {carriedBy} from './apply-snapshot.ts';
import {evidence} from './evidence.ts';
import {noFills} from './fills.ts';
import {followedManifest, isToldIn, waysOf} from './followed.ts';
import {
  decodeIntent,
  encodeIntent,
  rowsIn,
  type Intent,
  type IntendedRow,
  type PlanRows,
} from './intent.ts';
import {checkLockBudget} from './lock-budget.ts';
import {peekAtState, withState, type Opened} from './open.ts';
import type {EngineOptions} from './options.ts';
import {guardSource} from './plan-replicate.ts';
import {interrupted, listen} from './read-tables.ts';
import {recordedManifest} from './recorded.ts';
import {recover, type Recovered} from './recover.ts';
import {groupsAfter} from './rows-now.ts';
import {
  planReverse,
  reverseChanges,
  reverseReader,
  type RecordedRows,
  type Reverse,
} from './reverse.ts';
import {settled} from './source-version.ts';
import {plainSweeping} from './sweeps.ts';

export type UndoOptions = EngineOptions & {
  /** Plan and print, write nothing. */
  readonly dryRun?: boolean | undefined;
  readonly allowTriggers?: boolean | undefined;
};

export type UndoResult = {
  /** True where rows were brought back, by this run or an interrupted one before it; else false in a dry run. */
  readonly undone: boolean;
  readonly dryRun: boolean;
  /** The snapshot whose apply is undone. */
  readonly snapshot: Digest;
  readonly lineage: string;
  readonly epoch: number;
  readonly sequence: number;
  readonly tables: Readonly<Record<string, ChangeCounts>>;
  /** Rows changed or deleted in tables that are not replicated, because declared foreign keys say so. */
  readonly cascades: Readonly<Record<string, number>>;
  /** Rows of such tables that the apply itself changed or deleted: they are not brought back. */
  readonly notRestored: Readonly<Record<string, number>>;
  /** `undone` once nothing up to what was undone is applied again unasked. */
  readonly held: 'undone' | null;
};

/**
 * Undoes the last apply that was not undone: inserted rows go, deleted ones come back, updated ones return to what they
 * were, in one transaction. Then the replica is held until a newer snapshot, or `resume`. Needs no store.
 *
 * Ignored columns and ids of link rows, which no snapshot carries, are given anew to rows that come back.
 *
 * @throws {EngineError} `NOTHING_TO_UNDO`; `UNDO_STALE` where a row changed since; `SCHEMA_MISMATCH`, `VERSION_MISMATCH`
 * where the application was upgraded since; and those of replicate. Nothing is written then.
 */
export async function undo(options: UndoOptions): Promise<UndoResult> {
  const hasState = await peekAtState(options, async (state) => state !== undefined);
  if (!hasState) throw nothingToUndo();
  return withState(options, async (opened) => {
    const recovered = await recover(opened.database, opened.state, options.log);
    const finished = finishedUndo(recovered, options.dryRun === true);
    if (finished !== undefined) return finished;
    const record = await opened.state.undos.newest();
    if (record === undefined) throw nothingToUndo();
    if (record.doubted !== 0) throw putBack(record);
    for (let attempt = 1; ; attempt++) {
      try {
        return await attemptOnce(opened, record, options);
      } catch (error) {
        if (isEngineError(error, 'SNAPSHOT_CORRUPT')) throw damaged(record);
        if (attempt === REPLAN_ATTEMPTS_MAX || !isEngineError(error, 'PLAN_STALE')) throw error;
        options.log.info('planning afresh', {code: error.code, attempt});
      }
    }
  });
}

/** An undo that had only to be written down: asked for once more, it is done, and the apply before it stays. */
function finishedUndo(recovered: Recovered | undefined, dryRun: boolean): UndoResult | undefined {
  if (recovered?.outcome !== 'committed' || recovered.changeset.undoes === null) return undefined;
  const {body, digest, lineage, epoch, sequence} = recovered.changeset;
  const intent = decodeIntent(body);
  return {
    undone: true,
    dryRun,
    snapshot: digest,
    lineage,
    epoch,
    sequence,
    tables: intent.tables ?? countsOf(intent.rows ?? []),
    cascades: intent.cascades,
    notRestored: {},
    held: 'undone',
  };
}

const NONE: ChangeCounts = {inserted: 0, updated: 0, deleted: 0};

/** As an intent of an older release does not tell. */
function countsOf(rows: readonly IntendedRow[]): Readonly<Record<string, ChangeCounts>> {
  const tables = new Map<string, ChangeCounts>();
  for (const {table, before, after} of rows) {
    const {inserted, updated, deleted} = tables.get(table) ?? NONE;
    tables.set(table, {
      inserted: inserted + (before === null ? 1 : 0),
      updated: updated + (before === null || after === null ? 0 : 1),
      deleted: deleted + (after === null ? 1 : 0),
    });
  }
  return Object.fromEntries(tables);
}

async function attemptOnce(
  opened: Omit<Opened, 'store'>,
  record: UndoRecord,
  options: UndoOptions,
): Promise<UndoResult> {
  const intent = decodeIntent(record.body);
  const rows: RecordedRows = async function* () {
    for await (const some of rowsIn(intent, opened.state.undos.parts(record))) {
      await listen(options);
      yield some;
    }
  };
  const manifest = followedManifest(recordedManifest(record), options);
  const wanted = {record, intent, rows, manifest, options};
  await settled(opened.database, options);
  const reverse = await opened.database.view((view) => planUndo(view, wanted));
  const {isRestored} = await opened.database.view(async (view) => {
    const {tables: schema} = await view.schema();
    const ways = waysOf({schema, snapshot: {manifest}, options, isOnRecord: true});
    return evidence(view, opened.state.undos, record, isToldIn(ways));
  });
  if (isRestored) throw putBack(record);
  const held = await opened.state.undos.held();
  const result = {
    snapshot: record.digest,
    lineage: record.lineage,
    epoch: record.epoch,
    sequence: record.sequence,
    tables: Object.fromEntries(reverse.plan.tables),
    cascades: Object.fromEntries(reverse.cascades),
    notRestored: intent.cascades,
  };
  checkLockBudget(estimateLock({plan: reverse.plan, proof: [], trimmed: new Set()}), options);
  if (options.dryRun === true)
    return {...result, undone: false, dryRun: true, held: held === undefined ? null : 'undone'};
  if (options.signal?.aborted) throw interrupted();
  const {cascades} = await undoDurably(opened, wanted, reverse);
  const done = {undone: true, dryRun: false, held: 'undone' as const};
  return {...result, ...done, cascades: Object.fromEntries(cascades)};
}

type Undoing = {
  readonly record: UndoRecord;
  readonly intent: Intent;
  readonly rows: RecordedRows;
  readonly options: UndoOptions;
  readonly manifest: Manifest;
};

async function planUndo(view: View, wanted: Undoing): Promise<Reverse> {
  const {record, intent, manifest, rows, options} = wanted;
  if (intent.rows === undefined) throw tooLarge(record);
  await guardUnchanged(view, wanted);
  const {tables: schema} = await view.schema();
  const {groups} = intent;
  // Rows that triggers write too are told from others by the steps of the plan.
  const hasTriggers = [...schema.values()].some(({triggers}) => triggers.length > 0);
  const sweeping = hasTriggers ? undefined : plainSweeping(schema, options);
  const shapes = manifest.tables.map(shapeOf);
  const changes = await reverseChanges(view, shapes, {rows, groups}, sweeping);
  return planReverse(view, changes, options.allowTriggers === true);
}

/** The record names columns and keys as they were: in a schema changed since, they may mean something else. */
async function guardUnchanged(view: View, {record, manifest, options}: Undoing): Promise<void> {
  const {migrations} = options;
  try {
    await guardSource(view, manifest, {keyless: 'multiset', migrations}); // decided when it was applied
  } catch (cause) {
    if (!isEngineError(cause, 'SCHEMA_MISMATCH', 'VERSION_MISMATCH')) throw cause;
    throw new EngineError(
      cause.code,
      `cannot undo ${named(record)}: the schema is not the one it was applied to: ${cause.message}`,
      {
        site: cause.site,
        hint: 'Undo reaches back only as far as the schema stays; replicate --snapshot names an older snapshot of this schema.',
        cause,
      },
    );
  }
}

/** Intent first, then the transaction, then the record that it happened. */
async function undoDurably(
  {database, state}: Omit<Opened, 'store'>,
  wanted: Undoing,
  {plan, hasTriggers}: Reverse,
): Promise<Applied> {
  const {record, intent, manifest, rows} = wanted;
  const source: PlanRows = {...noFills, ...reverseReader(database, rows)};
  const before = tablesBefore(record);
  const groups = await database.view((view) => groupsAfter(view, plan));
  const undoing = await state.undos.intend(record, await encodeIntent(plan, {groups, source}));
  let applied: Applied;
  try {
    applied = await applyPlan(database, {
      plan,
      source,
      guard: (view) => guardUnchanged(view, wanted),
      untouched: hasTriggers ? manifest.tables.map(shapeOf) : [],
      counters: new Map(),
      isCarried: carriedBy([...before, ...intent.dangling]),
    });
  } catch (error) {
    if (!isEngineError(error, 'COMMIT_UNKNOWN')) await state.drop(undoing);
    throw error;
  }
  await state.undos.finish(undoing);
  return applied;
}

/** What dangled before. A manifest that got damaged carries nothing: then an undo that would need it is refused. */
function tablesBefore({previous}: UndoRecord): Manifest['tables'] {
  return previous ? recordedManifest(previous).tables : [];
}

/** Rows of an older copy, or of a transaction of which nobody knows whether it happened, may look as it left them by chance. */
function putBack(record: UndoRecord): EngineError {
  return new EngineError(
    'UNDO_STALE',
    `cannot undo ${named(record)}: nobody can tell whether the rows are still those that it left, as a run died in it or database or state were put back from a copy`,
    {
      hint: 'Run replicate, which compares all rows; or name the snapshot to go back to, with --snapshot.',
    },
  );
}

function nothingToUndo(): EngineError {
  return new EngineError(
    'NOTHING_TO_UNDO',
    'there is nothing to undo: no apply is on record here',
    {
      hint: 'Only what replicate wrote on this instance can be undone; rowplica status shows where it stands.',
    },
  );
}

function tooLarge(record: UndoRecord): EngineError {
  const megabytes = UNDO_BYTES_MAX / 1024 / 1024;
  return new EngineError(
    'NOTHING_TO_UNDO',
    `cannot undo ${named(record)}: its rows were too many to be kept (more than ${megabytes} million characters)`,
    {hint: 'Name an earlier snapshot instead: rowplica replicate --snapshot ID.'},
  );
}

/** An undo opens no snapshot: what is corrupt is what the state keeps. */
function damaged(record: UndoRecord): EngineError {
  return new EngineError(
    'NOTHING_TO_UNDO',
    `cannot undo ${named(record)}: its record in the state is damaged`,
    {hint: 'Name an earlier snapshot instead: rowplica replicate --snapshot ID.'},
  );
}

function named({epoch, sequence}: UndoRecord): string {
  return `epoch ${epoch} sequence ${sequence}`;
}
