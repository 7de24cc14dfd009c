/** A cycle at the size of an Uptime Kuma, in one process, without restic; and what restic takes for it. */
import {copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync} from 'node:fs';
import {basename, join} from 'node:path';
import {zstdCompressSync} from 'node:zlib';
import {isDigest} from '../src/canonical/digest.ts';
import {capture, noProgress, replicate, silentLog, type EngineOptions} from '../src/index.ts';
import {buildSmall, editSmall, smallTables} from './data.ts';
import {bytesIn, here, RESTIC_PASSWORD} from './measure.ts';
import type {Sheet} from './sheet.ts';
import {timedStore} from './timed-store.ts';

/** The first ones pay for what is compiled on the way. */
const WARM_UPS = 5;

export async function smallCycles(folder: string, runs: number, sheet: Sheet): Promise<void> {
  mkdirSync(folder, {recursive: true});
  const [primary, replica] = ['primary', 'replica'].map((name) => join(folder, `${name}.db`)) as [
    string,
    string,
  ];
  buildSmall(primary);
  copyFileSync(primary, replica);
  const {store, spentMs} = timedStore(join(folder, 'store'));
  const options = (database: string): EngineOptions => ({
    database,
    state: `${database}-state`,
    store,
    tables: smallTables,
    env: process.env,
    log: silentLog,
    progress: noProgress,
  });
  await capture(options(primary));
  await replicate(options(replica));
  for (let run = -WARM_UPS; run < runs; run++) {
    editSmall(primary);
    spentMs();
    const capturedMs = await here(async () => capture(options(primary)));
    const storingMs = spentMs();
    const appliedMs = await here(async () => replicate(options(replica)));
    const fetchingMs = spentMs();
    if (run < 0) continue;
    const storeMs = storingMs + fetchingMs;
    sheet.add('16 × 500 rows: capture, one change', {ms: capturedMs - storingMs});
    sheet.add('16 × 500 rows: replicate, one change', {ms: appliedMs - fetchingMs});
    sheet.add('16 × 500 rows: cycle, one change', {ms: capturedMs + appliedMs - storeMs});
    sheet.add('16 × 500 rows: its store, a folder', {ms: storeMs});
  }
  await growth({...options(primary), state: `${primary}-stored`}, folder, {runs, sheet});
  rmSync(folder, {recursive: true});
}

type Series = {readonly runs: number; readonly sheet: Sheet};

/** What restic adds for one changed row, beside what the chunk with that row takes by itself. */
async function growth(
  options: EngineOptions,
  folder: string,
  {runs, sheet}: Series,
): Promise<void> {
  const repository = join(folder, 'repository');
  const stored = {
    ...options,
    store: `restic:${repository}`,
    env: {...process.env, RESTIC_PASSWORD},
  };
  await capture(stored);
  let before = objectsBelow(options.state);
  for (let run = 0; run < runs; run++) {
    editSmall(options.database);
    const bytes = bytesIn(repository);
    await capture(stored);
    const now = objectsBelow(options.state);
    const touched = [...now].filter((path) => !before.has(path));
    before = now;
    const packed = touched.map((path) => zstdCompressSync(readFileSync(path)).length);
    sheet.add('16 × 500 rows: growth for one changed row', {bytes: bytesIn(repository) - bytes});
    sheet.add('16 × 500 rows: its chunk, compressed', {bytes: packed.reduce((a, b) => a + b, 0)});
  }
}

function objectsBelow(folder: string | undefined = ''): ReadonlySet<string> {
  const names = readdirSync(folder, {recursive: true, encoding: 'utf8'});
  return new Set(
    names.filter((name) => isDigest(basename(name))).map((name) => join(folder, name)),
  );
}
