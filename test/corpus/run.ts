/**
 * Runs the trap corpus with Rowplica and with SQLite's own sqldiff, and prints what each makes of it.
 *
 * `npm run corpus -- [--markdown | --write]`. `--write` renews the section of docs/correctness.md.
 * Exits with 1 where Rowplica does other than a case declares.
 */
import {mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {parseArgs} from 'node:util';
import {expectationText, type Case} from './case.ts';
import {corpus} from './corpus.ts';
import {markdown, withSection} from './page.ts';
import {runOurs, textOf} from './run-ours.ts';
import {runSqldiff, sqldiffRelease, type Verdict} from './run-sqldiff.ts';

type Result = {
  readonly from: Case;
  readonly ours: string;
  readonly asDeclared: boolean;
  readonly sqldiff: Verdict | undefined;
};

const page = join(import.meta.dirname, '../../docs/correctness.md');
const missing =
  'sqldiff is not installed, so its column is skipped: Debian/Ubuntu: sudo apt-get install sqlite3-tools sqlite3; Alpine: apk add sqlite-tools sqlite; macOS: brew install sqldiff';

const {values: flags} = parseArgs({
  options: {
    markdown: {type: 'boolean', default: false},
    write: {type: 'boolean', default: false},
  },
});

const release = sqldiffRelease();
const quiet = flags.markdown || flags.write;
const width = Math.max(...corpus.map(({name}) => name.length));
const results: Result[] = [];
for (const from of corpus) {
  const result = await runBoth(from);
  results.push(result);
  if (!quiet) print(`${from.name.padEnd(width)}  ${result.ours.padEnd(28)}  ${told(result)}`);
}
report();

async function runBoth(from: Case): Promise<Result> {
  const ours = await inFolder(async (folder) => outcomeOf(from, folder));
  const sqldiff =
    release === undefined ? undefined : await inFolder((folder) => runSqldiff(from, folder));
  return {from, ...ours, sqldiff};
}

async function outcomeOf(from: Case, folder: string): Promise<Pick<Result, 'ours' | 'asDeclared'>> {
  const outcome = await runOurs(from, folder);
  const refused = outcome.kind === 'refused';
  const ours = refused ? `refuses (${outcome.error.code})` : 'converges';
  const named =
    from.expect === 'converge' || (refused && textOf(outcome.error).includes(from.expect.naming));
  const wanted = expectationText(from.expect);
  if (outcome.faults.length === 0 && ours === wanted && named) return {ours, asDeclared: true};
  const why = outcome.faults.length > 0 ? outcome.faults.join('; ') : `declared: ${wanted}`;
  return {ours: `${ours}, ${why}`, asDeclared: false};
}

async function inFolder<T>(work: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'rowplica-corpus-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, {recursive: true, force: true});
  }
}

function report(): void {
  const section = markdown((from) => told(results.find((result) => result.from === from)), tally());
  if (flags.markdown) print(section);
  else if (!flags.write) print(`\n${tally()}`);
  if (flags.write && release !== undefined)
    writeFileSync(page, withSection(readFileSync(page, 'utf8'), section));
  if (release === undefined) warn(missing);
  if (flags.write && release === undefined) warn('docs/correctness.md was left as it is');
  const others = results.filter(({asDeclared}) => !asDeclared);
  for (const {from, ours} of others) warn(`not as declared: ${from.name}: ${ours}`);
  const unwritten = flags.write && release === undefined;
  if (others.length > 0 || unwritten) process.exitCode = 1;
}

function told(result: Result | undefined): string {
  return result?.sqldiff?.text ?? '(skipped)';
}

/** One line for both. The first half says what the corpus demands; what is otherwise is told apart. */
function tally(): string {
  const converge = corpus.filter(({expect}) => expect === 'converge').length;
  const all = `${corpus.length} cases. Rowplica converges in ${converge} and refuses ${corpus.length - converge}, with nothing written.`;
  if (release === undefined) return `${all} sqldiff was not there to compare.`;
  const count = (kind: Verdict['kind']): number =>
    results.filter(({sqldiff}) => sqldiff?.kind === kind).length;
  return `${all} sqldiff (SQLite ${release}) converges in ${count('converges')}, stops with nothing written in ${count('stops')}, and goes wrong in ${count('wrong')}.`;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function warn(text: string): void {
  process.stderr.write(`${text}\n`);
}
