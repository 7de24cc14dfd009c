/** Snapshots of one release in databases of another: right rows, or none written and the reason by name. */
import {mkdirSync, readFileSync, writeFileSync} from 'node:fs';
import {dirname, join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {
  capture,
  diff,
  noProgress,
  replicate,
  silentLog,
  status,
  undo,
  verify,
  type EngineOptions,
} from '../../../src/index.ts';
import {isEngineError} from '../../../src/kernel/errors.ts';
import {copyFixture, fixturesRoot} from '../../helpers/fixtures.ts';
import {tempFolder} from '../../helpers/temp-db.ts';
import {complaints, dumpTable, execute, tablesOf} from '../../helpers/typed-dump.ts';
import {buildRelease, releases, upgradeTo} from '../../helpers/uptime-kuma/releases.ts';
import {replicated, withoutOf} from '../../e2e/uptime-kuma-tables.ts';

const optionsOf = (database: string, folder: string): EngineOptions => ({
  database,
  store: `dir:${join(folder, 'store')}`,
  state: `${database}-state`,
  env: process.env,
  log: silentLog,
  progress: noProgress,
});

/** Replicated tables of both, by storage class and value; ids of link tables and volatile columns aside. */
function content(path: string, of: string = path): Record<string, unknown> {
  const names = tablesOf(of).filter(
    (name) => replicated.has(name) && tablesOf(path).includes(name),
  );
  return Object.fromEntries(
    names.map((name) => [name, sorted(dumpTable(path, name, {without: withoutOf(name)}))]),
  );
}

const sorted = (rows: readonly Readonly<Record<string, string>>[]): readonly string[] =>
  rows
    .map((row) => JSON.stringify(Object.entries(row).toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .toSorted();

describe.skipIf(fixturesRoot() === undefined)(
  'databases that the application itself upgraded (skipped without ROWPLICA_FIXTURES)',
  () => {
    test.each([
      ['1.18.5/kuma.db', '1.23.17/kuma-empty.db', '1.23.17/kuma-upgraded-from-1.18.db'],
      ['1.23.17/kuma.db', '2.5.3/kuma-empty.db', '2.5.3/kuma-upgraded-from-1.23.db'],
    ])('%s, replicated into %s, is %s', async (old, empty, upgraded) => {
      const folder = tempFolder();
      const [primary, replica, truth] = [old, empty, upgraded].map((name, at) =>
        copyFixture(name, join(folder, `${at}.db`)),
      ) as [string, string, string];
      await capture(optionsOf(primary, folder));
      const first = {...optionsOf(replica, folder), allowDeletes: ['monitor']};
      expect(await replicate(first)).toMatchObject({applied: true, proof: 'full'});
      expect(content(replica)).toEqual(content(truth, replica));
      expect(complaints(replica)).toEqual([]);
      expect(await replicate(first)).toMatchObject({applied: false, tables: {}});
      expect(await status(first)).toMatchObject({upToDate: true});
    });
  },
);

type Verdict = 'identical' | 'lifted' | 'lowered' | 'held' | 'refused';

type Pair = {
  readonly primary: string;
  readonly replica: string;
  /** Brings the older of the two to the newer one's release, as the application would; undefined where that is not at hand. */
  readonly upgrade?: ((path: string) => void) | undefined;
  readonly isNewer: boolean;
};

/** Brings the snapshot of one database into another, and looks at what came of it. */
async function meet(folder: string, {primary, replica, upgrade, isNewer}: Pair): Promise<Verdict> {
  const options = {...optionsOf(replica, folder), allowDeletes: ['monitor']};
  await capture(optionsOf(primary, folder));
  const before = content(replica);
  try {
    await replicate(options);
  } catch (error) {
    if (!isEngineError(error, 'UPGRADE_FIRST', 'VERSION_MISMATCH')) throw error;
    expect(error.exitCode).toBe(20);
    expect(content(replica), 'nothing is written').toEqual(before);
    return error.code === 'UPGRADE_FIRST' ? 'held' : 'refused';
  }
  if (upgrade !== undefined) {
    const later = join(folder, 'later.db');
    const [older, newer] = isNewer ? [replica, primary] : [primary, replica];
    execute(older, `VACUUM INTO '${later}'`);
    upgrade(later);
    expect(content(newer, later)).toEqual(content(later, newer));
  }
  expect(complaints(replica)).toEqual([]);
  expect(await replicate(options)).toMatchObject({applied: false});
  return isNewer ? 'lowered' : 'lifted';
}

const page = join(import.meta.dirname, '../../../docs/migrations-compat.md');

/** The page says of each pair what came of it; with UPDATE_DOCS set, what is found is put there. */
function expectInDocs(
  title: string,
  columns: readonly string[],
  rows: readonly (readonly string[])[],
): void {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const table = [columns, columns.map(() => '---'), ...rows].map(line).join('\n');
  const [from, to] = [`<!-- ${title} -->\n\n`, '\n\n<!-- end -->'];
  const old = readFileSync(page, 'utf8');
  const at = old.indexOf(from) + from.length;
  const now = old.slice(0, at) + table + old.slice(old.indexOf(to, at));
  if (process.env['UPDATE_DOCS']) writeFileSync(page, now);
  const plain = (markdown: string): string =>
    markdown.replaceAll(/ +/g, ' ').replaceAll(/-+/g, '-');
  expect(plain(old)).toBe(plain(now));
}

describe('a snapshot of each release in a database of each', () => {
  const verdicts = new Map<string, Verdict>();

  test.each(releases.flatMap((from) => releases.map((to) => [from, to] as const)))(
    'of %s in %s: the rows that an upgrade makes, or none',
    async (from, to) => {
      const folder = tempFolder();
      const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
      buildRelease(primary, from, 12);
      buildRelease(replica, to);
      const order = Math.sign(releases.indexOf(to) - releases.indexOf(from));
      const upgrade = (path: string): void => upgradeTo(path, order < 0 ? from : to);
      const verdict = await meet(folder, {primary, replica, upgrade, isNewer: order < 0});
      expect(order < 0 ? ['lowered', 'held'] : ['lifted']).toContain(verdict);
      verdicts.set(`${from} ${to}`, order === 0 ? 'identical' : verdict);
    },
  );

  test('is in the docs', () => {
    const rows = releases.map((from) => [
      from,
      ...releases.map((to) => verdicts.get(`${from} ${to}`) ?? ''),
    ]);
    expectInDocs('verdicts of releases', ['snapshot of \\ database of', ...releases], rows);
  });
});

const real = [
  '1.18.5/kuma.db',
  '1.23.17/kuma.db',
  '1.23.17/kuma-upgraded-from-1.18.db',
  '2.5.3/kuma.db',
  '2.5.3/kuma-upgraded-from-1.23.db',
];
const places = ['1.18.5', '1.23.17', '2.5.3'];

describe.skipIf(fixturesRoot() === undefined)(
  'a snapshot of each real database in each (skipped without ROWPLICA_FIXTURES)',
  () => {
    const verdicts = new Map<string, Verdict>();

    test.each(real.flatMap((from) => places.map((to) => [from, to] as const)))(
      'of %s in %s: right rows, or none',
      async (from, to) => {
        const folder = tempFolder();
        const primary = copyFixture(from, join(folder, 'primary.db'));
        const replica = copyFixture(`${to}/kuma-empty.db`, join(folder, 'replica.db'));
        const order = Math.sign(places.indexOf(to) - places.indexOf(dirname(from)));
        const verdict = await meet(folder, {primary, replica, isNewer: order < 0});
        expect(order < 0 ? ['lowered', 'held'] : ['lifted']).toContain(verdict);
        verdicts.set(`${from} ${to}`, order === 0 ? 'identical' : verdict);
      },
    );

    test('is in the docs', () => {
      const rows = real.map((from) => [
        from,
        ...places.map((to) => verdicts.get(`${from} ${to}`) ?? ''),
      ]);
      expectInDocs('verdicts of real databases', ['snapshot of \\ database of', ...places], rows);
    });
  },
);

const orders = ['PAB', 'PBA', 'APB', 'ABP', 'BPA', 'BAP'] as const;

test.each(orders)(
  'a fleet upgraded in the order %s, with edits between, ends equal',
  async (order) => {
    const folder = tempFolder();
    const paths = new Map(['P', 'A', 'B'].map((name) => [name, join(folder, `${name}.db`)]));
    const path = (name: string): string => paths.get(name) ?? '';
    buildRelease(path('P'), '1.23', 8);
    for (const name of ['A', 'B']) buildRelease(path(name), '1.23');
    const told: string[] = [];
    let edits = 0;
    const round = async (): Promise<void> => {
      edits++;
      execute(
        path('P'),
        `UPDATE monitor SET name = 'edit ${edits}' WHERE id = 1; INSERT INTO monitor (name, type, interval, user_id, timeout) VALUES ('new ${edits}', 'http', 60, 1, 48)`,
      );
      if (edits > 1) execute(path('P'), `DELETE FROM monitor WHERE name = 'new ${edits - 1}'`);
      await capture(optionsOf(path('P'), folder));
      for (const name of ['A', 'B']) {
        const before = content(path(name));
        try {
          await replicate({...optionsOf(path(name), folder), allowDeletes: ['monitor']});
          expectMeaning(path('P'), path(name));
          told.push('applied');
        } catch (error) {
          if (!isEngineError(error, 'UPGRADE_FIRST')) throw error;
          expect(content(path(name))).toEqual(before);
          told.push('held');
        }
        expect(complaints(path(name))).toEqual([]);
      }
    };
    await round();
    for (const name of order) {
      upgradeTo(path(name), '2.5');
      await round();
    }
    expect(told.slice(-2)).toEqual(['applied', 'applied']);
    for (const name of ['A', 'B']) expect(content(path(name))).toEqual(content(path('P')));
  },
);

/** Whatever the versions: names, addresses and intervals are those of the primary. */
function expectMeaning(primary: string, replica: string): void {
  const rows = (of: string) =>
    dumpTable(of, 'monitor').map(({id, name, url, interval, type}) => ({
      id,
      name,
      url,
      interval,
      type,
    }));
  expect(rows(replica)).toEqual(rows(primary));
}

const text = (value: string): string => `text ${Buffer.from(value).toString('hex').toUpperCase()}`;

test('columns that only the replica has keep what it has, and new rows get what the step says', async () => {
  const folder = tempFolder();
  const [primary, replica] = ['primary', 'replica'].map((name) => join(folder, `${name}.db`)) as [
    string,
    string,
  ];
  buildRelease(primary, '1.23', 4);
  buildRelease(replica, '2.5');
  const options = {...optionsOf(replica, folder), allowDeletes: ['monitor']};
  await capture(optionsOf(primary, folder));
  await replicate(options);
  execute(replica, "UPDATE monitor SET bearer_token = 'own' WHERE id = 2");
  execute(
    primary,
    "UPDATE monitor SET name = 'renamed' WHERE id = 2; INSERT INTO monitor (id, name, type, interval, user_id, timeout) VALUES (90, 'new', 'http', 60, 1, 48)",
  );
  await capture(optionsOf(primary, folder));
  expect(await replicate(options)).toMatchObject({tables: {monitor: {inserted: 1, updated: 1}}});
  const token = (id: number) =>
    dumpTable(replica, 'monitor').find((row) => row['id'] === `integer ${id}`);
  expect(token(2)?.['name']).toBe(text('renamed'));
  expect(token(2)?.['bearer_token']).toBe(text('own'));
  expect(token(90)?.['bearer_token']).toBe(token(1)?.['bearer_token']);
  expect(await undo(options)).toMatchObject({undone: true});
  expect(token(90)).toBeUndefined();
  expect(token(2)?.['bearer_token']).toBe(text('own'));
});

test('a replica that is ahead is verified and compared as what it holds, polled for nothing, and may take over', async () => {
  const folder = tempFolder();
  const [primary, replica] = ['primary', 'replica'].map((name) => join(folder, `${name}.db`)) as [
    string,
    string,
  ];
  buildRelease(primary, '1.23', 6);
  buildRelease(replica, '2.5');
  const [there, here] = [primary, replica].map((path) => optionsOf(path, folder)) as [
    EngineOptions,
    EngineOptions,
  ];
  await capture(there);
  await replicate({...here, allowDeletes: ['monitor']});
  expect(await verify(here)).toMatchObject({equal: true});
  expect(await diff({...here, left: 'live', right: 'latest'})).toMatchObject({equal: true});
  const again = await replicate(here);
  expect(again).toMatchObject({applied: false, cost: {objectsFetched: 0}});

  execute(replica, "UPDATE monitor SET name = 'of the new primary' WHERE id = 1");
  expect(await capture(here)).toMatchObject({changed: true, epoch: 2, tookOver: true});
  expect(await replicate(there)).toMatchObject({applied: true, epoch: 2});
  expectMeaning(replica, primary);
  execute(replica, "UPDATE monitor SET bearer_token = 'secret' WHERE id = 1");
  await capture(here);
  const before = content(primary);
  await expect(replicate(there)).rejects.toMatchObject({
    code: 'UPGRADE_FIRST',
    exitCode: 20,
    site: {table: 'monitor', column: 'bearer_token'},
    message: expect.stringMatching(/^(?!.*secret).*monitor\[id=1\]/),
  });
  expect(content(primary)).toEqual(before);
  expect(await status(there)).toMatchObject({upToDate: false, behind: 1});
  upgradeTo(primary, '2.5');
  expect(await replicate(there)).toMatchObject({applied: true});
  expect(content(primary)).toEqual(content(replica));
});

test('a database upgraded after a replicate is compared anew, and verified and compared from then on', async () => {
  const folder = tempFolder();
  const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
  buildRelease(primary, '1.23', 4);
  buildRelease(replica, '1.23');
  const options = {...optionsOf(replica, folder), allowDeletes: ['monitor']};
  await capture(optionsOf(primary, folder));
  await replicate(options);
  upgradeTo(replica, '2.5');
  execute(replica, "UPDATE monitor SET bearer_token = 'own' WHERE id = 2");
  expect(await replicate(options)).toMatchObject({applied: false});
  expect(await verify(options)).toMatchObject({equal: true});
  execute(replica, "UPDATE monitor SET bearer_token = 'later' WHERE id = 2");
  expect(await replicate(options)).toMatchObject({applied: false});
  expect(await verify(options)).toMatchObject({equal: true});
});

test('what the application writes into columns of its own while a snapshot is adapted stays', async () => {
  const folder = tempFolder();
  const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
  buildRelease(primary, '1.23', 4);
  buildRelease(replica, '2.5');
  const options = {...optionsOf(replica, folder), allowDeletes: ['monitor']};
  await capture(optionsOf(primary, folder));
  await replicate(options);
  execute(primary, "UPDATE monitor SET name = 'renamed' WHERE id = 2");
  await capture(optionsOf(primary, folder));
  let adapted = 0;
  const debug = (message: string): void => {
    if (!message.includes('adapted') || adapted++ > 0) return;
    execute(
      replica,
      "UPDATE monitor SET bearer_token = 'just now' WHERE id = 2; UPDATE monitor_group SET custom_url = 'just now'",
    );
  };
  const log = {...silentLog, debug};
  expect(await replicate({...options, log})).toMatchObject({
    applied: true,
    tables: {monitor: {inserted: 0, updated: 1, deleted: 0}},
  });
  expect(adapted).toBe(2);
  const monitor = dumpTable(replica, 'monitor').find(({id}) => id === 'integer 2');
  expect(monitor).toMatchObject({name: text('renamed'), bearer_token: text('just now')});
  const urls = dumpTable(replica, 'monitor_group').map((row) => row['custom_url']);
  expect(new Set(urls)).toEqual(new Set([text('just now')]));
});

test('of several link rows between the same two, one that changes keeps what the replica has in its own columns', async () => {
  const folder = tempFolder();
  const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
  buildRelease(primary, '1.23', 4);
  buildRelease(replica, '2.5');
  const options = {...optionsOf(replica, folder), allowDeletes: ['monitor']};
  const twice =
    'INSERT INTO monitor_group (monitor_id, group_id, weight) SELECT 1, id, 77 FROM "group" WHERE id = 1';
  execute(primary, twice);
  await capture(optionsOf(primary, folder));
  await replicate(options);
  execute(replica, "UPDATE monitor_group SET custom_url = 'of ' || weight");
  execute(primary, 'UPDATE monitor_group SET weight = 78 WHERE weight = 77');
  await capture(optionsOf(primary, folder));
  await replicate(options);
  const urls = dumpTable(replica, 'monitor_group')
    .filter((row) => row['monitor_id'] === 'integer 1' && row['group_id'] === 'integer 1')
    .map((row) => row['custom_url']);
  expect(new Set(urls)).toEqual(new Set([text('of 1'), text('of 77')]));
});

test('an own column that refers to a row which the snapshot lacks gets what the step says', async () => {
  const folder = tempFolder();
  const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
  buildRelease(primary, '1.21', 4);
  buildRelease(replica, '2.5');
  const options = {...optionsOf(replica, folder), allowDeletes: ['monitor']};
  await capture(optionsOf(primary, folder));
  await replicate(options);
  execute(
    replica,
    `INSERT INTO monitor (id, name, type, user_id, interval) VALUES (90, 'made here', 'group', 1, 60);
    UPDATE monitor SET parent = 90 WHERE id = 2; UPDATE monitor SET parent = 1 WHERE id = 3`,
  );
  expect(await replicate(options)).toMatchObject({
    tables: {monitor: {inserted: 0, updated: 1, deleted: 1}},
  });
  const parents = dumpTable(replica, 'monitor').map(({parent}) => parent);
  expect(parents).toEqual(['null ', 'null ', 'integer 1', 'null ']);
  expect(complaints(replica)).toEqual([]);
  expect(await replicate(options)).toMatchObject({applied: false});
});

test('what dangles on the primary is carried by a column that was renamed', async () => {
  const folder = tempFolder();
  const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
  buildRelease(primary, '1.23', 4);
  buildRelease(replica, '2.5');
  execute(primary, 'PRAGMA foreign_keys = OFF; UPDATE monitor SET proxy_id = 999 WHERE id = 2');
  execute(
    replica,
    "ALTER TABLE monitor RENAME COLUMN proxy_id TO by_proxy; INSERT INTO knex_migrations (name, batch, migration_time) VALUES ('rename.js', 1, 0)",
  );
  const compat = join(folder, 'compat');
  mkdirSync(join(compat, 'uptime-kuma'), {recursive: true});
  const step = `{format: 1, application: uptime-kuma, summary: A name, migrations: [rename.js], reversible: true,
    operations: [{op: renameColumn, table: monitor, from: proxy_id, to: by_proxy}]}`;
  writeFileSync(join(compat, 'uptime-kuma', 'z-rename.yaml'), step);
  const options = {...optionsOf(replica, folder), compat};
  await capture(optionsOf(primary, folder));
  expect(await replicate(options)).toMatchObject({applied: true});
  expect(await verify(options)).toMatchObject({equal: true});
  expect(await undo(options)).toMatchObject({undone: true});
});
