/** How a running Uptime Kuma is told of changed rows: over its own socket. */
import type {View} from '../../../database/port.ts';
import type {Cell} from '../../../kernel/row.ts';
import {textOf} from '../../migration-records.ts';
import type {AppliedChange, Notice, Reload} from '../../profile.ts';
import {applicationPort} from '../drop-in.ts';
import {MAINTENANCE_COLUMNS} from './maintenance.ts';
import {isNeeded, planCalls, type RowsNow} from './plan.ts';
import {tellCalls, type Accounts} from './tell.ts';

export const reload: Reload = {
  url: (env) => `http://127.0.0.1:${applicationPort(env)}`,
  prepare: async (changes, view): Promise<Notice> => {
    const {calls, restart} = planCalls(changes, await rowsNow(changes, view));
    const accounts = calls.length === 0 ? {secret: undefined, users: []} : await accountsIn(view);
    return {
      calls: calls.length,
      isNeeded: calls.some(isNeeded),
      restart,
      tell: (to) => tellCalls(calls, accounts, to),
    };
  },
};

async function rowsNow(changes: readonly AppliedChange[], view: View): Promise<RowsNow> {
  const tables = new Set(changes.map(({table}) => table));
  const isTouched = (...names: readonly string[]): boolean =>
    names.some((name) => tables.has(name));
  const monitors = isTouched('monitor', 'monitor_tag')
    ? await selected(view, 'monitor', ['id', 'active', 'user_id'])
    : [];
  const maintenances = isTouched('maintenance')
    ? await selected(view, 'maintenance', MAINTENANCE_COLUMNS)
    : [];
  const domains = isTouched('status_page')
    ? await selected(view, 'status_page_cname', ['status_page_id'])
    : [];
  return {
    monitors: new Map(
      monitors.map(([id, active, user]) => [
        Number(id),
        {active: active === 1n, user: idOf(user) ?? null},
      ]),
    ),
    maintenances: new Map(
      maintenances.map((cells) => [
        Number(cells[0]),
        Object.fromEntries(MAINTENANCE_COLUMNS.map((name, at) => [name, cells[at] ?? null])),
      ]),
    ),
    users: isTouched('user') ? await view.count('user', []) : 1,
    pagesWithDomain: new Set(domains.flatMap(([id]) => idOf(id) ?? [])),
  };
}

/** Of columns that a release lacks, NULL. */
async function selected(
  view: View,
  table: string,
  columns: readonly string[],
): Promise<readonly (readonly Cell[])[]> {
  const {tables} = await view.schema();
  const names = new Set(tables.get(table)?.columns.map(({name}) => name));
  const there = columns.filter((name) => names.has(name));
  if (there.length === 0) return [];
  const rows = await view.select(table, there);
  return rows.map((cells) => columns.map((name) => cells[there.indexOf(name)] ?? null));
}

async function accountsIn(view: View): Promise<Accounts> {
  if (!(await view.schema()).tables.has('user')) return {secret: undefined, users: []};
  const [secret] = await view.select('setting', ['value'], [{column: 'key', is: 'jwtSecret'}]);
  const users = await view.select('user', ['id', 'username', 'password', 'active']);
  return {
    secret: textOf(secret?.[0]),
    users: users.map(([id, username, password, active]) => ({
      id: Number(id),
      username: textOf(username) ?? '',
      password: textOf(password) ?? '',
      active: active === 1n,
    })),
  };
}

const idOf = (cell: Cell | undefined): number | undefined =>
  typeof cell === 'bigint' ? Number(cell) : undefined;
