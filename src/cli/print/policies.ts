/** Local edits and conflicts as people read them. */
import pc from 'picocolors';
import type {ConflictsResult, ListedConflict, ResolveResult} from '../../engine/conflicts.ts';
import type {DriftResult} from '../../engine/drift.ts';
import type {Fate} from '../../engine/drift-fates.ts';
import type {ConflictReport} from '../../engine/inbox.ts';
import type {ReplicateResult} from '../../engine/replicate.ts';
import type {StatusResult} from '../../engine/status.ts';
import type {UnmuteResult} from '../../engine/unmute.ts';
import {counted} from '../../kernel/counted.ts';
import {changeLines} from './changes.ts';
import {changesTable, shortId} from './tables.ts';

const ROWS_SHOWN = 50;

/** What each kind of conflict means, in a few words. */
const KINDS: Readonly<Record<string, string>> = {
  bothEdited: 'changed here and on the primary',
  editedHere: 'changed here, deleted on the primary',
  deletedHere: 'deleted here, changed on the primary',
  bothInserted: 'added here and on the primary',
  uniqueTaken: 'a unique value of the primary is taken here',
  referencedHere: 'deleted on the primary, a row here refers to it',
  parentMissing: 'refers to a row that is not here',
};

function conflictText({
  table,
  key,
  kind,
  columns,
}: Pick<ConflictReport, 'table' | 'key' | 'kind' | 'columns'>): string {
  const cells = columns.length === 0 ? '' : ` (${columns.join(', ')})`;
  return `${table}[${key}]${cells}: ${KINDS[kind] ?? kind}`;
}

/** What a replicate met, with what stands now. */
export function conflictLines(conflicts: readonly ConflictReport[]): readonly string[] {
  if (conflicts.length === 0) return [];
  const open = conflicts.filter((conflict) => conflict.open);
  const lines = conflicts.slice(0, ROWS_SHOWN).map((conflict) => {
    const stands = conflict.taken === 'ours' ? 'this row stays' : 'the primary wins';
    const how = conflict.open ? pc.yellow('open') : stands;
    return `  ${conflictText(conflict)} ${pc.dim('→')} ${how}`;
  });
  const rest = conflicts.length - ROWS_SHOWN;
  const more =
    rest > 0 ? [pc.dim(`  … and ${counted(rest, 'more conflict')} (--json lists all)`)] : [];
  const next =
    open.length === 0
      ? []
      : [
          pc.yellow(
            `${counted(open.length, 'conflict')} open: see rowplica conflicts, decide with rowplica conflicts resolve.`,
          ),
        ];
  return [`${counted(conflicts.length, 'conflict')}:`, ...lines, ...more, ...next];
}

/** Of a status: local edits and what waits for a decision. */
export function localLines({drift, conflicts}: StatusResult): readonly string[] {
  const edits =
    drift === null || drift === 0
      ? []
      : [`${counted(drift, 'row')} changed here since that snapshot: see rowplica drift.`];
  const open =
    conflicts === 0
      ? []
      : [pc.yellow(`${counted(conflicts, 'conflict')} open: see rowplica conflicts.`)];
  return [...edits, ...open];
}

const FATES: Readonly<Record<Fate, string>> = {
  repaired: 'put back by the next replicate',
  overwritten: 'overwritten by the next new snapshot',
  kept: 'kept',
};

export function driftText(result: DriftResult): string {
  const {snapshot, epoch, sequence, changes, tables} = result;
  const id = `${shortId(snapshot)} (epoch ${epoch}, sequence ${sequence})`;
  if (changes.length === 0) return `No row was changed here since snapshot ${id}.`;
  const shown = changes
    .slice(0, ROWS_SHOWN)
    .flatMap((change) => changeLines(change, `  ${pc.dim('→')} ${FATES[change.fate]}`));
  const rest = changes.length - ROWS_SHOWN;
  const more = rest > 0 ? [pc.dim(`  … and ${counted(rest, 'more row')} (--json lists all)`)] : [];
  const title = `${counted(changes.length, 'row')} changed here since snapshot ${id}:`;
  return [title, ...shown, ...more, '', changesTable(tables)].join('\n');
}

export function conflictsText({conflicts, open}: ConflictsResult): string {
  if (conflicts.length === 0) return 'No conflict waits for a decision.';
  const lines = conflicts.slice(0, ROWS_SHOWN).flatMap(listedLines);
  const rest = conflicts.length - ROWS_SHOWN;
  const more =
    rest > 0 ? [pc.dim(`  … and ${counted(rest, 'more conflict')} (--json lists all)`)] : [];
  const next =
    open === 0
      ? []
      : [
          '',
          'Decide: rowplica conflicts resolve TABLE KEY --take ours|theirs (ours is this database).',
        ];
  return [...lines, ...more, ...next].join('\n');
}

function listedLines(conflict: ListedConflict): readonly string[] {
  const {take, epoch, sequence, at, values} = conflict;
  const state = take === null ? pc.yellow('open') : 'theirs, at the next replicate';
  const line = `  ${conflictText(conflict)}  ${pc.dim(`epoch ${epoch}, sequence ${sequence}, since ${at}`)}  ${state}`;
  if (values === undefined) return [line];
  const sides = (['base', 'ours', 'theirs'] as const).map(
    (side) => `      ${side}: ${JSON.stringify(values[side])}`,
  );
  return [line, ...sides];
}

export function resolveText({resolved, take, open}: ResolveResult): string {
  if (resolved.length === 0) return 'No conflict waits for a decision.';
  const what =
    take === 'ours' ? 'stays as it is here' : 'becomes what the primary has, at the next replicate';
  const lines = resolved.slice(0, ROWS_SHOWN).map((one) => `  ${conflictText(one)}: ${what}`);
  const left = open === 0 ? 'Nothing else waits.' : `${counted(open, 'conflict')} still open.`;
  return [`Decided ${counted(resolved.length, 'conflict')}:`, ...lines, left].join('\n');
}

export function unmuteText({applied}: UnmuteResult): string {
  if (applied === null) return 'Nothing was muted.';
  return `The alerts are back.\n${changesTable(applied.tables)}\nWhile alerts.muted stays set, the next replicate takes them away again; a primary keeps them.`;
}

/** What a replicate says of tables that are kept empty. */
export function mutedLines({muted}: Pick<ReplicateResult, 'muted'>): readonly string[] {
  if (muted.length === 0) return [];
  return [`Muted: ${muted.join(', ')} ${muted.length === 1 ? 'is' : 'are'} kept empty here.`];
}
