/** Where something recorded, declared or labelled may not be so: it is looked at, or refused. */
import {copyFileSync, cpSync, mkdirSync, readdirSync, renameSync, rmSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {describe, expect, test} from 'vitest';
import {faults, makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT)';
const columns = ['id', 'a', 'b'];

/** More cells than a full proof digests, so that a new snapshot costs only the chunks that changed. */
const many = `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40000)
  INSERT INTO t SELECT i, i, 'v' || i FROM c`;

/** A primary with one row, and an empty replica. */
function oneRow(): Instances {
  return makeInstances({
    ddl,
    primary: 'INSERT INTO t VALUES (1, 1, NULL)',
    replica: '',
    tables: ['t'],
  });
}

async function large(more = ''): Promise<Instances> {
  const instances = makeInstances({ddl: ddl + more, primary: many, replica: '', tables: ['t']});
  await instances.capture();
  await instances.replicate();
  return instances;
}

async function changed(instances: Instances, sql: string): Promise<Instances> {
  write(instances.primary, sql);
  await instances.capture();
  return instances;
}

function expectEqual({primary, replica}: Instances): void {
  expect(typed(replica, 't', columns)).toEqual(typed(primary, 't', columns));
  expect(faults(replica)).toEqual([]);
}

describe('a large table', () => {
  test('whose trigger writes other rows of it is proved whole, and refused', async () => {
    const instances = await changed(await large(), "UPDATE t SET b = 'new' WHERE id = 5");
    write(
      instances.replica,
      'CREATE TRIGGER x AFTER UPDATE ON t BEGIN UPDATE t SET a = a + 1 WHERE id = new.id + 20000; END',
    );
    const before = typed(instances.replica, 't', columns);
    await expect(instances.replicate()).rejects.toMatchObject({
      code: 'PROOF_FAILED',
      site: {table: 't'},
    });
    expect(typed(instances.replica, 't', columns)).toEqual(before);
  });

  test('in which a row that drifted holds a wanted value is compared whole, and converges', async () => {
    const instances = await large('; CREATE UNIQUE INDEX u ON t (a)');
    write(instances.replica, 'UPDATE t SET a = 777777 WHERE id = 39000');
    await changed(instances, 'UPDATE t SET a = 777777 WHERE id = 5');
    await instances.replicate();
    expectEqual(instances);
  });

  test('whose file was replaced is compared whole', async () => {
    const instances = await large();
    const old = join(instances.folder, 'old.db');
    copyFileSync(instances.replica, old);
    await changed(instances, "UPDATE t SET b = 'second' WHERE id = 30000");
    await instances.replicate();
    for (const suffix of ['', '-wal', '-shm']) rmSync(instances.replica + suffix, {force: true});
    copyFileSync(old, instances.replica);
    await changed(instances, "UPDATE t SET b = 'third' WHERE id = 5");
    await instances.replicate();
    expectEqual(instances);
  });
});

test('a value that a schema edited in place left behind is read as it is stored', async () => {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a BLOB, b TEXT)',
    primary: "INSERT INTO t VALUES (1, 1.0, ''), (2, 1, '')",
    replica: "INSERT INTO t VALUES (1, 1.0, ''), (2, 1, '')",
    tables: ['t'],
  });
  const edit = `PRAGMA writable_schema = ON; UPDATE sqlite_master SET sql = replace(sql, 'BLOB', 'INTEGER'); PRAGMA writable_schema = RESET`;
  write(instances.primary, edit);
  write(instances.replica, `${edit}; UPDATE t SET a = 1 WHERE id = 1`);
  await instances.capture();
  await expect(instances.replicate()).rejects.toMatchObject({
    code: 'PROOF_FAILED',
    site: {table: 't', key: 'id=1'},
  });
});

test.each(['UTF-16le', 'UTF-16be'])(
  'half a character in a %s database is refused, not made whole',
  async (encoding) => {
    const instances = makeInstances({
      ddl,
      primary:
        "INSERT INTO t VALUES (1, 1, CAST(x'00d86100' AS TEXT)), (2, 2, CAST(x'd8000061' AS TEXT))",
      replica: '',
      tables: ['t'],
      encoding,
    });
    await expect(instances.capture()).rejects.toMatchObject({
      code: 'VALUE_UNSUPPORTED',
      site: {table: 't'},
    });
  },
);

test('a key kept unique by another collation than the column has is refused', async () => {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (a TEXT COLLATE NOCASE, b, PRIMARY KEY (a COLLATE BINARY))',
    primary: "INSERT INTO t VALUES ('k', 1), ('K', 2)",
    replica: '',
    tables: ['t'],
  });
  await expect(instances.capture()).rejects.toMatchObject({
    code: 'KEY_UNUSABLE',
    site: {table: 't', column: 'a'},
  });
});

test('a snapshot under another label than its own is refused', async () => {
  const instances = oneRow();
  await instances.capture();
  const folder = join(instances.folder, 'store', 'snapshots');
  const [name = ''] = readdirSync(folder);
  renameSync(join(folder, name), join(folder, name.replace('.1.1.', '.7.99.')));
  await expect(instances.replicate()).rejects.toMatchObject({exitCode: 30});
});

test('the primary does not undo its own edits', async () => {
  const instances = oneRow();
  await instances.capture();
  write(instances.primary, 'UPDATE t SET a = 2');
  const own = {database: instances.primary, state: `${instances.primary}-state`};
  await expect(instances.replicate(own)).rejects.toMatchObject({code: 'POSITION_MISMATCH'});
  expect(typed(instances.primary, 't', ['a'])).toEqual(['integer 2']);
  await instances.replicate({...own, snapshot: 'latest'});
  expect(typed(instances.primary, 't', ['a'])).toEqual(['integer 1']);
});

test('a lost object of an older snapshot does not keep the primary from capturing', async () => {
  const instances = oneRow();
  await instances.capture();
  for (const lost of [join(instances.folder, 'store', 'objects'), `${instances.primary}-state`]) {
    rmSync(lost, {recursive: true});
  }
  write(instances.primary, 'UPDATE t SET a = 2');
  expect(await instances.capture()).toMatchObject({
    changed: true,
    tables: {t: {rows: 1, inserted: 1}},
  });
  await instances.replicate();
  expectEqual(instances);
});

/** Copies the primary's database and state, as one would to set up another machine. */
function copyOfPrimary({primary, folder}: Instances): {
  readonly database: string;
  readonly state: string;
} {
  const copy = {database: join(folder, 'copy', 'primary.db'), state: join(folder, 'copy', 'state')};
  write(primary, 'PRAGMA wal_checkpoint(TRUNCATE)');
  mkdirSync(join(folder, 'copy'));
  copyFileSync(primary, copy.database);
  cpSync(`${primary}-state`, copy.state, {recursive: true});
  return copy;
}

test('a state copied along is refused beside the database that it belongs to', async () => {
  const instances = oneRow();
  await instances.capture();
  const copy = copyOfPrimary(instances);
  await expect(instances.replicate(copy)).rejects.toMatchObject({code: 'CONFIG_INVALID'});
});

test('a copy on another machine is another instance: fenced as primary, it follows as replica', async () => {
  const instances = oneRow();
  await instances.capture();
  const copy = copyOfPrimary(instances);
  write(instances.primary, 'UPDATE t SET a = 2');
  await instances.capture();
  renameSync(instances.primary, join(instances.folder, 'elsewhere.db'));
  await expect(instances.capture(copy)).rejects.toMatchObject({code: 'FENCED'});
  await instances.replicate(copy);
  expect(typed(copy.database, 't', ['a'])).toEqual(['integer 2']);
});

test('a restored primary does not go on under its old name', async () => {
  const instances = oneRow();
  await instances.capture();
  write(instances.primary, 'PRAGMA wal_checkpoint(TRUNCATE)');
  const backup = join(instances.folder, 'backup.db');
  const state = join(instances.folder, 'backup-state');
  copyFileSync(instances.primary, backup);
  cpSync(`${instances.primary}-state`, state, {recursive: true});
  write(instances.primary, 'UPDATE t SET a = 2');
  await instances.capture();
  for (const path of [
    instances.primary,
    `${instances.primary}-wal`,
    `${instances.primary}-shm`,
    `${instances.primary}-state`,
  ]) {
    rmSync(path, {recursive: true, force: true});
  }
  copyFileSync(backup, instances.primary);
  cpSync(state, `${instances.primary}-state`, {recursive: true});
  await expect(instances.capture()).rejects.toMatchObject({code: 'FENCED'});
  const own = {database: instances.primary, state: `${instances.primary}-state`};
  await instances.replicate(own);
  expect(typed(instances.primary, 't', ['a'])).toEqual(['integer 2']);
  write(instances.primary, 'UPDATE t SET a = 3');
  expect(await instances.capture()).toMatchObject({epoch: 2, sequence: 3, tookOver: true});
});

test('an empty instance that captures by mistake does not take over', async () => {
  const instances = oneRow();
  await instances.capture();
  const mistake = {database: instances.replica, state: `${instances.replica}-state`};
  await expect(instances.capture(mistake)).rejects.toMatchObject({
    code: 'FUSE',
    site: {table: 't'},
  });
  expect(await instances.capture({...mistake, allowDeletes: ['t']})).toMatchObject({
    tookOver: true,
  });
});

test('an interrupted run does not block an upgraded application', async () => {
  const instances = oneRow();
  await instances.capture();
  await instances.replicate();
  const state = new BetterSqlite3(
    join(`${instances.replica}-state`, 'instances', 'replica.db', 'state.db'),
  );
  state.exec("UPDATE changeset SET status = 'intended'; DELETE FROM position");
  state.close();
  for (const path of [instances.primary, instances.replica])
    write(path, 'ALTER TABLE t RENAME COLUMN a TO renamed');
  await instances.capture();
  expect(await instances.replicate()).toMatchObject({applied: true, proof: 'full'});
});
