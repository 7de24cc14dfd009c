/** drill: the newest snapshot is restored, from the store alone, into a database of its own, and read back. */
import {join} from 'node:path';
import {setImmediate} from 'node:timers/promises';
import type {Digest} from '../canonical/digest.ts';
import {openSqlite} from '../database/sqlite/database.ts';
import {ScratchTables, type ScratchTable} from '../database/sqlite/scratch-tables.ts';
import {EngineError, isEngineError} from '../kernel/errors.ts';
import type {CanonicalRow} from '../kernel/row.ts';
import {hasFingerprint} from '../schema/fingerprint.ts';
import type {DatabaseSchema, ForeignKey} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {ChunkEntry} from '../snapshot/content.ts';
import {liveShapeOf, shapeOf, type Manifest, type ManifestTable} from '../snapshot/manifest.ts';
import {withScratch} from '../state/scratch.ts';
import {newestSnapshot} from './choose-snapshot.ts';
import {noSnapshot} from './choose-target.ts';
import {withDatabase, withStore} from './open.ts';
import type {EngineOptions} from './options.ts';
import {violationsOf} from './read-source.ts';
import {interrupted, readTables} from './read-tables.ts';
import type {Snapshot, SnapshotReader} from './snapshot-reader.ts';
import {chunkRows} from './stored-rows.ts';

export type DrillResult = {
  /** Always true: what cannot be proven is an error. */
  readonly proven: true;
  readonly snapshot: Digest;
  readonly lineage: string;
  readonly epoch: number;
  readonly sequence: number;
  /** As they were read from the restored database. */
  readonly tables: Readonly<Record<string, {readonly rows: number; readonly digest: Digest}>>;
  /** Foreign keys between these tables whose rows were checked. */
  readonly foreignKeys: number;
};

/**
 * Proves that the newest snapshot of the history that this database follows can be restored. The database itself is only asked for
 * its schema; nothing of what the state keeps is used.
 *
 * @throws {EngineError} `NO_SNAPSHOT`; `SNAPSHOT_CORRUPT`, `SNAPSHOT_INCOMPLETE`, `PROOF_FAILED` for a snapshot that is not whole;
 * those of the store.
 */
export async function drill(options: EngineOptions): Promise<DrillResult> {
  const schema = await withDatabase(options, options.database, (database) =>
    database.view((view) => view.schema()),
  );
  return withStore(options, async ({store, state, reader}) => {
    const newest = newestSnapshot(await store.list(), (await state?.position())?.lineage);
    if (newest === undefined) throw noSnapshot();
    const snapshot = await reader.open(newest);
    return withScratch(async (folder) => {
      const path = join(folder, 'restored.db');
      const tables = scratchTables(snapshot.manifest, schema);
      await restore(path, {tables, snapshot, reader, options});
      const {lineage, epoch, sequence, digest} = newest;
      const found = await prove(path, snapshot.manifest, options);
      const foreignKeys = tables.reduce((sum, table) => sum + table.foreignKeys.length, 0);
      return {proven: true, snapshot: digest, lineage, epoch, sequence, tables: found, foreignKeys};
    });
  });
}

/**
 * The collations that order keys are in the manifest. The others, and foreign keys, are not: where a table is declared here as it is on
 * the primary, they are the same.
 */
function scratchTables(manifest: Manifest, schema: DatabaseSchema): readonly ScratchTable[] {
  return manifest.tables.map((table) => {
    const here = schema.tables.get(table.name);
    const same = here !== undefined && hasFingerprint(here, table.fingerprint) === true;
    const collations = new Map(here?.columns.map(({name, collation}) => [name, collation]));
    const folds = new Map(table.key.columns.map(({name, fold}) => [name, fold]));
    return {
      name: table.name,
      columns: table.columns.map(({name, declared}) => {
        const fold = folds.get(name) ?? 'binary';
        const collation = same ? collations.get(name) : fold.toUpperCase();
        return {name, declared, collation: KNOWN.find((each) => each === collation) ?? 'BINARY'};
      }),
      primaryKey: table.key.kind === 'primary' ? table.key.columns.map(({name}) => name) : [],
      keyIsAssigned: same && here.keyIsAssigned,
      foreignKeys: same ? here.foreignKeys.filter((key) => isWithin(manifest, table, key)) : [],
    };
  });
}

const KNOWN = ['BINARY', 'NOCASE', 'RTRIM'];

/** True where all that a reference is about travels: of a table that travels in part, rows may well be missing. */
function isWithin({tables}: Manifest, table: ManifestTable, key: ForeignKey): boolean {
  const parent = tables.find(({name}) => name === key.parent);
  if (parent === undefined || parent.where !== undefined) return false;
  const has = ({columns}: ManifestTable, names: readonly string[]): boolean =>
    names.every((name) => columns.some((column) => column.name === name));
  return has(table, key.columns) && has(parent, key.parentColumns) && key.parentColumns.length > 0;
}

type Restore = {
  readonly tables: readonly ScratchTable[];
  readonly snapshot: Snapshot;
  readonly reader: SnapshotReader;
  readonly options: EngineOptions;
};

async function restore(path: string, request: Restore): Promise<void> {
  const {tables, snapshot, reader, options} = request;
  const scratch = new ScratchTables(path);
  try {
    scratch.create(tables);
    const chunks = new Map<ManifestTable, readonly ChunkEntry[]>();
    for (const table of snapshot.manifest.tables)
      chunks.set(table, await reader.chunks(snapshot, table));
    const digests = [...chunks.values()].flat().map(({digest}) => digest);
    await reader.fetch(snapshot, digests); // all at once: each round trip costs seconds
    for (const [at, table] of snapshot.manifest.tables.entries()) {
      options.progress(`restoring ${table.name}`, at, tables.length);
      await restoreTable(scratch, [table, chunks.get(table) ?? []], request);
    }
  } finally {
    scratch.close();
  }
}

async function restoreTable(
  scratch: ScratchTables,
  [table, chunks]: readonly [ManifestTable, readonly ChunkEntry[]],
  {reader, options}: Restore,
): Promise<void> {
  const shape = shapeOf(table);
  for (const [at, theirs] of chunks.entries()) {
    await setImmediate(); // lets signals and other work in
    if (options.signal?.aborted) throw interrupted();
    const rows = chunkRows(reader, shape, {theirs, to: chunks[at + 1]?.first});
    insert(scratch, shape, rows);
  }
}

function insert(scratch: ScratchTables, shape: TableShape, rows: readonly CanonicalRow[]): void {
  try {
    scratch.insert(
      shape,
      rows.map(({cells}) => cells),
    );
  } catch (cause) {
    throw isEngineError(cause, 'CONSTRAINT', 'DATABASE_REFUSED') ? unlikely(shape, cause) : cause;
  }
}

async function prove(
  path: string,
  manifest: Manifest,
  options: EngineOptions,
): Promise<DrillResult['tables']> {
  const database = openSqlite({path});
  try {
    return await database.view(async (view) => {
      const contents = await readTables(view, manifest.tables.map(liveShapeOf), options);
      const schema = await view.schema();
      const found: [string, {rows: number; digest: Digest}][] = [];
      for (const table of manifest.tables) {
        const content = contents.get(table.name);
        if (content?.digest !== table.digest) throw otherwise(table);
        const here = schema.tables.get(table.name);
        const dangling = here && (await violationsOf(view, schema, here));
        for (const one of dangling ?? [])
          if (!isRecorded(table, one)) throw unreferred(table, one.parent);
        found.push([table.name, {rows: content.rows, digest: content.digest}]);
      }
      return Object.fromEntries(found);
    });
  } finally {
    await database.close();
  }
}

type Dangling = NonNullable<ManifestTable['violations']>[number];

/** What dangled on the primary is part of the snapshot. Where there was too much to be listed, it is counted. */
function isRecorded({violations = []}: ManifestTable, found: Dangling): boolean {
  const known = violations.find(
    ({columns, parent}) =>
      parent === found.parent && columns.join('\n') === found.columns.join('\n'),
  );
  if (known?.values === undefined || found.values === undefined)
    return known !== undefined && found.count <= known.count;
  const values = new Set(known.values);
  return found.values.every((value) => values.has(value));
}

/** Its digests fit, but no table of such a key can have held these rows. */
function unlikely({table}: TableShape, cause: unknown): EngineError {
  return new EngineError(
    'SNAPSHOT_CORRUPT',
    `table "${table}" of the newest snapshot holds rows that its key does not allow`,
    {
      site: {table},
      hint: 'Capture again; this snapshot was written by a faulty program or altered.',
      cause,
    },
  );
}

function otherwise({name}: ManifestTable): EngineError {
  return new EngineError(
    'PROOF_FAILED',
    `table "${name}" of the newest snapshot was restored, but its rows read back otherwise`,
    {
      site: {table: name},
      hint: 'Run rowplica verify --snapshot latest; if that finds nothing, please report it: this is a fault of Rowplica.',
    },
  );
}

function unreferred({name}: ManifestTable, parent: string): EngineError {
  return new EngineError(
    'PROOF_FAILED',
    `rows of table "${name}" of the newest snapshot refer to rows of "${parent}" that are not in it, and that were there when it was captured`,
    {
      site: {table: name},
      hint: 'Capture again; an older snapshot may be whole: rowplica snapshots lists them.',
    },
  );
}
