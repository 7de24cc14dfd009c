/**
 * After a run that ended in the middle: the touched rows themselves tell whether its transaction was
 * committed (P2). What cannot be told sends the next plan to compare all rows.
 */
import type {Database, View} from '../database/port.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {decodeManifest} from '../snapshot/manifest-text.ts';
import {shapeOf} from '../snapshot/manifest.ts';
import type {State} from '../state/state.ts';
import {parseRow} from '../canonical/row.ts';
import {keyMatches} from '../plan/rows.ts';
import {must} from '../kernel/assert.ts';
import type {Log} from '../kernel/log.ts';
import {decodeIntent, type IntendedRow} from './intent.ts';

export async function recover(database: Database, state: State, log: Log): Promise<void> {
  const pending = await state.pending();
  if (pending === undefined) return;
  const shapes = new Map(
    decodeManifest(pending.manifest).tables.map((table) => [table.name, shapeOf(table)]),
  );
  const outcome = await database.view((view) =>
    whatHappened(view, shapes, decodeIntent(pending.body)),
  );
  log.info('an earlier run was interrupted', {outcome});
  if (outcome === 'committed') {
    await state.applied(pending.id, pending);
    return;
  }
  await state.drop(pending.id);
  if (outcome === 'unknown') await state.distrust();
}

type Outcome = 'committed' | 'rolled back' | 'unknown';

/** The transaction was one: rows keyed by themselves tell for all; ids of link rows are not known before COMMIT. */
async function whatHappened(
  view: View,
  shapes: ReadonlyMap<string, TableShape>,
  rows: readonly IntendedRow[] | undefined,
): Promise<Outcome> {
  let before = 0;
  let after = 0;
  const {tables} = await view.schema();
  for (const row of rows ?? []) {
    const shape = shapes.get(row.table);
    if (shape?.keyKind !== 'primary') continue;
    if (!isReadable(tables.get(row.table), shape)) return 'unknown';
    const now = await textNow(view, shape, row);
    if (now === row.before) before++;
    else if (now === row.after) after++;
    else return 'unknown';
  }
  if (after > 0 && before === 0) return 'committed';
  return before > 0 && after === 0 ? 'rolled back' : 'unknown';
}

/** The application may have been upgraded since. */
function isReadable(table: TableSchema | undefined, shape: TableShape): boolean {
  const names = new Set(table?.columns.map((column) => column.name));
  return shape.columns.every(({name}) => names.has(name));
}

/** The text of the row that the intent is about, null where it is not there. */
async function textNow(view: View, shape: TableShape, row: IntendedRow): Promise<string | null> {
  const text = must(row.before ?? row.after, 'an intent changes something');
  const cells = parseRow(text, shape.columns.length);
  const known = {key: row.key, text, cells};
  return (await view.rowAt(shape, keyMatches(shape, known)))?.text ?? null;
}
