/** Undo and what it holds back, as people read it. */
import pc from 'picocolors';
import type {ResumeResult} from '../../engine/held.ts';
import type {ReplicateResult} from '../../engine/replicate.ts';
import type {StatusResult} from '../../engine/status.ts';
import type {UndoResult} from '../../engine/undo.ts';
import {counted} from '../../kernel/counted.ts';
import {comparePositions} from '../../kernel/position.ts';
import {changesTable, shortId} from './tables.ts';

export function undoText(result: UndoResult): string {
  const {snapshot, epoch, sequence, dryRun} = result;
  const of = `snapshot ${pc.bold(shortId(snapshot))} (epoch ${epoch}, sequence ${sequence})`;
  const rows = counted(
    Object.values(result.tables).reduce((sum, t) => sum + t.inserted + t.updated + t.deleted, 0),
    'row',
  );
  const lines = [
    dryRun
      ? `Dry run: to undo ${of}, ${rows} would be written.`
      : `Undid ${of}: ${rows} brought back to what they were; each was read back.`,
    changesTable(result.tables),
  ];
  for (const [name, count] of Object.entries(result.cascades)) {
    const verb = dryRun ? 'would be' : 'were';
    lines.push(
      `  ${name}: ${counted(count, 'row')} of this local table ${verb} deleted or changed with the rows referred to`,
    );
  }
  for (const [name, count] of Object.entries(result.notRestored))
    lines.push(
      pc.yellow(
        `  ${name}: ${counted(count, 'row')} that the apply deleted or changed in this local table ${dryRun ? 'would not be' : 'are not'} brought back`,
      ),
    );
  if (!dryRun)
    lines.push(
      'Held: replicate waits for a newer snapshot. rowplica resume lets it apply this one again.',
    );
  return lines.join('\n');
}

export function resumeText({undone}: ResumeResult): string {
  if (undone === null) return 'Nothing was held.';
  return `Released: the next replicate may apply epoch ${undone.epoch}, sequence ${undone.sequence} again.`;
}

/** What a replicate says of the way back, after its counts of rows in local tables. */
export function wayBackLines({cascades, dryRun, held}: ReplicateResult): readonly string[] {
  const lost = Object.keys(cascades).length > 0;
  const verb = dryRun ? 'would bring' : 'brings';
  return [
    ...(lost
      ? [
          pc.yellow(
            `  rowplica undo ${verb} back the replicated rows, but not those of local tables`,
          ),
        ]
      : []),
    ...(held === null
      ? []
      : [pc.yellow('Held after an undo: a real run is refused until rowplica resume.')]),
  ];
}

/** What an undo holds back, and what to do; undefined where it holds nothing. */
export function heldText({undone, newest}: StatusResult): string | undefined {
  if (undone === null) return undefined;
  const {epoch, sequence, since} = undone;
  const isNewer = newest?.lineage === undone.lineage && comparePositions(newest, undone) > 0;
  const next = isNewer
    ? 'A newer snapshot is there: run replicate.'
    : 'replicate waits for a newer snapshot, or rowplica resume.';
  return pc.yellow(`Held: epoch ${epoch}, sequence ${sequence} was undone at ${since}. ${next}`);
}
