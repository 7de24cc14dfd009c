/** Compat steps on tables: what becomes of their columns, and of each row. */
import {encodeKeyCell} from '../canonical/key.ts';
import {EngineError} from '../kernel/errors.ts';
import {operationsOf, type Located} from './direction.ts';
import type {Operation, Step} from './step.ts';
import {misfit, TableDraft, type LiftedTable, type SourceTable} from './table-draft.ts';

/**
 * Compiles steps, in their order, for the tables of a snapshot. Tables that are not among them are left alone.
 *
 * @param direction `lift` towards the later schema, `lower` back. Tables that the other side does not have are not in the
 * result: to lower is to lose their rows.
 * @throws {EngineError} `SCHEMA_MISMATCH` naming file and line of an operation that does not fit these tables.
 */
export function compileSteps(
  steps: readonly Step[],
  direction: 'lift' | 'lower',
  tables: readonly SourceTable[],
): readonly LiftedTable[] {
  const drafts = new Map(tables.map((table) => [table.name, new TableDraft(table)]));
  for (const located of operationsOf(steps, direction)) apply(drafts, located);
  return [...drafts.values()].map((draft) => draft.finished());
}

function apply(drafts: Map<string, TableDraft>, located: Located): void {
  const {operation} = located;
  if (operation.op === 'renameTable') return rename(drafts, operation, located);
  const draft = drafts.get(operation.table);
  if (operation.op === 'addTable') {
    if (draft !== undefined) throw misfit(located, `table "${operation.table}" is there already`);
    return;
  }
  if (draft === undefined) return; // it stays local, or came with a step
  draft.at = located;
  draft.touched = true;
  if (operation.op === 'dropTable') drafts.delete(operation.table);
  else if (operation.op === 'refuse') draft.refuse(operation.where);
  else if (operation.op === 'deleteRows') deleteRows(drafts, draft, operation);
  else draft.edit(operation);
}

function rename(
  drafts: Map<string, TableDraft>,
  {from, to}: {readonly from: string; readonly to: string},
  located: Located,
): void {
  const draft = drafts.get(from);
  if (draft === undefined) return;
  if (drafts.has(to)) throw misfit(located, `table "${to}" is there already`);
  draft.name = to;
  draft.touched = true;
  drafts.delete(from);
  drafts.set(to, draft);
}

type Deleting = Extract<Operation, {op: 'deleteRows'}>;

/** Rows elsewhere that hold a value of a deleted row go too: their table has to wait for this one. */
function deleteRows(
  drafts: ReadonlyMap<string, TableDraft>,
  draft: TableDraft,
  operation: Deleting,
): void {
  const holds = draft.compileWhere(operation.where);
  const gone = (operation.with ?? []).map(({table, column, to}) => {
    const values = new Set<string>();
    const other = drafts.get(table);
    if (other === draft) throw misfit(draft.at, 'rows of the same table cannot go with others');
    if (other !== undefined) {
      other.at = draft.at;
      const place = other.indexOf(column);
      other.needs.add(draft.source);
      other.edits.push((cells) => !values.has(encodeKeyCell(cells[place] ?? null)));
    }
    return {values, place: draft.indexOf(to)};
  });
  draft.edits.push((cells) => {
    if (!holds(cells)) return true;
    for (const {values, place} of gone) {
      const cell = cells[place] ?? null;
      if (cell !== null) values.add(encodeKeyCell(cell));
    }
    return false;
  });
}

/**
 * Tables in an order in which each comes after those whose rows decide about its own.
 *
 * @throws {EngineError} `SCHEMA_MISMATCH` where rows of two tables decide about each other's.
 */
export function liftOrder(tables: readonly LiftedTable[]): readonly LiftedTable[] {
  const waiting = [...tables];
  const done: LiftedTable[] = [];
  while (waiting.length > 0) {
    const next = waiting.findIndex(({needs}) =>
      needs.every((name) => !waiting.some(({source}) => source === name)),
    );
    const [found] = next === -1 ? [] : waiting.splice(next, 1);
    if (found === undefined) throw circle(waiting);
    done.push(found);
  }
  return done;
}

function circle(tables: readonly LiftedTable[]): EngineError {
  const names = tables.map(({name}) => name).join(', ');
  return new EngineError(
    'SCHEMA_MISMATCH',
    `compat steps let rows of these tables go with one another's: ${names}`,
    {hint: 'Correct the steps: the rows of one table have to decide first.'},
  );
}
