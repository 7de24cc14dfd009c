/** A snapshot of another primary that appears between looking and storing. */
import {readdirSync, renameSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {makeInstances, write, type Instances} from '../../helpers/instances.ts';
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

test('one that takes over beside a capture of the old primary says so, goes on, and the old one is fenced', async () => {
  const instances = await bothAtOne();
  write(instances.primary, 'UPDATE t SET a = 10 WHERE id = 1');
  await instances.capture();
  const putBack = withdrawn(instances, '1.2');
  write(instances.replica, 'UPDATE t SET a = 20 WHERE id = 2');
  await expect(takeOver(instances, putBack)).rejects.toMatchObject({
    code: 'FENCED',
    exitCode: 20,
    hint: expect.stringContaining('this one goes on'),
  });
  await expect(instances.capture()).rejects.toMatchObject({code: 'FENCED'});
  expect(await takeOver(instances, () => {})).toMatchObject({changed: false, epoch: 2});
  write(instances.replica, 'UPDATE t SET a = 30 WHERE id = 2');
  expect(await takeOver(instances, () => {})).toMatchObject({changed: true, epoch: 2, sequence: 3});
});

test('the old primary that stores beside a take-over is fenced', async () => {
  const instances = await bothAtOne();
  write(instances.replica, 'UPDATE t SET a = 20 WHERE id = 2');
  await takeOver(instances, () => {});
  const putBack = withdrawn(instances, '2.2');
  write(instances.primary, 'UPDATE t SET a = 10 WHERE id = 1');
  const progress = (what: string): void => {
    if (what === 'storing') putBack();
  };
  await expect(instances.capture({progress})).rejects.toMatchObject({code: 'FENCED'});
  await expect(instances.capture()).rejects.toMatchObject({code: 'FENCED'});
});
