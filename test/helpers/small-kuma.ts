/** The least that the profile of Uptime Kuma recognises: with link tables, and a history that stays local. */
export const smallKuma = `
  CREATE TABLE setting (key TEXT, value TEXT);
  CREATE TABLE monitor (id INTEGER PRIMARY KEY, name, u UNIQUE, parent REFERENCES monitor ON DELETE SET NULL, dns_last_result TEXT DEFAULT 'none');
  CREATE TABLE tag (id TEXT COLLATE NOCASE PRIMARY KEY, v);
  CREATE TABLE notification (id INTEGER PRIMARY KEY, v);
  CREATE TABLE monitor_notification (id INTEGER PRIMARY KEY AUTOINCREMENT,
    monitor_id REFERENCES monitor ON DELETE CASCADE, notification_id REFERENCES notification, w);
  CREATE TABLE heartbeat (id INTEGER PRIMARY KEY, monitor_id REFERENCES monitor ON DELETE CASCADE)`;

export const smallKumaTables = [
  'monitor',
  'tag',
  'notification',
  'monitor_notification',
  'heartbeat',
] as const;
