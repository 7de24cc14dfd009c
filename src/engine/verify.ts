/** verify: live rows against the snapshot that this database was last brought to; or a snapshot against itself. */
import type {Digest} from '../canonical/digest.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CanonicalRow} from '../kernel/row.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {readContent} from '../snapshot/chunk.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import {liveShapeOf, shapeOf, type ManifestTable} from '../snapshot/manifest.ts';
import {newestSnapshot, snapshotById} from './choose-snapshot.ts';
import {noSnapshot} from './choose-target.ts';
import type {View} from '../database/port.ts';
import type {StoredPosition} from '../state/state.ts';
import {decodeDomains} from './base-domains.ts';
import {waysOf, type Ways} from './followed.ts';
import type {BaseTable} from './merge-base.ts';
import {planMerge} from './plan-merge.ts';
import {withRecorded} from './recorded-snapshot.ts';
import {withStore, type ReadOpened} from './open.ts';
import type {EngineOptions} from './options.ts';
import {guardSource} from './plan-replicate.ts';
import {interrupted, readTables} from './read-tables.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {settled} from './source-version.ts';

export type VerifyOptions = EngineOptions & {
  /** Checks every chunk of this snapshot (an id or `latest`) instead of the live rows. */
  readonly snapshot?: string | undefined;
};

export type TableVerified = {
  /** Rows found. */
  readonly rows: number;
  /** Digest of what was found. */
  readonly digest: Digest;
  /** True where that is what the manifest says. */
  readonly equal: boolean;
};

export type VerifyResult = {
  readonly equal: boolean;
  readonly snapshot: Digest;
  readonly tables: Readonly<Record<string, TableVerified>>;
};

/** @throws {EngineError} `NO_SNAPSHOT` where none was captured or applied here; 30 for a damaged snapshot. */
export async function verify(options: VerifyOptions): Promise<VerifyResult> {
  return options.snapshot === undefined
    ? verifyLive(options)
    : verifyStored(options, options.snapshot);
}

async function verifyLive(options: VerifyOptions): Promise<VerifyResult> {
  return withRecorded(options, async ({database, position, snapshot, reader}) => {
    await settled(database, options);
    const found = await database.view(async (view) => {
      await guardSource(view, snapshot.manifest, options);
      const {tables: schema} = await view.schema();
      // What waits for a new snapshot is not what the last one says, either.
      const asked = {...options, repair: true};
      const ways = waysOf({schema, snapshot, options: asked, isOnRecord: true});
      const {tables} = snapshot.manifest;
      const contents = await readTables(view, tables.map(liveShapeOf), options);
      const differing = await differingByPolicy(view, {reader, snapshot, ways, options, position});
      return tables.map((table): [string, TableVerified] => {
        const [name, read] = verified(table, contents.get(table.name));
        return ways.exact.includes(table)
          ? [name, read]
          : [name, {...read, equal: !differing.has(name)}];
      });
    });
    return summary(position.digest, found);
  });
}

type ByPolicy = {
  readonly reader: SnapshotReader;
  readonly snapshot: Snapshot;
  readonly ways: Ways;
  readonly options: EngineOptions;
  readonly position: Pick<StoredPosition, 'domains'>;
};

/** Of tables that are no copies, those in which a replicate of the same snapshot would write. */
async function differingByPolicy(
  view: View,
  {reader, snapshot, ways, options, position}: ByPolicy,
): Promise<ReadonlySet<string>> {
  if (ways.merged.length === 0) return new Set();
  const only = decodeDomains(position.domains);
  const bases = new Map<string, BaseTable>();
  for (const {table} of ways.merged) {
    const chunks = await reader.chunks(snapshot, table);
    await reader.fetch(
      snapshot,
      chunks.map(({digest}) => digest),
    );
    const followed = only(table.name);
    if (followed !== 'off')
      bases.set(table.name, {snapshot, table, chunks, only: followed, isGuessed: false});
  }
  const exact = new Map(
    [...ways.exact, ...ways.resting].map((table) => [
      table.name,
      {shape: shapeOf(table), changes: []},
    ]),
  );
  const request = {reader, target: snapshot, ways, bases, base: undefined, options, exact};
  const {changes} = await planMerge(view, {...request, conflicts: [], position: snapshot.ref});
  return new Set(
    [...changes].filter(([, table]) => table.changes.length > 0).map(([name]) => name),
  );
}

async function verifyStored(options: VerifyOptions, id: string): Promise<VerifyResult> {
  return withStore(options, async (opened) => {
    const snapshot = await openNamed(opened, id);
    const {reader} = opened;
    const found: [string, TableVerified][] = [];
    for (const table of snapshot.manifest.tables) {
      options.progress(`checking ${table.name}`, found.length, snapshot.manifest.tables.length);
      if (options.signal?.aborted) throw interrupted();
      found.push(verified(table, await checkTable(reader, snapshot, table)));
    }
    return summary(snapshot.ref.digest, found);
  });
}

async function openNamed({store, state, reader}: ReadOpened, id: string): Promise<Snapshot> {
  const refs = await store.list();
  const newest =
    id === 'latest'
      ? newestSnapshot(refs, (await state?.position())?.lineage)
      : snapshotById(refs, id);
  if (newest === undefined) throw noSnapshot();
  return reader.open(newest);
}

/** Every chunk is read, and cut again: boundaries, counts and digests must come out the same. */
async function checkTable(
  reader: SnapshotReader,
  snapshot: Snapshot,
  table: ManifestTable,
): Promise<{rows: number; digest: Digest}> {
  const shape = shapeOf(table);
  const chunks = await reader.chunks(snapshot, table);
  await reader.fetch(
    snapshot,
    chunks.map((chunk) => chunk.digest),
  );
  const content = await readContent(shape, pagesOf(reader, shape, chunks));
  if (content.digest === table.digest) return content;
  throw new EngineError(
    'SNAPSHOT_CORRUPT',
    `table "${table.name}" of the snapshot does not have the digest that its manifest says`,
    {
      site: {table: table.name, snapshot: snapshot.ref.digest},
      hint: 'Take another snapshot; this one was written by a faulty program or altered.',
    },
  );
}

async function* pagesOf(
  reader: SnapshotReader,
  shape: TableShape,
  chunks: readonly ChunkEntry[],
): AsyncGenerator<readonly CanonicalRow[]> {
  for (const chunk of chunks) yield reader.rows(shape, chunk);
}

function verified(
  table: ManifestTable,
  found: {rows: number; digest: Digest} | undefined,
): [string, TableVerified] {
  const {rows, digest} = found ?? {rows: 0, digest: ''};
  return [table.name, {rows, digest, equal: digest === table.digest}];
}

function summary(snapshot: Digest, found: readonly [string, TableVerified][]): VerifyResult {
  return {
    equal: found.every(([, table]) => table.equal),
    snapshot,
    tables: Object.fromEntries(found),
  };
}
