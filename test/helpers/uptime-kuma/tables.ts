// The tables of three releases of Uptime Kuma on SQLite, as far as a pragma can tell: columns with
// declared types, NOT NULL, defaults, keys, checks and indexes.

import type {Schema, Table} from './schema.ts';
import {cascading, emptying, holding, index, lines} from './schema.ts';

export type KumaVersion = '1.18.5' | '1.23.17' | '2.5.3';

/**
 * `native`: the column order of a database born in that release.
 * `upgraded`: that of a database brought there from the release before it (1.18.5 to 1.23.17, a
 * native 1.23.17 to 2.5.3; only the first of the two differs from `native`).
 * `upgraded-from-1.18`: that of a database brought there from 1.18.5 through each release between.
 */
export type ColumnOrder = 'native' | 'upgraded' | 'upgraded-from-1.18';

const monitorCore = lines(`
  id INTEGER!
  name VARCHAR(150)
  active BOOLEAN! 1
  user_id INTEGER
  interval INTEGER! 20
  url TEXT
  type VARCHAR(20)
  weight INTEGER 2000
  hostname VARCHAR(255)
  port INTEGER
  created_date DATETIME! DATETIME('now')
  keyword VARCHAR(255)
  maxretries INTEGER! 0
  ignore_tls BOOLEAN! 0
  upside_down BOOLEAN! 0
  maxredirects INTEGER! 10
  accepted_statuscodes_json TEXT! '["200-299"]'
  dns_resolve_type VARCHAR(5)
  dns_resolve_server VARCHAR(255)
  dns_last_result VARCHAR(255)
  retry_interval INTEGER! 0
  push_token VARCHAR(20) NULL
  method TEXT! 'GET'
  body TEXT null
  headers TEXT null
  basic_auth_user TEXT null
  basic_auth_pass TEXT null
  docker_host INTEGER
  docker_container VARCHAR(255)
  proxy_id INTEGER
  expiry_notification BOOLEAN 1
  mqtt_topic TEXT
  mqtt_success_message VARCHAR(255)
  mqtt_username VARCHAR(255)
  mqtt_password VARCHAR(255)
  database_connection_string VARCHAR(2000)
  database_query TEXT
  auth_method VARCHAR(250)
  auth_domain TEXT
  auth_workstation TEXT
`);

const monitorRadius = lines(`
  radius_username VARCHAR(255)
  radius_password VARCHAR(255)
  radius_calling_station_id VARCHAR(50)
  radius_called_station_id VARCHAR(50)
  radius_secret VARCHAR(255)
  resend_interval INTEGER! 0
`);

const monitorGrpc = lines(`
  grpc_url VARCHAR(255) null
  grpc_protobuf TEXT null
  grpc_body TEXT null
  grpc_metadata TEXT null
  grpc_method VARCHAR(255) null
  grpc_service_name VARCHAR(255) null
  grpc_enable_tls BOOLEAN! 0
`);

const monitorSince123 = lines(`
  packet_size INTEGER! 56
  game VARCHAR(255)
  http_body_encoding VARCHAR(25)
  description TEXT null
  tls_ca TEXT null
  tls_cert TEXT null
  tls_key TEXT null
  parent INTEGER
  invert_keyword BOOLEAN! 0
  json_path TEXT
  expected_value VARCHAR(255)
  kafka_producer_topic VARCHAR(255)
  kafka_producer_brokers TEXT
  kafka_producer_sasl_options TEXT
  kafka_producer_message TEXT
  oauth_client_id TEXT null
  oauth_client_secret TEXT null
  oauth_token_url TEXT null
  oauth_scopes TEXT null
  oauth_auth_method TEXT null
  timeout DOUBLE! 0
  gamedig_given_port_only BOOLEAN! 1
  kafka_producer_ssl BOOLEAN! 0
  kafka_producer_allow_auto_topic_creation BOOLEAN! 0
`);

const monitorSince2 = lines(`
  mqtt_check_type varchar(255)! 'keyword'
  remote_browser INTEGER null
  snmp_oid varchar(255) null
  snmp_version TEXT '2c'
  json_path_operator varchar(255) null
  cache_bust boolean! '0'
  conditions TEXT! '[]'
  rabbitmq_nodes TEXT
  rabbitmq_username varchar(255)
  rabbitmq_password varchar(255)
  smtp_security varchar(255) null
  ws_ignore_sec_websocket_accept_header boolean! '0'
  ws_subprotocol varchar(255)! ''
  ping_count INTEGER! '1'
  ping_numeric boolean! '1'
  ping_per_request_timeout INTEGER! '2'
  ip_family varchar(4) null
  manual_status INTEGER
  oauth_audience varchar(255) null
  mqtt_websocket_path varchar(255)
  domain_expiry_notification boolean '0'
  save_response boolean! '0'
  save_error_response boolean! '1'
  response_max_length INTEGER! '1024'
  system_service_name varchar(255)
  subtype varchar(10)
  location varchar(255)
  protocol varchar(20)
  snmp_v3_username varchar(255)
  expected_tls_alert varchar(50) null
  retry_only_on_status_code_failure boolean! '0'
  screenshot_delay INTEGER! '0'
  ntp_stratum_threshold INTEGER '5'
  ntp_time_offset_threshold INTEGER '1000'
  ntp_root_dispersion_threshold INTEGER '500'
  bearer_token TEXT null
  gamedig_token TEXT null
`);

const monitorKeys = [
  emptying('user_id', 'user', null),
  holding('docker_host', 'docker_host'),
  holding('proxy_id', 'proxy'),
];

const monitorIndexes = [index('user_id', 'user_id'), index('proxy_id', 'proxy_id')];

const heartbeat: Table = {
  columns: lines(`
    id INTEGER!
    important BOOLEAN! 0
    monitor_id INTEGER!
    status SMALLINT!
    msg TEXT
    time DATETIME!
    ping INTEGER
    duration INTEGER! 0
    down_count INTEGER! 0
  `),
  foreignKeys: [cascading('monitor_id', 'monitor')],
  indexes: [
    index('monitor_id', 'monitor_id'),
    index('important', 'important'),
    index('monitor_time_index', 'monitor_id', 'time'),
    index('monitor_important_time_index', 'monitor_id', 'important', 'time'),
  ],
};

const user: Table = {
  columns: lines(`
    id INTEGER!
    username VARCHAR(255)!
    password VARCHAR(255)
    active BOOLEAN! 1
    timezone VARCHAR(150)
    twofa_secret VARCHAR(64)
    twofa_status BOOLEAN! 0
    twofa_last_token VARCHAR(6)
  `),
  unique: [['username']],
};

const monitorNotification: Table = {
  columns: lines(`
    id INTEGER!
    monitor_id INTEGER!
    notification_id INTEGER!
  `),
  autoincrement: false,
  foreignKeys: [cascading('monitor_id', 'monitor'), cascading('notification_id', 'notification')],
  indexes: [index('monitor_notification_index', 'monitor_id', 'notification_id')],
};

const monitorTlsInfo: Table = {
  columns: lines(`
    id INTEGER!
    monitor_id INTEGER!
    info_json TEXT
  `),
};

const tag: Table = {
  columns: lines(`
    id INTEGER!
    name VARCHAR(255)!
    color VARCHAR(255)!
    created_date DATETIME! DATETIME('now')
  `),
};

const monitorTag: Table = {
  columns: lines(`
    id INTEGER!
    monitor_id INTEGER!
    tag_id INTEGER!
    value TEXT
  `),
  foreignKeys: [cascading('tag_id', 'tag'), cascading('monitor_id', 'monitor')],
  indexes: [
    index('monitor_tag_monitor_id_index', 'monitor_id'),
    index('monitor_tag_tag_id_index', 'tag_id'),
  ],
};

const setting: Table = {
  columns: lines(`
    id INTEGER
    key VARCHAR(200)!
    value TEXT
    type VARCHAR(20)
  `),
  unique: [['key']],
};

const incident: Table = {
  columns: lines(`
    id INTEGER!
    title VARCHAR(255)!
    content TEXT!
    style VARCHAR(30)! 'warning'
    created_date DATETIME! DATETIME('now')
    last_updated_date DATETIME
    pin BOOLEAN! 1
    active BOOLEAN! 1
    status_page_id INTEGER
  `),
};

const group: Table = {
  columns: lines(`
    id INTEGER!
    name VARCHAR(255)!
    created_date DATETIME! DATETIME('now')
    public BOOLEAN! 0
    active BOOLEAN! 1
    weight BOOLEAN! 1000
    status_page_id INTEGER
  `),
};

const monitorGroup: Table = {
  columns: lines(`
    id INTEGER!
    monitor_id INTEGER!
    group_id INTEGER!
    weight BOOLEAN! 1000
    send_url BOOLEAN! 0
  `),
  foreignKeys: [cascading('monitor_id', 'monitor'), cascading('group_id', 'group')],
  indexes: [index('fk', 'monitor_id', 'group_id')],
};

const notificationSentHistory: Table = {
  columns: lines(`
    id INTEGER!
    type VARCHAR(50)!
    monitor_id INTEGER!
    days INTEGER!
  `),
  unique: [['type', 'monitor_id', 'days']],
  indexes: [index('good_index', 'type', 'monitor_id', 'days')],
};

const dockerHost: Table = {
  columns: lines(`
    id INTEGER!
    user_id INT!
    docker_daemon VARCHAR(255)
    docker_type VARCHAR(255)
    name VARCHAR(255)
  `),
};

const statusPage: Table = {
  columns: lines(`
    id INTEGER!
    slug VARCHAR(255)!
    title VARCHAR(255)!
    description TEXT
    icon VARCHAR(255)!
    theme VARCHAR(30)!
    published BOOLEAN! 1
    search_engine_index BOOLEAN! 1
    show_tags BOOLEAN! 0
    password VARCHAR
    created_date DATETIME! CURRENT_TIMESTAMP
    modified_date DATETIME! CURRENT_TIMESTAMP
    footer_text TEXT
    custom_css TEXT
    show_powered_by BOOLEAN! 1
  `),
  unique: [['slug']],
  indexes: [{name: 'slug', columns: ['slug'], unique: true}],
};

const statusPageCname: Table = {
  columns: lines(`
    id INTEGER!
    status_page_id INTEGER!
    domain VARCHAR!
  `),
  unique: [['domain']],
  foreignKeys: [cascading('status_page_id', 'status_page')],
};

const proxy: Table = {
  columns: lines(`
    id INTEGER!
    user_id INT!
    protocol VARCHAR(10)!
    host VARCHAR(255)!
    port SMALLINT!
    auth BOOLEAN!
    username VARCHAR(255)
    password VARCHAR(255)
    active BOOLEAN! 1
    default BOOLEAN! 0
    created_date DATETIME! DATETIME('now')
  `),
  indexes: [index('proxy_user_id', 'user_id')],
};

const maintenance: Table = {
  columns: lines(`
    id INTEGER!
    title VARCHAR(150)!
    description TEXT!
    user_id INTEGER
    active BOOLEAN! 1
    strategy VARCHAR(50)! 'single'
    start_date DATETIME
    end_date DATETIME
    start_time TIME
    end_time TIME
    weekdays VARCHAR2(250) '[]'
    days_of_month TEXT '[]'
    interval_day INTEGER
    cron TEXT
    timezone VARCHAR(255)
    duration INTEGER
  `),
  foreignKeys: [emptying('user_id', 'user')],
  indexes: [
    index('manual_active', 'strategy', 'active'),
    index('active', 'active'),
    index('maintenance_user_id', 'user_id'),
  ],
};

const maintenanceStatusPage: Table = {
  columns: lines(`
    id INTEGER!
    status_page_id INTEGER!
    maintenance_id INTEGER!
  `),
  foreignKeys: [
    cascading('maintenance_id', 'maintenance'),
    cascading('status_page_id', 'status_page'),
  ],
  indexes: [
    index('status_page_id_index', 'status_page_id'),
    index('maintenance_id_index', 'maintenance_id'),
  ],
};

const monitorMaintenance: Table = {
  columns: lines(`
    id INTEGER!
    monitor_id INTEGER!
    maintenance_id INTEGER!
  `),
  foreignKeys: [cascading('maintenance_id', 'maintenance'), cascading('monitor_id', 'monitor')],
  indexes: [
    index('maintenance_id_index2', 'maintenance_id'),
    index('monitor_id_index', 'monitor_id'),
  ],
};

const apiKey: Table = {
  columns: lines(`
    id INTEGER!
    key VARCHAR(255)!
    name VARCHAR(255)!
    user_id INTEGER!
    created_date DATETIME! DATETIME('now')
    active BOOLEAN! 1
    expires DATETIME NULL
  `),
  foreignKeys: [cascading('user_id', 'user')],
};

const statTail = ['extras TEXT null'];
const statPings = lines(`
  ping_min float! '0'
  ping_max float! '0'
`);
const statCounts = lines(`
  up INTEGER!
  down INTEGER!
`);

function schemaOf1185(): Schema {
  return new Map<string, Table>([
    ['heartbeat', heartbeat],
    ['user', user],
    [
      'notification',
      {
        columns: lines(`
          id INTEGER!
          name VARCHAR(255)
          config VARCHAR(255)
          active BOOLEAN! 1
          user_id INTEGER!
          is_default BOOLEAN! 0
        `),
      },
    ],
    ['monitor_notification', monitorNotification],
    ['monitor_tls_info', monitorTlsInfo],
    [
      'monitor',
      {
        columns: [...monitorCore, ...monitorRadius],
        foreignKeys: monitorKeys,
        indexes: monitorIndexes,
      },
    ],
    ['tag', tag],
    ['monitor_tag', monitorTag],
    ['setting', setting],
    ['incident', incident],
    ['group', group],
    ['monitor_group', monitorGroup],
    ['notification_sent_history', notificationSentHistory],
    ['docker_host', dockerHost],
    ['status_page', statusPage],
    ['status_page_cname', statusPageCname],
    ['proxy', proxy],
  ]);
}

function schemaOf12317(order: ColumnOrder): Schema {
  const middle =
    order === 'native' ? [...monitorGrpc, ...monitorRadius] : [...monitorRadius, ...monitorGrpc];
  return new Map<string, Table>([
    ...schemaOf1185(),
    [
      'notification',
      {
        columns: lines(`
          id INTEGER!
          name VARCHAR(255)
          active BOOLEAN! 1
          user_id INTEGER!
          is_default BOOLEAN! 0
          config TEXT
        `),
      },
    ],
    ['monitor_tls_info', {...monitorTlsInfo, foreignKeys: [cascading('monitor_id', 'monitor')]}],
    [
      'monitor',
      {
        columns: [...monitorCore, ...middle, ...monitorSince123],
        foreignKeys: [...monitorKeys, emptying('parent', 'monitor')],
        indexes: monitorIndexes,
      },
    ],
    [
      'status_page',
      withColumns(
        statusPage,
        'google_analytics_tag_id VARCHAR',
        'show_certificate_expiry BOOLEAN! 0',
      ),
    ],
    ['maintenance', maintenance],
    ['maintenance_status_page', maintenanceStatusPage],
    ['monitor_maintenance', monitorMaintenance],
    ['api_key', apiKey],
  ]);
}

function schemaOf253(order: ColumnOrder): Schema {
  const older = schemaOf12317(order === 'upgraded' ? 'native' : order);
  const olderMonitor = pick(older, 'monitor');
  const changed = new Map<string, Table>([
    ['monitor_group', withColumns(monitorGroup, 'custom_url TEXT')],
    ['maintenance', withColumns(maintenance, 'last_start_date datetime')],
    [
      'knex_migrations',
      {
        columns: ['id INTEGER!', 'name varchar(255)', 'batch INTEGER', 'migration_time datetime'],
      },
    ],
    ['knex_migrations_lock', {columns: ['index INTEGER!', 'is_locked INTEGER']}],
    [
      'remote_browser',
      {
        columns: ['id INTEGER!', 'name varchar(255)!', 'url varchar(255)!', 'user_id INTEGER'],
      },
    ],
    ['proxy', replacing(proxy, 'port INTEGER')],
    [
      'domain_expiry',
      {
        columns: lines(`
        id INTEGER!
        last_check datetime
        domain varchar(255)!
        expiry datetime
        last_expiry_notification_sent INTEGER null
      `),
        indexes: [{name: 'domain_expiry_domain_unique', columns: ['domain'], unique: true}],
      },
    ],
    [
      'heartbeat',
      {
        ...withColumns(
          replacing(heartbeat, 'ping bigint'),
          'end_time datetime null',
          "retries INTEGER! '0'",
          'response TEXT null',
        ),
        indexes: [
          index('monitor_id', 'monitor_id'),
          index('important', 'important'),
          index('monitor_time_index', 'monitor_id', 'time'),
          {...index('monitor_important_time_index', 'monitor_id', 'time'), where: 'important = 1'},
          {...index('heartbeat_important_index', 'important'), where: 'important = 1'},
        ],
      },
    ],
    ['stat_minutely', stat('stat_minutely', [...statCounts, ...statPings, ...statTail])],
    ['stat_hourly', stat('stat_hourly', [...statPings, ...statCounts, ...statTail])],
    [
      'monitor',
      {
        ...withColumns(
          replacing(olderMonitor, 'dns_last_result TEXT', 'push_token varchar(32)'),
          ...monitorSince2,
        ),
        foreignKeys: [
          ...(olderMonitor.foreignKeys ?? []),
          holding('remote_browser', 'remote_browser'),
        ],
        checks: ["`snmp_version` IN ('1', '2c', '3')"],
        indexes: [...monitorIndexes, index('monitor_remote_browser_index', 'remote_browser')],
      },
    ],
    ['stat_daily', stat('stat_daily', [...statCounts, ...statPings, ...statTail])],
    [
      'status_page',
      withColumns(
        statusPage,
        'analytics_id VARCHAR',
        'show_certificate_expiry BOOLEAN! 0',
        "auto_refresh_interval INTEGER '300'",
        'analytics_script_url varchar(255)',
        "show_only_last_heartbeat boolean! '0'",
        'rss_title varchar(255)',
        'analytics_type varchar(255) null',
      ),
    ],
  ]);
  const creation = lines(`
    user
    notification
    monitor_notification
    tag
    monitor_tag
    setting
    incident
    group
    monitor_group
    notification_sent_history
    docker_host
    status_page_cname
    maintenance
    maintenance_status_page
    monitor_maintenance
    api_key
    knex_migrations
    knex_migrations_lock
    remote_browser
    monitor_tls_info
    proxy
    domain_expiry
    heartbeat
    stat_minutely
    stat_hourly
    monitor
    stat_daily
    status_page
  `);
  return new Map(creation.map((name) => [name, changed.get(name) ?? pick(older, name)]));
}

export function schemaOf(version: KumaVersion, order: ColumnOrder): Schema {
  if (version === '1.18.5') return schemaOf1185();
  if (version === '1.23.17') return schemaOf12317(order);
  return schemaOf253(order);
}

function stat(name: string, rest: readonly string[]): Table {
  return {
    columns: ['id INTEGER!', 'monitor_id INTEGER!', 'timestamp INTEGER!', 'ping float!', ...rest],
    foreignKeys: [cascading('monitor_id', 'monitor')],
    indexes: [
      {
        name: `${name}_monitor_id_timestamp_unique`,
        columns: ['monitor_id', 'timestamp'],
        unique: true,
      },
    ],
  };
}

function withColumns(table: Table, ...added: readonly string[]): Table {
  return {...table, columns: [...table.columns, ...added]};
}

/** The table with the columns of these names described anew, in place. */
function replacing(table: Table, ...columns: readonly string[]): Table {
  const byName = new Map(columns.map((text) => [nameOf(text), text]));
  return {...table, columns: table.columns.map((text) => byName.get(nameOf(text)) ?? text)};
}

function nameOf(column: string): string {
  return column.slice(0, column.indexOf(' '));
}

function pick(schema: Schema, name: string): Table {
  const table = schema.get(name);
  if (table === undefined) throw new Error(`No table ${name}`);
  return table;
}
