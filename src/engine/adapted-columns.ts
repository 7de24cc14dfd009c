/** Whether compat steps lead to just what this database declares. */
import type {LiftedTable} from '../compat/table-draft.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import {mismatch} from './guard.ts';

/**
 * Every difference must be covered by the steps: what they leave is compared with what is declared here, by name.
 *
 * @throws {EngineError} `SCHEMA_MISMATCH` naming table and column.
 */
export function checkColumns(lifted: LiftedTable, ours: TableSchema, shape: TableShape): void {
  const {name: table} = lifted;
  const travelling = new Set(shape.columns.map(({name}) => name));
  const declared = new Map(ours.columns.map((column) => [column.name, column]));
  for (const {name} of shape.columns) {
    const theirs = lifted.columns.find((column) => column.name === name);
    if (theirs === undefined)
      throw mismatch(table, name, 'no compat step says what it is in rows of the snapshot');
    const here = declared.get(name);
    if (here?.declared !== theirs.declared)
      throw mismatch(
        table,
        name,
        `it is ${here?.declared || 'untyped'} here and ${theirs.declared || 'untyped'} by the compat steps`,
      );
    if (here.notNull !== theirs.notNull)
      throw mismatch(
        table,
        name,
        `it is ${here.notNull ? 'NOT NULL' : 'nullable'} only here, by the compat steps`,
      );
  }
  const known = new Set([...lifted.omitted, ...lifted.columns.map(({name}) => name)]);
  const lost = [...known].find((name) => !declared.has(name));
  if (lost !== undefined) throw mismatch(table, lost, 'this database does not have it');
  const stray = lifted.columns.find(
    ({name}) => !travelling.has(name) && declared.get(name)?.generated === true,
  );
  if (stray !== undefined) throw mismatch(table, stray.name, 'it is computed here');
  const unknown = ours.columns.find(({name, generated}) => !generated && !known.has(name));
  if (unknown !== undefined) throw mismatch(table, unknown.name, 'the snapshot does not have it');
  if (shape.key.map(({name}) => name).join('\n') === lifted.key.join('\n')) return;
  throw mismatch(table, undefined, 'its rows are identified by other columns here');
}
