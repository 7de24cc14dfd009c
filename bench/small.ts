/** A cycle at the size of an Uptime Kuma, in one process, without restic. */
import {copyFileSync, mkdirSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import {capture, noProgress, replicate, silentLog, type EngineOptions} from '../src/index.ts';
import {buildSmall, editSmall, smallTables} from './data.ts';
import {here} from './measure.ts';
import type {Sheet} from './sheet.ts';

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
  const options = (database: string): EngineOptions => ({
    database,
    state: `${database}-state`,
    store: `dir:${join(folder, 'store')}`,
    tables: smallTables,
    env: process.env,
    log: silentLog,
    progress: noProgress,
  });
  await capture(options(primary));
  await replicate(options(replica));
  for (let run = -WARM_UPS; run < runs; run++) {
    editSmall(primary);
    const captured = await here(async () => capture(options(primary)));
    const applied = await here(async () => replicate(options(replica)));
    if (run < 0) continue;
    sheet.add('16 × 500 rows: capture, one change', {ms: captured});
    sheet.add('16 × 500 rows: replicate, one change', {ms: applied});
    sheet.add('16 × 500 rows: cycle, one change', {ms: captured + applied});
  }
  rmSync(folder, {recursive: true});
}
