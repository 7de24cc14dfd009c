/** Local edits and conflicts through the command line: shown, counted, decided, with the exit codes that scripts rely on. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {beforeAll, describe, expect, test} from 'vitest';
import {rowplica, type CliResult} from '../helpers/cli.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';

const folder = temporaryFolder();
const [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
const config = join(folder, 'rowplica.yaml');
const store = `dir:${join(folder, 'store')}`;
const SECRET = 'hush-hush';

const on = (database: string, ...args: readonly string[]): Promise<CliResult> =>
  rowplica([...args, '--database', database, '--store', store, '--config', config]);
function select(path: string, sql: string): unknown[] {
  const db = new BetterSqlite3(path, {readonly: true});
  try {
    return db.prepare(sql).pluck().all();
  } finally {
    db.close();
  }
}
const json = async (result: Promise<CliResult>): Promise<unknown> =>
  JSON.parse((await result).stdout);

beforeAll(async () => {
  const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a TEXT, b TEXT)';
  execute(primary, `${ddl}; INSERT INTO t VALUES (1, 'a', 'b'), (2, 'a', 'b'), (3, 'a', 'b')`);
  execute(replica, ddl);
  writeFileSync(config, 'tables: {t: {policy: merge}}\n');
  await on(primary, 'capture');
  await on(replica, 'replicate');
});

describe('local edits and conflicts', () => {
  test('drift shows what was changed here, status counts it', async () => {
    execute(replica, `UPDATE t SET a = '${SECRET}' WHERE id = 1; DELETE FROM t WHERE id = 2`);
    const drift = await on(replica, 'drift', '--exit-code');
    expect(drift.exitCode).toBe(4);
    expect(drift.stdout).toMatch(/t\[id=1\] {2}a .* kept/);
    expect(drift.stdout).toMatch(/- t\[id=2\]/);
    expect(drift.stdout).not.toContain(SECRET);
    expect(await json(on(replica, 'drift', '--json', '--show-values'))).toMatchObject({
      rows: 2,
      tables: {t: {inserted: 0, updated: 1, deleted: 1}},
      changes: [
        {
          table: 't',
          key: 'id=1',
          op: 'update',
          columns: ['a'],
          fate: 'kept',
          values: {a: {left: 'a', right: SECRET}},
        },
        {table: 't', key: 'id=2', op: 'delete', fate: 'kept'},
      ],
    });
    expect(await json(on(replica, 'status', '--json'))).toMatchObject({drift: 2, conflicts: 0});
  });

  test('a conflict is left open, the rest is applied: exit 21', async () => {
    execute(
      primary,
      "UPDATE t SET a = 'new' WHERE id = 1; UPDATE t SET b = 'new' WHERE id IN (2, 3)",
    );
    await on(primary, 'capture');
    const dry = await on(replica, 'replicate', '--dry-run');
    expect(dry.exitCode).toBe(21);
    expect(await json(on(replica, 'conflicts', '--json'))).toMatchObject({open: 0});
    const real = await on(replica, 'replicate');
    expect(real.exitCode).toBe(21);
    expect(real.stdout).toMatch(/t\[id=1\] \(a\): changed here and on the primary .* open/);
    expect(real.stdout).toMatch(/t\[id=2\]: deleted here, changed on the primary/);
    expect(real.stdout).not.toContain(SECRET);
    expect(select(replica, 'SELECT b FROM t WHERE id = 3')).toEqual(['new']);
    const again = await on(replica, 'replicate', '--json');
    expect(again.exitCode).toBe(21);
    expect(JSON.parse(again.stdout)).toMatchObject({
      applied: false,
      conflicts: [
        {table: 't', key: 'id=1', kind: 'bothEdited', columns: ['a'], taken: 'ours', open: true},
        {table: 't', key: 'id=2', kind: 'deletedHere', columns: [], taken: 'ours', open: true},
      ],
    });
    expect(await json(on(replica, 'status', '--json'))).toMatchObject({conflicts: 2});
  });

  test('conflicts lists them, values masked unless asked for', async () => {
    const listed = await on(replica, 'conflicts');
    expect(listed.exitCode).toBe(0);
    expect(listed.stdout).toMatch(/t\[id=1\] \(a\).*sequence 2/);
    expect(listed.stdout).not.toContain(SECRET);
    expect(await json(on(replica, 'conflicts', '--json', '--show-values'))).toMatchObject({
      open: 2,
      conflicts: [
        {key: 'id=1', take: null, values: {base: {a: 'a'}, ours: {a: SECRET}, theirs: {a: 'new'}}},
        {key: 'id=2', values: {base: {id: 2}, ours: null, theirs: {b: 'new'}}},
      ],
    });
  });

  test('resolved, a conflict is settled until the cell changes again', async () => {
    const ours = await on(replica, 'conflicts', 'resolve', 't', '1', '--take', 'ours');
    expect(ours).toMatchObject({exitCode: 0});
    const theirs = await on(
      replica,
      'conflicts',
      'resolve',
      't',
      'id=2',
      '--take',
      'theirs',
      '--json',
    );
    expect(JSON.parse(theirs.stdout)).toMatchObject({
      resolved: [{key: 'id=2'}],
      take: 'theirs',
      open: 0,
    });
    expect((await on(replica, 'replicate')).exitCode).toBe(0);
    expect(select(replica, 'SELECT a || b FROM t ORDER BY id')).toEqual([
      `${SECRET}b`,
      'anew',
      'anew',
    ]);
    execute(primary, "UPDATE t SET b = 'newer' WHERE id = 1");
    await on(primary, 'capture');
    expect((await on(replica, 'replicate')).exitCode).toBe(0);
    expect(select(replica, 'SELECT a || b FROM t WHERE id = 1')).toEqual([`${SECRET}newer`]);
    execute(primary, "UPDATE t SET a = 'newest' WHERE id = 1");
    await on(primary, 'capture');
    expect((await on(replica, 'replicate')).exitCode).toBe(21);
    expect(await json(on(replica, 'conflicts', '--json'))).toMatchObject({open: 1});
    execute(replica, "UPDATE t SET a = 'newest' WHERE id = 1");
    expect((await on(replica, 'replicate')).exitCode).toBe(0);
    expect(await json(on(replica, 'conflicts', '--json'))).toMatchObject({open: 0, conflicts: []});
  });

  test.each([
    [['resolve', 't', '1'], /--take/],
    [['resolve', 't', '1', '--take', 'mine'], /--take/],
    [['resolve', '--take', 'ours'], /no row was named/],
    [['resolve', 't', '77', '--take', 'ours'], /no conflict about t\[77\]/],
  ])('conflicts %j says what is wrong', async (args, message) => {
    const refused = await on(replica, 'conflicts', ...args);
    expect(refused.exitCode).toBe(2);
    expect(refused.stderr).toMatch(message);
  });

  test('--all decides every one, and --help shows how', async () => {
    expect((await on(replica, 'conflicts', 'resolve', '--all', '--take', 'theirs')).exitCode).toBe(
      0,
    );
    for (const command of [['drift'], ['conflicts'], ['conflicts', 'resolve']])
      expect((await rowplica([...command, '--help'])).stdout).toMatch(/Example:/);
  });
});
