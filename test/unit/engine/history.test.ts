/** The audit of applies: which rows were written, and never what stood in them. */
import {globSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {history, type HistoryPage, type HistoryRequest} from '../../../src/engine/history.ts';
import {noProgress, silentLog} from '../../../src/index.ts';
import {makeInstances, write, type Instances} from '../../helpers/instances.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, v, w); CREATE TABLE s (k TEXT PRIMARY KEY, v)';

function make(primary = ''): Instances {
  return makeInstances({ddl, primary, replica: '', tables: ['t', 's']});
}

async function sync(instances: Instances, sql: string): Promise<void> {
  write(instances.primary, sql);
  await instances.capture();
  await instances.replicate();
}

const state = ({replica}: Instances): string => `${replica}-state`;

function historyOf(instances: Instances, request: HistoryRequest = {}): Promise<HistoryPage> {
  const options = {database: instances.replica, state: state(instances), env: {}};
  return history({...options, log: silentLog, progress: noProgress}, request);
}

/** As a disk, or a person, may have left it. */
function edit(instances: Instances, sql: string): void {
  const [file = ''] = globSync(join(state(instances), '**', 'state.db'));
  const db = new BetterSqlite3(file);
  db.exec(sql);
  db.close();
}

describe('the history', () => {
  test('is empty before the first apply', async () => {
    expect(await historyOf(make())).toEqual({applies: [], rows: [], next: null});
  });

  test('tells the last apply first, with the columns that changed and no values', async () => {
    const instances = make("INSERT INTO t VALUES (1, 'secret', 5)");
    await sync(instances, "INSERT INTO s VALUES ('secret key', 'secret too')");
    await sync(
      instances,
      "UPDATE t SET w = 6; DELETE FROM s; INSERT INTO t VALUES (2, 'secret', 7)",
    );
    const page = await historyOf(instances);
    expect(page.next).toBeNull();
    expect(page.applies.map(({sequence, listed}) => [sequence, listed])).toEqual([
      [2, 'yes'],
      [1, 'yes'],
    ]);
    const [last, first] = page.applies;
    const key = expect.stringMatching(/^k=digest:[0-9a-f]{8}$/) as string;
    expect(page.rows.filter(({apply}) => apply === last?.apply)).toEqual(
      expect.arrayContaining([
        {apply: last?.apply, table: 't', key: 'id=1', op: 'update', columns: ['w']},
        {apply: last?.apply, table: 't', key: 'id=2', op: 'insert', columns: ['id', 'v', 'w']},
        {apply: last?.apply, table: 's', key, op: 'delete', columns: ['k', 'v']},
      ]),
    );
    expect(page.rows.filter(({apply}) => apply === first?.apply)).toHaveLength(2);
    expect(JSON.stringify(page)).not.toContain('secret');
  });

  test.each([1, 2, 3, 5, 7, 100])('reads the same in pages of %i', async (limit) => {
    const instances = make();
    for (let n = 1; n <= 3; n++)
      await sync(
        instances,
        `INSERT INTO t VALUES (${n}, 1, 1), (${n + 10}, 1, 1), (${n + 20}, 1, 1)`,
      );
    const whole = await historyOf(instances);
    expect(whole.rows).toHaveLength(9);
    const rows: unknown[] = [];
    const applies = new Set<number>();
    for (let before: string | undefined; ;) {
      const page = await historyOf(instances, {limit, before});
      expect(page.rows.length).toBeLessThanOrEqual(limit);
      rows.push(...page.rows);
      for (const {apply} of page.applies) applies.add(apply);
      if (page.next === null) break;
      before = page.next;
    }
    expect(rows).toEqual(whole.rows);
    expect([...applies]).toEqual(whole.applies.map(({apply}) => apply));
  });

  test('leaves out what was undone, and goes on where a page would have begun with it', async () => {
    const instances = make();
    await sync(instances, 'INSERT INTO t VALUES (1, 1, 1), (2, 1, 1)');
    await sync(instances, 'INSERT INTO t VALUES (3, 1, 1), (4, 1, 1)');
    const {next} = await historyOf(instances, {limit: 1});
    await instances.undo();
    expect((await historyOf(instances)).rows).toHaveLength(2);
    expect((await historyOf(instances, {before: next ?? ''})).rows).toHaveLength(2);
  });

  test('says which records it cannot list, and lists the others', async () => {
    const instances = make();
    await sync(instances, 'INSERT INTO t VALUES (1, 1, 1)');
    await sync(instances, 'INSERT INTO t VALUES (2, 1, 1)');
    await sync(instances, 'INSERT INTO t VALUES (3, 1, 1)');
    await sync(instances, 'INSERT INTO t VALUES (4, 1, 1)');
    await sync(instances, 'INSERT INTO t VALUES (5, 1, 1)');
    edit(instances, "UPDATE changeset SET body = '{' WHERE sequence = 5");
    edit(instances, "UPDATE changeset SET manifest = x'00' WHERE sequence = 4");
    edit(instances, "UPDATE changeset SET body = printf('%5000000s', 'x') WHERE sequence = 3");
    edit(instances, `UPDATE changeset SET body = '{"rows":null}' WHERE sequence = 2`);
    const {applies, rows} = await historyOf(instances);
    expect(applies.map(({sequence, listed}) => [sequence, listed])).toEqual([
      [5, 'damaged'],
      [4, 'damaged'],
      [3, 'tooLong'],
      [2, 'tooLong'],
      [1, 'yes'],
    ]);
    expect(rows.map(({key}) => key)).toEqual(['id=1']);
  });
});
