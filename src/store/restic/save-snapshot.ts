/** Stores a staged snapshot with `restic backup`. */
import {EngineError} from '../../kernel/errors.ts';
import {must} from '../../kernel/assert.ts';
import type {Progress} from '../../kernel/log.ts';
import type {SnapshotRef, StagedSnapshot} from '../port.ts';
import {checkPaths, checkPresent} from '../snapshot-files.ts';
import {linesOf} from './classify.ts';
import {fullIdIn} from './repository-print.ts';
import type {ResticClient} from './restic-client.ts';
import {ANY_LINE, type Outcome} from './run-restic.ts';
import {encodeTags, parseListed} from './snapshot-tags.ts';

/** restic's exit code for a snapshot that lacks files it could not read. */
const EXIT_PARTIAL = 3;
const FULL_ID_CHARS = 64;

export type SaveOptions = {
  readonly host: string;
  readonly progress: Progress | undefined;
  /** Full path of a repository on the file system. */
  readonly localPath: string | undefined;
};

/** What restic says of a backup at its end. */
export type Summary = {readonly id: string | undefined; readonly files: number};

/**
 * Backs up the folder as `.` from inside, so that paths in the snapshot are relative to it whatever
 * its place. restic chooses the parent: the newest snapshot of the same host and folder, whose
 * unchanged files are not read again. Files are deduplicated by content in any case.
 *
 * A snapshot that restic made with files missing is forgotten again, as far as locks allow.
 */
export async function saveSnapshot(
  client: ResticClient,
  staged: StagedSnapshot,
  {host, progress, localPath}: SaveOptions,
): Promise<SnapshotRef> {
  const {folder, files, label} = staged;
  checkPaths(files);
  await checkPresent(folder, files, `${label.epoch}.${label.sequence}`);

  const {noScan} = await client.features();
  const tags = encodeTags(label).flatMap((tag) => ['--tag', tag]);
  const outcome = await client.change({
    args: ['backup', '.', '--json', '--host', host, ...tags, ...(noScan ? ['--no-scan'] : [])],
    cwd: folder,
    transfers: true,
    takesLock: ANY_LINE,
    accepted: [EXIT_PARTIAL],
    onLine: (line) => reportStatus(line, files.length, progress),
  });
  const summary = readSummary(outcome.stdout);
  if (outcome.exitCode !== 0 || summary.files !== files.length) {
    await forget(client, summary.id);
    throw partial(outcome, summary, files.length);
  }
  const told = must(summary.id, 'a backup that succeeded names its snapshot');
  const id = localPath === undefined ? told : ((await fullIdIn(localPath, told)) ?? told);
  const saved = {...label, storeId: id, time: new Date().toISOString()};
  return id.length === FULL_ID_CHARS ? saved : readBack(client, saved);
}

/** Older versions tell a short id only: then the store is asked for the full one. A list that is not up to date leaves it short. */
async function readBack(client: ResticClient, saved: SnapshotRef): Promise<SnapshotRef> {
  const {storeId: id} = saved;
  const {stdout} = await client.read({
    args: ['snapshots', '--json', '--no-lock', id],
    snapshot: id,
  });
  return parseListed(stdout).snapshots.find(({storeId}) => storeId.startsWith(id)) ?? saved;
}

async function forget(client: ResticClient, id: string | undefined): Promise<void> {
  if (id === undefined) return;
  try {
    await client.change({args: ['forget', id], takesLock: ANY_LINE});
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    client.log.warn('an incomplete snapshot could not be removed', {snapshot: id, reason});
  }
}

function partial(outcome: Outcome, summary: Summary, expected: number): EngineError {
  const reason = linesOf(outcome.stderr)[0];
  const what =
    outcome.exitCode === EXIT_PARTIAL
      ? `restic could not read every file: ${reason ?? 'no reason given'}`
      : `restic stored ${summary.files} files where ${expected} were staged`;
  return new EngineError(
    outcome.exitCode === EXIT_PARTIAL ? 'STORE_FAILED' : 'SNAPSHOT_INCOMPLETE',
    `the snapshot was not kept: ${what}`,
    {
      site: {snapshot: summary.id},
      hint: 'Leave the state folder to Rowplica alone, and capture again.',
    },
  );
}

/** True for a status line, which is told to `progress` and dropped. */
function reportStatus(line: string, total: number, progress: Progress | undefined): boolean {
  if (!line.startsWith('{"message_type":"status"')) return false;
  const done = /"files_done":(\d+)/.exec(line)?.[1];
  progress?.('store', Number(done ?? 0), total);
  return true;
}

export function readSummary(stdout: string): Summary {
  for (const line of stdout.split('\n')) {
    if (!line.startsWith('{')) continue;
    const {message_type: type, snapshot_id: id, total_files_processed: files} = reportOf(line);
    if (type === 'summary' && typeof id === 'string') return {id, files: Number(files)};
  }
  return {id: undefined, files: 0};
}

function reportOf(line: string): Readonly<Record<string, unknown>> {
  try {
    return JSON.parse(line) as Readonly<Record<string, unknown>>;
  } catch {
    return {}; // cut off, or not for us
  }
}
