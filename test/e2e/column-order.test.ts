/** A database born in a release and one upgraded into it hold the same columns in another order. */
import {join} from 'node:path';
import Database from 'better-sqlite3';
import {expect, test} from 'vitest';
import {Instance} from '../helpers/cli.ts';
import {copyFixture, fixturesRoot} from '../helpers/fixtures.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {complaints, dumpTable} from '../helpers/typed-dump.ts';
import {addOddValues, buildEmptyKuma, buildPopulatedKuma} from '../helpers/uptime-kuma/index.ts';
import {replicated, withoutOf} from './uptime-kuma-tables.ts';

test('an upgraded database travels into one born in the release', async () => {
  await travels((primary, replica) => {
    buildPopulatedKuma(primary, {version: '1.23.17', columnOrder: 'upgraded'});
    addOddValues(primary);
    buildEmptyKuma(replica, {version: '1.23.17'});
  });
});

test('a database born in the release travels into an upgraded one', async () => {
  await travels((primary, replica) => {
    buildPopulatedKuma(primary, {version: '1.23.17'});
    buildEmptyKuma(replica, {version: '1.23.17', columnOrder: 'upgraded'});
  });
});

test.skipIf(fixturesRoot() === undefined)(
  'the real 1.23.17 upgraded from 1.18 travels into the real empty one (skipped without ROWPLICA_FIXTURES)',
  async () => {
    await travels((primary, replica) => {
      copyFixture('1.23.17/kuma-upgraded-from-1.18.db', primary);
      copyFixture('1.23.17/kuma-empty.db', replica);
    });
  },
);

async function travels(make: (primary: string, replica: string) => void): Promise<void> {
  const folder = temporaryFolder();
  const primary = join(folder, 'primary.db');
  const replica = join(folder, 'replica.db');
  make(primary, replica);
  expect(columnsOf(primary)).not.toEqual(columnsOf(replica));
  expect(columnsOf(primary).sort()).toEqual(columnsOf(replica).sort());

  const store = `dir:${join(folder, 'store')}`;
  const source = new Instance({database: primary, store});
  const target = new Instance({database: replica, store});
  const {tables} = await source.capture();
  await target.replicate();

  const [theirs, ours] = [await source.verify(), await target.verify()];
  expect(theirs.equal && ours.equal).toBe(true);
  expect(ours).toEqual(theirs);
  for (const name of Object.keys(tables)) {
    expect(replicated.has(name), name).toBe(true);
    const without = {without: withoutOf(name)};
    expect(dumpTable(replica, name, without), name).toEqual(dumpTable(primary, name, without));
  }
  expect(complaints(replica)).toEqual([]);
}

function columnsOf(path: string): string[] {
  const db = new Database(path, {readonly: true});
  const columns = db.pragma('table_info(monitor)') as {name: string}[];
  db.close();
  return columns.map(({name}) => name);
}
