/** Two small databases in the manner of Uptime Kuma, for the demo: a few tables, a few columns each. */
import type {ScratchStatement} from '../../database/sqlite/scratch.ts';

const SCHEMA: readonly ScratchStatement[] = [
  [
    'CREATE TABLE setting (id INTEGER PRIMARY KEY AUTOINCREMENT, key VARCHAR(200) NOT NULL UNIQUE, value TEXT)',
  ],
  [
    'CREATE TABLE monitor (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(150), url TEXT, interval INTEGER NOT NULL DEFAULT 20, active BOOLEAN NOT NULL DEFAULT 1, timeout DOUBLE)',
  ],
  [
    'CREATE TABLE notification (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(255), config TEXT)',
  ],
  [
    'CREATE TABLE monitor_notification (id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL REFERENCES monitor (id) ON DELETE CASCADE, notification_id INTEGER NOT NULL REFERENCES notification (id) ON DELETE CASCADE)',
  ],
  [
    'CREATE TABLE tag (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(255) NOT NULL, color VARCHAR(255) NOT NULL)',
  ],
  [
    'CREATE TABLE monitor_tag (id INTEGER PRIMARY KEY AUTOINCREMENT, monitor_id INTEGER NOT NULL REFERENCES monitor (id) ON DELETE CASCADE, tag_id INTEGER NOT NULL REFERENCES tag (id) ON DELETE CASCADE, value TEXT)',
  ],
  [
    'CREATE TABLE heartbeat (id INTEGER PRIMARY KEY AUTOINCREMENT, monitor_id INTEGER NOT NULL REFERENCES monitor (id) ON DELETE CASCADE, status SMALLINT NOT NULL, ping INTEGER)',
  ],
];

const NAMES = ['Website', 'Shop', 'Mail', 'DNS', 'Backup server', 'VPN'] as const;

const monitor = (id: number, url: string): ScratchStatement => [
  'INSERT INTO monitor (id, name, url, interval, timeout) VALUES (?, ?, ?, 60, ?)',
  id,
  NAMES[id - 1] ?? null,
  url,
  60 * 0.8,
];

const link = (monitorId: number, notificationId: number): ScratchStatement => [
  'INSERT INTO monitor_notification (monitor_id, notification_id) VALUES (?, ?)',
  monitorId,
  notificationId,
];

const heartbeats = (monitorId: number, count: number): readonly ScratchStatement[] =>
  Array.from({length: count}, (_, at) => [
    'INSERT INTO heartbeat (monitor_id, status, ping) VALUES (?, 1, ?)',
    monitorId,
    20 + (at % 7),
  ]);

const VERSION: ScratchStatement = [
  "INSERT INTO setting (key, value) VALUES ('database_version', '10')",
];

/** The primary: six monitors, two notifications, tags and links. */
export const demoPrimary: readonly ScratchStatement[] = [
  ...SCHEMA,
  VERSION,
  ...NAMES.map((_, at) => monitor(at + 1, `https://host-${at + 1}.example/`)),
  [
    'INSERT INTO notification (id, name, config) VALUES (1, \'On call\', \'{"type":"ntfy"}\'), (2, \'Team chat\', \'{"type":"matrix"}\')',
  ],
  ...[1, 2, 3, 4].map((id) => link(id, 1)),
  link(5, 2),
  [
    "INSERT INTO tag (id, name, color) VALUES (1, 'production', '#059669'), (2, 'office', '#2563EB')",
  ],
  [
    "INSERT INTO monitor_tag (monitor_id, tag_id, value) VALUES (1, 1, 'eu'), (1, 1, 'us'), (3, 2, '')",
  ],
  ...heartbeats(1, 40),
];

/** The replica: three of the monitors, one with an old address; links under other ids; a history of its own. */
export const demoReplica: readonly ScratchStatement[] = [
  ...SCHEMA,
  VERSION,
  ["INSERT INTO setting (key, value) VALUES ('primaryBaseURL', '\"https://status-2.example\"')"],
  monitor(1, 'https://host-1.example/'),
  monitor(2, 'https://old-address.example/'),
  monitor(3, 'https://host-3.example/'),
  ['INSERT INTO notification (id, name, config) VALUES (1, \'On call\', \'{"type":"ntfy"}\')'],
  [
    'INSERT INTO monitor_notification (id, monitor_id, notification_id) VALUES (71, 1, 1), (72, 2, 1)',
  ],
  ...[1, 2, 3].flatMap((id) => heartbeats(id, 100)),
];

/** Two rows and a link, edited on the primary; the link table's ids are remade as a save in the application does. */
export const demoEdits: readonly ScratchStatement[] = [
  ['UPDATE monitor SET interval = 30 WHERE id = 2'],
  ["UPDATE notification SET name = 'On call (night)' WHERE id = 1"],
  ['DELETE FROM monitor_notification WHERE monitor_id = 6 OR monitor_id = 5'],
  link(5, 2),
  link(6, 1),
];
