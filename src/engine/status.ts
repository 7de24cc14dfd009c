/** status and snapshots: where this database stands, and what the store holds. */
import type {Database, View} from '../database/port.ts';
import {isEngineError} from '../kernel/errors.ts';
import {comparePositions, type Position} from '../kernel/position.ts';
import type {State, StoredPosition} from '../state/state.ts';
import type {Hold} from '../state/undo-records.ts';
import type {SnapshotRef} from '../store/port.ts';
import {notesIn} from './care-notes.ts';
import {newestSnapshot} from './choose-snapshot.ts';
import {driftIn} from './drift.ts';
import {evidence} from './evidence.ts';
import {followedManifest, isToldIn, waysOf} from './followed.ts';
import {peekAtState, stateFolder, withDatabase, withStore} from './open.ts';
import type {EngineOptions} from './options.ts';
import {proofFits} from './plan-replicate.ts';
import {recordedManifest} from './recorded.ts';
import {readRecorded} from './recorded-snapshot.ts';

export type SnapshotListed = Position & {
  readonly snapshot: string;
  readonly storeId: string;
  readonly parent: string | null;
  readonly author: string;
  readonly time: string;
  /** True for the one that this database holds. */
  readonly here: boolean;
};

export type StatusResult = {
  readonly database: string;
  readonly state: string;
  readonly store: string;
  /** Id of this instance; null before its first capture or replicate. */
  readonly instance: string | null;
  /** Where this database was last brought to, or what was last captured of it; null before. */
  readonly position:
    (Position & {readonly author: string; readonly at: string; readonly trusted: boolean}) | null;
  /** Newest snapshot of its history in the store; null where there is none. */
  readonly newest: (Position & {readonly author: string; readonly time: string}) | null;
  /** True where the newest snapshot is the one held here, as far as is known without comparing all rows. */
  readonly upToDate: boolean;
  /** How many snapshots the store is ahead. */
  readonly behind: number;
  /** True where a run ended in the middle of writing; the next one finds out what happened. */
  readonly interrupted: boolean;
  /** `undone` where an undo holds this replica until a newer snapshot, or `resume`. */
  readonly held: 'undone' | null;
  /** Rows that were changed here since the snapshot on record; null where nothing is, or a look would read too much. */
  readonly drift: number | null;
  /** Conflicts that wait for a decision. */
  readonly conflicts: number;
  /** When the service last proved here that a snapshot can be restored, ISO 8601; null where it did not. */
  readonly proven: string | null;
  /** What is held back (this snapshot and those before it), and since when; null where nothing is. */
  readonly undone: Hold | null;
};

/** @throws {EngineError} where the database cannot be opened, or the store does not answer. */
export async function status(options: EngineOptions): Promise<StatusResult> {
  return withDatabase(options, options.database, (database) => statusIn(options, database));
}

function statusIn(options: EngineOptions, database: Database): Promise<StatusResult> {
  return orWithoutStore(
    () =>
      withStore(options, async ({state, store}) => {
        const refs = await orWithoutStore(
          () => store.list(),
          () => [],
        );
        return statusOf(options, {database, state}, {name: store.name, refs});
      }),
    () =>
      peekAtState(options, (state) =>
        statusOf(options, {database, state}, {name: 'none yet', refs: []}),
      ),
  );
}

/** A store that is not there yet is a status, not a failure. */
async function orWithoutStore<T>(
  work: () => Promise<T>,
  instead: () => T | Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (isEngineError(error, 'STORE_MISSING')) return instead();
    throw error;
  }
}

type Listing = {readonly name: string; readonly refs: readonly SnapshotRef[]};

type Here = {readonly database: Database; readonly state: State | undefined};

async function statusOf(
  options: EngineOptions,
  {database, state}: Here,
  {name, refs}: Listing,
): Promise<StatusResult> {
  const position = state && (await positionNow(options, {database, state}));
  const hold = await state?.undos.held();
  const newest = newestSnapshot(refs, position?.lineage);
  const ahead = refs.filter(
    (ref) => ref.lineage === position?.lineage && comparePositions(ref, position) > 0,
  );
  return {
    database: options.database,
    state: stateFolder(options),
    store: name,
    instance: state?.instance.id ?? null,
    position: position === undefined ? null : heldHere(position),
    newest: newest === undefined ? null : storedThere(newest),
    upToDate: position?.trusted === true && newest?.digest === position.digest,
    behind: position === undefined ? refs.length : ahead.length,
    interrupted: (await state?.pending()) !== undefined,
    held: hold === undefined ? null : 'undone',
    drift: (await driftNow(options, {database, state}, position)) ?? null,
    conflicts: ((await state?.conflicts()) ?? []).filter(({take}) => take === null).length,
    proven: (state && (await notesIn(state)).proven) ?? null,
    undone: hold ?? null,
  };
}

/** A status never fails for what only `drift` would find. */
async function driftNow(
  options: EngineOptions,
  {database, state}: Here,
  position: StoredPosition | undefined,
): Promise<number | undefined> {
  if (state === undefined || position === undefined) return undefined;
  try {
    return await readRecorded(options, {state, position}, async (reader, snapshot) => {
      if (!proofFits(snapshot.manifest)) return undefined;
      const found = await database.view((view) => driftIn(view, {reader, snapshot, options}));
      return found.reduce((sum, {changes}) => sum + changes.length, 0);
    });
  } catch (error) {
    if (isEngineError(error)) return undefined;
    throw error;
  }
}

/** The position on record, not trusted where rows show that the database has moved away from it. */
async function positionNow(
  options: EngineOptions,
  {database, state}: {readonly database: Database; readonly state: State},
): Promise<StoredPosition | undefined> {
  const position = await state.position();
  if (position?.trusted !== true || (await state.pending()) !== undefined) return position;
  const {isAsLeft} = await database.view(async (view) =>
    evidence(view, state.undos, position, await toldIn(view, position, options)),
  );
  return {...position, trusted: isAsLeft};
}

/** Local edits that a policy leaves are no sign that the database has moved away. */
async function toldIn(
  view: View,
  position: StoredPosition,
  options: EngineOptions,
): Promise<(table: string) => boolean> {
  try {
    const {tables: schema} = await view.schema();
    const manifest = followedManifest(recordedManifest(position), options);
    return isToldIn(waysOf({schema, snapshot: {manifest}, options, isOnRecord: true}));
  } catch (error) {
    if (isEngineError(error)) return () => true; // a status tells of what is there all the same
    throw error;
  }
}

function heldHere(position: StoredPosition): NonNullable<StatusResult['position']> {
  const {author, at, trusted} = position;
  return {...positionOf(position), author, at, trusted};
}

function storedThere(ref: SnapshotRef): NonNullable<StatusResult['newest']> {
  return {...positionOf(ref), author: ref.author, time: ref.time};
}

/** Every snapshot of the store, newest first within each lineage. */
export async function snapshots(
  options: EngineOptions,
): Promise<{readonly snapshots: readonly SnapshotListed[]}> {
  return withStore(options, async ({state, store}) => {
    const here = (await state?.position())?.digest;
    const refs = [...(await store.list())].sort(newestFirst);
    return {
      snapshots: refs.map((ref) => ({
        snapshot: ref.digest,
        ...positionOf(ref),
        storeId: ref.storeId,
        parent: ref.parent ?? null,
        author: ref.author,
        time: ref.time,
        here: ref.digest === here,
      })),
    };
  });
}

function newestFirst(a: SnapshotRef, b: SnapshotRef): number {
  if (a.lineage !== b.lineage) return a.lineage < b.lineage ? -1 : 1;
  return comparePositions(b, a);
}

function positionOf({lineage, epoch, sequence, digest}: Position): Position {
  return {lineage, epoch, sequence, digest};
}
