// A small Uptime Kuma before and after a release that nobody knows yet, and compat steps for it.

import {copyFileSync, mkdirSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {smallKuma} from './small-kuma.ts';
import {makeDb} from './temp-db.ts';
import {execute} from './typed-dump.ts';

/** What the release does to the database. */
export const release = `
  UPDATE setting SET value = '{"patch-a.sql":true,"patch-next.sql":true}' WHERE key = 'databasePatchedFiles';
  ALTER TABLE monitor ADD COLUMN timeout DOUBLE DEFAULT 0 NOT NULL;
  UPDATE monitor SET timeout = interval * 0.8;
  ALTER TABLE notification RENAME COLUMN v TO config;
  ALTER TABLE tag DROP COLUMN v;
  UPDATE monitor SET kind = 2 WHERE kind = 1;`;

/** What it does, as a compat step. */
export const nextStep = `format: 1
application: uptime-kuma
summary: Monitors get a time-out.
migrations: [patch-next.sql]
reversible: true
operations:
  - {op: addColumn, table: monitor, column: timeout, type: DOUBLE, notNull: true, value: {column: interval, times: 0.8}}
  - {op: setColumn, table: monitor, column: kind, value: 2, where: {kind: 1}}
  - {op: renameColumn, table: notification, from: v, to: config}
  - {op: dropColumn, table: tag, column: v, restore: {type: ''}}
`;

/** A database of the release before, with some rows. */
export function olderKuma(path: string): string {
  return makeDb(path, (db) => {
    db.exec(smallKuma);
    db.exec(`
      ALTER TABLE monitor ADD COLUMN interval INTEGER DEFAULT 60 NOT NULL;
      ALTER TABLE monitor ADD COLUMN kind INTEGER DEFAULT 0;
      INSERT INTO setting VALUES ('databasePatchedFiles', '{"patch-a.sql":true}');
      INSERT INTO monitor (id, name, interval, kind) VALUES (1, 'secret-a', 20, 0), (2, 'secret-b', 30, 1), (3, 'secret-c', 60, 1);
      INSERT INTO notification VALUES (1, 'secret-x'), (2, 'secret-y'), (3, 'secret-z');
      INSERT INTO tag VALUES ('t', NULL);
      INSERT INTO monitor_notification (id, monitor_id, notification_id, w) VALUES (1, 1, 1, 0), (2, 1, 1, 1), (3, 2, 2, 0);
      INSERT INTO heartbeat VALUES (1, 1), (2, 1);`);
  });
}

/** A copy that the release has upgraded. */
export function upgradedKuma(from: string, to: string, more = ''): string {
  copyFileSync(from, to);
  execute(to, release + more);
  return to;
}

/** A folder with one step for the release. */
export function stepFolder(folder: string, text: string = nextStep): string {
  mkdirSync(join(folder, 'uptime-kuma'), {recursive: true});
  writeFileSync(join(folder, 'uptime-kuma/next.yaml'), text);
  return folder;
}
