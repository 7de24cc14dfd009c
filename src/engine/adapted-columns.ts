/** Whether compat steps lead to just what this database declares. */
import type {LiftColumn, SourceTable} from '../compat/table-draft.ts';
import type {ColumnSchema, TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {mismatch} from './guard.ts';

/** What compat steps say otherwise than this database; `column` is undefined where it is about the table. */
export type ColumnFault = {readonly column: string | undefined; readonly why: string};

/**
 * Every difference must be covered by the steps: what they leave is compared with what is declared here, by name.
 *
 * @throws {EngineError} `SCHEMA_MISMATCH` naming table and column.
 */
export function checkColumns(lifted: SourceTable, ours: TableSchema, shape: TableShape): void {
  const [fault] = columnFaults(lifted, ours, shape);
  if (fault !== undefined) throw mismatch(lifted.name, fault.column, fault.why);
}

/** All that `checkColumns` may refuse, one for each column. */
export function* columnFaults(
  lifted: SourceTable,
  ours: TableSchema,
  shape: TableShape,
): Generator<ColumnFault> {
  const travelling = new Set(shape.columns.map(({name}) => name));
  const declared = new Map(ours.columns.map((column) => [column.name, column]));
  for (const {name} of shape.columns) {
    const theirs = lifted.columns.find((column) => column.name === name);
    const why = columnFault(theirs, declared.get(name));
    if (why !== undefined) yield {column: name, why};
  }
  const known = new Set([...lifted.omitted, ...lifted.columns.map(({name}) => name)]);
  for (const column of known)
    if (!declared.has(column)) yield {column, why: 'this database does not have it'};
  for (const {name} of lifted.columns)
    if (!travelling.has(name) && declared.get(name)?.generated === true)
      yield {column: name, why: 'it is computed here'};
  for (const {name, generated} of ours.columns)
    if (!generated && !travelling.has(name) && !known.has(name))
      yield {column: name, why: 'the snapshot does not have it'};
  if (shape.key.map(({name}) => name).join('\n') === lifted.key.join('\n')) return;
  yield {column: undefined, why: 'its rows are identified by other columns here'};
}

function columnFault(
  theirs: LiftColumn | undefined,
  here: ColumnSchema | undefined,
): string | undefined {
  if (theirs === undefined) return 'no compat step says what it is in rows of the snapshot';
  if (here?.declared !== theirs.declared)
    return `it is ${here?.declared || 'untyped'} here and ${theirs.declared || 'untyped'} by the compat steps`;
  if (here.notNull !== theirs.notNull)
    return `it is ${here.notNull ? 'NOT NULL' : 'nullable'} only here, by the compat steps`;
  return undefined;
}
