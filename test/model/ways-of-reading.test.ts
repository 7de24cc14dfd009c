/**
 * Fast ways only skip work: however rows are read, and whether all of them are compared or only those in
 * chunks that changed, the snapshot has the same bytes and the plan is the same.
 */
import {mkdtempSync} from 'node:fs';
import {join} from 'node:path';
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {
  capture,
  isEngineError,
  noProgress,
  silentLog,
  type EngineOptions,
} from '../../src/index.ts';
import {openSqlite} from '../../src/database/sqlite/database.ts';
import type {Reading} from '../../src/database/port.ts';
import {makeManifest} from '../../src/engine/make-manifest.ts';
import {planReplicate} from '../../src/engine/plan-replicate.ts';
import {readSource} from '../../src/engine/read-source.ts';
import {SnapshotReader, type Snapshot} from '../../src/engine/snapshot-reader.ts';
import {rowSteps} from '../../src/plan/plan.ts';
import {encodeManifest} from '../../src/snapshot/manifest-text.ts';
import {ObjectFolder} from '../../src/state/object-folder.ts';
import {openDirectoryStore} from '../../src/store/directory/directory-store.ts';
import type {ModelCase, TableSpec} from './cases.ts';
import {execute, makeFile, refill} from './databases.ts';
import {inFolder} from './folder.ts';
import {cases} from './generate.ts';
import {testSeed} from './search.ts';

const WAYS: readonly Reading[] = ['fast', 'typed', 'exact', 'sorted'];

type Setting = {
  readonly options: EngineOptions;
  readonly replica: string;
  readonly reader: SnapshotReader;
  readonly base: Snapshot;
  readonly target: Snapshot;
};

test.each([
  {title: 'small tables', rows: 0, numRuns: 120},
  {title: 'tables of several chunks', rows: 9000, numRuns: 8},
])('however rows are read, snapshots and plans are the same: $title', async ({rows, numRuns}) => {
  const seen = {captures: 0, refused: 0, plans: 0, steps: 0, refusedPlans: 0, chunks: 0};
  const property = fc.asyncProperty(cases(), async (drawn) => {
    const made = {...drawn, tables: drawn.tables.map((table) => ({...table, triggers: []}))};
    await inFolder(async (folder) => {
      const setting = await settingOf(made, folder, rows);
      if (setting === undefined) {
        seen.refused++;
        return;
      }
      const [fast, ...others] = await inTurn(WAYS, (way) => captured(setting.options, way));
      for (const other of others) expect(other).toEqual(fast);
      seen.captures++;
      seen.chunks += fast?.chunks.length ?? 0;
      const ways = WAYS.flatMap((way) => [
        {way, base: undefined},
        {way, base: setting.base},
      ]);
      const [first, ...rest] = await inTurn(ways, ({way, base}) => planned(setting, way, base));
      for (const other of rest) expect(other).toEqual(first);
      if (first === undefined || 'refused' in first) seen.refusedPlans++;
      else {
        seen.plans++;
        seen.steps += rowSteps(first.plan).length;
      }
    });
  });
  const seed = testSeed();
  process.stdout.write(`ways of reading: seed ${seed}\n`);
  await fc.assert(property, {numRuns, seed});
  process.stdout.write(`ways of reading: ${JSON.stringify(seen)}\n`);
  expect(seen.steps).toBeGreaterThan(0);
  expect(seen.captures).toBeGreaterThan(numRuns / 2);
});

/** Two snapshots of one primary, and a replica that holds the first; undefined where none can be made. */
async function settingOf(
  made: ModelCase,
  folder: string,
  rows: number,
): Promise<Setting | undefined> {
  const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
  const fill = made.tables.map((table) => filler(table, rows)).join('');
  for (const path of [primary, replica]) {
    makeFile(path, made, made.replica);
    execute(path, fill);
  }
  const tables = made.tables.filter(({replicated}) => replicated).map(({name}) => name);
  const place = join(folder, 'store');
  const options: EngineOptions = {
    database: primary,
    store: `dir:${place}`,
    state: join(folder, 'state'),
    tables,
    env: {},
    log: silentLog,
    progress: noProgress,
  };
  try {
    await capture(options);
    refill(primary, made, made.primary);
    execute(primary, fill + made.tables.map((table) => thinner(table, rows)).join(''));
    await capture(options);
  } catch (error) {
    if (isEngineError(error, 'KEY_UNUSABLE')) return undefined;
    throw error;
  }
  const store = openDirectoryStore({path: place, log: silentLog});
  const reader = new SnapshotReader({
    store,
    cache: new ObjectFolder(join(folder, 'objects')),
    temporary: () => mkdtempSync(join(folder, 'fetch-')),
  });
  const refs = [...(await store.list())].sort((a, b) => a.sequence - b.sequence);
  const [base, target] = await inTurn([refs[0], refs.at(-1)], async (ref) => {
    if (ref === undefined) throw new Error('a capture stored nothing');
    return reader.open(ref);
  });
  if (base === undefined || target === undefined) throw new Error('there are no snapshots');
  return {options, replica, reader, base, target};
}

/** Rows beyond those of the case, as many as fit; the same on both sides. */
function filler({name, key, columns}: TableSpec, rows: number): string {
  const [only] = key;
  const type = columns.find((column) => column.name === only)?.type ?? '';
  if (rows === 0 || only === undefined || key.length > 1) return '';
  const value = type.startsWith('INT') ? 'i' : `'x' || i`;
  return `WITH RECURSIVE n (i) AS (SELECT 1000 UNION ALL SELECT i + 1 FROM n WHERE i < ${1000 + rows})
    INSERT OR IGNORE INTO "${name}" ("${only}") SELECT ${value} FROM n;`;
}

function thinner({name, key}: TableSpec, rows: number): string {
  const [only] = key;
  if (rows === 0 || only === undefined) return '';
  return `DELETE FROM "${name}" WHERE "${only}" IN (1500, 5000, 'x1500', 'x7000');`;
}

type CapturedBytes = {
  readonly manifest: string;
  readonly chunks: readonly (readonly [string, string])[];
};

async function captured(options: EngineOptions, reading: Reading): Promise<CapturedBytes> {
  const database = openSqlite({path: options.database, reading});
  try {
    const chunks: (readonly [string, string])[] = [];
    const source = await database.view((view) =>
      readSource(view, options, 'sqlite', {
        keep: {
          known: new Set(),
          write: (entry, bytes) =>
            void chunks.push([entry.digest, Buffer.from(bytes).toString('latin1')]),
        },
      }),
    );
    const head = {lineage: 'l', epoch: 1, sequence: 1, author: 'a', parent: null};
    const {manifest} = makeManifest(source, head);
    const bytes = encodeManifest({...manifest, created: ''});
    return {manifest: Buffer.from(bytes).toString('latin1'), chunks};
  } finally {
    await database.close();
  }
}

type PlannedRows =
  | Pick<Awaited<ReturnType<typeof planReplicate>>, 'plan' | 'rowsBefore'>
  | {readonly refused: string};

async function planned(
  {options, replica, reader, target}: Setting,
  reading: Reading,
  base: Snapshot | undefined,
): Promise<PlannedRows> {
  const database = openSqlite({path: replica, reading});
  try {
    const {plan, rowsBefore} = await planReplicate({
      database,
      reader,
      target,
      ways: {
        exact: target.manifest.tables,
        merged: [],
        resting: [],
        edited: new Set(),
        muted: new Set(),
      },
      bases: new Map(),
      conflicts: [],
      base,
      options,
    });
    return {plan, rowsBefore};
  } catch (error) {
    if (isEngineError(error)) return {refused: `${error.code}: ${error.message}`};
    throw error;
  } finally {
    await database.close();
  }
}

async function inTurn<T, U>(list: readonly T[], work: (item: T) => Promise<U>): Promise<U[]> {
  const results: U[] = [];
  for (const item of list) results.push(await work(item));
  return results;
}
