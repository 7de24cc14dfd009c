/** undo brings back exactly what was there, or changes nothing; then the replica is held. */
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {faults, makeInstances, write, type Instances} from '../../helpers/instances.ts';
import {dumpTables} from '../../helpers/typed-dump.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b)';
const odd = `(1, 1, 'same'), (2, 9007199254740993, 'gone'), (3, NULL, x'00ff'), (4, 4, CAST(x'ff41' AS TEXT)), (5, 5, -0.0), (6, 6, 1.0)`;
const other = `(1, 1, 'same'), (3, 3, 'changed'), (4, 4, ''), (5, 5, 0), (6, 6, 1), (7, -9223372036854775808, 'new')`;

function simple(): Instances {
  return makeInstances({
    ddl,
    primary: `INSERT INTO t VALUES ${other}`,
    replica: `INSERT INTO t VALUES ${odd}`,
    tables: ['t'],
  });
}

async function applied(instances: Instances): Promise<Instances> {
  await instances.capture();
  await instances.replicate();
  return instances;
}

async function changed(instances: Instances, sql: string): Promise<Instances> {
  write(instances.primary, sql);
  return applied(instances);
}

/** Runs SQL on the replica's own state. */
function onState({replica}: Instances, sql: string): void {
  const db = new BetterSqlite3(join(`${replica}-state`, 'instances', 'replica.db', 'state.db'));
  db.exec(sql);
  db.close();
}

describe('what comes back', () => {
  test('is every value by its type and bits, after the first replicate too, and needs no store', async () => {
    const instances = simple();
    const before = dumpTables(instances.replica);
    await applied(instances);
    expect(dumpTables(instances.replica)).toEqual(dumpTables(instances.primary));
    expect(await instances.undo()).toMatchObject({
      undone: true,
      dryRun: false,
      epoch: 1,
      sequence: 1,
      tables: {t: {inserted: 1, updated: 4, deleted: 1}},
      cascades: {},
      notRestored: {},
      held: 'undone',
    });
    expect(dumpTables(instances.replica)).toEqual(before);
    expect((await instances.status()).position).toBeNull();
  });

  test('is told by a dry run, which writes nothing and counts the same', async () => {
    const instances = await applied(simple());
    const before = dumpTables(instances.replica);
    const dry = await instances.undo({dryRun: true});
    expect(dry).toMatchObject({undone: false, dryRun: true, held: null});
    expect(dumpTables(instances.replica)).toEqual(before);
    expect((await instances.status()).held).toBeNull();
    const {tables, cascades} = await instances.undo();
    expect({tables, cascades}).toEqual({tables: dry.tables, cascades: dry.cascades});
  });

  test('is the old spelling of a key', async () => {
    const instances = makeInstances({
      ddl: 'CREATE TABLE t (k TEXT COLLATE NOCASE PRIMARY KEY, v); CREATE TABLE r (k TEXT COLLATE RTRIM PRIMARY KEY, v) WITHOUT ROWID',
      primary: "INSERT INTO t VALUES ('AB', 1), ('é', 2); INSERT INTO r VALUES ('x', 1)",
      replica: "INSERT INTO t VALUES ('aB', 1), ('É', 2); INSERT INTO r VALUES ('x  ', 1)",
      tables: ['t', 'r'],
    });
    const before = dumpTables(instances.replica);
    await applied(instances);
    expect((await instances.undo()).tables).toEqual({
      r: {inserted: 0, updated: 1, deleted: 0},
      t: {inserted: 1, updated: 1, deleted: 1},
    });
    expect(dumpTables(instances.replica)).toEqual(before);
  });

  test('goes one change set further back each time, until there is none', async () => {
    const instances = simple();
    const states = [dumpTables(instances.replica)];
    await applied(instances);
    for (const sql of ['UPDATE t SET a = 2 WHERE id < 4', 'DELETE FROM t WHERE id = 1']) {
      states.push(dumpTables(instances.replica));
      await changed(instances, sql);
    }
    for (const sequence of [3, 2, 1]) {
      expect(await instances.undo()).toMatchObject({sequence});
      expect(dumpTables(instances.replica)).toEqual(states.pop());
      expect((await instances.status()).undone).toMatchObject({sequence: 3});
    }
    await expect(instances.undo()).rejects.toMatchObject({code: 'NOTHING_TO_UNDO', exitCode: 2});
  });

  test('holds references that dangled before', async () => {
    const instances = makeInstances({
      ddl: 'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p)',
      primary: 'INSERT INTO p VALUES (1), (9); INSERT INTO c VALUES (1, 1), (4, 9)',
      replica: 'INSERT INTO p VALUES (1); INSERT INTO c VALUES (1, 77), (2, 88), (4, 9)',
      tables: ['p', 'c'],
    });
    const before = dumpTables(instances.replica);
    await applied(instances);
    expect(faults(instances.replica)).toEqual([]);
    await instances.undo();
    expect(dumpTables(instances.replica)).toEqual(before);
  });
});

test('references that dangled on the primary too come back in a large table, of which only changes are read', async () => {
  const instances = makeInstances({
    ddl: 'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p, v)',
    primary: `INSERT INTO c VALUES (0, 77, 'x'); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 40000)
      INSERT INTO c SELECT i, NULL, 'v' || i FROM n`,
    replica: '',
    tables: ['p', 'c'],
  });
  await applied(instances);
  const before = dumpTables(instances.replica);
  write(instances.primary, 'DELETE FROM c WHERE id = 0');
  await instances.capture();
  expect(await instances.replicate()).toMatchObject({proof: 'touched'});
  await instances.undo();
  expect(dumpTables(instances.replica)).toEqual(before);
});

describe('rows of local tables', () => {
  const withHistory = (primary: string, replica: string): Instances =>
    makeInstances({
      ddl: `${ddl}; CREATE TABLE beat (id INTEGER PRIMARY KEY, t REFERENCES t ON DELETE CASCADE);
        CREATE TABLE note (id INTEGER PRIMARY KEY, t REFERENCES t ON DELETE SET NULL)`,
      primary,
      replica,
      tables: ['t'],
    });

  test('that came to inserted rows follow them, as declared, and are counted', async () => {
    const instances = await applied(withHistory("INSERT INTO t VALUES (1, 1, '')", ''));
    write(
      instances.replica,
      'INSERT INTO beat VALUES (1, 1), (2, 1), (3, NULL); INSERT INTO note VALUES (1, 1)',
    );
    expect(await instances.undo({dryRun: true})).toMatchObject({cascades: {beat: 2, note: 1}});
    expect(await instances.undo()).toMatchObject({cascades: {beat: 2, note: 1}});
    expect(dumpTables(instances.replica)).toMatchObject({
      t: [],
      beat: [{id: 'integer 3'}],
      note: [{t: 'null '}],
    });
  });

  test('that went with deleted rows are not brought back, and that is said', async () => {
    const instances = await applied(
      withHistory(
        "INSERT INTO t VALUES (1, 1, '')",
        "INSERT INTO t VALUES (1, 1, ''), (2, 2, ''); INSERT INTO beat VALUES (1, 2), (2, 2), (3, 1)",
      ),
    );
    expect(await instances.undo()).toMatchObject({
      tables: {t: {inserted: 1, updated: 0, deleted: 0}},
      cascades: {},
      notRestored: {beat: 2},
    });
    expect(dumpTables(instances.replica)).toMatchObject({
      t: [{id: 'integer 1'}, {id: 'integer 2'}],
      beat: [{id: 'integer 3'}],
    });
  });
});

describe('undo is refused, and nothing written', () => {
  test.each([
    ['an updated row changed', "UPDATE t SET b = 'mine' WHERE id = 3", 'id=3'],
    ['it changed by its storage class alone', 'UPDATE t SET b = 1.0 WHERE id = 6', 'id=6'],
    ['an updated row is gone', 'DELETE FROM t WHERE id = 4', 'id=4'],
    ['an inserted row is gone', 'DELETE FROM t WHERE id = 7', 'id=7'],
    ['a deleted row is there again', "INSERT INTO t VALUES (2, 2, 'again')", 'id=2'],
  ])('where %s', async (_, sql, key) => {
    const instances = await applied(simple());
    write(instances.replica, sql);
    const before = dumpTables(instances.replica);
    for (const dryRun of [true, false])
      await expect(instances.undo({dryRun})).rejects.toMatchObject({
        code: 'UNDO_STALE',
        exitCode: 22,
        site: {table: 't', key},
      });
    expect(dumpTables(instances.replica)).toEqual(before);
    expect((await instances.status()).held).toBeNull();
  });

  test('but not where another row changed, which stays as it is', async () => {
    const instances = await applied(simple());
    write(instances.replica, "UPDATE t SET b = 'mine' WHERE id = 1");
    await instances.undo();
    expect(dumpTables(instances.replica)['t']?.[0]).toMatchObject({b: 'text 6D696E65'});
  });

  test('where a row since then refers to one that would go', async () => {
    const instances = await applied(
      makeInstances({
        ddl: 'CREATE TABLE p (id INTEGER PRIMARY KEY); CREATE TABLE c (id INTEGER PRIMARY KEY, p REFERENCES p)',
        primary: 'INSERT INTO p VALUES (1)',
        replica: '',
        tables: ['p', 'c'],
      }),
    );
    write(instances.replica, 'INSERT INTO c VALUES (1, 1)');
    const before = dumpTables(instances.replica);
    await expect(instances.undo()).rejects.toMatchObject({code: 'FOREIGN_KEY'});
    expect(dumpTables(instances.replica)).toEqual(before);
    expect(await instances.status()).toMatchObject({held: null, interrupted: false});
  });

  test('where the unique value of a deleted row was taken since', async () => {
    const instances = await applied(
      makeInstances({
        ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, u UNIQUE)',
        primary: '',
        replica: "INSERT INTO t VALUES (1, 'u')",
        tables: ['t'],
      }),
    );
    write(instances.replica, "INSERT INTO t VALUES (2, 'u')");
    const before = dumpTables(instances.replica);
    await expect(instances.undo()).rejects.toMatchObject({code: 'CONSTRAINT', site: {table: 't'}});
    expect(dumpTables(instances.replica)).toEqual(before);
  });

  test.each([
    ['ADD COLUMN c', 'c'],
    ['RENAME COLUMN b TO c', 'b'],
  ])('where the schema changed since: %s', async (change, column) => {
    const instances = await applied(simple());
    write(instances.replica, `ALTER TABLE t ${change}`);
    for (const dryRun of [true, false])
      await expect(instances.undo({dryRun})).rejects.toMatchObject({
        code: 'SCHEMA_MISMATCH',
        exitCode: 20,
        site: {table: 't', column},
      });
  });

  test('where a trigger writes another table, unless that is allowed', async () => {
    const instances = await applied(simple());
    write(
      instances.replica,
      'CREATE TABLE log (id); CREATE TRIGGER x AFTER DELETE ON t BEGIN INSERT INTO log VALUES (old.id); END',
    );
    await expect(instances.undo()).rejects.toMatchObject({code: 'TRIGGER', site: {table: 't'}});
    expect(await instances.undo({allowTriggers: true})).toMatchObject({undone: true});
  });

  test('where the change set was too large to be kept', async () => {
    const instances = await applied(simple());
    onState(instances, `UPDATE changeset SET body = '{"rows":null}'`);
    await expect(instances.undo()).rejects.toMatchObject({
      code: 'NOTHING_TO_UNDO',
      message: expect.stringMatching(/sequence 1: its rows were too many to be kept/),
    });
  });

  test('where nothing was applied, and without making a state folder', async () => {
    const instances = simple();
    await expect(instances.undo()).rejects.toMatchObject({code: 'NOTHING_TO_UNDO'});
    expect(await instances.resume()).toEqual({resumed: false, undone: null, held: null});
    expect((await instances.status()).instance).toBeNull();
  });
});

describe('afterwards the replica is held', () => {
  test('at what was undone: replicate is refused, a dry run prints the plan', async () => {
    const instances = await changed(await applied(simple()), 'UPDATE t SET a = 2 WHERE id = 1');
    await instances.undo();
    const before = dumpTables(instances.replica);
    await expect(instances.replicate()).rejects.toMatchObject({
      code: 'HELD',
      exitCode: 20,
      hint: expect.stringContaining('rowplica resume'),
    });
    expect(dumpTables(instances.replica)).toEqual(before);
    expect(await instances.replicate({dryRun: true})).toMatchObject({
      held: 'undone',
      tables: {t: {updated: 1}},
    });
    expect(await instances.status()).toMatchObject({
      held: 'undone',
      undone: {epoch: 1, sequence: 2, since: expect.stringMatching(/^\d{4}-/)},
      position: {sequence: 1, trusted: false},
      behind: 1,
    });
  });

  test('until resume, which says whether it was', async () => {
    const instances = await applied(simple());
    await instances.undo();
    expect(await instances.resume()).toMatchObject({resumed: true, undone: {sequence: 1}});
    expect(await instances.resume()).toEqual({resumed: false, undone: null, held: null});
    expect(await instances.replicate()).toMatchObject({applied: true, held: null});
    expect(dumpTables(instances.replica)).toEqual(dumpTables(instances.primary));
    expect(await instances.undo()).toMatchObject({sequence: 1});
  });

  test('until a newer snapshot is applied, also where it is newer than the place it went back to', async () => {
    const instances = await changed(await applied(simple()), 'UPDATE t SET a = 2 WHERE id = 1');
    await instances.undo();
    await instances.undo();
    await expect(instances.replicate()).rejects.toMatchObject({code: 'HELD'});
    await changed(instances, 'UPDATE t SET a = 3 WHERE id = 1');
    expect(dumpTables(instances.replica)).toEqual(dumpTables(instances.primary));
    expect(await instances.status()).toMatchObject({held: null, undone: null, upToDate: true});
    expect(await instances.replicate()).toMatchObject({applied: false});
  });

  test('until a snapshot is named', async () => {
    const instances = await applied(simple());
    await instances.undo();
    await expect(instances.replicate()).rejects.toMatchObject({code: 'HELD'});
    await instances.replicate({snapshot: 'latest', dryRun: true});
    expect((await instances.status()).held).toBe('undone');
    expect(await instances.replicate({snapshot: 'latest'})).toMatchObject({applied: true});
    expect(await instances.status()).toMatchObject({held: null, upToDate: true});
  });

  test('also at a newer position that was reached without writing', async () => {
    const instances = await applied(simple());
    write(instances.primary, 'UPDATE t SET a = 2 WHERE id = 1');
    write(instances.replica, 'UPDATE t SET a = 2 WHERE id = 1');
    await applied(instances);
    expect(await instances.undo()).toMatchObject({sequence: 1});
    expect((await instances.status()).undone).toMatchObject({sequence: 2});
    await expect(instances.replicate()).rejects.toMatchObject({code: 'HELD'});
  });

  test('where a named snapshot led back and that is undone, the newest is not held', async () => {
    const instances = await applied(simple());
    const first = await instances.status();
    await changed(instances, 'UPDATE t SET a = 2 WHERE id = 1');
    const before = dumpTables(instances.replica);
    await instances.replicate({snapshot: first.position?.digest});
    await instances.undo();
    expect(dumpTables(instances.replica)).toEqual(before);
    expect((await instances.status()).position).toMatchObject({sequence: 2});
    expect(await instances.replicate()).toMatchObject({sequence: 2, held: null});
  });

  test('where the position is lost or an older release did not note it', async () => {
    const lost = await changed(await applied(simple()), 'UPDATE t SET a = 2 WHERE id = 1');
    onState(lost, 'DELETE FROM position');
    expect(await lost.undo()).toMatchObject({sequence: 2});
    expect((await lost.status()).position).toMatchObject({sequence: 1, trusted: false});

    const old = await changed(await applied(simple()), 'UPDATE t SET a = 2 WHERE id = 1');
    onState(
      old,
      `UPDATE changeset SET previous = NULL, body = json_remove(body, '$.cascades', '$.dangling')`,
    );
    expect(await old.undo()).toMatchObject({sequence: 2, notRestored: {}});
    expect((await old.status()).position).toMatchObject({sequence: 2, trusted: false});
    await expect(old.replicate()).rejects.toMatchObject({code: 'HELD'});
    await old.resume();
    await old.replicate();
    expect(dumpTables(old.replica)).toEqual(dumpTables(old.primary));
  });
});
