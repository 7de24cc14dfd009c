/**
 * After a run that ended in the middle: the touched rows themselves tell whether its transaction was
 * committed (P2), as far as the application has not written them since. The next plan compares all rows.
 */
import type {Database, View} from '../database/port.ts';
import {isEngineError} from '../kernel/errors.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {shapeOf} from '../snapshot/manifest.ts';
import type {Changeset, State} from '../state/state.ts';
import type {Log} from '../kernel/log.ts';
import {perhapsMuted} from './base-domains.ts';
import {
  decodeIntent,
  rowsIn,
  wholeIntent,
  type GroupSize,
  type Intent,
  type IntendedRow,
} from './intent.ts';
import {recordedManifest} from './recorded.ts';
import {claimRows, groupOf, groupsNow, isReadable, rowNow} from './rows-now.ts';

/** A change set that was under way, and what became of it. */
export type Recovered = {readonly changeset: Changeset; readonly outcome: Outcome};

/** Settles what an earlier run left open; undefined where there is nothing. */
export async function recover(
  database: Database,
  state: State,
  log: Log,
): Promise<Recovered | undefined> {
  const changeset = await state.pending();
  if (changeset === undefined) return undefined;
  const outcome = await settle({database, state, log}, changeset);
  return {changeset, outcome};
}

async function settle(
  {database, state, log}: {database: Database; state: State; log: Log},
  pending: Changeset,
): Promise<Outcome> {
  const outcome = await outcomeOf(database, state, pending);
  log.info('an earlier run was interrupted', {outcome, undo: pending.undoes !== null});
  await (pending.undoes === null ? settleApply : settleUndo)(state, pending, outcome);
  return outcome;
}

/** A record that got damaged tells nothing, and must not keep later runs from comparing. */
async function outcomeOf(database: Database, state: State, pending: Changeset): Promise<Outcome> {
  if (pending.doubted !== 0) return 'unknown';
  try {
    const {tables} = recordedManifest(pending);
    const shapes = new Map(tables.map((table) => [table.name, shapeOf(table)]));
    return await database.view((view) => whatHappened(view, shapes, {pending, state}));
  } catch (error) {
    if (isEngineError(error, 'SNAPSHOT_CORRUPT')) return 'unknown';
    throw error;
  }
}

/** The application may have written since what rows would tell otherwise: the next run compares all of them. */
async function settleApply(state: State, pending: Changeset, outcome: Outcome): Promise<void> {
  switch (outcome) {
    case 'committed':
      return state.applied(pending.id, pending, {trusted: false, ...recordedConflicts(pending)});
    case 'rolled back':
      await state.distrust();
      return state.drop(pending.id);
    case 'unknown':
      return state.doubt(
        pending.id,
        perhapsMuted((await state.position())?.domains, pending.domains),
      );
  }
}

/** What the interrupted run would have put on record. */
function recordedConflicts({body}: Changeset): Pick<Intent, 'conflicts'> {
  try {
    return {conflicts: decodeIntent(body).conflicts};
  } catch (error) {
    if (isEngineError(error, 'SNAPSHOT_CORRUPT')) return {conflicts: undefined};
    throw error;
  }
}

async function settleUndo(state: State, {id}: Changeset, outcome: Outcome): Promise<void> {
  if (outcome === 'committed') await state.undos.finish(id);
  else if (outcome === 'rolled back') await state.drop(id);
  else await state.undos.doubt(id);
}

type Outcome = 'committed' | 'rolled back' | 'unknown';

type Looked = {readonly pending: Changeset; readonly state: State};

/**
 * The transaction was one: rows keyed by themselves tell for all, as long as none of them tells otherwise. Link rows, which applications
 * remake at each save, are asked only where there are no others.
 */
async function whatHappened(
  view: View,
  shapes: ReadonlyMap<string, TableShape>,
  {pending, state}: Looked,
): Promise<Outcome> {
  const intent = decodeIntent(pending.body);
  const {tables} = await view.schema();
  const live = (table: string): TableShape | undefined => {
    const shape = shapes.get(table);
    return shape !== undefined && isReadable(tables.get(table), shape) ? shape : undefined;
  };
  const isKeyed = ({table}: IntendedRow): boolean => shapes.get(table)?.keyKind === 'primary';
  let told: Outcome | undefined;
  for await (const rows of rowsIn(intent, state.undos.parts(pending)))
    for (const row of rows.filter(isKeyed)) {
      const shape = live(row.table);
      const outcome = shape === undefined ? 'unknown' : await rowTells(view, shape, row);
      if (outcome !== (told ??= outcome)) return 'unknown';
    }
  return (
    told ?? allLinksTell(view, await wholeIntent(pending.body, state.undos.parts(pending)), live)
  );
}

async function allLinksTell(
  view: View,
  {rows = [], groups}: Intent,
  live: (table: string) => TableShape | undefined,
): Promise<Outcome> {
  const seen = new Set<Outcome>();
  for (const [table, touched] of Map.groupBy(rows, (row) => row.table)) {
    const shape = live(table);
    if (shape === undefined) return 'unknown';
    seen.add(await linksTell(view, shape, touched, groups));
  }
  const [only = 'unknown', ...others] = seen;
  return others.length === 0 ? only : 'unknown';
}

async function rowTells(view: View, shape: TableShape, row: IntendedRow): Promise<Outcome> {
  const now = (await rowNow(view, shape, row))?.text ?? null;
  if (now === row.before) return 'rolled back';
  return now === row.after ? 'committed' : 'unknown';
}

/** Groups have the size they were to have, and every row that was to be there; or all is as it was. */
async function linksTell(
  view: View,
  shape: TableShape,
  touched: readonly IntendedRow[],
  groups: readonly GroupSize[],
): Promise<Outcome> {
  const live = await groupsNow(view, shape, touched);
  const holds = (side: 'before' | 'after'): boolean => {
    const claim = claimRows(live);
    return touched.every((row) => {
      const text = row[side];
      return text === null || claim(row, text) !== undefined;
    });
  };
  const sizes = groups.filter(({table}) => table === shape.table);
  const byGroup = Map.groupBy(touched, ({key}) => groupOf(key));
  const grown = ({group}: GroupSize): number => {
    const own = byGroup.get(group) ?? [];
    return (
      own.filter(({before}) => before === null).length -
      own.filter(({after}) => after === null).length
    );
  };
  const sized = (by: (size: GroupSize) => number): boolean =>
    sizes.every((size) => (live.get(size.group)?.length ?? 0) === by(size));
  const committed = holds('after') && sized(({rows}) => rows);
  const rolledBack = holds('before') && sized((size) => size.rows - grown(size));
  if (committed === rolledBack) return 'unknown';
  return committed ? 'committed' : 'rolled back';
}
