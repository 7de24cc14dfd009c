/**
 * Which migrations a database has seen, as the tools that migrate it record in tables of their own. The names are a
 * set: releases ship migrations out of order, so the newest name says nothing.
 */
import type {View} from '../database/port.ts';
import {EngineError} from '../kernel/errors.ts';
import type {Cell} from '../kernel/row.ts';
import {compareNames} from '../schema/names.ts';
import type {DatabaseSchema} from '../schema/table-schema.ts';

/** Where a tool keeps the names, one a row. */
export type MigrationRecord = {readonly table: string; readonly column: string};

export const KNEX: MigrationRecord = {table: 'knex_migrations', column: 'name'};
const KYSELY: MigrationRecord = {table: 'kysely_migration', column: 'name'};

/** Names in the records of the tools known here, and the database's own version; none where nothing is known. @throws {EngineError} `MIGRATION_RUNNING`. */
export async function recordedMigrations(view: View): Promise<readonly string[]> {
  const own = await view.ownVersion();
  return [
    ...(await namesIn(view, KNEX)),
    ...(await namesIn(view, KYSELY)),
    ...(own === undefined ? [] : [own]),
  ];
}

/** Names in one record; none where it is not there. @throws {EngineError} `MIGRATION_RUNNING`. */
export async function namesIn(view: View, record: MigrationRecord): Promise<readonly string[]> {
  const {table, column} = record;
  if (!isThere(await view.schema(), record)) return [];
  await refuseWhileLocked(view, table);
  return (await view.select(table, [column])).flatMap(([cell]) => textOf(cell) ?? []);
}

/**
 * Names in the record of another tool, if there is one.
 *
 * @throws {EngineError} `MIGRATION_RUNNING`; `TABLE_NOT_FOUND`, `CONFIG_INVALID` where it is not as configured.
 */
export async function namesInConfigured(
  view: View,
  record: MigrationRecord | undefined,
): Promise<readonly string[]> {
  if (record === undefined) return [];
  const schema = await view.schema();
  if (!isThere(schema, record)) throw missing(schema, record);
  return namesIn(view, record);
}

export function sorted(names: readonly string[]): readonly string[] {
  return [...new Set(names)].sort(compareNames);
}

/** Names are text; SQLite may hold a number instead, and some tools count. */
export function textOf(cell: Cell | undefined): string | undefined {
  if (typeof cell === 'string') return cell;
  return typeof cell === 'bigint' || typeof cell === 'number' ? String(cell) : undefined;
}

export function migrationRunning(message: string, table: string): EngineError {
  return new EngineError('MIGRATION_RUNNING', message, {
    site: {table},
    hint: 'Wait until it has finished. If none is running, one was cut short: release its lock with the tool that took it.',
    retryable: true,
  });
}

/**
 * What a record holds is true of one database alone: copied, it would say of another what that never saw. So is its lock.
 *
 * @throws {EngineError} `CONFIG_INVALID` naming the table.
 */
export function refuseRecords(
  tables: readonly string[],
  schema: DatabaseSchema,
  configured: MigrationRecord | undefined,
): void {
  const records = [KNEX, KYSELY, ...(configured === undefined ? [] : [configured])]
    .filter((record) => isThere(schema, record))
    .flatMap(({table}) => [table, lockOf(table)]);
  const table = tables.find((name) => records.includes(name));
  if (table === undefined) return;
  throw new EngineError(
    'CONFIG_INVALID',
    `cannot replicate table "${table}": it records which migrations this database has seen`,
    {
      site: {table},
      hint: 'Leave it out: snapshots carry the names of the migrations by themselves.',
    },
  );
}

function isThere({tables}: DatabaseSchema, {table, column}: MigrationRecord): boolean {
  return tables.get(table)?.columns.some(({name}) => name === column) === true;
}

function missing({tables}: DatabaseSchema, {table, column}: MigrationRecord): EngineError {
  const hint = 'Check --migrations-table and --migrations-column (migrations in the file).';
  if (!tables.has(table))
    return new EngineError(
      'TABLE_NOT_FOUND',
      `there is no table "${table}" to read migrations from`,
      {site: {table}, hint},
    );
  return new EngineError(
    'CONFIG_INVALID',
    `table "${table}" has no column "${column}" to read migrations from`,
    {site: {table, column}, hint},
  );
}

/** knex names the table of its lock after that of its names, whatever that is called; Kysely does too by default. */
function lockOf(table: string): string {
  return `${table}_lock`;
}

async function refuseWhileLocked(view: View, table: string): Promise<void> {
  const lock = {table: lockOf(table), column: 'is_locked'};
  if (!isThere(await view.schema(), lock)) return;
  if ((await view.count(lock.table, [{column: lock.column, is: 1n}])) === 0) return;
  throw migrationRunning(`this database is migrating: table "${lock.table}" says so`, lock.table);
}
