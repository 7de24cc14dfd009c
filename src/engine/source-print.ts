/** A quick word for all that a capture would say of its source. */
import {setImmediate} from 'node:timers/promises';
import type {View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {fingerprintOf} from '../schema/fingerprint.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {EngineOptions} from './options.ts';
import {interrupted, selectTables} from './read-tables.ts';
import {appliedMigrations} from './source-version.ts';

/**
 * Where it is what it was before in this process, `readSource` would find what it found then. Reads every row, and makes canonical rows
 * of none.
 *
 * @throws {EngineError} as `readSource` does, but for rows that cannot be captured.
 */
export async function sourcePrint(view: View, options: EngineOptions): Promise<string> {
  const {profile, shapes} = await selectTables(view, options);
  const version = await appliedMigrations(view, profile, options.migrations);
  const {tables} = await view.schema();
  const parts: unknown[] = [profile?.name ?? null, version];
  for (const shape of shapes) {
    const schema = must(tables.get(shape.table), 'shapes are made from the schema');
    const {table, keyKind, key, columns} = shape;
    parts.push(table, keyKind, key, columns, fingerprintOf(schema));
    for await (const rows of view.print(table, columnsOf(shape))) {
      parts.push(rows);
      await setImmediate(); // signals are heard in between
      if (options.signal?.aborted === true) throw interrupted();
    }
  }
  return JSON.stringify(parts);
}

/** Those captured, and those that say which rows are. */
function columnsOf({columns, only = []}: TableShape): readonly string[] {
  return [...new Set([...columns.map(({name}) => name), ...only.map(({column}) => column)])];
}
