/** What is committed stays so when the power fails: the intent before the rows, the rows before the record of them. */
import {basename} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {expect, test} from 'vitest';
import {makeInstances, write} from '../../helpers/instances.ts';

const EXTRA = 3;

/** How durably each database file that work commits to does it: the values of `PRAGMA synchronous`. */
async function levelsOf(work: () => Promise<unknown>): Promise<Readonly<Record<string, unknown>>> {
  const levels: Record<string, unknown> = {};
  const {prototype} = BetterSqlite3;
  const originals = {
    exec: Reflect.get(prototype, 'exec'),
    prepare: Reflect.get(prototype, 'prepare'),
  };
  const note = (db: BetterSqlite3.Database, sql: string): void => {
    if (/^commit/i.test(sql) && !db.readonly)
      levels[basename(db.name)] = db.pragma('synchronous', {simple: true});
  };
  for (const name of ['exec', 'prepare'] as const) {
    Reflect.set(prototype, name, function (this: BetterSqlite3.Database, sql: string): unknown {
      note(this, sql);
      return Reflect.apply(originals[name], this, [sql]);
    });
  }
  try {
    await work();
    return levels;
  } finally {
    Object.assign(prototype, originals);
  }
}

test.each(['DELETE', 'WAL'])(
  'the folder of a journal (%s) is synced once the journal is gone from it, or the change comes back undone',
  async (journal) => {
    const made = makeInstances({
      ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
      primary: 'INSERT INTO t VALUES (1, 1)',
      replica: '',
      tables: ['t'],
    });
    write(made.replica, `PRAGMA journal_mode = ${journal}`);
    await made.capture();
    for (const work of [() => made.replicate(), () => made.undo()])
      expect(await levelsOf(work)).toEqual({'replica.db': EXTRA, 'state.db': EXTRA});
  },
);
