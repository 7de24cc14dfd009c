/** Reads all that a snapshot says of its source, in one view. */
import {encodeCell} from '../canonical/cell.ts';
import type {View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {VIOLATION_VALUES_MAX} from '../kernel/format-limits.ts';
import type {WireCell} from '../kernel/row.ts';
import {encodeReference} from '../plan/references.ts';
import type {DatabaseSchema, TableSchema} from '../schema/table-schema.ts';
import type {Violations} from '../snapshot/manifest.ts';
import {Captured, type CapturedTable} from './make-manifest.ts';
import type {EngineOptions} from './options.ts';
import {readTables, selectTables, type Reads} from './read-tables.ts';
import {appliedMigrations} from './source-version.ts';

export async function readSource(
  view: View,
  options: EngineOptions,
  engine: string,
  reads?: Reads,
): Promise<Captured> {
  const {profile, shapes} = await selectTables(view, options);
  const version = await appliedMigrations(view, profile, options.migrations);
  const schema = await view.schema();
  const contents = await readTables(view, shapes, options, reads);
  const tables: CapturedTable[] = [];
  for (const shape of shapes) {
    const table = must(schema.tables.get(shape.table), 'shapes are made from the schema');
    tables.push({
      shape,
      schema: table,
      content: must(contents.get(shape.table), 'every table was read'),
      counter: await counterOf(view, table),
      violations: await violationsOf(view, schema, table),
    });
  }
  return new Captured({engine, application: profile?.name ?? null, version}, tables);
}

async function counterOf(view: View, table: TableSchema): Promise<WireCell | undefined> {
  const counter = await view.counter(table.name);
  return counter === undefined || counter === 0n ? undefined : encodeCell(counter);
}

/** References of the source itself that dangle: a replica carries them, rather than refuse for ever. */
export async function violationsOf(
  view: View,
  schema: DatabaseSchema,
  table: TableSchema,
): Promise<readonly Violations[] | undefined> {
  const found: Violations[] = [];
  for (const key of table.foreignKeys) {
    const values = await view.dangling(key, VIOLATION_VALUES_MAX + 1);
    if (values.length === 0) continue;
    const encoded = values.map((cells) => encodeReference(schema.tables, key, cells)).sort();
    const all = encoded.length <= VIOLATION_VALUES_MAX ? {values: [...new Set(encoded)]} : {};
    found.push({columns: key.columns, parent: key.parent, count: encoded.length, ...all});
  }
  return found.length === 0 ? undefined : found;
}
