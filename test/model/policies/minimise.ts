/** Makes a failing case of policies smaller by leaving out whatever it fails without. */
import type {TableSpec} from '../cases.ts';
import {smallerTables} from '../minimise.ts';
import {PLAIN, type EditSpec, type PolicyCase, type PolicySpec, type RoundSpec} from './cases.ts';

const TRIES_MAX = 4000;

/** @param fails True where a case still fails in the same way. */
export async function minimise(
  made: PolicyCase,
  fails: (smaller: PolicyCase) => Promise<boolean>,
): Promise<PolicyCase> {
  let smallest = made;
  let tries = 0;
  for (let found = true; found;) {
    found = false;
    for (const smaller of smallerThan(smallest)) {
      if (tries++ > TRIES_MAX) return smallest;
      if (!(await fails(smaller))) continue;
      [smallest, found] = [smaller, true];
      break;
    }
  }
  return smallest;
}

const without = <T>(list: readonly T[], at: number): readonly T[] =>
  list.filter((_, index) => index !== at);
const replaced = <T>(list: readonly T[], at: number, item: T): readonly T[] =>
  list.map((other, index) => (index === at ? item : other));

function* smallerThan(made: PolicyCase): Generator<PolicyCase> {
  for (const at of made.rounds.keys()) yield {...made, rounds: without(made.rounds, at)};
  for (const [at, {name}] of made.tables.entries()) {
    const isParent = made.tables.some(
      (table) => table.name !== name && table.references.some(({parent}) => parent === name),
    );
    const rest = without(made.tables, at);
    if (isParent || rest.every(({replicated}) => !replicated)) continue;
    yield fitting({...made, tables: rest});
  }
  for (const [at, round] of made.rounds.entries())
    for (const smaller of smallerRounds(round))
      yield {...made, rounds: replaced(made.rounds, at, smaller)};
  for (const side of ['primary', 'replica'] as const)
    for (const at of made[side].keys()) yield {...made, [side]: without(made[side], at)};
  for (const [name, spec] of Object.entries(made.policies))
    for (const smaller of smallerPolicies(spec))
      yield {...made, policies: {...made.policies, [name]: smaller}};
  for (const [at, table] of made.tables.entries())
    for (const smaller of smallerTables(made.tables, table))
      yield fitting({...made, tables: replaced(made.tables, at, smaller)});
  if (made.start !== 'empty') yield {...made, start: 'empty'};
  if (made.repaired) yield {...made, repaired: false};
  if (!made.enforced) yield {...made, enforced: true};
  if (made.journal === 'delete') yield {...made, journal: 'wal'};
}

function* smallerRounds(round: RoundSpec): Generator<RoundSpec> {
  const {rival, ...rest} = round;
  if (rival !== undefined) yield rest;
  if (round.next !== 'nothing') yield {...round, next: 'nothing'};
  for (const side of ['ours', 'theirs'] as const) {
    for (const at of round[side].keys()) yield {...round, [side]: without(round[side], at)};
    for (const [at, edit] of round[side].entries())
      if (edit.op !== 'insert' && edit.row > 0)
        yield {...round, [side]: replaced(round[side], at, {...edit, row: edit.row - 1})};
  }
}

function* smallerPolicies(spec: PolicySpec): Generator<PolicySpec> {
  const {where, ownKeys, drift, ...rest} = spec;
  if (JSON.stringify(spec) !== JSON.stringify(PLAIN)) yield PLAIN;
  if (where !== undefined) yield {...spec, where: undefined} as unknown as PolicySpec;
  if (ownKeys !== undefined) yield {...spec, ownKeys: undefined} as unknown as PolicySpec;
  if (drift !== undefined && drift !== 'repair')
    yield {...rest, drift: 'repair', ...(where ? {where} : {})};
  if (spec.local.length > 0) yield {...spec, local: []};
  if (where !== undefined && where.values.length > 1)
    for (const at of where.values.keys())
      yield {...spec, where: {...where, values: without(where.values, at)}};
}

/** Rows, edits and policies without tables and columns that are gone. */
function fitting(made: PolicyCase): PolicyCase {
  const known = new Map(made.tables.map((table) => [table.name, table]));
  const cellsOf = (
    table: TableSpec | undefined,
    cells: Readonly<Record<string, string>>,
  ): Record<string, string> =>
    Object.fromEntries(
      Object.entries(cells).filter(([name]) =>
        table?.columns.some((column) => column.name === name),
      ),
    );
  const rows = (list: PolicyCase['primary']): PolicyCase['primary'] =>
    list
      .filter(({table}) => known.has(table))
      .map((row) => ({...row, cells: cellsOf(known.get(row.table), row.cells)}));
  const edits = (list: readonly EditSpec[]): readonly EditSpec[] =>
    list
      .filter(({table}) => known.has(table))
      .map((edit) =>
        edit.op === 'delete' ? edit : {...edit, cells: cellsOf(known.get(edit.table), edit.cells)},
      );
  const policies = Object.entries(made.policies)
    .filter(([name]) => known.has(name))
    .map(([name, spec]): [string, PolicySpec] => {
      const has = (column: string): boolean =>
        known.get(name)?.columns.some((one) => one.name === column) === true;
      const {where, ...rest} = spec;
      const kept = where !== undefined && has(where.column) ? {where} : {};
      return [name, {...rest, ...kept, local: spec.local.filter(has)}];
    });
  return {
    ...made,
    policies: Object.fromEntries(policies),
    primary: rows(made.primary),
    replica: rows(made.replica),
    rounds: made.rounds.map((round) => ({
      ...round,
      ours: edits(round.ours),
      theirs: edits(round.theirs),
    })),
  };
}
