// Databases of Uptime Kuma as releases between those of the fixtures leave them: upgraded by SQL that does what their migrations do.

import Database from 'better-sqlite3';
import {buildEmptyKuma, buildPopulatedKuma} from './index.ts';
import {knexMigrations, patchedFiles} from './migrations.ts';
import {migrationSql} from './upgrade.ts';

export const releases = ['1.18', '1.21', '1.23', '2.0', '2.1', '2.4', '2.5'] as const;
export type Release = (typeof releases)[number];

const patchesOf = (version: '1.18.5' | '1.23.17'): readonly string[] =>
  Object.keys(JSON.parse(patchedFiles(version, 'upgraded')) as object);
const oldest = patchesOf('1.18.5');
const patches = patchesOf('1.23.17').filter((name) => !oldest.includes(name));
const knex = knexMigrations('2.5.3');

const through = (names: readonly string[], last: string): readonly string[] =>
  names.slice(0, names.findIndex((name) => name.startsWith(last)) + 1);

/** Dated before others of 2.0, and shipped in 2.1. */
const lateIn21 = /add-wstest|generalize-analytics|add-domain-expiry\.js/;
const in20 = through(knex, '2025-10-15-0000-stat-table-fix').filter((name) => !lateIn21.test(name));
const in21 = through(knex, '2026-02-07');
const in24 = [...in21, ...knex.filter((name) => /bearer|gamedig-token/.test(name))];
const in121 = through(patches, 'patch-monitor-tls.sql');

/** Migrations that a release has more than 1.18, in the order in which it runs them. */
const migrationsOf: Readonly<Record<Release, readonly string[]>> = {
  '1.18': [],
  '1.21': in121,
  '1.23': patches,
  '2.0': [...patches, ...in20],
  '2.1': [...patches, ...in21],
  '2.4': [...patches, ...in24],
  '2.5': [...patches, ...knex],
};

export function buildRelease(path: string, release: Release, monitors = 0): void {
  if (monitors === 0) buildEmptyKuma(path, {version: '1.18.5'});
  else buildPopulatedKuma(path, {version: '1.18.5', monitors, heartbeats: 1});
  upgradeTo(path, release);
}

/** Runs the migrations that the database lacks, and records them as the application does. */
export function upgradeTo(path: string, release: Release): void {
  const db = new Database(path);
  try {
    db.pragma('foreign_keys = OFF');
    db.transaction(() => {
      const done = doneIn(db);
      const missing = migrationsOf[release].filter((name) => !done.has(name));
      for (const name of missing) {
        for (const sql of migrationSql(name)) db.exec(sql);
        record(db, name);
      }
    })();
  } finally {
    db.close();
  }
}

function doneIn(db: Database.Database): ReadonlySet<string> {
  const patched = Object.keys(patchedIn(db));
  const names = hasKnex(db) ? db.prepare('SELECT name FROM knex_migrations').pluck().all() : [];
  return new Set([...patched, ...(names as string[])]);
}

const hasKnex = (db: Database.Database): boolean =>
  db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'knex_migrations'").get() !== undefined;

const patchedIn = (db: Database.Database): Record<string, boolean> =>
  JSON.parse(
    String(
      db.prepare("SELECT value FROM setting WHERE key = 'databasePatchedFiles'").pluck().get(),
    ),
  ) as Record<string, boolean>;

function record(db: Database.Database, name: string): void {
  if (name.endsWith('.sql')) {
    const value = JSON.stringify({...patchedIn(db), [name]: true});
    db.prepare("UPDATE setting SET value = ? WHERE key = 'databasePatchedFiles'").run(value);
    return;
  }
  db.exec(`CREATE TABLE IF NOT EXISTS knex_migrations (id INTEGER PRIMARY KEY AUTOINCREMENT, name VARCHAR(255), batch INTEGER, migration_time DATETIME);
    CREATE TABLE IF NOT EXISTS knex_migrations_lock ("index" INTEGER PRIMARY KEY AUTOINCREMENT, is_locked INTEGER)`);
  db.prepare('INSERT INTO knex_migrations (name, batch, migration_time) VALUES (?, 1, 0)').run(
    name,
  );
}
