/** What the steps make of rows, against what SQLite makes of them under the same migrations, one by one and together. */
import Database from 'better-sqlite3';
import {join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {
  expectSame,
  kumaSteps,
  replicatedIn,
  stepsBetween,
  takeSteps,
  type Replicated,
} from '../../helpers/compat.ts';
import {temporaryFolder} from '../../helpers/temp-folder.ts';
import {addOddValues, buildEmptyKuma, buildPopulatedKuma} from '../../helpers/uptime-kuma/index.ts';
import {knexMigrations, patchedFiles} from '../../helpers/uptime-kuma/migrations.ts';
import {migrationSql, migrationsWithSql} from '../../helpers/uptime-kuma/upgrade.ts';

const steps = kumaSteps();
const patchesOf = (version: '1.18.5' | '1.23.17'): readonly string[] =>
  Object.keys(JSON.parse(patchedFiles(version, 'upgraded')) as object);
const oldest = patchesOf('1.18.5');
const patches = patchesOf('1.23.17').filter((name) => !oldest.includes(name));
const knex = knexMigrations('2.5.3');

const notIn20 = /add-wstest|generalize-analytics|add-domain-expiry\.js/;
const upTo = (name: string): readonly string[] =>
  knex.slice(0, knex.findIndex((one) => one.startsWith(name)) + 1);
const in20 = upTo('2025-10-15-0000-stat-table-fix').filter((name) => !notIn20.test(name));
const in21 = upTo('2026-02-07');
const in24 = [...in21, ...knex.filter((name) => /bearer|gamedig-token/.test(name))];

/** Migrations in the order in which an instance runs them that was upgraded release by release. */
const inOrder = [...new Set([...patches, ...in20, ...in21, ...in24, ...knex])];

const monitorRow = (row: Readonly<Record<string, unknown>>): string =>
  `INSERT INTO monitor (${Object.keys(row).join(', ')}) VALUES (${Object.values(row).map(literal).join(', ')})`;
const literal = (value: unknown): string =>
  typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);

const notification = (config: string | null): string =>
  `INSERT INTO notification (name, user_id, config) VALUES ('n', 1, ${literal(config)})`;

const address = (name: string, type: string, column: string, value: string): string =>
  monitorRow({name, type, [column]: value});

/** Rows that people may have made before a migration runs. */
const before: Readonly<Record<string, readonly string[]>> = {
  'patch-notification-config.sql': [notification('12'), notification('1.50'), notification(null)],
  'patch-add-timeout-monitor.sql': [
    0,
    1,
    7,
    20.5,
    '',
    '33',
    '12 s',
    'x',
    9007199254740992n,
    9223372036854775807n,
    -5,
    1e21,
  ].map((interval) => monitorRow({name: 'interval', type: 'ping', interval})),
  'patch-timeout.sql': [-1, -0.5, 0.5, 48, '', 'x', '-3'].map((timeout) =>
    monitorRow({name: 'time-out', type: 'port', timeout}),
  ),
  'patch-fix-kafka-producer-booleans.sql': [
    monitorRow({
      name: 'k',
      type: 'kafka-producer',
      kafka_producer_ssl: 1,
      kafka_producer_allow_auto_topic_creation: '1',
    }),
  ],
  '2024-10-31-0000-fix-snmp-monitor.js': [
    monitorRow({name: 'operator', type: 'snmp', json_path_operator: '!='}),
  ],
  '2025-02-17-2142-generalize-analytics.js': [
    "UPDATE status_page SET google_analytics_tag_id = 'G-123' WHERE id = 1",
  ],
  '2025-06-15-0001-manual-monitor-fix.js': ['1', '0', ' 1 ', 'up', '', '2.5'].map((manual_status) =>
    monitorRow({name: 'manual', type: 'manual', manual_status}),
  ),
  '2025-10-14-0000-add-ip-family-fix.js': [1, 0, 'ipv4', '6'].map((ip_family) =>
    monitorRow({name: 'family', type: 'http', ip_family}),
  ),
  '2025-06-13-0000-maintenance-add-last-start.js': [
    ['recurring-interval', '* * * * *', '02:00'],
    ['recurring-interval', '* * * * *', '23:30'],
    ['recurring-interval', '* * * * *', '00:05:00'],
    ['recurring-interval', '0 2 */3 * *', '02:00'],
    ['recurring-weekday', '* * * * *', '02:00'],
    ['cron', '* * * * *', null],
  ].map(
    (values) =>
      `INSERT INTO maintenance (title, description, user_id, strategy, cron, start_time) VALUES ('m', '', 1, ${values.map(literal).join(', ')})`,
  ),
  '2025-12-29-0000-remove-line-notify.js': [
    notification('{"type":"LineNotify","lineNotifyAccessToken":"x"}'),
    notification('{"name":"é","type":"LINE-NOTIFY"}'),
    notification('{"type":"line"}'),
    notification('{"type":7}'),
    notification('{"type":"linenotify"'),
    notification('["linenotify"]'),
    'INSERT INTO monitor_notification (monitor_id, notification_id) SELECT (SELECT min(id) FROM monitor), id FROM notification',
  ],
  '2026-01-02-0713-gamedig-v4-to-v5.js': [
    ...['ns2', '7d2d', 'ut', 'minecraft', ''].map((game) =>
      monitorRow({name: 'game', type: 'gamedig', game}),
    ),
    monitorRow({name: 'no game', type: 'gamedig', game: null}),
    monitorRow({name: 'another type', type: 'http', game: 'ns2'}),
  ],
  '2026-02-07-0000-disable-domain-expiry-unsupported-tlds.js': [
    address('it tells', 'http', 'url', 'https://user:p@www.Example.COM:8443/a?b=c.xx#d'),
    address('it tells of a registry below', 'keyword', 'url', 'http://shop.example.co.uk'),
    address('it tells by name', 'ping', 'hostname', 'example.org.'),
    address('it tells of a service', 'grpc-keyword', 'grpc_url', 'example.net:50051'),
    address('a registry that does not', 'http', 'url', 'https://example.de/'),
    address('an address by number', 'http', 'url', 'http://192.0.2.7/com'),
    address('an address of version 6', 'http', 'url', 'http://[2001:db8::1]/a.com'),
    address('one label', 'port', 'hostname', 'localhost'),
    address('nothing', 'dns', 'hostname', ''),
    address('another column', 'ping', 'url', 'https://example.com/'),
    address('a type that does not ask', 'push', 'hostname', 'example.com'),
    monitorRow({
      name: 'it tells, and is off',
      type: 'http',
      url: 'https://example.com/',
      domain_expiry_notification: 0,
    }),
    monitorRow({name: 'neither on nor off', type: 'push', domain_expiry_notification: null}),
  ],
};

/** The replicated part before the first migration, and after each. */
function upgraded(): readonly Replicated[] {
  const path = join(temporaryFolder(), 'kuma.db');
  buildPopulatedKuma(path, {version: '1.18.5', heartbeats: 0});
  addOddValues(path);
  const db = new Database(path);
  try {
    db.pragma('foreign_keys = OFF');
    return inOrder.flatMap((name) => {
      for (const sql of before[name] ?? []) db.exec(sql);
      const was = replicatedIn(db);
      for (const sql of migrationSql(name)) db.exec(sql);
      return [was, replicatedIn(db)];
    });
  } finally {
    db.close();
  }
}

const states = upgraded();
const stateBefore = (name: string): Replicated => states[2 * inOrder.indexOf(name)] ?? new Map();
const stateAfter = (name: string): Replicated => states[2 * inOrder.indexOf(name) + 1] ?? new Map();

describe('one migration', () => {
  test.each(inOrder)('%s does to rows what its step does', (name) => {
    const one = steps.filter(({migrations}) => migrations.includes(name));
    expectSame(takeSteps(one, 'lift', stateBefore(name)), stateAfter(name));
  });

  /** They bring values together that were different, or delete rows: the way back leaves them as they are. */
  const oneWay =
    /patch-timeout|fix-kafka|fix-snmp|manual-monitor-fix|add-ip-family-fix|maintenance-add-last-start|remove-line-notify|disable-domain-expiry/;

  test.each(inOrder.filter((name) => !oneWay.test(name)))('%s can be taken back', (name) => {
    const one = steps
      .filter(({migrations}) => migrations.includes(name))
      .map((step) => ({...step, refuse: []}));
    const from = stateBefore(name);
    expectSame(takeSteps(one, 'lower', takeSteps(one, 'lift', from)), from);
  });
});

test('there is SQL for every step with operations, and for no other migration', () => {
  const meant = steps.filter(({operations}) => operations.length > 0);
  expect(migrationsWithSql.toSorted()).toEqual(
    meant.flatMap(({migrations}) => migrations).toSorted(),
  );
});

test('tables come out as releases declare them', () => {
  for (const [version, last] of [
    ['1.23.17', patches.at(-1)],
    ['2.5.3', knex.at(-1)],
  ] as const) {
    const path = join(temporaryFolder(), 'kuma.db');
    buildEmptyKuma(path, {version});
    const db = new Database(path);
    const born = replicatedIn(db);
    db.close();
    const made = stateAfter(last ?? '');
    expect([...made.keys()]).toEqual([...born.keys()]);
    const shape = (of: Replicated) =>
      [...of].map(([name, {table}]) => [
        name,
        table.columns.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
      ]);
    expect(shape(made)).toEqual(shape(born));
  }
});

/** Each from where no rows are added before the end, which the lift would not know of. */
test.each([
  ['the last of 1.23', 'patch-monitor-tls-info-add-fk.sql', '2024-10-1315-rabbitmq-monitor.js'],
  ['an early 2.0', '2024-10-31-0000-fix-snmp-monitor.js', '2025-05-09-0000-add-custom-url.js'],
  ['2.0', in20.at(-1) ?? '', '2025-02-15-2312-add-wstest.js'],
  ['2.1', in21.at(-1) ?? '', inOrder.at(-1) ?? ''],
  ['2.4', in24.at(-1) ?? '', inOrder.at(-1) ?? ''],
])('several at once: from %s', (_, from, to) => {
  const at = (name: string): number => inOrder.indexOf(name) + 1;
  const between = stepsBetween(steps, inOrder.slice(0, at(from)), inOrder.slice(0, at(to)));
  expectSame(takeSteps(between, 'lift', stateAfter(from)), stateAfter(to));
});

test('all at once, from the oldest to the newest, where nobody adds a row in between', () => {
  const path = join(temporaryFolder(), 'kuma.db');
  buildPopulatedKuma(path, {version: '1.18.5', heartbeats: 0});
  const db = new Database(path);
  db.pragma('foreign_keys = OFF');
  const from = replicatedIn(db);
  const checkpoints = [patches.at(-1), in20.at(-1), in21.at(-1), in24.at(-1), knex.at(-1)];
  const done: string[] = [];
  for (const name of inOrder) {
    for (const sql of migrationSql(name)) db.exec(sql);
    done.push(name);
    if (!checkpoints.includes(name)) continue;
    expectSame(takeSteps(stepsBetween(steps, [], done), 'lift', from), replicatedIn(db));
  }
  db.close();
});
