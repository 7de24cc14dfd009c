/** A new snapshot costs a replica the chunks that changed, not the table. */
import {readFileSync, rmSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {beforeAll, describe, expect, test} from 'vitest';
import {Instance} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {complaints, countRows, dumpTable, execute} from '../helpers/typed-dump.ts';
import {listing} from './expectations.ts';

const rows = 60_000;
/** The rows a chunk holds on average: the power of two nearest to 8192 cells of 6 columns. */
const mean = 1024;

describe('three changed rows of 60 000, through restic', () => {
  const folder = temporaryFolder();
  const primary = join(folder, 'primary.db');
  const replica = join(folder, 'replica.db');
  const calls = join(folder, 'calls');
  const env = {ROWPLICA_RESTIC: countingRestic(folder, calls)};
  const shared = {store: `restic:${join(folder, 'repository')}`, tables: ['item'], env};
  const source = new Instance({database: primary, ...shared});
  const target = new Instance({database: replica, ...shared});

  beforeAll(async () => {
    makeItems(primary);
    execute(replica, ddl);
    await source.capture();
    rmSync(calls);
    const first = await target.replicate();
    expect(first.cost.objectsFetched).toBeGreaterThan(rows / mean / 2);
    expect(namesOf(calls), 'all of it in one go').toEqual(['version', 'snapshots', 'restore']);
    execute(primary, `UPDATE item SET b = 'changed' WHERE id IN (10, 20000, 50000)`);
    rmSync(calls);
    await source.capture();
  });

  test('are stored by one backup, and nothing is fetched to count them', () => {
    // What the store shows was known before, and told from its folder after.
    expect(namesOf(calls)).toEqual(['version', 'backup']);
  });

  test('are listed, and fetched with their manifest in one go', async () => {
    rmSync(calls);
    const applied = await target.replicate();
    expect(applied.tables['item']).toEqual({inserted: 0, updated: 3, deleted: 0});
    expect(namesOf(calls)).toEqual(['version', 'snapshots', 'restore']);
    const excluded = readFileSync(calls, 'utf8').match(/--exclude/g) ?? [];
    expect(excluded.length, 'the objects of the snapshot before').toBeGreaterThan(rows / mean / 2);
    expect(applied.cost.objectsFetched).toBeGreaterThan(0);
    expect(applied.cost.objectsFetched).toBeLessThanOrEqual(3);
    expect(applied.proof).toBe('touched');
    expect(applied.cost.rowsRead, 'rows of at most three chunks').toBeLessThan(3 * 2 * mean);
    expect(countRows(replica, 'item', `b = 'changed'`)).toBe(3);
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('and once there, the next run asks for nothing', async () => {
    rmSync(calls);
    const again = await target.replicate();
    expect(again).toMatchObject({applied: false, cost: {objectsFetched: 0}});
    expect((await source.capture()).changed).toBe(false);
    expect(namesOf(calls)).toEqual(['version', 'version']);
  });

  test('what was fetched for a plan is not fetched again to carry it out', async () => {
    const fresh = join(folder, 'fresh.db');
    execute(fresh, ddl);
    const planned = new Instance({database: fresh, ...shared});
    rmSync(calls);
    await planned.replicate('--dry-run');
    expect(namesOf(calls)).toEqual(['version', 'snapshots', 'restore']);
    rmSync(calls);
    await planned.replicate();
    expect(namesOf(calls)).toEqual(['version', 'dump']);
    expect(dumpTable(fresh, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('without the manifest of the snapshot before at hand, manifest and chunks are fetched by name', async () => {
    execute(primary, `UPDATE item SET b = 'once more' WHERE id IN (10, 20000, 50000)`);
    await source.capture();
    rmSync(target.state, {recursive: true});
    execute(replica, `UPDATE item SET b = 'here' WHERE id = 30000`);
    rmSync(calls);
    const applied = await target.replicate();
    expect(applied.tables['item']).toEqual({inserted: 0, updated: 4, deleted: 0});
    expect(namesOf(calls)).toEqual(['version', 'snapshots', 'dump', 'restore']);
    expect(readFileSync(calls, 'utf8')).not.toContain('--exclude');
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('what is damaged in the store is not kept, and what is missing is fetched by name', async () => {
    execute(primary, `UPDATE item SET b = 'a third time' WHERE id IN (10, 20000, 50000)`);
    await source.capture();
    const real = env.ROWPLICA_RESTIC;
    const spoiling = join(folder, 'spoiling.sh');
    writeFileSync(
      spoiling,
      `#!/bin/sh
${real} "$@" || exit $?
case "$*" in *--exclude*)
  for arg in "$@"; do [ "$last" = --target ] && into=$arg; last=$arg; done
  find "$into/objects" -type f | head -1 | xargs rm
  find "$into/objects" -type f | head -1 | while read -r file; do echo spoilt > "$file"; done ;;
esac
`,
      {mode: 0o755},
    );
    rmSync(calls);
    const spoilt = new Instance({database: replica, ...shared, env: {ROWPLICA_RESTIC: spoiling}});
    const applied = await spoilt.replicate();
    expect(applied.tables['item']).toEqual({inserted: 0, updated: 3, deleted: 0});
    expect(namesOf(calls)).toEqual(['version', 'snapshots', 'restore', 'restore']);
    expect(applied.cost.objectsFetched).toBeLessThanOrEqual(3);
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });
});

describe('inserts and deletes, through a directory', () => {
  const folder = temporaryFolder();
  const primary = join(folder, 'primary.db');
  const replica = join(folder, 'replica.db');
  const store = join(folder, 'store');
  const shared = {store: `dir:${store}`, tables: ['item']};
  const source = new Instance({database: primary, ...shared});
  const target = new Instance({database: replica, ...shared});

  beforeAll(async () => {
    makeItems(primary);
    execute(replica, ddl);
    await source.capture();
    await target.replicate();
  });

  test('add few objects to the store, and only those are fetched', async () => {
    const objects = new Set(listing(join(store, 'objects')));
    execute(
      primary,
      `DELETE FROM item WHERE id = 30000;
       INSERT INTO item SELECT 30000.5 * 2, a, b, c, d, e FROM item WHERE id = 7;`,
    );
    await source.capture();
    const added = listing(join(store, 'objects')).filter((name) => !objects.has(name));
    expect(added.length).toBeLessThanOrEqual(4);
    const {cost, tables} = await target.replicate();
    expect(tables['item']).toEqual({inserted: 1, updated: 0, deleted: 1});
    expect(cost.objectsFetched).toBe(added.length);
    expect(cost.rowsRead).toBeLessThan(rows / 3);
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
    expect(complaints(replica)).toEqual([]);
  });

  test('without the state folder everything is compared again, and the result is the same', async () => {
    rmSync(target.state, {recursive: true});
    execute(primary, `UPDATE item SET c = -1 WHERE id = 5`);
    execute(replica, `UPDATE item SET c = -2 WHERE id = 40000`);
    await source.capture();
    const {cost, tables, proof} = await target.replicate();
    expect(tables['item']?.updated).toBe(2);
    expect(proof).toBe('full');
    expect(cost.rowsRead).toBeGreaterThanOrEqual(rows);
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });

  test('--verify=full finds drift that the quick way takes on trust', async () => {
    execute(replica, `UPDATE item SET a = 'drifted' WHERE id = 33333`);
    execute(primary, `UPDATE item SET c = -3 WHERE id = 5`);
    await source.capture();
    expect((await target.replicate()).tables['item']?.updated).toBe(1);
    expect(countRows(replica, 'item', `a = 'drifted'`)).toBe(1);
    const full = await target.replicate('--verify=full');
    expect(full).toMatchObject({applied: true, proof: 'full'});
    expect(full.tables['item']?.updated).toBe(1);
    expect(dumpTable(replica, 'item')).toEqual(dumpTable(primary, 'item'));
  });
});

const ddl =
  'CREATE TABLE item (id INTEGER PRIMARY KEY, a TEXT, b TEXT, c INTEGER, d REAL, e BLOB);';

function makeItems(path: string): void {
  execute(
    path,
    `${ddl} WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
     INSERT INTO item SELECT i, 'item ' || i, 'b', i * 3, i / 7.0, CAST(i AS BLOB) FROM n;`,
  );
}

/** A restic that writes its arguments down before it goes on as the real one. */
function countingRestic(folder: string, calls: string): string {
  const path = join(folder, 'restic.sh');
  const real = process.env['ROWPLICA_RESTIC'] || 'restic';
  writeFileSync(path, `#!/bin/sh\necho "$*" >> '${calls}'\nexec ${real} "$@"\n`, {mode: 0o755});
  return path;
}

function namesOf(calls: string): (string | undefined)[] {
  const lines = readFileSync(calls, 'utf8').trim().split('\n');
  return lines.map((line) => line.split(' ')[0]);
}
