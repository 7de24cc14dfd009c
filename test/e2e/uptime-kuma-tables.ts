/** Which tables of Uptime Kuma travel, said once more and apart from the profile. */

/** Link tables: their ids are remade at each save, so they differ between instances. */
const linkTables = [
  'maintenance_status_page',
  'monitor_group',
  'monitor_maintenance',
  'monitor_notification',
  'monitor_tag',
];

export const replicated: ReadonlySet<string> = new Set([
  ...linkTables,
  'api_key',
  'docker_host',
  'group',
  'incident',
  'maintenance',
  'monitor',
  'notification',
  'proxy',
  'remote_browser',
  'status_page',
  'status_page_cname',
  'tag',
  'user',
]);

const volatile: Readonly<Record<string, readonly string[]>> = {
  monitor: ['dns_last_result'],
  maintenance: ['last_start_date'],
  user: ['twofa_last_token'],
};

/** Columns of a table that need not be equal. */
export function withoutOf(table: string): readonly string[] {
  return linkTables.includes(table) ? ['id'] : (volatile[table] ?? []);
}
