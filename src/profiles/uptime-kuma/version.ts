/**
 * The version of an Uptime Kuma database, as the set of migrations that its own tables record: patches
 * in `setting` on SQLite, and knex migrations from 2.0 on.
 */
import type {View} from '../../database/port.ts';
import {EngineError} from '../../kernel/errors.ts';
import type {Cell} from '../../kernel/row.ts';
import {compareNames} from '../../schema/names.ts';

export async function version(view: View): Promise<readonly string[]> {
  const {tables} = await view.schema();
  const knex = tables.has('knex_migrations');
  await refuseWhileMigrating(view, knex);
  const names = [
    ...(await patches(view)),
    ...(knex ? await texts(view, 'knex_migrations', 'name') : []),
  ];
  return [...new Set(names)].sort(compareNames);
}

async function patches(view: View): Promise<readonly string[]> {
  const base = await settingOf(view, 'database_version');
  const patched = await settingOf(view, 'databasePatchedFiles');
  return [...(base === undefined ? [] : [`database_version ${base}`]), ...patchNames(patched)];
}

/** `{"patch-x.sql":true}`; a patch that is not true was not applied. */
function patchNames(json: string | undefined): readonly string[] {
  if (json === undefined) return [];
  try {
    const files: unknown = JSON.parse(json);
    if (typeof files !== 'object' || files === null) return [];
    return Object.entries(files).flatMap(([name, done]) => (done === true ? [name] : []));
  } catch {
    return [];
  }
}

async function refuseWhileMigrating(view: View, knex: boolean): Promise<void> {
  const aggregate = await settingOf(view, 'migrateAggregateTableState');
  const lock = knex && (await view.schema()).tables.has('knex_migrations_lock');
  const locked = lock
    ? await view.count('knex_migrations_lock', [{column: 'is_locked', is: 1n}])
    : 0;
  if (locked === 0 && aggregate !== '"migrating"' && aggregate !== 'migrating') return;
  throw new EngineError('MIGRATION_RUNNING', 'Uptime Kuma is migrating this database', {
    site: {table: locked > 0 ? 'knex_migrations_lock' : 'setting'},
    hint: 'Wait until it has finished.',
    retryable: true,
  });
}

async function settingOf(view: View, key: string): Promise<string | undefined> {
  const [row] = await view.select('setting', ['value'], [{column: 'key', is: key}]);
  return textOf(row?.[0]);
}

async function texts(view: View, table: string, column: string): Promise<readonly string[]> {
  return (await view.select(table, [column])).flatMap(([cell]) => textOf(cell) ?? []);
}

/** Settings and names are text; SQLite may hold a number instead. */
function textOf(cell: Cell | undefined): string | undefined {
  if (typeof cell === 'string') return cell;
  return typeof cell === 'bigint' || typeof cell === 'number' ? String(cell) : undefined;
}
