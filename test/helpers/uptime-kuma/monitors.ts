// Monitors of the types that each release knows.

import type {KumaVersion} from './tables.ts';
import type {Row} from './writer.ts';

type Template = {readonly since?: KumaVersion; readonly row: Row & {readonly type: string}};

const none = 'https://';
const host = '127.0.0.1';
const web = 'http://127.0.0.1:18080';
const query = {database_query: 'SELECT 1 -- один'};

// The first two are made once, the others in turn.
const groups: readonly Template[] = [
  {since: '1.23.17', row: {type: 'group', name: 'Group A / Группа', url: none}},
  {since: '1.23.17', row: {type: 'group', name: 'Nested group', url: none, parent: 1}},
];

const templates: readonly Template[] = [
  {row: {type: 'http', name: 'website', url: `${web}/a`, description: 'two\nlines'}},
  {
    row: {
      type: 'keyword',
      name: 'keyword',
      url: `${web}/kw`,
      keyword: 'ключ 🔑',
      invert_keyword: 1,
    },
  },
  {row: {type: 'port', name: 'tcp', url: none, hostname: host, port: 18081}},
  {row: {type: 'ping', name: 'ping', url: none, hostname: host, packet_size: 56.7, timeout: 10.25}},
  {
    row: {
      type: 'http',
      name: 'fractions',
      url: `${web}/fractions`,
      interval: 20.5,
      retry_interval: 33.333333333333336,
      maxretries: 2.5,
      maxredirects: 3.7,
      resend_interval: 0.5,
      timeout: 16.4,
    },
  },
  {row: {type: 'dns', name: 'dns', url: none, hostname: 'example.invalid', port: 18053}},
  {row: {type: 'push', name: 'push', url: none, push_token: 'pushTok1'}},
  {row: {type: 'docker', name: 'container', url: none, docker_host: 2, docker_container: 'кума'}},
  {row: {type: 'http', name: 'via proxy', url: `${web}/proxied`, proxy_id: 1}},
  {
    row: {
      type: 'http',
      name: 'post',
      url: `${web}/form?a='b'&c="d"`,
      method: 'POST',
      body: '{\r\n  "a": "два"\r\n}',
      headers: '{"X-A": "1"}',
      http_body_encoding: 'json',
      auth_method: 'basic',
      basic_auth_user: 'user',
      basic_auth_pass: 'p:ä"',
      accepted_statuscodes_json: '["200-299","301"]',
    },
  },
  {
    row: {
      type: 'mqtt',
      name: 'mqtt',
      url: none,
      hostname: host,
      port: 1883,
      mqtt_topic: 'a/+/#',
      mqtt_success_message: 'ok',
      mqtt_username: 'u',
      mqtt_password: '',
    },
  },
  {row: {type: 'sqlserver', name: 'sqlserver', database_connection_string: 'Server=x', ...query}},
  {row: {type: 'postgres', name: 'postgres', database_connection_string: 'postgres://x', ...query}},
  {row: {type: 'mysql', name: 'mysql', database_connection_string: 'mysql://x', ...query}},
  {row: {type: 'mongodb', name: 'mongodb', database_connection_string: 'mongodb://x'}},
  {row: {type: 'redis', name: 'redis', database_connection_string: 'redis://x'}},
  {
    row: {
      type: 'radius',
      name: 'radius',
      url: none,
      hostname: host,
      port: 1812,
      radius_username: 'u',
      radius_password: 'p',
      radius_secret: 'ß',
      radius_calling_station_id: 'b',
      radius_called_station_id: 'a',
    },
  },
  {row: {type: 'steam', name: 'steam', url: none, hostname: host, port: 27015}},
  {row: {type: 'http', name: 'https', url: 'https://localhost:18443/', expiry_notification: 1}},
  {
    since: '1.23.17',
    row: {type: 'json-query', name: 'json', url: `${web}/j`, json_path: 'n', expected_value: '1.5'},
  },
  {
    since: '1.23.17',
    row: {
      type: 'grpc-keyword',
      name: 'grpc',
      url: none,
      keyword: 'k',
      grpc_url: '127.0.0.1:1',
      grpc_protobuf: 'syntax = "proto3";\nservice Health {}\n',
      grpc_body: '{\n}',
      grpc_metadata: '{"k":"v"}',
      grpc_method: 'check',
      grpc_service_name: 'Health',
      grpc_enable_tls: 1,
    },
  },
  {
    since: '1.23.17',
    row: {
      type: 'gamedig',
      name: 'game',
      url: none,
      hostname: host,
      port: 25565,
      game: 'minecraft',
      gamedig_given_port_only: 0,
      gamedig_token: 'token',
    },
  },
  {
    since: '1.23.17',
    row: {
      type: 'kafka-producer',
      name: 'kafka',
      url: none,
      kafka_producer_topic: 'тема',
      kafka_producer_brokers: '["127.0.0.1:1","localhost:1"]',
      kafka_producer_sasl_options: '{"mechanism":"None"}',
      kafka_producer_message: '{"a":1}',
      kafka_producer_ssl: 1,
      kafka_producer_allow_auto_topic_creation: 1,
    },
  },
  {
    since: '1.23.17',
    row: {type: 'real-browser', name: 'browser', url: `${web}/rb`, remote_browser: 1},
  },
  {since: '1.23.17', row: {type: 'tailscale-ping', name: 'tailscale', url: none, hostname: host}},
  {
    since: '1.23.17',
    row: {
      type: 'http',
      name: 'oauth2',
      url: `${web}/o`,
      auth_method: 'oauth2-cc',
      oauth_client_id: 'cid',
      oauth_client_secret: 'şecret',
      oauth_token_url: `${web}/token`,
      oauth_scopes: 'a b',
      oauth_auth_method: 'client_secret_basic',
      oauth_audience: 'https://example.invalid',
    },
  },
  {
    since: '2.5.3',
    row: {
      type: 'snmp',
      name: 'snmp',
      url: none,
      hostname: host,
      port: 161,
      snmp_oid: '1.3.6.1',
      snmp_version: '3',
      snmp_v3_username: 'v3',
      json_path_operator: '>=',
      expected_value: '1.5',
    },
  },
  {
    since: '2.5.3',
    row: {
      type: 'rabbitmq',
      name: 'rabbit',
      url: none,
      rabbitmq_nodes: `["${web}/"]`,
      rabbitmq_username: 'у',
      rabbitmq_password: 'п',
    },
  },
  {
    since: '2.5.3',
    row: {type: 'smtp', name: 'smtp', hostname: host, port: 25, smtp_security: 'starttls'},
  },
  {
    since: '2.5.3',
    row: {type: 'websocket-upgrade', name: 'ws', url: 'ws://127.0.0.1:1/', ws_subprotocol: 'a,b'},
  },
  {since: '2.5.3', row: {type: 'manual', name: 'manual', url: none, manual_status: 1}},
  {
    since: '2.5.3',
    row: {
      type: 'ntp',
      name: 'ntp',
      hostname: host,
      port: 123,
      ntp_stratum_threshold: 2.5,
      ntp_time_offset_threshold: 0.1,
    },
  },
  {
    since: '2.5.3',
    row: {
      type: 'globalping',
      name: 'globalping',
      hostname: host,
      subtype: 'ping',
      location: 'world',
    },
  },
  {
    since: '2.5.3',
    row: {type: 'system-service', name: 'service', system_service_name: 'cron.service'},
  },
  {
    since: '2.5.3',
    row: {
      type: 'http',
      name: 'conditions',
      url: `${web}/c`,
      conditions: '[{"type":"expression","andOr":"and"}]',
      cache_bust: 1,
      save_response: 1,
      response_max_length: 512.5,
      ip_family: 'ipv4',
      bearer_token: 'tøken',
    },
  },
];

const ages = ['1.18.5', '1.23.17', '2.5.3'];

/** The id of the monitor at this place, counted from 0: ids that end in 0 are missing. */
export function monitorId(position: number): number {
  return position + 1 + Math.floor(position / 9);
}

/** The rows of `count` monitors. */
export function* monitorRows(version: KumaVersion, count: number): Generator<Row> {
  const usable = ({since = '1.18.5'}: Template): boolean =>
    ages.indexOf(since) <= ages.indexOf(version);
  const once = groups.filter(usable);
  const turn = templates.filter(usable);
  for (let position = 0; position < count; position += 1) {
    const template = once[position] ?? turn[(position - once.length) % turn.length];
    if (template === undefined) throw new Error('No monitor template');
    const {row} = template;
    const name = once[position] === undefined ? `${String(row['name'])} №${position}` : row['name'];
    yield {
      id: monitorId(position),
      active: position % 6 === 5 ? 0 : 1,
      user_id: 1,
      interval: 60 + (position % 4) * 15,
      retry_interval: 60,
      timeout: 48,
      parent: position < once.length ? null : parentOf(position),
      created_date: stamp(position),
      ...row,
      name: name ?? null,
    };
  }
}

/** Monitors of the first places are groups from 1.21 on, and hold some of the others. */
function parentOf(position: number): number | null {
  if (position % 5 === 3) return 1;
  return position % 5 === 4 ? 2 : null;
}

/** A date and time, as text without a zone, so many seconds after a fixed moment. */
export function stamp(seconds: number, withMilliseconds = false): string {
  const text = new Date(Date.UTC(2026, 10, 1, 8) + seconds * 1000).toISOString();
  return text.slice(0, withMilliseconds ? 23 : 19).replace('T', ' ');
}
