/** A snapshot of another primary that appears between looking and storing. */
import {readdirSync, readFileSync, renameSync, statSync, writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';
import {known} from '../../helpers/tables.ts';

async function bothAtOne(): Promise<Instances> {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
    primary: 'INSERT INTO t VALUES (1, 1), (2, 2)',
    replica: '',
    tables: ['t'],
  });
  await instances.capture();
  await instances.replicate();
  return instances;
}

/** Takes a snapshot of this position out of the store; what is given back puts it there. */
function withdrawn({folder}: Instances, position: string): () => void {
  const snapshots = join(folder, 'store', 'snapshots');
  const name = known(readdirSync(snapshots).find((each) => each.includes(`.${position}.`)));
  const aside = join(folder, 'aside');
  renameSync(join(snapshots, name), aside);
  return () => renameSync(aside, join(snapshots, name));
}

/** The replica takes over; its snapshot is about to be stored when `meanwhile` happens. */
const takeOver = (instances: Instances, meanwhile: () => void) =>
  instances.capture({
    database: instances.replica,
    state: `${instances.replica}-state`,
    progress: (what) => {
      if (what === 'storing') meanwhile();
    },
  });

test('two that go on from one snapshot both stop, replicas stay where they are, and a person decides', async () => {
  const instances = await bothAtOne();
  write(instances.primary, 'UPDATE t SET a = 10 WHERE id = 1');
  await instances.capture();
  const putBack = withdrawn(instances, '1.2');
  write(instances.replica, 'UPDATE t SET a = 20 WHERE id = 2');
  await expect(takeOver(instances, putBack)).rejects.toMatchObject({code: 'FORKED', exitCode: 22});
  write(instances.replica, 'UPDATE t SET a = 30 WHERE id = 2');
  await expect(takeOver(instances, () => {})).rejects.toMatchObject({code: 'FORKED'});
  await expect(instances.capture()).rejects.toMatchObject({code: 'FORKED'});
  await expect(instances.replicate()).rejects.toMatchObject({code: 'FORKED'});
  const taken = await instances.capture({takeOver: true});
  expect(taken).toMatchObject({changed: true, epoch: 3, sequence: 3, tookOver: true});
  await expect(takeOver(instances, () => {})).rejects.toMatchObject({code: 'FENCED'});
  expect(await instances.replicate()).toMatchObject({applied: true, snapshot: taken.snapshot});
  expect(typed(instances.replica, 't', ['id', 'a'])).toEqual(
    typed(instances.primary, 't', ['id', 'a']),
  );
});

test('the old primary that stores beside a take-over finds the fork', async () => {
  const instances = await bothAtOne();
  write(instances.replica, 'UPDATE t SET a = 20 WHERE id = 2');
  await takeOver(instances, () => {});
  const putBack = withdrawn(instances, '2.2');
  write(instances.primary, 'UPDATE t SET a = 10 WHERE id = 1');
  const progress = (what: string): void => {
    if (what === 'storing') putBack();
  };
  await expect(instances.capture({progress})).rejects.toMatchObject({code: 'FORKED'});
  await expect(instances.capture()).rejects.toMatchObject({code: 'FORKED'});
});

/** What another machine has that was copied whole: by nothing in its folder can it be told from the first. */
function twinOf(folder: string): () => void {
  const files = readdirSync(folder, {recursive: true, encoding: 'utf8'})
    .map((name) => join(folder, name))
    .filter((path) => statSync(path).isFile())
    .map((path) => ({path, content: readFileSync(path)}));
  return () => {
    for (const {path, content} of files) writeFileSync(path, content);
  };
}

test('a machine that was copied whole does not go on under the name of the first', async () => {
  const instances = await bothAtOne();
  const asTwin = twinOf(`${instances.primary}-state`);
  write(instances.primary, 'UPDATE t SET a = 10 WHERE id = 1');
  await instances.capture();
  asTwin();
  write(instances.primary, 'UPDATE t SET a = 20 WHERE id = 2');
  const own = expect.stringContaining('own name');
  await expect(instances.capture()).rejects.toMatchObject({code: 'FENCED', message: own});
  expect(await instances.capture({takeOver: true})).toMatchObject({epoch: 2, sequence: 3});
  expect(await instances.capture()).toMatchObject({changed: false, sequence: 3});
});

test('a machine that was put back from a copy follows what it stored itself, and goes on from there', async () => {
  const instances = await bothAtOne();
  const asBefore = twinOf(`${instances.primary}-state`);
  write(instances.primary, 'UPDATE t SET a = 10 WHERE id = 1');
  const stored = await instances.capture();
  asBefore();
  write(instances.primary, 'UPDATE t SET a = 1 WHERE id = 1');
  const {primary: database} = instances;
  const own = {database, state: `${database}-state`};
  expect(await instances.replicate(own)).toMatchObject({applied: true, snapshot: stored.snapshot});
  expect(typed(database, 't', ['a'])).toEqual(['integer 10', 'integer 2']);
  write(database, 'UPDATE t SET a = 30 WHERE id = 2');
  expect(await instances.capture()).toMatchObject({changed: true, epoch: 1, sequence: 3});
});
