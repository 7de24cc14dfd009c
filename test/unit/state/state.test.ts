import {execFileSync} from 'node:child_process';
import {chmodSync, mkdirSync, readFileSync, renameSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import BetterSqlite3 from 'better-sqlite3';
import {expect, test} from 'vitest';
import {UNDO_RECORDS_MAX} from '../../../src/kernel/limits.ts';
import {openState, peekState, type NewPosition, type State} from '../../../src/state/state.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

const stateModule = join(import.meta.dirname, '../../../src/state/state.ts');

function places(): {readonly folder: string; readonly database: string} {
  const root = tempFolder();
  const database = join(root, 'kuma.db');
  writeFileSync(database, 'x');
  return {folder: join(root, 'state'), database};
}

async function withState<T>(
  options: Parameters<typeof openState>[0],
  work: (state: State) => Promise<T>,
): Promise<T> {
  const state = await openState(options);
  try {
    return await work(state);
  } finally {
    await state.close();
  }
}

/** As a user who has no rights to this folder. */
async function asAnother(folder: string, work: () => Promise<void>): Promise<void> {
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(65_534);
  else chmodSync(folder, 0);
  try {
    await work();
  } finally {
    if (isRoot) process.seteuid?.(0);
    else chmodSync(folder, 0o700);
  }
}

const position = (sequence: number): NewPosition => ({
  lineage: 'l',
  epoch: 1,
  sequence,
  digest: `d${sequence}`,
  author: 'a',
  manifest: Buffer.from([0, 255, sequence]),
});

test('an instance keeps its identity and its position', async () => {
  const options = places();
  const id = await withState(options, async (state) => {
    expect(await state.position()).toBeUndefined();
    await state.reach(position(1));
    await state.reach(position(2));
    return state.instance.id;
  });
  await withState(options, async (state) => {
    expect(state.instance.id).toBe(id);
    expect(await state.position()).toMatchObject({...position(2), trusted: true});
    await state.distrust();
    expect(await state.position()).toMatchObject({...position(2), trusted: false});
    await state.reach(position(2));
    expect((await state.position())?.trusted).toBe(true);
  });
});

test('a second process is turned away, until the first has closed', async () => {
  const options = places();
  await withState(options, async () => {
    await expect(openState(options)).rejects.toMatchObject({
      code: 'STATE_IN_USE',
      exitCode: 14,
      retryable: true,
    });
    const peeked = await peekState(options);
    expect(peeked).toBeDefined();
    await peeked?.close();
  });
  await withState(options, async () => {});
});

test('nor does one get in after another call of the first was turned away', async () => {
  const options = places();
  const elsewhere = `import {openState} from ${JSON.stringify(stateModule)};
    await openState(${JSON.stringify(options)}).then(() => console.log('open'), ({code}) => console.log(code));`;
  const inAnotherProcess = (): string =>
    execFileSync(process.execPath, ['--input-type=module', '-e', elsewhere], {encoding: 'utf8'});
  await withState(options, async () => {
    expect(inAnotherProcess()).toBe('STATE_IN_USE\n');
    await expect(openState(options)).rejects.toMatchObject({code: 'STATE_IN_USE'});
    expect(inAnotherProcess()).toBe('STATE_IN_USE\n');
  });
  expect(inAnotherProcess()).toBe('open\n');
});

test('looking does not make a state', async () => {
  const options = places();
  expect(await peekState(options)).toBeUndefined();
});

test('a state that may not be looked at is not taken for none', async () => {
  const options = places();
  await withState(options, async () => {});
  await asAnother(options.folder, async () => {
    for (const open of [peekState, openState]) {
      await expect(open(options)).rejects.toMatchObject({
        code: 'STATE_UNWRITABLE',
        exitCode: 14,
        message: expect.stringContaining('access is denied'),
      });
    }
  });
});

test('looking changes no rights, which may not be ours to change', async () => {
  const options = places();
  const file = await withState(options, async (state) => join(state.folder, 'state.db'));
  chmodSync(file, 0o440);
  const peeked = await peekState(options);
  await peeked?.close();
  expect(statSync(file).mode & 0o777).toBe(0o440);
  chmodSync(file, 0o640);
  await withState(options, async () => {});
  expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('what was begun stays pending until it is dropped or applied', async () => {
  await withState(places(), async (state) => {
    expect(await state.pending()).toBeUndefined();
    const first = await state.intend(position(1), {body: 'one'});
    expect(await state.pending()).toMatchObject({id: first, body: 'one', ...position(1)});
    await state.drop(first);
    expect(await state.pending()).toBeUndefined();
    expect(await state.position()).toBeUndefined();
    const second = await state.intend(position(2), {body: 'two'});
    await state.applied(second, position(2));
    expect(await state.pending()).toBeUndefined();
    expect(await state.position()).toMatchObject({...position(2), trusted: true});
  });
});

test('the last undo records are kept, and only those', async () => {
  const options = places();
  const ids = await withState(options, async (state) => {
    const made: number[] = [];
    for (let n = 1; n <= UNDO_RECORDS_MAX + 5; n++) {
      const id = await state.intend(position(n), {body: String(n)});
      await state.applied(id, position(n));
      made.push(id);
    }
    return made;
  });
  const db = new BetterSqlite3(join(options.folder, 'instances', 'kuma.db', 'state.db'), {
    readonly: true,
  });
  const kept = db.prepare('SELECT id FROM changeset ORDER BY id').pluck().all();
  db.close();
  expect(kept).toEqual(ids.slice(-UNDO_RECORDS_MAX));
});

test('a database that was moved keeps its state', async () => {
  const options = places();
  const id = await withState(options, async (state) => state.instance.id);
  const moved = join(options.folder, '..', 'elsewhere');
  mkdirSync(moved);
  renameSync(options.database, join(moved, 'kuma.db'));
  const now = {...options, database: join(moved, 'kuma.db')};
  expect(await withState(now, async (state) => state.instance.id)).toBe(id);
});

test('another database of the same name is refused, and leaves the state unlocked', async () => {
  const options = places();
  await withState(options, async () => {});
  const other = join(tempFolder(), 'kuma.db');
  writeFileSync(other, 'y');
  await expect(openState({...options, database: other})).rejects.toMatchObject({
    code: 'CONFIG_INVALID',
    exitCode: 2,
  });
  await withState(options, async () => {});
});

test('opening a state that is current writes nothing, and leaves the migrator aside', async () => {
  const options = places();
  await withState(options, async () => {});
  const file = join(options.folder, 'instances', 'kuma.db', 'state.db');
  const db = new BetterSqlite3(file);
  db.exec('DROP TABLE kysely_migration_lock'); // the migrator would make it anew
  db.close();
  const before = readFileSync(file);
  await withState(options, async () => {});
  expect(readFileSync(file).equals(before)).toBe(true);
});

test('a state that a newer release has moved on is refused', async () => {
  const options = places();
  await withState(options, async () => {});
  const db = new BetterSqlite3(join(options.folder, 'instances', 'kuma.db', 'state.db'));
  db.exec(`INSERT INTO kysely_migration (name, timestamp) VALUES ('999-later', '2099')`);
  db.close();
  await expect(openState(options)).rejects.toMatchObject({code: 'STATE_NEWER', exitCode: 30});
});

test('files are for their owner alone', async () => {
  const options = places();
  await withState(options, async (state) => {
    const mode = (path: string): number => statSync(path).mode & 0o777;
    expect(mode(options.folder)).toBe(0o700);
    expect(mode(join(state.folder, 'state.db'))).toBe(0o600);
    state.objects.writeManifest(Buffer.from('m'));
    expect(mode(join(state.objects.root, 'manifest'))).toBe(0o600);
    chmodSync(options.folder, 0o700);
  });
});

test('leftovers of an interrupted run are removed', async () => {
  const options = places();
  const left = await withState(options, async (state) => state.temporary());
  await withState(options, async () => {
    expect(statSync(left, {throwIfNoEntry: false})).toBeUndefined();
  });
});

/** Applies a change set, and gives its id. */
async function applied(state: State, n: number): Promise<number> {
  const id = await state.intend(position(n), {body: String(n)});
  await state.applied(id, position(n));
  return id;
}

async function undone(state: State): Promise<void> {
  const record = await state.undos.newest();
  if (record === undefined) throw new Error('there is a change set to undo');
  await state.undos.finish(await state.undos.intend(record, {body: 'reverse'}));
}

test('an undo takes the newest change set back, with the position, and holds the newest of all', async () => {
  await withState(places(), async (state) => {
    for (const n of [1, 2, 3]) await applied(state, n);
    await undone(state);
    expect(await state.position()).toMatchObject({...position(2), trusted: false});
    expect(await state.undos.newest()).toMatchObject({body: '2', previous: position(1)});
    await undone(state);
    await undone(state);
    expect(await state.position()).toBeUndefined();
    expect(await state.undos.newest()).toBeUndefined();
    expect(await state.undos.held()).toMatchObject({epoch: 1, sequence: 3, digest: 'd3'});
    expect(await state.pending()).toBeUndefined();
  });
});

test('what an undo holds is released by any position that is reached, and by name', async () => {
  await withState(places(), async (state) => {
    for (const release of [
      async () => state.reach(position(9)),
      async () => applied(state, 9),
      async () => state.undos.release(),
    ]) {
      await applied(state, 1);
      await undone(state);
      expect(await state.undos.held()).toBeDefined();
      await release();
      expect(await state.undos.held()).toBeUndefined();
    }
  });
});

test('what was undone does not count among the records that are kept', async () => {
  await withState(places(), async (state) => {
    const first = await applied(state, 1);
    for (let n = 2; n <= UNDO_RECORDS_MAX; n++) {
      await applied(state, n);
      await undone(state);
      await applied(state, n);
    }
    for (let n = UNDO_RECORDS_MAX; n > 1; n--) await undone(state);
    expect(await state.undos.newest()).toMatchObject({id: first});
  });
});

test('a state of the first release is moved forward; its change sets do not know the position before', async () => {
  const options = places();
  await withState(options, async (state) => applied(state, 1));
  const db = new BetterSqlite3(join(options.folder, 'instances', 'kuma.db', 'state.db'));
  db.exec(`ALTER TABLE changeset DROP COLUMN previous; ALTER TABLE changeset DROP COLUMN undoes; DROP TABLE hold;
    ALTER TABLE changeset DROP COLUMN doubted; ALTER TABLE instance DROP COLUMN state_file;
    ALTER TABLE changeset DROP COLUMN domains; ALTER TABLE position DROP COLUMN domains;
    ALTER TABLE position DROP COLUMN is_base; DROP TABLE conflict; DROP TABLE fact; DROP TRIGGER changeset_gone; DROP TABLE changeset_part;
    DELETE FROM kysely_migration WHERE name > '002'`);
  db.close();
  await withState(options, async (state) => {
    expect(await state.undos.held()).toBeUndefined();
    expect(await state.undos.newest()).toMatchObject({body: '1', previous: undefined});
    await undone(state);
    expect(await state.position()).toMatchObject({...position(1), trusted: false});
  });
});
