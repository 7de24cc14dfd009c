/**
 * The version of an Uptime Kuma database, as the set of migrations that its own tables record: patches
 * in `setting` on SQLite, and knex migrations from 2.0 on.
 */
import type {View} from '../../database/port.ts';
import {KNEX, migrationRunning, namesIn, sorted, textOf} from '../migration-records.ts';

export async function version(view: View): Promise<readonly string[]> {
  await refuseWhileAggregating(view);
  return sorted([...(await patches(view)), ...(await namesIn(view, KNEX))]);
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

/** From 2.0 on, the server itself moves old heartbeats into tables of statistics. */
async function refuseWhileAggregating(view: View): Promise<void> {
  const state = await settingOf(view, 'migrateAggregateTableState');
  if (state !== '"migrating"' && state !== 'migrating') return;
  throw migrationRunning('Uptime Kuma is migrating this database', 'setting');
}

async function settingOf(view: View, key: string): Promise<string | undefined> {
  const [row] = await view.select('setting', ['value'], [{column: 'key', is: key}]);
  return textOf(row?.[0]);
}
