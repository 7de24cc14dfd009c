// What each release writes down about the state of its schema.

import {lines} from './schema.ts';
import type {ColumnOrder, KumaVersion} from './tables.ts';

// Names of the patches of 1.x, in the order in which a new database gets them.
const before = lines(`
  setting-value-type
  improve-performance
  2fa
  add-retry-interval-monitor
  incident-table
  group-table
  monitor-push_token
  http-monitor-method-body-and-headers
  2fa-invalidate-used-token
  notification_sent_history
  monitor-basic-auth
  add-docker-columns
  status-page
  proxy
  monitor-expiry-notification
  status-page-footer-css
  added-mqtt-monitor
  add-clickable-status-page-link
  add-sqlserver-monitor
  add-other-auth
`);
const grpc = lines(`
  grpc-monitor
`);
const radius = lines(`
  add-radius-monitor
  monitor-add-resend-interval
`);
const after = lines(`
  ping-packet-size
  maintenance-table2
  add-gamedig-monitor
  add-google-analytics-status-page-tag
  http-body-encoding
  add-description-monitor
  api-key-table
  monitor-tls
  maintenance-cron
  add-parent-monitor
  add-invert-keyword
  added-json-query
  added-kafka-producer
  add-certificate-expiry-status-page
  monitor-oauth-cc
  add-timeout-monitor
  add-gamedig-given-port
  notification-config
  fix-kafka-producer-booleans
  timeout
  monitor-tls-info-add-fk
`);

// Names of the migrations of 2.x, in the order in which they ran.
const migrations = lines(`
  2023-08-16-0000-create-uptime
  2023-08-18-0301-heartbeat
  2023-09-29-0000-heartbeat-retires
  2023-10-08-0000-mqtt-query
  2023-10-11-1915-push-token-to-32
  2023-10-16-0000-create-remote-browsers
  2023-12-20-0000-alter-status-page
  2023-12-21-0000-stat-ping-min-max
  2023-12-22-0000-hourly-uptime
  2024-01-22-0000-stats-extras
  2024-04-26-0000-snmp-monitor
  2024-08-24-000-add-cache-bust
  2024-08-24-0000-conditions
  2024-10-1315-rabbitmq-monitor
  2024-10-31-0000-fix-snmp-monitor
  2024-11-27-1927-fix-info-json-data-type
  2025-01-01-0000-add-smtp
  2025-02-15-2312-add-wstest
  2025-02-17-2142-generalize-analytics
  2025-03-04-0000-ping-advanced-options
  2025-03-25-0127-fix-5721
  2025-05-09-0000-add-custom-url
  2025-06-03-0000-add-ip-family
  2025-06-11-0000-add-manual-monitor
  2025-06-13-0000-maintenance-add-last-start
  2025-06-15-0001-manual-monitor-fix
  2025-06-24-0000-add-audience-to-oauth
  2025-07-17-0000-mqtt-websocket-path
  2025-09-02-0000-add-domain-expiry
  2025-10-14-0000-add-ip-family-fix
  2025-10-15-0000-stat-table-fix
  2025-10-15-0001-add-monitor-response-config
  2025-10-15-0002-add-response-to-heartbeat
  2025-10-24-0000-show-only-last-heartbeat
  2025-12-09-0000-add-system-service-monitor
  2025-12-17-0000-add-globalping-monitor
  2025-12-22-0121-optimize-important-indexes
  2025-12-29-0000-remove-line-notify
  2025-12-31-2143-add-snmp-v3-username
  2026-01-02-0551-dns-last-result-to-text
  2026-01-02-0713-gamedig-v4-to-v5
  2026-01-05-0000-add-rss-title
  2026-01-05-0000-add-tls-monitor
  2026-01-06-0000-fix-domain-expiry-column-type
  2026-01-10-0000-convert-float-precision
  2026-01-15-0000-add-json-query-retry-only-status-code
  2026-01-16-0000-add-screenshot-delay
  2026-02-07-0000-disable-domain-expiry-unsupported-tlds
  2026-03-27-0000-add-ntp-monitor
  2026-05-20-0000-add-bearer-token
  2026-05-25-0000-add-gamedig-token
  2026-06-19-1411-add-rybbit-analytics-type
  2026-06-19-1412-analytics-type-to-string
  2026-07-22-0000-fix-stat-daily-overflow
  2026-08-18-0000-sqlite-only-drop-analytics-type-check
`);

/** The text of the setting `databasePatchedFiles`. */
export function patchedFiles(version: KumaVersion, order: ColumnOrder): string {
  const oldest = [...before, ...radius];
  let names = [...before, ...grpc, ...radius, ...after];
  if (version === '1.18.5') names = oldest;
  else if (isFrom118(version, order)) names = [...oldest, ...grpc, ...after];
  return JSON.stringify(Object.fromEntries(names.map((name) => [`patch-${name}.sql`, true])));
}

/** The names in `knex_migrations`, in their order; none before 2.x. */
export function knexMigrations(version: KumaVersion): readonly string[] {
  return version === '2.5.3' ? migrations.map((name) => `${name}.js`) : [];
}

function isFrom118(version: KumaVersion, order: ColumnOrder): boolean {
  return order === 'upgraded-from-1.18' || (order === 'upgraded' && version === '1.23.17');
}
