/**
 * Runs a case through SQLite's own `sqldiff`, and its output through the SQLite shell with `-bail`.
 *
 * Each replicated table is compared by itself (`--table`), so that local tables are out of its way. It is
 * run as it comes and with `--primarykey`, and applied with foreign keys off and on; the best counts.
 */
import {spawnSync} from 'node:child_process';
import {copyFileSync} from 'node:fs';
import {join} from 'node:path';
import {must} from '../../src/kernel/assert.ts';
import type {Case} from './case.ts';
import {dump, makeSide} from './databases.ts';
import {faultsOf, gather, isSame, type Evidence} from './judge.ts';

export type Verdict = {
  readonly kind: 'converges' | 'stops' | 'wrong';
  /** For one column of a table. */
  readonly text: string;
};

/** The release of SQLite that the tools come from; undefined where one of them is not installed. */
export function sqldiffRelease(): string | undefined {
  const there = spawnSync('sqldiff', ['--help'], {encoding: 'utf8'});
  const shell = spawnSync('sqlite3', ['--version'], {encoding: 'utf8'});
  if (there.error !== undefined || shell.status !== 0) return undefined;
  return shell.stdout.split(' ')[0];
}

/** Makes the databases in an empty folder and runs the case. */
export function runSqldiff(from: Case, folder: string): Verdict {
  const [primary, replica] = [makeSide(folder, 'primary', from), makeSide(folder, 'replica', from)];
  const evidence = gather(from, primary, replica);
  let best: Verdict | undefined;
  for (const [at, way] of ways.entries()) {
    const copy = join(folder, `copy-${at}.db`);
    copyFileSync(replica, copy);
    const verdict = judged(from, evidence, copy, applyDiff(from, primary, copy, way));
    if (best === undefined || rank(verdict) < rank(best)) best = verdict;
    if (best.kind === 'converges') break;
  }
  return must(best, 'there are ways');
}

type Way = {readonly flags: readonly string[]; readonly before: string};

const on = 'PRAGMA foreign_keys = ON;\n';
const ways: readonly Way[] = [
  {flags: [], before: ''},
  {flags: ['--primarykey'], before: ''},
  {flags: [], before: on},
  {flags: ['--primarykey'], before: on},
];

const ranks: readonly Verdict['kind'][] = ['converges', 'stops', 'wrong'];
const rank = ({kind}: Verdict): number => ranks.indexOf(kind);

type Applied = {readonly failed: boolean; readonly found: boolean};

function applyDiff(from: Case, primary: string, copy: string, {flags, before}: Way): Applied {
  const diffs = from.tables.map((table) =>
    spawnSync('sqldiff', ['--table', table, ...flags, copy, primary]),
  );
  // It ends with 0 also where it could not compare; what it printed until then is not run.
  if (diffs.some(({status, stderr}) => status !== 0 || stderr.length > 0))
    return {failed: true, found: true};
  const sql = Buffer.concat(diffs.map(({stdout}) => stdout));
  const input = Buffer.concat([Buffer.from(before), sql]);
  const {status} = spawnSync('sqlite3', ['-batch', '-bail', copy], {input});
  return {failed: status !== 0, found: sql.length > 0};
}

function judged(from: Case, evidence: Evidence, copy: string, {failed, found}: Applied): Verdict {
  const after = dump(copy);
  if (failed) {
    return isSame(evidence.before, after)
      ? {kind: 'stops', text: 'stops, nothing written'}
      : {kind: 'wrong', text: 'WRONG: stops halfway'};
  }
  const faults = faultsOf(from, evidence, after);
  if (faults.length === 0) return {kind: 'converges', text: 'converges'};
  return {
    kind: 'wrong',
    text: `WRONG: ${found ? faults.join('; ') : 'sees no difference'}`,
  };
}
