/** capture: the rows of a live database → a new snapshot, if they differ from the newest one. */
import type {Digest} from '../canonical/digest.ts';
import type {Database} from '../database/port.ts';
import {EngineError, isEngineError} from '../kernel/errors.ts';
import {OBJECTS_AT_ONCE} from '../kernel/read-limits.ts';
import {checkFuse} from '../plan/fuse.ts';
import {encodeManifest, manifestDigest} from '../snapshot/manifest-text.ts';
import type {SnapshotRef, Store} from '../store/port.ts';
import type {ObjectFolder} from '../state/object-folder.ts';
import type {State} from '../state/state.ts';
import {claimNext, type Authority} from './authority.ts';
import {isDoubtful, lastClaim, noteClaim} from './claims.ts';
import {countAll, DAMAGED, readerOf, type TableCapture} from './count-changes.ts';
import {KnownChunks} from './known-chunks.ts';
import {makeManifest, sameContent, type Captured} from './make-manifest.ts';
import {refuseMuted, refuseSilence} from './muted-capture.ts';
import {withAll, type Opened} from './open.ts';
import type {EngineOptions} from './options.ts';
import type {Keep} from './parallel-read.ts';
import {listen} from './read-tables.ts';
import {readSource} from './read-source.ts';
import {recover} from './recover.ts';
import {notShown, refuseRival} from './rival.ts';
import type {Snapshot} from './snapshot-reader.ts';
import {settled} from './source-version.ts';

export type CaptureOptions = EngineOptions & {
  /** Tables that may lose most of their rows when an instance takes over that does not know where it stands. */
  readonly allowDeletes?: readonly string[] | undefined;
  /**
   * Stores these rows also where the newest snapshot holds them, but is another instance's: then this one is the primary. Makes no store
   * in the place of one that was there.
   */
  readonly becomesPrimary?: boolean | undefined;
  /** A person wants this instance to be the primary from now on, whatever others stored. */
  readonly takeOver?: boolean | undefined;
};

export type CaptureResult = {
  /** False where the newest snapshot already holds these rows; nothing was stored then. */
  readonly changed: boolean;
  /** Id of the snapshot that holds the rows. */
  readonly snapshot: Digest;
  readonly lineage: string;
  readonly epoch: number;
  readonly sequence: number;
  /** True where this snapshot makes the instance the primary instead of another one. */
  readonly tookOver: boolean;
  /** Tables that the snapshot before held and this one does not: replicas no longer follow them. */
  readonly leftOut: readonly string[];
  /** Rows in each table, and what differs from the snapshot before. */
  readonly tables: Readonly<Record<string, TableCapture>>;
};

/**
 * Captures the primary. The database is only read, in one transaction.
 *
 * @throws {EngineError} `FENCED` where another primary has taken over, `MUTED` where the rows are those of a muted replica, and those of
 * database, tables, state and store. Nothing is stored then.
 */
export async function capture(options: CaptureOptions): Promise<CaptureResult> {
  return withAll(options, true, async (opened) => {
    const {store, state, database} = opened;
    await recover(database, state, options.log);
    const refs = await listIfThere(store);
    const position = await state.position();
    if (refs === undefined && position !== undefined && options.becomesPrimary === true)
      throw gone(store);
    const claimed = await lastClaim(state);
    const {takeOver: takesOver} = options;
    const author = state.instance.id;
    const authority = claimNext({refs: refs ?? [], position, author, claimed, takesOver});
    refuseMuted(position);
    await settled(database, options);
    const before = new Set(state.objects.digests());
    const captured = await captureDatabase(database, state, options);
    if (refs === undefined) await createStore(store);
    const parent = await openParent(opened, authority.parent, options);
    refuseSilence(parent?.manifest, captured, options);
    const isNewest = authority.parent?.digest === authority.follows;
    const isNews =
      takesOver === true ||
      (options.becomesPrimary === true && parent?.ref.author !== author) ||
      isDoubtful(claimed, [position, authority.parent]);
    const isKept = parent !== undefined && isNewest && !isNews;
    if (isKept && sameContent(parent.manifest, captured)) return unchanged(opened, parent);
    let whole = captured;
    // Rows that changed back meanwhile are in objects that nobody has looked into yet.
    while (!(await areWhole(state.objects, before, whole, options)))
      whole = await captureDatabase(database, state, options);
    return storeSnapshot(opened, {authority, captured: whole, parent, before, options});
  });
}

/**
 * Objects from before are looked into now: a store may keep what is staged without looking, and no replica could read it. Those that are
 * damaged are gone then, and not from before any more.
 */
async function areWhole(
  objects: ObjectFolder,
  before: Set<Digest>,
  captured: Captured,
  options: EngineOptions,
): Promise<boolean> {
  let found = true;
  let looked = 0;
  for (const digest of captured.objects([])) {
    if (!before.has(digest)) continue;
    if (!objects.isWhole(digest)) {
      before.delete(digest);
      found = false;
    }
    if (++looked % OBJECTS_AT_ONCE === 0) await listen(options);
  }
  return found;
}

/** Undefined where there is no repository; it is made once the rows were read without a fault. */
async function listIfThere(store: Store): Promise<readonly SnapshotRef[] | undefined> {
  try {
    return await store.list();
  } catch (error) {
    if (isEngineError(error, 'STORE_MISSING')) return undefined;
    throw error;
  }
}

/**
 * A disk that is not mounted looks like this. What restic writes to a repository made in its place would be sealed with another key, and
 * damage the one that comes back.
 */
function gone({name}: Store): EngineError {
  return new EngineError('STORE_MISSING', `${name} is not there any more`, {
    hint: 'Mount it, or put it back; where it is lost, run `rowplica capture` once, which makes a new one.',
    retryable: true,
  });
}

/** What is found is noted at once: whatever comes of this capture, the same rows are the same chunks. */
async function captureDatabase(
  database: Database,
  {objects, prints}: State,
  options: EngineOptions,
): Promise<Captured> {
  const known = new KnownChunks(prints.read());
  const keep: Keep = {
    known: objects.digests(),
    write: (entry, bytes) => objects.write(entry.digest, bytes),
  };
  const {engine} = database.capabilities;
  const captured = await database.view(async (view) =>
    readSource(view, options, engine, {keep, known}),
  );
  if (known.hasChanged) keepPrints(prints, known, options);
  return captured;
}

/** They only save work. */
function keepPrints(prints: State['prints'], known: KnownChunks, {log}: EngineOptions): void {
  try {
    prints.keep(known.tables);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    log.debug('the prints of the rows were not kept', {code: error.code});
  }
}

/** A parent that is damaged in the store must not keep the primary from storing its rows anew. */
async function openParent(
  opened: Opened,
  ref: SnapshotRef | undefined,
  {log}: EngineOptions,
): Promise<Snapshot | undefined> {
  if (ref === undefined) return undefined;
  try {
    return await readerOf(opened).open(ref, await opened.state.position());
  } catch (error) {
    if (!isEngineError(error, ...DAMAGED)) throw error;
    log.warn('the newest snapshot is damaged; a new one is stored', {code: error.code});
    return undefined;
  }
}

async function unchanged(
  {state}: Opened,
  {ref, manifest, bytes}: Snapshot,
): Promise<CaptureResult> {
  const position = await state.position();
  if (position?.digest !== ref.digest || !position.trusted)
    await state.reach({...ref, manifest: bytes});
  const none = {inserted: 0, updated: 0, deleted: 0};
  return {
    changed: false,
    snapshot: ref.digest,
    lineage: ref.lineage,
    epoch: ref.epoch,
    sequence: ref.sequence,
    tookOver: false,
    leftOut: [],
    tables: Object.fromEntries(manifest.tables.map(({name, rows}) => [name, {rows, ...none}])),
  };
}

type Work = {
  readonly authority: Authority;
  readonly captured: Captured;
  readonly parent: Snapshot | undefined;
  /** Objects that were there before the rows were read. */
  readonly before: ReadonlySet<Digest>;
  readonly options: CaptureOptions;
};

async function storeSnapshot(
  opened: Opened,
  {authority, captured, parent, before, options}: Work,
): Promise<CaptureResult> {
  const {state, store} = opened;
  const tables = await countAll(opened, captured, parent, options);
  const tookOver = authority.parent !== undefined && authority.parent.epoch < authority.epoch;
  if (tookOver && (await state.position())?.trusted !== true)
    refuseEmptying(parent, tables, options);
  const {manifest, pages} = makeManifest(captured, {
    lineage: authority.lineage,
    epoch: authority.epoch,
    sequence: authority.sequence,
    author: state.instance.id,
    parent: authority.follows,
  });
  for (const page of pages) state.objects.write(page.entry.digest, page.bytes);
  const bytes = encodeManifest(manifest);
  state.objects.writeManifest(bytes);
  const files = state.objects.arrange(captured.objects(pages), manifest.depth);
  const label = {
    lineage: manifest.lineage,
    epoch: manifest.epoch,
    sequence: manifest.sequence,
    digest: manifestDigest(bytes),
    parent: manifest.parent ?? undefined,
    author: manifest.author,
  };
  options.progress('storing', 0, files.length);
  await noteClaim(state, label);
  const saved = await store.save({folder: state.objects.root, files, label});
  const {isShown} = await refuseRival(store, saved, authority.parent === undefined);
  // A later merge may need them as its base, when no store has them any more. Those from before have been on disk for long.
  state.objects.sync([...captured.objects(pages)].filter((digest) => !before.has(digest)));
  await state.reach({...label, manifest: bytes});
  if (!isShown) throw notShown(store, saved);
  const {digest: snapshot, lineage, epoch, sequence} = label;
  const leftOut = (parent?.manifest.tables ?? [])
    .map(({name}) => name)
    .filter((name) => !Object.hasOwn(tables, name));
  return {changed: true, snapshot, lineage, epoch, sequence, tookOver, leftOut, tables};
}

/** An instance that does not know itself to hold the history it takes over must not empty it by mistake. */
function refuseEmptying(
  parent: Snapshot | undefined,
  tables: Readonly<Record<string, TableCapture>>,
  {allowDeletes}: CaptureOptions,
): void {
  const before = new Map((parent?.manifest.tables ?? []).map(({name, rows}) => [name, rows]));
  checkFuse(new Map(Object.entries(tables)), before, {allowed: new Set(allowDeletes)});
}

/** Two captures may make one repository on a server at the same moment, and restic then leaves it unreadable. */
async function createStore(store: Store): Promise<void> {
  await store.create();
  try {
    await store.list();
  } catch (cause) {
    throw new EngineError(
      'STORE_FAILED',
      `the repository just made in ${store.name} cannot be read`,
      {
        hint: 'Another capture may have made it at the same moment: delete it, and capture on one instance only.',
        cause,
      },
    );
  }
}
