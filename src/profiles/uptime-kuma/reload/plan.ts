/** What a running Uptime Kuma has to be told of changed rows. Pure. */
import {RELOAD_CALLS_MAX} from '../../../kernel/limits.ts';
import type {AppliedChange} from '../../profile.ts';
import {maintenanceArgument, type MaintenanceRow} from './maintenance.ts';
import {meansOf, noticedOf, SETTINGS_AT_START} from './noticed.ts';

/** The rows as they are now, as far as it takes them. */
export type RowsNow = {
  readonly monitors: ReadonlyMap<number, {readonly active: boolean; readonly user: number | null}>;
  readonly maintenances: ReadonlyMap<number, MaintenanceRow>;
  readonly users: number;
  /** Ids of status pages that have a domain of their own. */
  readonly pagesWithDomain: ReadonlySet<number>;
};

export type Call = {
  readonly event: string;
  readonly args: readonly unknown[];
  /** Id of the user who has to be logged in; anybody will do where it is undefined. */
  readonly user: number | undefined;
  /** Made instead where it is refused. */
  readonly otherwise?: string;
};

export type Plan = {
  readonly calls: readonly Call[];
  /** What only a restart tells it, and why. */
  readonly restart: readonly string[];
};

export function planCalls(changes: readonly AppliedChange[], rows: RowsNow): Plan {
  const monitors = monitorCalls(changes, rows);
  const maintenances = maintenanceCalls(changes, rows);
  const told = [...monitors, ...maintenances];
  // Deleting clears the cache of status pages, too, and comes last.
  const calls = once(told.flatMap(({call}) => call ?? [])).sort((a, b) => rank(a) - rank(b));
  const plan: Plan = {
    calls: [...calls, ...listCall(changes, calls), ...pagesCall(changes, calls)],
    restart: unique([...told.flatMap(({why}) => why ?? []), ...atStart(changes, rows)]),
  };
  if (plan.calls.length <= RELOAD_CALLS_MAX) return plan;
  return {calls: [], restart: [`${plan.calls.length} calls are more than a restart is worth`]};
}

type Told = {readonly call?: Call; readonly why?: string};

/** Several rows of one user are in one list. */
function once(calls: readonly Call[]): Call[] {
  const listed = new Set<number | undefined>();
  return calls.filter(({event, user}) => {
    if (event !== 'getMonitorList') return true;
    return !listed.has(user) && listed.add(user);
  });
}

const rank = ({event}: Call): number => Number(event.startsWith('delete'));

/** It starts a monitor as its row is now, and marks it active; so that is for active ones alone. */
function monitorCalls(changes: readonly AppliedChange[], {monitors}: RowsNow): readonly Told[] {
  return [...byRow(changes, 'monitor', 'monitor_tag')].map(([id, some]): Told => {
    const monitor = monitors.get(id);
    const own = some.filter(({table}) => table === 'monitor');
    if (monitor === undefined)
      return own.length === 0 ? {} : {call: plainCall('deleteMonitor', id)};
    const isShownOnly = some.every(
      ({table, op, columns}) => op === 'update' && meansOf(table, columns) === 'list',
    );
    // One that was not active, and is not, does not run.
    const ran = own.some(({op, columns}) => op === 'delete' || columns.includes('active'));
    const isNew = own.every(({op}) => op === 'insert');
    if (isShownOnly || (!monitor.active && (!ran || isNew))) return {call: listOf(monitor.user)};
    if (monitor.user === null)
      return {why: `monitor[id=${id}] belongs to no user, and only its owner could start it`};
    const event = monitor.active ? 'resumeMonitor' : 'pauseMonitor';
    const call = {event, args: [id], user: monitor.user};
    if (!isKnown(own) || !own.some(({op}) => op === 'delete')) return {call};
    return {call, why: `monitor[id=${id}] is back under its id: sums of its history are in memory`};
  });
}

/** One that it does not know yet is registered by adding it, under the id that it has. */
function maintenanceCalls(
  changes: readonly AppliedChange[],
  {maintenances}: RowsNow,
): readonly Told[] {
  return [...byRow(changes, 'maintenance')].map(([id, some]): Told => {
    const row = maintenances.get(id);
    if (row === undefined) return {call: plainCall('deleteMaintenance', id)};
    const site = `maintenance[id=${id}]`;
    const user = row['user_id'];
    if (typeof user !== 'bigint')
      return {why: `${site} belongs to no user, and only its owner could change it`};
    const owners = some.flatMap(({before, after}) =>
      [before, after].map((cells) => cells?.['user_id']),
    );
    if (isKnown(some) && new Set(owners.filter((owner) => owner !== undefined)).size > 1)
      return {why: `${site} has another owner, which is read when it starts`};
    const argument = maintenanceArgument(row);
    if (argument === undefined)
      return {why: `${site} is of a form that it does not take by a call`};
    // Added once more, as by a second try, one that it knows would have its timers twice.
    const otherwise = 'addMaintenance';
    return {call: {event: 'editMaintenance', args: [argument], user: Number(user), otherwise}};
  });
}

/** Of the changes of one row: whether it was there before them. */
const isKnown = ([first]: readonly AppliedChange[]): boolean =>
  first !== undefined && first.op !== 'insert';

/** Changes by the id of the row that has to be told, in order of it. */
function byRow(
  changes: readonly AppliedChange[],
  table: string,
  link?: string,
): ReadonlyMap<number, readonly AppliedChange[]> {
  const rows = changes.flatMap((change) => {
    const column = change.table === table ? 'id' : `${table}_id`;
    if (change.table !== table && change.table !== link) return [];
    const ids = [change.before?.[column], change.after?.[column]];
    return unique(ids.filter((id) => typeof id === 'number')).map((id) => ({id, change}));
  });
  rows.sort((a, b) => a.id - b.id);
  const grouped = Map.groupBy(rows, ({id}) => id);
  return new Map([...grouped].map(([id, some]) => [id, some.map(({change}) => change)]));
}

const plainCall = (event: string, id: number): Call => ({event, args: [id], user: undefined});

const listOf = (user: number | null): Call => ({
  event: 'getMonitorList',
  args: [],
  user: user ?? undefined,
});

/** Who looks at the list while it changes is shown it anew. */
function listCall(changes: readonly AppliedChange[], calls: readonly Call[]): readonly Call[] {
  const isShown = changes.some(({table}) => table === 'tag' && meansOf(table, []) === 'list');
  return isShown && !calls.some(({event}) => event === 'getMonitorList') ? [listOf(null)] : [];
}

/** Setting the monitors of a maintenance that cannot exist clears the cache, and changes nothing. */
function pagesCall(changes: readonly AppliedChange[], calls: readonly Call[]): readonly Call[] {
  const isShown = changes.some(
    ({table, columns}) => meansOf(table, columns) === 'pages' || table === 'maintenance',
  );
  if (!isShown || calls.at(-1)?.event.startsWith('delete') === true) return [];
  return [{event: 'addMonitorMaintenance', args: [-1, []], user: undefined}];
}

function atStart(changes: readonly AppliedChange[], rows: RowsNow): readonly string[] {
  const reasons = changes.flatMap(({table, columns, before, after}) => {
    const {by, why} = noticedOf(table);
    if (by === 'restart') return [`${table}: ${why}`];
    const {id, key} = after ?? before ?? {};
    if (table === 'setting' && typeof key === 'string' && SETTINGS_AT_START.has(key))
      return [`setting[key=${key}]: it is read when it starts`];
    const isMoved = table === 'status_page' && columns.includes('slug') && before && after;
    if (isMoved && typeof id === 'number' && rows.pagesWithDomain.has(id))
      return [`status_page[id=${id}]: the address of a page with a domain is read when it starts`];
    return [];
  });
  const users = changes.filter(({table}) => table === 'user');
  const added = users.filter(({op}) => op === 'insert').length;
  const gone = users.filter(({op}) => op === 'delete').length;
  const isFirst = added > 0 && rows.users - added + gone <= 0;
  return isFirst ? [...reasons, 'user: that there is one is read when it starts'] : reasons;
}

/** Lists and pages show by themselves what is new, a while later. */
const SHOWING: readonly string[] = ['getMonitorList', 'addMonitorMaintenance'];

export function isNeeded({event}: Call): boolean {
  return !SHOWING.includes(event);
}

const unique = <T>(all: readonly T[]): readonly T[] => [...new Set(all)];
