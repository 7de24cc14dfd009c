/** A state or a database that was put back from a copy: what it says of the rows is no longer taken for known. */
import {
  cpSync,
  copyFileSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import {dirname, join} from 'node:path';
import {describe, expect, test} from 'vitest';
import {openState} from '../../../src/state/state.ts';
import {faults, makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import {known} from '../../helpers/tables.ts';

const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, a INT, b TEXT)';
const columns = ['id', 'a', 'b'];

/** More cells than a full proof digests, so that a new snapshot costs only the chunks that changed. */
const many = `WITH RECURSIVE c (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM c WHERE i < 40000)
  INSERT INTO t SELECT i, i, 'v' || i FROM c`;

async function large(): Promise<Instances> {
  const instances = makeInstances({ddl, primary: many, replica: '', tables: ['t']});
  return brought(instances);
}

/** The replica follows what the primary holds now. */
async function brought(instances: Instances): Promise<Instances> {
  await instances.capture();
  await instances.replicate();
  return instances;
}

async function captured(instances: Instances, ...edits: Edit[]): Promise<void> {
  for (const [id, b] of edits) write(instances.primary, `UPDATE t SET b = '${b}' WHERE id = ${id}`);
  await instances.capture();
}

type Edit = readonly [id: number, b: string];

async function changed(instances: Instances, ...edits: Edit[]): Promise<void> {
  await captured(instances, ...edits);
  await instances.replicate();
}

function expectEqual({primary, replica}: Instances): void {
  const differing = (a: string, b: string): readonly string[] => {
    const theirs = new Set(typed(b, 't', columns));
    return typed(a, 't', columns).filter((row) => !theirs.has(row));
  };
  expect([...differing(primary, replica), ...differing(replica, primary)]).toEqual([]);
  expect(faults(replica)).toEqual([]);
}

const stateOf = ({replica}: Instances): string => `${replica}-state`;

/** Copies the state folder as it is; what is given back puts the copy in its place. */
function keepState(instances: Instances): () => void {
  const copy = join(instances.folder, 'state-copy');
  cpSync(stateOf(instances), copy, {recursive: true});
  return () => {
    rmSync(stateOf(instances), {recursive: true});
    cpSync(copy, stateOf(instances), {recursive: true});
  };
}

const ways = ['the same file', 'another file'] as const;

/** Copies the replica's database; what is given back restores it, into the same file or as another one. */
function keepDatabase({replica, folder}: Instances, journal: string): (way: string) => void {
  write(replica, `PRAGMA wal_checkpoint(TRUNCATE); PRAGMA journal_mode = ${journal}`);
  const copy = join(folder, 'database-copy');
  copyFileSync(replica, copy);
  return (way) => {
    for (const suffix of ['-wal', '-shm']) rmSync(replica + suffix, {force: true});
    if (way === 'the same file') writeFileSync(replica, readFileSync(copy));
    else renameSync(copy, replica);
  };
}

describe('an older state that was put back', () => {
  test('is not taken for known: a value that went and came back meanwhile is written', async () => {
    const instances = await large();
    const putBack = keepState(instances);
    await changed(instances, [5, 'other']);
    await changed(instances, [30000, 'other']);
    putBack();
    expect(await instances.status()).toMatchObject({
      position: {sequence: 1, trusted: false},
      upToDate: false,
      behind: 2,
    });
    await changed(instances, [5, 'v5'], [39000, 'other']);
    expectEqual(instances);
    expect(await instances.status()).toMatchObject({position: {trusted: true}, upToDate: true});
  });

  test('where nothing newer is stored does not call itself up to date before it compared', async () => {
    const instances = await large();
    keepState(instances)();
    expect(await instances.status()).toMatchObject({position: {trusted: false}, upToDate: false});
    expect(await instances.replicate()).toMatchObject({applied: true, proof: 'full'});
    expect(await instances.status()).toMatchObject({position: {trusted: true}, upToDate: true});
  });

  test('does not undo what is not the last apply any more', async () => {
    const instances = await large();
    await changed(instances, [1, 'second']);
    const putBack = keepState(instances);
    await changed(instances, [2, 'third']);
    putBack();
    const before = typed(instances.replica, 't', columns);
    await expect(instances.undo()).rejects.toMatchObject({code: 'UNDO_STALE', exitCode: 22});
    expect(typed(instances.replica, 't', columns)).toEqual(before);
    await changed(instances, [3, 'fourth']);
    expect(await instances.undo()).toMatchObject({sequence: 4, tables: {t: {updated: 1}}});
    await expect(instances.undo()).rejects.toMatchObject({code: 'UNDO_STALE'});
  });

  test('with a write that was pending then does not know what became of it', async () => {
    const instances = await large();
    await changed(instances, [5, 'second']);
    await pendingAgain(instances);
    const putBack = keepState(instances);
    await instances.replicate();
    await changed(instances, [30000, 'third']);
    putBack();
    expect(await instances.status()).toMatchObject({interrupted: true, upToDate: false});
    await changed(instances, [30000, 'v30000'], [39000, 'fourth']);
    expectEqual(instances);
  });
});

/** As if the process had died after COMMIT. */
async function pendingAgain(instances: Instances): Promise<void> {
  const state = await openState({folder: stateOf(instances), database: instances.replica});
  const {id, body, previous, ...position} = known(await state.undos.newest());
  if (previous) await state.reach(previous);
  await state.drop(id);
  await state.intend(position, {body});
  await state.close();
}

describe.each(['WAL', 'DELETE'])('a replica restored from an older copy (%s)', (journal) => {
  test.each(ways)('into %s is compared whole', async (way) => {
    const instances = await large();
    const restore = keepDatabase(instances, journal);
    await changed(instances, [30000, 'second']);
    restore(way);
    expect(await instances.status()).toMatchObject({position: {trusted: false}, upToDate: false});
    await changed(instances, [5, 'third']);
    expectEqual(instances);
  });

  test.each(ways)('into %s is not brought further back by an undo', async (way) => {
    const instances = await large();
    const restore = keepDatabase(instances, journal);
    await changed(instances, [5, 'second'], [30000, 'second']);
    await changed(instances, [5, 'v5']);
    restore(way);
    const before = typed(instances.replica, 't', columns);
    await expect(instances.undo()).rejects.toMatchObject({code: 'UNDO_STALE'});
    expect(typed(instances.replica, 't', columns)).toEqual(before);
  });
});

test('a restored replica is known by rows of earlier applies where the last one tells nothing', async () => {
  const instances = await large();
  const restore = keepDatabase(instances, 'WAL');
  await changed(instances, [5, 'second'], [30000, 'second']);
  await changed(instances, [5, 'v5']);
  restore('the same file');
  await changed(instances, [39000, 'fourth']);
  expectEqual(instances);
});

test('rows that the application changed since have all of them compared', async () => {
  const instances = await large();
  await changed(instances, [5, 'second']);
  write(instances.replica, 'DELETE FROM t WHERE id = 5');
  expect(await instances.status()).toMatchObject({position: {trusted: false}, upToDate: false});
  await changed(instances, [39000, 'third']);
  expectEqual(instances);
});

test('rows that a replica changed after it took over as primary are no doubt', async () => {
  const instances = await large();
  await changed(instances, [5, 'second']);
  write(instances.replica, "UPDATE t SET b = 'own' WHERE id = 5");
  const own = {database: instances.replica, state: stateOf(instances)};
  expect(await instances.capture(own)).toMatchObject({tookOver: true, sequence: 3});
  expect(await instances.status()).toMatchObject({position: {trusted: true}, upToDate: true});
});

test.each([
  ['follows the one that took over', undefined],
  ['goes back to a snapshot by name', '1.1'],
])('a primary that %s has all its rows compared: its application wrote since', async (_, named) => {
  const instances = await large();
  const store = join(instances.folder, 'store', 'snapshots');
  const [first = ''] = readdirSync(store).map((name) => name.slice(-64));
  await changed(instances, [5, 'second']);
  write(instances.replica, "UPDATE t SET b = 'own' WHERE id = 39000");
  const own = {database: instances.replica, state: stateOf(instances)};
  expect(await instances.capture(own)).toMatchObject({tookOver: true, sequence: 3});
  write(instances.primary, "UPDATE t SET b = 'not captured' WHERE id = 20000");
  const old = {database: instances.primary, state: `${instances.primary}-state`};
  await instances.replicate({...old, snapshot: named === undefined ? undefined : first});
  const rows = typed(instances.primary, 't', columns);
  expect(rows.filter((row) => row.includes('not captured'))).toEqual([]);
  if (named === undefined) expectEqual(instances);
});

test('nothing is read beyond the changed chunks where all is as it was left', async () => {
  const instances = await large();
  await changed(instances, [5, 'second']);
  await captured(instances, [39000, 'third']);
  const {proof, cost} = await instances.replicate();
  expect(proof).toBe('touched');
  expect(cost.rowsRead).toBeLessThan(30_000);
  expectEqual(instances);
});

test('a state copied from another instance under the same path is compared, and has a name of its own', async () => {
  const [one, two] = [await large(), await large()];
  const own = await one.status();
  mkdirSync(dirname(stateOf(two)), {recursive: true});
  rmSync(stateOf(two), {recursive: true});
  cpSync(stateOf(one), stateOf(two), {recursive: true});
  rmSync(one.replica);
  const store = `dir:${join(one.folder, 'store')}`;
  write(two.replica, "UPDATE t SET b = 'drifted' WHERE id = 30000");
  await captured(one, [5, 'second']);
  await two.replicate({store});
  expectEqual({...two, primary: one.primary});
  expect((await two.status()).instance).not.toBe(own.instance);
});

test('the state of the primary under a replica is not its own: it is compared, or refused by name', async () => {
  const instances = await large();
  const own = (name: string): string => join(stateOf(instances), 'instances', name);
  rmSync(stateOf(instances), {recursive: true});
  cpSync(`${instances.primary}-state`, stateOf(instances), {recursive: true});
  write(instances.replica, "UPDATE t SET b = 'drifted' WHERE id = 30000");
  await captured(instances, [5, 'second']);
  renameSync(own('primary.db'), own('replica.db'));
  await expect(instances.replicate()).rejects.toMatchObject({code: 'CONFIG_INVALID', exitCode: 2});
  renameSync(own('replica.db'), own('primary.db'));
  await instances.replicate();
  expectEqual(instances);
});

test('the fuse guards the history that an instance takes over which does not know where it stands', async () => {
  const instances = makeInstances({
    ddl,
    primary: "INSERT INTO t VALUES (1, 1, 'one')",
    replica: '',
    tables: ['t'],
  });
  await brought(instances);
  keepState(instances)();
  write(instances.replica, 'DELETE FROM t');
  const own = {database: instances.replica, state: stateOf(instances)};
  await expect(instances.capture(own)).rejects.toMatchObject({code: 'FUSE', site: {table: 't'}});
});
