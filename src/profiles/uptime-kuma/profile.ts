/** Uptime Kuma 1.18 to 2.5: its configuration travels, its history and its server's own settings stay. */
import type {Profile} from '../profile.ts';
import {nameHost} from './alerts/script.ts';
import {findings} from './findings.ts';
import {presets} from './presets.ts';
import {reload} from './reload/reload.ts';
import {setting} from './settings.ts';
import {version} from './version.ts';

export const uptimeKuma: Profile = {
  name: 'uptime-kuma',
  recognises: ({tables}) =>
    ['monitor', 'heartbeat', 'setting', 'notification', 'monitor_notification'].every((name) =>
      tables.has(name),
    ),
  tables: [
    {table: 'api_key'},
    {table: 'docker_host'},
    {table: 'group'},
    {table: 'incident'},
    {table: 'maintenance', ignore: ['last_start_date']},
    {table: 'monitor', ignore: ['dns_last_result']},
    {table: 'notification'},
    {table: 'proxy'},
    {table: 'remote_browser'},
    setting,
    {table: 'status_page'},
    {table: 'status_page_cname'},
    {table: 'tag'},
    {table: 'user', ignore: ['twofa_last_token']},
    // Each save of a monitor, status page or maintenance deletes these rows and inserts them anew.
    {table: 'maintenance_status_page', key: ['maintenance_id', 'status_page_id']},
    {table: 'monitor_group', key: ['monitor_id', 'group_id']},
    {table: 'monitor_maintenance', key: ['monitor_id', 'maintenance_id']},
    {table: 'monitor_notification', key: ['monitor_id', 'notification_id']},
    {table: 'monitor_tag', key: ['monitor_id', 'tag_id', 'value']},
  ],
  presets,
  local: [
    'domain_expiry',
    'heartbeat',
    'knex_migrations',
    'knex_migrations_lock',
    'maintenance_timeslot',
    'monitor_tls_info',
    'notification_sent_history',
    'stat_daily',
    'stat_hourly',
    'stat_minutely',
  ],
  version,
  findings,
  reload,
  // It sends an alert for each link, also where the notification or the link's monitor is not active.
  alertTables: ['monitor_notification'],
  nameHost,
};
