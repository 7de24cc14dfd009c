/** One of two databases that compat steps are checked or drafted with. */
import type {SourceTable} from '../compat/table-draft.ts';
import type {View} from '../database/port.ts';
import {must} from '../kernel/assert.ts';
import {EngineError} from '../kernel/errors.ts';
import type {Profile} from '../profiles/profile.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {TableShape} from '../schema/table-shape.ts';
import type {EngineOptions} from './options.ts';
import {selectTables} from './read-tables.ts';
import {appliedMigrations} from './source-version.ts';

/** An older database, and a copy of it that the application upgraded. */
export type DatabasePair = {readonly from: string; readonly to: string};

export type Side = {
  readonly view: View;
  readonly profile: Profile;
  /** Names of the migrations applied to it. */
  readonly version: readonly string[];
  /** All its tables. */
  readonly schemas: ReadonlyMap<string, TableSchema>;
  /** Those that are replicated, by name. */
  readonly shapes: ReadonlyMap<string, TableShape>;
};

/** Tables that were named and that only the other side has are left out. @throws {EngineError} as `selectTables`. */
export async function readSide(view: View, options: EngineOptions): Promise<Side> {
  const {tables: schemas} = await view.schema();
  const tables = options.tables?.filter((name) => schemas.has(name));
  const {profile, shapes} = await selectTables(view, {...options, tables});
  if (profile === undefined) throw noApplication();
  const version = await appliedMigrations(view, profile, options.migrations);
  const named = new Map(shapes.map((shape) => [shape.table, shape]));
  return {view, profile, version, schemas, shapes: named};
}

function noApplication(): EngineError {
  return new EngineError('USAGE', 'no profile recognises this database', {
    hint: 'Compat steps are of an application that a profile knows: name it with --profile.',
  });
}

/** Migrations that only the newer one has. @throws {EngineError} `USAGE` where it lacks one of the older ones. */
export function migrationsBetween(
  pair: DatabasePair,
  before: Pick<Side, 'version'>,
  after: Pick<Side, 'version'>,
): readonly string[] {
  const lost = before.version.find((name) => !after.version.includes(name));
  if (lost === undefined) return after.version.filter((name) => !before.version.includes(name));
  throw new EngineError(
    'USAGE',
    `${pair.to} is no upgraded ${pair.from}: it lacks migration ${lost}`,
    {hint: 'Give with --to a copy of the database at --from that the application has upgraded.'},
  );
}

/** The table as compat steps know it. */
export function sourceOf({schemas}: Side, shape: TableShape): SourceTable {
  const schema = must(schemas.get(shape.table), 'shapes are made from the schema');
  const travelling = new Set(shape.columns.map(({name}) => name));
  const declared = new Map(schema.columns.map((column) => [column.name, column]));
  return {
    name: shape.table,
    columns: shape.columns.map(({name}) => {
      const column = must(declared.get(name), 'shapes are made from the schema');
      return {name, declared: column.declared, notNull: column.notNull};
    }),
    omitted: schema.columns.map(({name}) => name).filter((name) => !travelling.has(name)),
    key: shape.key.map(({name}) => name),
  };
}
