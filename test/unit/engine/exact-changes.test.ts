/** Rows of regions that differ, read on both sides. */
import {join} from 'node:path';
import {afterAll, beforeAll, expect, test} from 'vitest';
import type {Database} from '../../../src/database/port.ts';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {changedRegions, type Region} from '../../../src/diff/diff-chunks.ts';
import {exactChanges, type Compared} from '../../../src/engine/exact-changes.ts';
import {SnapshotReader, type Snapshot} from '../../../src/engine/snapshot-reader.ts';
import {noProgress, silentLog} from '../../../src/kernel/log.ts';
import type {CanonicalRow} from '../../../src/kernel/row.ts';
import type {TableShape} from '../../../src/schema/table-shape.ts';
import type {ChunkEntry} from '../../../src/snapshot/content.ts';
import {makeDb} from '../../helpers/temp-db.ts';
import {temporaryFolder} from '../../helpers/temp-folder.ts';
import {allRows, chunksOf, known, type Chunk} from '../../helpers/tables.ts';

const options = {database: '', env: {}, log: silentLog, progress: noProgress};
const none = {} as Snapshot;

/** Notes how many rows are at hand when a chunk is read. */
class Noting extends SnapshotReader {
  readonly atHand: number[] = [];

  constructor(chunks: readonly Chunk[]) {
    const bytes = new Map(chunks.map((chunk) => [chunk.entry.digest, chunk.bytes]));
    const cache = {
      has: (digest: string) => bytes.has(digest),
      read: (digest: string) => bytes.get(digest),
      isWhole: (digest: string) => bytes.has(digest),
      take: () => false,
      size: (digest: string) => bytes.get(digest)?.byteLength ?? 0,
    };
    super({cache, store: {fetch: async () => {}}, temporary: () => ''});
  }

  override rows(
    shape: TableShape,
    entry: ChunkEntry,
    alike?: readonly CanonicalRow[],
  ): readonly CanonicalRow[] {
    this.atHand.push(alike?.length ?? 0);
    return super.rows(shape, entry, alike);
  }
}

const folder = temporaryFolder();
let database: Database;
let shape: TableShape;
let live: readonly CanonicalRow[];
beforeAll(async () => {
  const path = makeDb(join(folder, 'live.db'), (db) =>
    db.exec(`CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT);
      WITH RECURSIVE n(id) AS (SELECT 1 UNION ALL SELECT id + 1 FROM n WHERE id < 3000) INSERT INTO t SELECT id, 'v' FROM n`),
  );
  database = openSqlite({path});
  const all = await database.view((view) => allRows(view, {table: 't'}));
  [shape, live] = [all.shape, all.rows];
});
afterAll(() => database.close());

async function found(
  reader: SnapshotReader,
  regions: readonly Region[],
): Promise<readonly string[]> {
  const tables: readonly Compared[] = [{shape, rows: live.length, regions}];
  const {changed} = await database.view((view) =>
    exactChanges(view, {reader, target: none, options}, tables),
  );
  return known(changed.get('t')).changes.map(({op, key}) => `${op} ${key}`);
}

const updated = (row: CanonicalRow): CanonicalRow => ({
  ...row,
  text: row.text.replace('"v"', '"w"'),
});

test('the live rows of a region are at hand when its chunk is read', async () => {
  const {chunks: ours} = await chunksOf(shape, live);
  const changed = known(live[1000]);
  const {chunks} = await chunksOf(shape, live.with(1000, updated(changed)));
  const entries = (list: readonly Chunk[]): readonly ChunkEntry[] => list.map(({entry}) => entry);
  const regions = changedRegions(entries(ours), entries(chunks));
  const reader = new Noting(chunks);
  expect(await found(reader, regions)).toEqual([`update ${changed.key}`]);
  expect(reader.atHand).toEqual([known(regions[0]?.theirs[0]).rows]);
});

test('rows that differ here alone are found in regions that are read for others', async () => {
  const drifted = live.with(5, updated(known(live[5]))).toSpliced(7, 1);
  const {chunks} = await chunksOf(shape, drifted);
  const reader = new Noting(chunks);
  const regions = changedRegions(
    [],
    chunks.map(({entry}) => entry),
  );
  expect(await found(reader, regions)).toEqual([
    `update ${known(live[5]).key}`,
    `delete ${known(live[7]).key}`,
  ]);
});

test('a chunk that reaches into the next one is refused, whatever rows are at hand', async () => {
  const {chunks} = await chunksOf(shape, live.slice(0, 20));
  const [chunk] = [known(chunks[0])];
  const next = {...chunk.entry, first: known(live[10]).key};
  const range = {from: undefined, to: undefined};
  const region = {range, ours: [], theirs: [chunk.entry, next]};
  await expect(found(new Noting(chunks), [region])).rejects.toMatchObject({
    code: 'SNAPSHOT_CORRUPT',
    message: expect.stringContaining('overlap'),
  });
});
