/**
 * What captures and replicates cost, beside what people would use instead, in one run: medians of whole processes, unless a line says
 * otherwise. Absolute times depend on the machine; compare the ratios.
 *
 * `npm run bench -- [--rows 10000,100000] [--runs 5] [--json]`; the figures are kept in bench/results, and drawn in docs/bench.svg where
 * there is more than one number of rows.
 */
import {execFileSync} from 'node:child_process';
import {mkdirSync, mkdtempSync, rmSync, writeFileSync} from 'node:fs';
import {cpus, tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {project} from '../test/helpers/run-process.ts';
import {buildItems} from './data.ts';
import {draw, type Measured} from './draw.ts';
import {LargeTable} from './large.ts';
import {Sheet} from './sheet.ts';
import {smallCycles} from './small.ts';

export async function jobs(args: readonly string[]): Promise<void> {
  const {values: flags} = parseArgs({
    args: [...args],
    options: {
      rows: {type: 'string', default: '10000,100000'},
      runs: {type: 'string', default: '5'},
      json: {type: 'boolean', default: false},
    },
  });
  const sizes = flags.rows.split(',').map(Number);
  const runs = Number(flags.runs);
  if (![...sizes, runs].every((number) => Number.isSafeInteger(number) && number > 0))
    throw new Error('--rows N,N and --runs N take whole numbers');
  const say = (text: string): void =>
    void (flags.json ? process.stderr : process.stdout).write(`${text}\n`);
  execFileSync('npm', ['run', '-s', 'build'], {cwd: project}); // commands are measured as they are installed
  const folder = mkdtempSync(join(tmpdir(), 'rowplica-bench-'));
  const all: Measured[] = [];
  try {
    for (const rows of sizes) {
      const measured = await measureLarge(folder, rows, runs);
      say(textOf(`${rows.toLocaleString('en')} rows × 12 columns, median of ${runs}`, measured));
      all.push(measured);
    }
    const sheet = new Sheet();
    await smallCycles(join(folder, 'small'), 4 * runs, sheet);
    const small = {rows: null, lines: sheet.lines, ratios: sheet.ratios};
    say(textOf('In one process, without restic', small));
    all.push(small);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
  const report = {at: new Date().toISOString(), machine: machine(), versions: versions(), all};
  const kept = join(project, 'bench', 'results');
  mkdirSync(kept, {recursive: true});
  writeFileSync(
    join(kept, `${report.at.replaceAll(':', '-')}.json`),
    `${JSON.stringify(report, null, 1)}\n`,
  );
  // A few sizes tell how it grows; a single one would draw over a plot that does.
  if (sizes.length > 1) writeFileSync(join(project, 'docs', 'bench.svg'), draw(all));
  if (flags.json) process.stdout.write(`${JSON.stringify(report)}\n`);
}

async function measureLarge(folder: string, rows: number, runs: number): Promise<Measured> {
  const original = join(folder, `${rows}.db`);
  buildItems(original, rows);
  const sheet = new Sheet();
  for (let run = 0; run < runs; run++)
    await new LargeTable(join(folder, `run-${run}`), original, rows, sheet).run();
  rmSync(original);
  return {rows, lines: sheet.lines, ratios: sheet.ratios};
}

function textOf(title: string, {lines, ratios}: Measured): string {
  const shown = lines.map(({work, ms, peakMb, bytes}) =>
    [
      `  ${work.padEnd(44)}`,
      ms === null ? ''.padStart(12) : `${ms.toFixed(ms < 100 ? 1 : 0)} ms`.padStart(12),
      peakMb === null ? '' : `${peakMb.toFixed(0)} MB`.padStart(10),
      bytes === null ? '' : `${(bytes / 1000).toFixed(1)} kB`.padStart(12),
    ].join(''),
  );
  const compared = ratios.map(({work, peer, ratio, most}) => {
    const unit = peer === undefined ? ' ms' : ' ×';
    const verdict = ratio <= most ? 'within' : 'OVER';
    return `  ${verdict.padEnd(7)}${ratio.toFixed(2).padStart(7)}${unit} (at most ${most})  ${work}${peer === undefined ? '' : ` : ${peer}`}`;
  });
  return [title, ...shown, ...compared, ''].join('\n');
}

function machine(): object {
  const [cpu] = cpus();
  return {arch: process.arch, platform: process.platform, cpu: cpu?.model, cores: cpus().length};
}

function versions(): object {
  const first = (file: string, ...args: readonly string[]): string =>
    execFileSync(file, args, {encoding: 'utf8'}).split('\n')[0] ?? '';
  return {
    node: process.version,
    sqlite3: first('sqlite3', '--version').split(' ')[0],
    restic: first('restic', 'version').split(' ')[1],
  };
}
