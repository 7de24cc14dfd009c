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
  // What is left out of those that may become empty is what everybody has: without monitors or their alerts something is wrong.
  tables: [
    {table: 'api_key', mayEmpty: true},
    {table: 'docker_host', mayEmpty: true},
    {table: 'group', mayEmpty: true},
    {table: 'incident', mayEmpty: true},
    {table: 'maintenance', ignore: ['last_start_date'], mayEmpty: true},
    {table: 'monitor', ignore: ['dns_last_result']},
    {table: 'notification'},
    {table: 'proxy', mayEmpty: true},
    {table: 'remote_browser', mayEmpty: true},
    setting,
    {table: 'status_page', mayEmpty: true},
    {table: 'status_page_cname', mayEmpty: true},
    {table: 'tag', mayEmpty: true},
    {table: 'user', ignore: ['twofa_last_token']},
    // Each save of a monitor, status page or maintenance deletes these rows and inserts them anew.
    {table: 'maintenance_status_page', key: ['maintenance_id', 'status_page_id'], mayEmpty: true},
    {table: 'monitor_group', key: ['monitor_id', 'group_id'], mayEmpty: true},
    {table: 'monitor_maintenance', key: ['monitor_id', 'maintenance_id'], mayEmpty: true},
    {table: 'monitor_notification', key: ['monitor_id', 'notification_id']},
    {table: 'monitor_tag', key: ['monitor_id', 'tag_id', 'value'], mayEmpty: true},
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
