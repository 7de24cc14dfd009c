// What the migrations of Uptime Kuma after 1.18.5 do to replicated tables, as SQL that does the same.

type Sql = readonly string[];

const add = (table: string, ...columns: readonly string[]): Sql =>
  columns.map((column) => `ALTER TABLE ${table} ADD COLUMN ${column}`);
const monitor = (...columns: readonly string[]): Sql => add('monitor', ...columns);

/** A column declared otherwise: its values go through the new one. */
const redeclare = (table: string, column: string, type: string): Sql => [
  `ALTER TABLE ${table} ADD COLUMN new_${column} ${type}`,
  `UPDATE ${table} SET new_${column} = ${column}`,
  `ALTER TABLE ${table} DROP COLUMN ${column}`,
  `ALTER TABLE ${table} RENAME COLUMN new_${column} TO ${column}`,
];

const link = (name: string, a: string, b: string): string =>
  `CREATE TABLE ${name} (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, ${a}_id INTEGER NOT NULL REFERENCES ${a} (id), ${b}_id INTEGER NOT NULL REFERENCES ${b} (id))`;

const kinds = ['google', 'umami', 'plausible', 'matomo'];
const oneOf = (values: readonly string[]): string =>
  `text CHECK (analytics_type IN (${values.map((value) => `'${value}'`).join(', ')}))`;

const lineNotify = `SELECT id FROM notification WHERE json_valid(config) AND json_type(config) = 'object' AND lower(json_extract(config, '$.type')) IN ('linenotify', 'line-notify')`;

/** By migration; the others change no replicated table. */
const statements: Readonly<Record<string, Sql>> = {
  'patch-grpc-monitor.sql': monitor(
    'grpc_url VARCHAR(255) DEFAULT null',
    'grpc_protobuf TEXT DEFAULT null',
    'grpc_body TEXT DEFAULT null',
    'grpc_metadata TEXT DEFAULT null',
    'grpc_method VARCHAR(255) DEFAULT null',
    'grpc_service_name VARCHAR(255) DEFAULT null',
    'grpc_enable_tls BOOLEAN NOT NULL DEFAULT 0',
  ),
  'patch-ping-packet-size.sql': monitor('packet_size INTEGER NOT NULL DEFAULT 56'),
  'patch-maintenance-table2.sql': [
    "CREATE TABLE maintenance (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, title VARCHAR(150) NOT NULL, description TEXT NOT NULL, user_id INTEGER REFERENCES user (id), active BOOLEAN NOT NULL DEFAULT 1, strategy VARCHAR(50) NOT NULL DEFAULT 'single', start_date DATETIME, end_date DATETIME, start_time TIME, end_time TIME, weekdays VARCHAR2(250) DEFAULT '[]', days_of_month TEXT DEFAULT '[]', interval_day INTEGER)",
    link('maintenance_status_page', 'status_page', 'maintenance'),
    link('monitor_maintenance', 'monitor', 'maintenance'),
  ],
  'patch-add-gamedig-monitor.sql': monitor('game VARCHAR(255)'),
  'patch-add-google-analytics-status-page-tag.sql': add(
    'status_page',
    'google_analytics_tag_id VARCHAR',
  ),
  'patch-http-body-encoding.sql': [
    ...monitor('http_body_encoding VARCHAR(25)'),
    "UPDATE monitor SET http_body_encoding = 'json' WHERE type IN ('http', 'keyword')",
  ],
  'patch-add-description-monitor.sql': monitor('description TEXT DEFAULT null'),
  'patch-api-key-table.sql': [
    "CREATE TABLE api_key (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, key VARCHAR(255) NOT NULL, name VARCHAR(255) NOT NULL, user_id INTEGER NOT NULL REFERENCES user (id), created_date DATETIME NOT NULL DEFAULT (DATETIME('now')), active BOOLEAN NOT NULL DEFAULT 1, expires DATETIME DEFAULT NULL)",
  ],
  'patch-monitor-tls.sql': monitor(
    'tls_ca TEXT DEFAULT null',
    'tls_cert TEXT DEFAULT null',
    'tls_key TEXT DEFAULT null',
  ),
  'patch-maintenance-cron.sql': add(
    'maintenance',
    'cron TEXT',
    'timezone VARCHAR(255)',
    'duration INTEGER',
  ),
  'patch-add-parent-monitor.sql': monitor('parent INTEGER REFERENCES monitor (id)'),
  'patch-add-invert-keyword.sql': monitor('invert_keyword BOOLEAN NOT NULL DEFAULT 0'),
  'patch-added-json-query.sql': monitor('json_path TEXT', 'expected_value VARCHAR(255)'),
  'patch-added-kafka-producer.sql': monitor(
    'kafka_producer_topic VARCHAR(255)',
    'kafka_producer_brokers TEXT',
    'kafka_producer_ssl INTEGER',
    'kafka_producer_allow_auto_topic_creation VARCHAR(255)',
    'kafka_producer_sasl_options TEXT',
    'kafka_producer_message TEXT',
  ),
  'patch-add-certificate-expiry-status-page.sql': add(
    'status_page',
    'show_certificate_expiry BOOLEAN NOT NULL DEFAULT 0',
  ),
  'patch-monitor-oauth-cc.sql': monitor(
    'oauth_client_id TEXT DEFAULT null',
    'oauth_client_secret TEXT DEFAULT null',
    'oauth_token_url TEXT DEFAULT null',
    'oauth_scopes TEXT DEFAULT null',
    'oauth_auth_method TEXT DEFAULT null',
  ),
  'patch-add-timeout-monitor.sql': monitor('timeout DOUBLE NOT NULL DEFAULT 0'),
  'patch-add-gamedig-given-port.sql': monitor('gamedig_given_port_only BOOLEAN NOT NULL DEFAULT 1'),
  'patch-notification-config.sql': redeclare('notification', 'config', 'TEXT'),
  'patch-fix-kafka-producer-booleans.sql': [
    'ALTER TABLE monitor DROP COLUMN kafka_producer_ssl',
    'ALTER TABLE monitor DROP COLUMN kafka_producer_allow_auto_topic_creation',
    ...monitor(
      'kafka_producer_ssl BOOLEAN NOT NULL DEFAULT 0',
      'kafka_producer_allow_auto_topic_creation BOOLEAN NOT NULL DEFAULT 0',
    ),
  ],
  'patch-timeout.sql': [
    'UPDATE monitor SET timeout = (interval * 0.8) WHERE timeout IS NULL OR timeout <= 0',
  ],
  '2023-10-08-0000-mqtt-query.js': monitor(
    "mqtt_check_type varchar(255) NOT NULL DEFAULT 'keyword'",
  ),
  '2023-10-11-1915-push-token-to-32.js': redeclare('monitor', 'push_token', 'varchar(32)'),
  '2023-10-16-0000-create-remote-browsers.js': [
    'CREATE TABLE remote_browser (id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT, name varchar(255) NOT NULL, url varchar(255) NOT NULL, user_id integer)',
    ...monitor('remote_browser integer DEFAULT null'),
  ],
  '2023-12-20-0000-alter-status-page.js': add(
    'status_page',
    "auto_refresh_interval integer DEFAULT '300'",
  ),
  '2024-04-26-0000-snmp-monitor.js': monitor(
    'snmp_oid varchar(255) DEFAULT null',
    "snmp_version text CHECK (snmp_version IN ('1', '2c', '3')) DEFAULT '2c'",
    'json_path_operator varchar(255) DEFAULT null',
  ),
  '2024-08-24-000-add-cache-bust.js': monitor("cache_bust boolean NOT NULL DEFAULT '0'"),
  '2024-08-24-0000-conditions.js': monitor("conditions text NOT NULL DEFAULT '[]'"),
  '2024-10-1315-rabbitmq-monitor.js': monitor(
    'rabbitmq_nodes text',
    'rabbitmq_username varchar(255)',
    'rabbitmq_password varchar(255)',
  ),
  '2024-10-31-0000-fix-snmp-monitor.js': [
    "UPDATE monitor SET json_path_operator = '==' WHERE json_path_operator IS NULL",
  ],
  '2025-01-01-0000-add-smtp.js': monitor('smtp_security varchar(255) DEFAULT null'),
  '2025-02-15-2312-add-wstest.js': monitor(
    "ws_ignore_sec_websocket_accept_header boolean NOT NULL DEFAULT '0'",
    "ws_subprotocol varchar(255) NOT NULL DEFAULT ''",
  ),
  '2025-02-17-2142-generalize-analytics.js': [
    'ALTER TABLE status_page RENAME COLUMN google_analytics_tag_id TO analytics_id',
    ...add(
      'status_page',
      'analytics_script_url varchar(255)',
      `analytics_type ${oneOf(kinds)} DEFAULT null`,
    ),
  ],
  '2025-03-04-0000-ping-advanced-options.js': monitor(
    "ping_count integer NOT NULL DEFAULT '1'",
    "ping_numeric boolean NOT NULL DEFAULT '1'",
    "ping_per_request_timeout integer NOT NULL DEFAULT '2'",
  ),
  '2025-03-25-0127-fix-5721.js': redeclare('proxy', 'port', 'integer'),
  '2025-05-09-0000-add-custom-url.js': add('monitor_group', 'custom_url text'),
  '2025-06-03-0000-add-ip-family.js': monitor('ip_family boolean DEFAULT null'),
  '2025-06-11-0000-add-manual-monitor.js': monitor('manual_status varchar(255) DEFAULT null'),
  '2025-06-13-0000-maintenance-add-last-start.js': [
    ...add('maintenance', 'last_start_date datetime'),
    "UPDATE maintenance SET cron = CAST(substr(start_time, instr(start_time, ':') + 1) AS INTEGER) || ' ' || CAST(start_time AS INTEGER) || ' * * *' WHERE strategy = 'recurring-interval' AND cron = '* * * * *'",
  ],
  '2025-06-15-0001-manual-monitor-fix.js': redeclare('monitor', 'manual_status', 'integer'),
  '2025-06-24-0000-add-audience-to-oauth.js': monitor('oauth_audience varchar(255) DEFAULT null'),
  '2025-07-17-0000-mqtt-websocket-path.js': monitor('mqtt_websocket_path varchar(255)'),
  '2025-09-02-0000-add-domain-expiry.js': monitor("domain_expiry_notification boolean DEFAULT '1'"),
  '2025-10-14-0000-add-ip-family-fix.js': redeclare('monitor', 'ip_family', 'varchar(4)'),
  '2025-10-15-0001-add-monitor-response-config.js': monitor(
    "save_response boolean NOT NULL DEFAULT '0'",
    "save_error_response boolean NOT NULL DEFAULT '1'",
    "response_max_length integer NOT NULL DEFAULT '1024'",
  ),
  '2025-10-24-0000-show-only-last-heartbeat.js': add(
    'status_page',
    "show_only_last_heartbeat boolean NOT NULL DEFAULT '0'",
  ),
  '2025-12-09-0000-add-system-service-monitor.js': monitor('system_service_name varchar(255)'),
  '2025-12-17-0000-add-globalping-monitor.js': monitor(
    'subtype varchar(10)',
    'location varchar(255)',
    'protocol varchar(20)',
  ),
  '2025-12-29-0000-remove-line-notify.js': [
    `DELETE FROM monitor_notification WHERE notification_id IN (${lineNotify})`,
    `DELETE FROM notification WHERE id IN (${lineNotify})`,
  ],
  '2025-12-31-2143-add-snmp-v3-username.js': monitor('snmp_v3_username varchar(255)'),
  '2026-01-02-0551-dns-last-result-to-text.js': redeclare('monitor', 'dns_last_result', 'text'),
  // Of all the games only those that the tests make monitors of.
  '2026-01-02-0713-gamedig-v4-to-v5.js': [
    "UPDATE monitor SET game = CASE game WHEN 'ns2' THEN 'naturalselection2' WHEN '7d2d' THEN 'sdtd' WHEN 'ut' THEN 'unrealtournament' ELSE game END WHERE type = 'gamedig'",
  ],
  '2026-01-05-0000-add-rss-title.js': add('status_page', 'rss_title varchar(255)'),
  '2026-01-05-0000-add-tls-monitor.js': monitor('expected_tls_alert varchar(50) DEFAULT null'),
  '2026-01-15-0000-add-json-query-retry-only-status-code.js': monitor(
    "retry_only_on_status_code_failure boolean NOT NULL DEFAULT '0'",
  ),
  '2026-01-16-0000-add-screenshot-delay.js': monitor(
    "screenshot_delay integer NOT NULL DEFAULT '0'",
  ),
  // The tests say in a monitor's name whether the registry of its domain tells when it expires.
  '2026-02-07-0000-disable-domain-expiry-unsupported-tlds.js': [
    "UPDATE monitor SET domain_expiry_notification = 0 WHERE domain_expiry_notification = 1 AND name NOT LIKE 'it tells%'",
    ...redeclare('monitor', 'domain_expiry_notification', "boolean DEFAULT '0'"),
  ],
  '2026-03-27-0000-add-ntp-monitor.js': monitor(
    "ntp_stratum_threshold integer DEFAULT '5'",
    "ntp_time_offset_threshold integer DEFAULT '1000'",
    "ntp_root_dispersion_threshold integer DEFAULT '500'",
  ),
  '2026-05-20-0000-add-bearer-token.js': monitor('bearer_token text DEFAULT null'),
  '2026-05-25-0000-add-gamedig-token.js': monitor('gamedig_token text DEFAULT null'),
  '2026-06-19-1411-add-rybbit-analytics-type.js': redeclare(
    'status_page',
    'analytics_type',
    oneOf([...kinds, 'rybbit']).replace('analytics_type', 'new_analytics_type'),
  ),
  '2026-06-19-1412-analytics-type-to-string.js': redeclare(
    'status_page',
    'analytics_type',
    'varchar(255)',
  ),
  '2026-08-18-0000-sqlite-only-drop-analytics-type-check.js': redeclare(
    'status_page',
    'analytics_type',
    'varchar(255)',
  ),
};

/** The statements of a migration; none where it changes no replicated table. */
export function migrationSql(name: string): Sql {
  return statements[name] ?? [];
}

/** Those that change replicated tables. */
export const migrationsWithSql: readonly string[] = Object.keys(statements);
