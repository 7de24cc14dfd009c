/**
 * After a run that ended in the middle: the touched rows themselves tell whether its transaction was
 * committed (P2). What cannot be told sends the next plan to compare all rows.
 */
import type {Database, View} from '../database/port.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {decodeManifest} from '../snapshot/manifest-text.ts';
import {shapeOf} from '../snapshot/manifest.ts';
import type {Changeset, State} from '../state/state.ts';
import type {Log} from '../kernel/log.ts';
import {decodeIntent, type IntendedRow} from './intent.ts';
import {rowsNow} from './rows-now.ts';

export async function recover(database: Database, state: State, log: Log): Promise<void> {
  const pending = await state.pending();
  if (pending === undefined) return;
  const shapes = new Map(
    decodeManifest(pending.manifest).tables.map((table) => [table.name, shapeOf(table)]),
  );
  const {rows} = decodeIntent(pending.body);
  const outcome = await database.view((view) => whatHappened(view, shapes, rows ?? []));
  log.info('an earlier run was interrupted', {outcome, undo: pending.undoes !== null});
  await (pending.undoes === null ? settleApply : settleUndo)(state, pending, outcome);
}

async function settleApply(state: State, pending: Changeset, outcome: Outcome): Promise<void> {
  if (outcome === 'committed') {
    await state.applied(pending.id, pending);
    return;
  }
  await state.drop(pending.id);
  if (outcome === 'unknown') await state.distrust();
}

async function settleUndo(state: State, {id}: Changeset, outcome: Outcome): Promise<void> {
  if (outcome === 'committed') await state.undos.finish(id);
  else if (outcome === 'rolled back') await state.drop(id);
  else await state.undos.doubt(id);
}

type Outcome = 'committed' | 'rolled back' | 'unknown';

/**
 * The transaction was one: rows keyed by themselves tell for all. Link rows, which applications remake at each
 * save, are asked only where there are no others.
 */
async function whatHappened(
  view: View,
  shapes: ReadonlyMap<string, TableShape>,
  rows: readonly IntendedRow[],
): Promise<Outcome> {
  const keyed = rows.filter(({table}) => shapes.get(table)?.keyKind === 'primary');
  let before = 0;
  let after = 0;
  const {tables} = await view.schema();
  for (const [table, touched] of Map.groupBy(keyed.length > 0 ? keyed : rows, (row) => row.table)) {
    const shape = shapes.get(table);
    if (shape === undefined || !isReadable(tables.get(table), shape)) return 'unknown';
    const live = await rowsNow(view, shape, touched);
    for (const row of touched) {
      const now = live.get(row.key)?.text ?? null;
      if (now === row.before) before++;
      else if (now === row.after) after++;
      else return 'unknown';
    }
  }
  if (after > 0 && before === 0) return 'committed';
  return before > 0 && after === 0 ? 'rolled back' : 'unknown';
}

/** The application may have been upgraded since. */
function isReadable(table: TableSchema | undefined, shape: TableShape): boolean {
  const names = new Set(table?.columns.map((column) => column.name));
  return shape.columns.every(({name}) => names.has(name));
}
