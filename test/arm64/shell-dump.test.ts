/** Why rows do not travel as the text of `sqlite3 .dump`: it differs between processors where the rows do not. */
import {execFileSync} from 'node:child_process';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {digestOf} from '../../src/canonical/digest.ts';
import {decodeManifest} from '../../src/snapshot/manifest-text.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {emulatedShell, isCi, isDebian, type Command} from './emulator.ts';
import {readManifest, runsOn, type Processor} from './processors.ts';
import {fillReals, readings} from './reals.ts';
import {sayLine} from './say.ts';

const shells: readonly Command[] = [{file: 'sqlite3', args: []}, ...emulatedShell()];
/** Later releases of SQLite print reals without `long double`, whose width differs. */
const firstAlike = '3.43';

test('sqlite3 .dump of one file differs between processors, its capture does not', async ({
  skip,
}) => {
  const why = reasonToSkip();
  if (why !== undefined) sayLine(`skipped: sqlite3 .dump on both processors (${why})`);
  skip(why !== undefined, why);

  const folder = temporaryFolder();
  const database = join(folder, 'reals.db');
  fillReals(database);
  const [theirs = [], ours = []] = shells.map((shell) => run(shell, database, '.dump').split('\n'));
  const differing = ours.filter((line, at) => line !== theirs[at]).length;
  const there = await capturedRoot('x86-64', database);
  const here = await capturedRoot('arm64', database);
  sayLine(`                          x86-64       arm64
sqlite3 .dump | sha256sum ${sum(theirs)} ${sum(ours)} (${differing} of ${ours.length} lines differ)
root digest of a capture  ${short(there)} ${short(here)}`);

  expect(ours).toHaveLength(theirs.length);
  expect(differing).toBeGreaterThan(readings / 10);
  expect(here).toBe(there);
});

async function capturedRoot(processor: Processor, database: string): Promise<string> {
  const folder = temporaryFolder();
  const store = join(folder, 'store');
  const tables = ['reading', 'by_real'];
  await runsOn(processor, {
    database,
    store: `dir:${store}`,
    state: join(folder, 'state'),
    tables,
  }).capture();
  return decodeManifest(readManifest(store)).root;
}

/** On Debian in CI nothing is: there the set-up brings all that is needed. */
function reasonToSkip(): string | undefined {
  if (isCi() && isDebian()) return undefined;
  if (shells.length < 2) return 'no sqlite3 for arm64';
  const [there, here] = shells.map(versionOf);
  if (there === undefined || there !== here) return `sqlite3 is ${there ?? 'absent'} and ${here}`;
  const isLater = there.localeCompare(firstAlike, 'en', {numeric: true}) >= 0;
  return isLater ? `SQLite ${there} prints reals alike` : undefined;
}

function versionOf(shell: Command): string | undefined {
  try {
    return run(shell, '--version').split(' ')[0];
  } catch {
    return undefined;
  }
}

function run({file, args}: Command, ...more: readonly string[]): string {
  return execFileSync(file, [...args, ...more], {encoding: 'utf8', maxBuffer: 64 * 1024 * 1024});
}

/** As sha256sum gives it, of the bytes that the shell printed. */
function sum(lines: readonly string[]): string {
  return short(digestOf(lines.join('\n')));
}

function short(digest: string): string {
  return digest.slice(0, 12);
}
