/** The main job on whole databases of Uptime Kuma, each version, through restic. */
import {execFileSync} from 'node:child_process';
import {cpSync} from 'node:fs';
import {join} from 'node:path';
import Database from 'better-sqlite3';
import {beforeAll, describe, expect, test} from 'vitest';
import {environment, Instance} from '../helpers/cli.ts';
import {copyFixture, fixturesRoot} from '../helpers/fixtures.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {
  complaints,
  countRows,
  dumpTable,
  dumpTables,
  execute,
  tablesOf,
} from '../helpers/typed-dump.ts';
import {
  addOddValues,
  buildEmptyKuma,
  buildPopulatedKuma,
  type KumaVersion,
} from '../helpers/uptime-kuma/index.ts';
import {replicated, withoutOf} from './uptime-kuma-tables.ts';

const versions: readonly KumaVersion[] = ['1.18.5', '1.23.17', '2.5.3'];

/** An empty repository, copied for each test: making one takes seconds. */
const emptyRepository = join(temporaryFolder(), 'repository');

beforeAll(() => {
  restic(emptyRepository, 'init');
});

describe.each(versions)('Uptime Kuma %s, built', (version) => {
  replicatesWholly((primary, replica) => {
    buildPopulatedKuma(primary, {version});
    addOddValues(primary);
    buildEmptyKuma(replica, {version});
  });
});

describe.each(versions)('Uptime Kuma %s, made by the real release', (version) => {
  replicatesWholly((primary, replica) => {
    copyFixture(`${version}/kuma.db`, primary);
    copyFixture(`${version}/kuma-empty.db`, replica);
  }, fixturesRoot() === undefined);
});

function replicatesWholly(
  make: (primary: string, replica: string) => void,
  lacksFixtures = false,
): void {
  test.skipIf(lacksFixtures)(
    lacksFixtures
      ? 'is skipped: there are no databases of real releases here (ROWPLICA_FIXTURES)'
      : 'travels whole, leaves all other rows alone, and then there is nothing to do',
    async () => {
      const folder = temporaryFolder();
      const [primary, replica] = ['primary.db', 'replica.db'].map((name) => join(folder, name));
      if (primary === undefined || replica === undefined) throw new Error('two paths');
      make(primary, replica);
      addLocalRows(primary, replica);
      const repository = join(folder, 'repository');
      cpSync(emptyRepository, repository, {recursive: true});
      const store = `restic:${repository}`;
      const [source, target] = [
        new Instance({database: primary, store}),
        new Instance({database: replica, store}),
      ];
      const sourceBefore = dumpTables(primary);
      const localBefore = dumpTables(replica, isLocal);

      const captured = await source.capture();
      expect(captured).toMatchObject({changed: true, epoch: 1, sequence: 1});
      const names = tablesOf(primary).filter((name) => replicated.has(name));
      expect(Object.keys(captured.tables).sort()).toEqual(names);
      for (const name of names) {
        expect(captured.tables[name]?.rows, name).toBe(countRows(primary, name));
      }

      const applied = await target.replicate();
      expect(applied).toMatchObject({applied: true, dryRun: false, proof: 'full', cascades: {}});
      for (const name of names) {
        const without = {without: withoutOf(name)};
        expect(dumpTable(replica, name, without), name).toEqual(dumpTable(primary, name, without));
      }
      expect(dumpTables(replica, isLocal)).toEqual(localBefore);
      expect(complaints(replica)).toEqual([]);
      expect(dumpTables(primary), 'the primary is only read').toEqual(sourceBefore);

      const watcher = new Database(replica, {readonly: true});
      const version = watcher.pragma('data_version', {simple: true});
      const again = await target.replicate();
      expect(again).toMatchObject({applied: false, snapshot: captured.snapshot, cascades: {}});
      expect(changesIn(again.tables)).toBe(0);
      expect(watcher.pragma('data_version', {simple: true})).toBe(version);
      watcher.close();

      const recaptured = await source.capture();
      expect(recaptured).toMatchObject({changed: false, snapshot: captured.snapshot, sequence: 1});
      expect(resticSnapshots(repository)).toHaveLength(1);
    },
  );
}

function isLocal(table: string): boolean {
  return !replicated.has(table);
}

function changesIn(
  tables: Readonly<Record<string, {inserted: number; updated: number; deleted: number}>>,
): number {
  const counts = Object.values(tables);
  return counts.reduce((sum, each) => sum + each.inserted + each.updated + each.deleted, 0);
}

function resticSnapshots(repository: string): unknown[] {
  return JSON.parse(restic(repository, 'snapshots', '--json')) as unknown[];
}

function restic(repository: string, ...args: string[]): string {
  const binary = process.env['ROWPLICA_RESTIC'] || 'restic';
  return execFileSync(binary, ['-r', repository, ...args], {env: environment()}).toString();
}

/** History and settings of the replica's own, and volatile cells of the primary that must not travel. */
function addLocalRows(primary: string, replica: string): void {
  const tables = new Set(tablesOf(replica));
  const db = new Database(replica);
  db.pragma('foreign_keys = OFF'); // the history is of monitors that the first replicate brings
  db.exec(`
    INSERT INTO heartbeat (important, monitor_id, status, msg, time, duration)
      VALUES (1, 1, 1, 'own', '2026-11-01 08:00:00', 1), (0, 2, 0, 'own too', '2026-11-01 08:01:00', 2);
    INSERT INTO setting (key, value, type) VALUES ('own', '"только здесь"', NULL);
    INSERT INTO monitor_tls_info (monitor_id, info_json) VALUES (1, '{}');
  `);
  for (const name of ['stat_daily', 'stat_hourly', 'stat_minutely'].filter((each) =>
    tables.has(each),
  )) {
    db.exec(
      `INSERT INTO ${name} (monitor_id, timestamp, ping, up, down) VALUES (1, 100, 1.5, 2, 3)`,
    );
  }
  db.close();
  execute(primary, `UPDATE monitor SET dns_last_result = 'only on the primary'`);
}
