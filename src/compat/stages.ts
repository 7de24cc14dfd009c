/** Steps taken one by one, each forward and, where it can be taken back, back and forward again. */
import type {Cell} from '../kernel/row.ts';
import {isEngineError} from '../kernel/errors.ts';
import {encodeRow, rowText} from '../canonical/row.ts';
import {whyIrreversible} from './direction.ts';
import {compileSteps, liftOrder} from './lift.ts';
import type {Step} from './step.ts';
import type {LiftedTable, SourceTable} from './table-draft.ts';

type Stage = {
  readonly step: Step;
  readonly lifted: LiftedTable;
  /** Where the step can be taken back, and the release before has the table: what lowers a row, and lifts it again. */
  readonly back: {readonly lower: LiftedTable; readonly again: LiftedTable} | undefined;
};

/** A table on its way through all steps. */
export type Staged = {
  readonly source: SourceTable;
  /** As the last step leaves it; undefined where one drops it. */
  readonly result: SourceTable | undefined;
  readonly stages: readonly Stage[];
};

/**
 * Tables in an order in which the rows of each can be lifted.
 *
 * @throws {EngineError} `SCHEMA_MISMATCH` as `compileSteps`.
 */
export function stageSteps(
  steps: readonly Step[],
  tables: readonly SourceTable[],
): readonly Staged[] {
  const drafts = new Map(tables.map((source) => [source.name, {source, stages: [] as Stage[]}]));
  let now: readonly {readonly origin: string; readonly table: SourceTable}[] = tables.map(
    (table) => ({origin: table.name, table}),
  );
  for (const step of steps) {
    const given = now.map(({table}) => table);
    const lifted = compileSteps([step], 'lift', given);
    const backs = wayBack(step, lifted);
    now = now.flatMap(({origin, table}) => {
      const next = lifted.find(({source}) => source === table.name);
      if (next === undefined) return [];
      if (next.touched || next.needs.length > 0)
        drafts.get(origin)?.stages.push({step, lifted: next, back: backs.get(next.name)});
      return [{origin, table: next}];
    });
  }
  const results = new Map(now.map(({origin, table}) => [origin, table]));
  const kept = liftOrder(compileSteps(steps, 'lift', tables)).map(({source}) => source);
  const dropped = tables.map(({name}) => name).filter((name) => !kept.includes(name));
  const order = [...dropped, ...kept];
  return order.flatMap((name) => {
    const draft = drafts.get(name);
    return draft === undefined ? [] : [{...draft, result: results.get(name)}];
  });
}

function wayBack(
  step: Step,
  lifted: readonly LiftedTable[],
): ReadonlyMap<string, NonNullable<Stage['back']>> {
  if (whyIrreversible(step) !== undefined) return new Map();
  const lowered = compileSteps([step], 'lower', lifted);
  const lifting = compileSteps([step], 'lift', lowered);
  const pairs = lowered.flatMap((lower) => {
    const again = lifting.find(({source}) => source === lower.name);
    return again === undefined ? [] : [[lower.source, {lower, again}] as const];
  });
  return new Map(pairs);
}

/** What a row would lose by being lowered across a step; `column` is undefined where it would not come back at all. */
export type Loss = {readonly step: string; readonly column: string | undefined};

/** Lifts a row through all steps; undefined where it goes. Rows of a table are given once, in the order of the tables. */
export function liftThrough(
  {stages}: Staged,
  row: readonly Cell[],
  onLoss: (loss: Loss) => void,
): readonly Cell[] | undefined {
  let cells: readonly Cell[] = row;
  for (const {step, lifted, back} of stages) {
    const next = lifted.lift(cells);
    if (next === undefined) return undefined;
    if (back !== undefined)
      for (const column of lostColumns(lifted, back, next)) onLoss({step: step.name, column});
    cells = next;
  }
  return cells;
}

function lostColumns(
  lifted: LiftedTable,
  {lower, again}: NonNullable<Stage['back']>,
  row: readonly Cell[],
): readonly (string | undefined)[] {
  const lowered = loweredOrHeld(lower, row);
  if (lowered === 'held') return [];
  const back = lowered && again.lift(lowered);
  if (back === undefined) return [undefined];
  const cellOf = (name: string): Cell | undefined =>
    back[again.columns.findIndex((column) => column.name === name)];
  return lifted.columns
    .filter(({name}, at) => !isIdentical(row[at] ?? null, cellOf(name)))
    .map(({name}) => name);
}

function isIdentical(a: Cell, b: Cell | undefined): boolean {
  return b !== undefined && rowText(encodeRow([a])) === rowText(encodeRow([b]));
}

/** A row that the step itself refuses to lower is held, not lost. */
function loweredOrHeld(
  lower: LiftedTable,
  row: readonly Cell[],
): readonly Cell[] | 'held' | undefined {
  try {
    return lower.lift(row);
  } catch (error) {
    if (isEngineError(error, 'UPGRADE_FIRST')) return 'held';
    throw error;
  }
}
