/** Results of the commands as people read them. */
import pc from 'picocolors';
import type {CaptureResult} from '../../engine/capture.ts';
import type {DiffResult} from '../../engine/diff.ts';
import type {DoctorResult} from '../../engine/doctor.ts';
import type {ReplicateResult} from '../../engine/replicate.ts';
import type {SnapshotListed, StatusResult} from '../../engine/status.ts';
import type {VerifyResult} from '../../engine/verify.ts';
import {counted, grouped} from '../../kernel/counted.ts';
import {changeLines} from './changes.ts';
import {lockLines} from './lock.ts';
import {conflictLines, localLines, mutedLines} from './policies.ts';
import {changesTable, shortId, table} from './tables.ts';
import {heldText, wayBackLines} from './undo.ts';

const CHANGES_SHOWN = 50;

export function captureText(result: CaptureResult): string {
  const rows = Object.values(result.tables).reduce((sum, {rows: count}) => sum + count, 0);
  const what = `${counted(rows, 'row')} in ${counted(Object.keys(result.tables).length, 'table')}`;
  if (!result.changed) return `Nothing changed: ${what} are those of snapshot ${idOf(result)}.`;
  const lines = [`Captured ${what} as snapshot ${idOf(result)}.`, changesTable(result.tables)];
  if (result.tookOver) {
    lines.push(
      pc.yellow('This instance took over as primary; the one before is refused from now on.'),
    );
  }
  if (result.leftOut.length > 0) {
    const names = result.leftOut.join(', ');
    lines.push(pc.yellow(`No longer captured, so that replicas no longer follow: ${names}.`));
  }
  return lines.join('\n');
}

export function replicateText(result: ReplicateResult): string {
  const counts = Object.values(result.tables);
  const writes = counts.reduce(
    (sum, {inserted, updated, deleted}) => sum + inserted + updated + deleted,
    0,
  );
  const cascades = Object.entries(result.cascades);
  const lines = [headline(result, writes)];
  if (writes > 0) lines.push(changesTable(result.tables));
  for (const [name, count] of cascades) {
    const verb = result.dryRun ? 'would be' : 'were';
    lines.push(
      `  ${name}: ${counted(count, 'row')} of this local table ${verb} deleted or changed with the rows referred to`,
    );
  }
  return [
    ...lines,
    ...conflictLines(result.conflicts),
    ...mutedLines(result),
    ...wayBackLines(result),
    ...lockLines(result),
  ].join('\n');
}

function headline(result: ReplicateResult, writes: number): string {
  const proof =
    result.proof === 'full'
      ? 'every table equals it, by digest'
      : 'each was read back, the other rows were taken as last compared';
  // Tables that keep rows of their own do not equal it.
  const isCopy = result.merged.length === 0;
  const equals = isCopy ? 'equals' : 'is, as its policies ask, at';
  const equal = isCopy ? 'equal' : 'reach';
  if (result.dryRun) {
    if (writes === 0)
      return `Dry run: nothing to do, this database ${equals} snapshot ${idOf(result)}.`;
    return `Dry run: to ${equal} snapshot ${idOf(result)}, ${rowsText(writes)} would be written.`;
  }
  if (writes === 0) return `Nothing to do: this database ${equals} snapshot ${idOf(result)}.`;
  const proved = isCopy ? proof : 'each was read back, and every table is as its policy asks';
  return `Applied snapshot ${idOf(result)}: ${rowsText(writes)} written; ${proved}.`;
}

const rowsText = (count: number): string => counted(count, 'row');

export function diffText(result: DiffResult): string {
  if (result.equal) return 'Equal.';
  const shown = result.changes.slice(0, CHANGES_SHOWN).flatMap((change) => changeLines(change));
  const rest = result.changes.length - CHANGES_SHOWN;
  const more = rest > 0 ? [pc.dim(`  … and ${counted(rest, 'more row')} (--json lists all)`)] : [];
  return [...shown, ...more, '', changesTable(result.tables)].join('\n');
}

export function verifyText(result: VerifyResult): string {
  const tables = Object.entries(result.tables);
  const rows = tables.map(([name, {rows: count, digest, equal}]) => [
    name,
    grouped(count),
    digest.slice(0, 12),
    equal ? pc.green('equal') : pc.red('differs'),
  ]);
  const verdict = result.equal
    ? `Equal to snapshot ${shortId(result.snapshot)}.`
    : pc.red(`Not equal to snapshot ${shortId(result.snapshot)}.`) +
      ' rowplica diff live latest shows the rows.';
  return [
    table(['table', 'rows', 'digest', ''], rows, ['left', 'right', 'left', 'left']),
    verdict,
  ].join('\n');
}

export function statusText(result: StatusResult): string {
  const {position, newest} = result;
  const rows = [
    ['database', result.database],
    ['store', result.store],
    ['state', result.state],
    [
      'here',
      position === null
        ? 'nothing captured or applied yet'
        : `${shortId(position.digest)}  epoch ${position.epoch}, sequence ${position.sequence}, since ${position.at}`,
    ],
    [
      'newest',
      newest === null
        ? 'no snapshot yet'
        : `${shortId(newest.digest)}  epoch ${newest.epoch}, sequence ${newest.sequence}, stored ${newest.time}`,
    ],
    ...(result.proven === null ? [] : [['proven', `restorable, ${result.proven}`]]),
  ];
  return [table([], rows), verdictOf(result), ...localLines(result)].join('\n');
}

function verdictOf(result: StatusResult): string {
  if (result.interrupted)
    return pc.yellow(
      'A run was interrupted while writing; the next replicate finds out what happened.',
    );
  const held = heldText(result);
  if (held !== undefined) return held;
  if (result.newest === null) return withoutSnapshot(result);
  if (result.upToDate) {
    return (
      pc.green('The newest snapshot is the one last captured or applied here.') +
      ' rowplica verify compares the rows.'
    );
  }
  if (result.position?.trusted === false) {
    return pc.yellow('Rows may have moved away from the snapshot on record: run replicate.');
  }
  if (result.position === null) {
    return 'A replica: run replicate. A primary whose state was lost: run capture, or its edits are undone.';
  }
  return pc.yellow(`${counted(result.behind, 'snapshot')} behind: run replicate.`);
}

function withoutSnapshot({position}: StatusResult): string {
  if (position === null) return 'Run capture on the primary to begin.';
  return pc.yellow(
    'The store no longer holds the history that this database follows: check its address.',
  );
}

export function snapshotsText(result: {readonly snapshots: readonly SnapshotListed[]}): string {
  if (result.snapshots.length === 0) return 'No snapshots yet: run capture on the primary.';
  const rows = result.snapshots.map((snapshot) => [
    shortId(snapshot.snapshot),
    String(snapshot.epoch),
    String(snapshot.sequence),
    snapshot.time,
    snapshot.author.slice(0, 8),
    snapshot.storeId.slice(0, 12),
    snapshot.here ? pc.green('here') : '',
  ]);
  return table(['snapshot', 'epoch', 'sequence', 'stored', 'author', 'store id', ''], rows, [
    'left',
    'right',
    'right',
  ]);
}

const LEVELS = {ok: pc.green('ok'), note: pc.yellow('note'), problem: pc.red('problem')};

export function doctorText(result: DoctorResult): string {
  const rows = result.findings.map(({level, subject, message}) => [
    LEVELS[level],
    subject,
    message,
  ]);
  return [
    table([], rows),
    result.ok ? pc.green('Ready.') : pc.red('Not ready: see the problems above.'),
  ].join('\n');
}

function idOf({
  snapshot,
  epoch,
  sequence,
}: {
  snapshot: string;
  epoch: number;
  sequence: number;
}): string {
  return `${pc.bold(shortId(snapshot))} (epoch ${epoch}, sequence ${sequence})`;
}
