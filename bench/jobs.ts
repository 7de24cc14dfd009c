/**
 * Times the main job on a table of 12 columns, beside what people would use instead, in one run.
 *
 * `npm run bench -- [--rows 100000] [--runs 3] [--json]`. Absolute times depend on the machine; compare the ratios.
 */
import {execFileSync} from 'node:child_process';
import {copyFileSync, mkdtempSync, rmSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import Database from 'better-sqlite3';
import {capture, noProgress, replicate, silentLog, type EngineOptions} from '../src/index.ts';

type Timing = {readonly work: string; readonly ms: readonly number[]};

const {values: flags} = parseArgs({
  options: {
    rows: {type: 'string', default: '100000'},
    runs: {type: 'string', default: '3'},
    json: {type: 'boolean', default: false},
  },
});
const rows = Number(flags.rows);
const runs = Number(flags.runs);

const folder = mkdtempSync(join(tmpdir(), 'rowplica-bench-'));
try {
  report(await measure());
} finally {
  rmSync(folder, {recursive: true, force: true});
}

async function measure(): Promise<readonly Timing[]> {
  const original = join(folder, 'original.db');
  build(original);
  const timings = new Map<string, number[]>();
  for (let run = 0; run < runs; run++) await oneRun(original, run, timings);
  return [...timings].map(([work, ms]) => ({work, ms}));
}

async function oneRun(
  original: string,
  run: number,
  timings: Map<string, number[]>,
): Promise<void> {
  const [primary, replica] = ['primary', 'replica'].map((name) =>
    join(folder, `${name}-${run}.db`),
  ) as [string, string];
  copyFileSync(original, primary);
  copyFileSync(original, replica);
  const [ours, theirs] = [optionsFor(primary, run), optionsFor(replica, run)];
  const time = async (work: string, job: () => unknown): Promise<void> => {
    const begun = performance.now();
    await job();
    timings.set(work, [...(timings.get(work) ?? []), performance.now() - begun]);
  };
  await time('sqlite3 .dump | sha256sum', () => shell(`sqlite3 '${primary}' .dump | sha256sum`));
  await time('capture, first', () => capture(ours));
  await time('capture, nothing changed', () => capture(ours));
  await time('replicate, first, rows already equal', () => replicate(theirs));
  change(primary, 100);
  await time('capture, 100 rows changed', () => capture(ours));
  await time('replicate, 100 rows changed', () => replicate(theirs));
  await time('replicate, no new snapshot (all rows compared)', () => replicate(theirs));
}

function optionsFor(database: string, run: number): EngineOptions {
  return {
    database,
    store: `dir:${join(folder, `store-${run}`)}`,
    state: `${database}-state`,
    tables: ['item'],
    env: process.env,
    log: silentLog,
    progress: noProgress,
  };
}

function build(path: string): void {
  const db = new Database(path);
  db.exec(`CREATE TABLE item (id INTEGER PRIMARY KEY, name TEXT, kind INTEGER, size REAL, url TEXT, parent INTEGER,
    note TEXT, active INTEGER, share REAL, body TEXT, rank INTEGER, code TEXT)`);
  const insert = db.prepare('INSERT INTO item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)');
  db.transaction(() => {
    for (let id = 0; id < rows; id++) {
      const url = `https://host-${id}.example/`;
      insert.run(
        id,
        `name ${id}`,
        id % 7,
        id * 0.8,
        url,
        id >> 3,
        null,
        1,
        id / 997,
        'lorem ipsum',
        id % 100,
        'zz',
      );
    }
  })();
  db.close();
}

/** Updates rows that are spread evenly over the table. */
function change(path: string, count: number): void {
  const db = new Database(path);
  const update = db.prepare('UPDATE item SET kind = kind + 1 WHERE id = ?');
  db.transaction(() => {
    for (let at = 0; at < count; at++) update.run(Math.floor((at * rows) / count));
  })();
  db.close();
}

function shell(command: string): void {
  execFileSync('sh', ['-c', command], {stdio: 'ignore'});
}

function report(timings: readonly Timing[]): void {
  const median = (ms: readonly number[]): number =>
    ms.toSorted((a, b) => a - b)[Math.floor(ms.length / 2)] ?? 0;
  const peer = median(timings[0]?.ms ?? []);
  if (flags.json) {
    const results = timings.map(({work, ms}) => ({work, medianMs: median(ms), ms}));
    process.stdout.write(
      `${JSON.stringify({rows, runs, node: process.version, arch: process.arch, results})}\n`,
    );
    return;
  }
  const lines = timings.map(({work, ms}) => {
    const ratio = peer === 0 ? '' : `${(median(ms) / peer).toFixed(2)} ×`;
    return `${work.padEnd(48)}${median(ms).toFixed(0).padStart(8)} ms${ratio.padStart(10)}`;
  });
  process.stdout.write(
    `${rows.toLocaleString('en')} rows × 12 columns, median of ${runs}; × of the first line\n${lines.join('\n')}\n`,
  );
}
