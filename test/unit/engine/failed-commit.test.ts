/**
 * A disk that fails while a transaction is committed: SQLite says that it failed, and yet it may have happened. In WAL
 * mode all of it is in the file by then; where nobody else has the database open, the next to open it finds it there.
 */
import BetterSqlite3 from 'better-sqlite3';
import {expect, test} from 'vitest';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT)';

/** More cells than a full proof digests, so that a new snapshot costs only the chunks that changed. */
const many = `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40000)
  INSERT INTO t SELECT i, i, 'v' || i FROM c`;

const rows = (path: string): readonly string[] => typed(path, 't', ['id', 'a', 'b']);

/** A replica of the first snapshot; `next` edits the primary and captures it. */
async function instances(): Promise<Instances & {next(sql: string): Promise<void>}> {
  const made = makeInstances({ddl, primary: many, replica: '', tables: ['t']});
  await made.capture();
  await made.replicate();
  const next = async (sql: string): Promise<void> => {
    write(made.primary, sql);
    await made.capture();
  };
  return {...made, next};
}

/** Runs work while each COMMIT on this database is done, and said to have failed. */
async function unsure<T>(path: string, work: () => Promise<T>): Promise<T> {
  const {prototype} = BetterSqlite3;
  const exec = Reflect.get(prototype, 'exec') as BetterSqlite3.Database['exec'];
  prototype.exec = function (this: BetterSqlite3.Database, sql) {
    const done = exec.call(this, sql);
    if (sql === 'COMMIT' && this.name === path && !this.readonly)
      throw new BetterSqlite3.SqliteError('disk I/O error', 'SQLITE_IOERR_FSYNC');
    return done;
  };
  try {
    return await work();
  } finally {
    prototype.exec = exec;
  }
}

test('an apply of which the disk said that it failed is looked for by the next run', async () => {
  const made = await instances();
  await made.next("UPDATE t SET b = 'second' WHERE id = 20000");
  await expect(unsure(made.replica, () => made.replicate())).rejects.toMatchObject({
    code: 'COMMIT_UNKNOWN',
    exitCode: 14,
  });
  expect(await made.status()).toMatchObject({interrupted: true, position: {sequence: 1}});
  await made.next(
    "UPDATE t SET b = 'v20000' WHERE id = 20000; UPDATE t SET b = 'third' WHERE id = 9",
  );
  await made.replicate();
  expect(rows(made.replica)).toEqual(rows(made.primary));
  expect(await made.status()).toMatchObject({interrupted: false, upToDate: true});
});

test('so is an undo, which holds the replica once it is found', async () => {
  const made = await instances();
  const before = rows(made.replica);
  await made.next("UPDATE t SET b = 'second' WHERE id = 20000");
  await made.replicate();
  await expect(unsure(made.replica, () => made.undo())).rejects.toMatchObject({
    code: 'COMMIT_UNKNOWN',
  });
  await expect(made.replicate()).rejects.toMatchObject({code: 'HELD'});
  expect(rows(made.replica)).toEqual(before);
  expect(await made.status()).toMatchObject({interrupted: false, held: 'undone'});
});
