/** What a running Uptime Kuma notices of a row that changed, table by table: the one place that says so. */

/**
 * `itself`: it reads the row each time. `pages`: visitors of status pages are shown what was read up to five minutes ago. `list`: only
 * browsers that are open show the old. `monitor`, `maintenance`: it is held in memory until a call. `restart`: it is read at the start
 * alone.
 */
type Means = 'itself' | 'pages' | 'list' | 'monitor' | 'maintenance' | 'restart';

export type Noticed = {
  readonly by: Means;
  readonly why: string;
  /** Columns that are told in another way; a change of nothing else is. */
  readonly columns?: Readonly<Record<string, Noticed>>;
};

const perBeat: Noticed = {by: 'itself', why: 'it is read by SQL at each beat'};
const cachedPage: Noticed = {by: 'pages', why: 'it is read for each visitor, behind a cache'};
const shownOnly: Noticed = {by: 'list', why: 'it is shown in lists, and checks do not use it'};

const NOTICED: Readonly<Record<string, Noticed>> = {
  api_key: {by: 'itself', why: 'it is read for each request'},
  docker_host: perBeat,
  group: cachedPage,
  incident: cachedPage,
  maintenance: {by: 'maintenance', why: 'it is held in memory with its timers'},
  maintenance_status_page: cachedPage,
  monitor: {
    by: 'monitor',
    why: 'it is held in memory as it was when it was started',
    columns: {created_date: shownOnly, parent: shownOnly, weight: shownOnly},
  },
  monitor_group: cachedPage,
  monitor_maintenance: perBeat,
  monitor_notification: {by: 'itself', why: 'it is read for each alert'},
  monitor_tag: {by: 'monitor', why: 'labels of metrics are made when a monitor is started'},
  notification: {by: 'itself', why: 'it is read for each alert'},
  proxy: perBeat,
  remote_browser: perBeat,
  setting: {by: 'itself', why: 'what is cached is read again within two minutes'},
  status_page: cachedPage,
  status_page_cname: {by: 'restart', why: 'domains of status pages are read when it starts'},
  tag: shownOnly,
  user: {by: 'itself', why: 'it is read at each login'},
};

/** Settings that are read when it starts, and never again. */
export const SETTINGS_AT_START: ReadonlySet<string> = new Set(['entryPage', 'serverTimezone']);

/** Tables of later releases, or replicated by somebody's own choice. */
const unknown: Noticed = {by: 'restart', why: 'nobody knows when it reads that table'};

export function noticedOf(table: string): Noticed {
  return NOTICED[table] ?? unknown;
}

/** What tells it of some columns of a row: the strongest of what each of them asks for. */
export function meansOf(table: string, columns: readonly string[]): Means {
  const {by, columns: own = {}} = noticedOf(table);
  const means = columns.map((column) => own[column]?.by ?? by);
  return means.includes(by) || means.length === 0 ? by : (means[0] ?? by);
}
