/** A store that keeps a snapshot, says that it failed, and shows it late: one position never names two snapshots. */
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {EngineError, noProgress, silentLog} from '../../../src/index.ts';
import {openDirectoryStore} from '../../../src/store/directory/directory-store.ts';
import type {SnapshotRef, Store} from '../../../src/store/port.ts';
import {beat} from '../../../src/engine/beat.ts';
import {Watch} from '../../../src/engine/watch.ts';
import {makeInstances, typed, write, type Instances} from '../../helpers/instances.ts';

function instances(): Instances {
  return makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, a)',
    primary: 'INSERT INTO t VALUES (1, 1)',
    replica: '',
    tables: ['t'],
  });
}

/** The store of the instances; what is saved while `fails` holds is stored, hidden, and said to have failed. */
class DoubtfulStore {
  fails = true;
  readonly hidden = new Set<string>();
  readonly store: Store;

  constructor({folder}: Instances) {
    const inner = openDirectoryStore({path: join(folder, 'store'), log: silentLog});
    const shown = ({storeId}: SnapshotRef): boolean => !this.hidden.has(storeId);
    this.store = {
      ...inner,
      list: async () => (await inner.list()).filter(shown),
      look: async () => {
        const {snapshots, alive} = await inner.look();
        return {snapshots: snapshots.filter(shown), alive};
      },
      save: async (staged) => {
        const ref = await inner.save(staged);
        if (!this.fails) return ref;
        this.hidden.add(ref.storeId);
        throw new EngineError('STORE_UNREACHABLE', 'the line went dead', {retryable: true});
      },
    };
  }
}

test.each([
  ['the first snapshot', false],
  ['a later one', true],
])('%s is stored, and nobody knows', async (_, isLater) => {
  const pair = instances();
  if (isLater) await pair.capture();
  const doubtful = new DoubtfulStore(pair);
  const {store} = doubtful;
  write(pair.primary, 'UPDATE t SET a = 2');
  await expect(pair.capture({store})).rejects.toMatchObject({code: 'STORE_UNREACHABLE'});
  write(pair.primary, 'UPDATE t SET a = 3');
  doubtful.fails = false;
  const captured = await pair.capture({store});
  expect(captured).toMatchObject({changed: true, epoch: 1, sequence: isLater ? 3 : 2});
  doubtful.hidden.clear();
  expect(await store.list()).toHaveLength(isLater ? 3 : 2);
  expect(await pair.capture({store})).toMatchObject({changed: false, snapshot: captured.snapshot});
  expect(await pair.replicate()).toMatchObject({applied: true, snapshot: captured.snapshot});
});

test.each([
  ['is not shown yet', true],
  ['is shown', false],
])(
  'rows that are what they were before a snapshot that %s are captured all the same',
  async (_, isHidden) => {
    const pair = instances();
    const first = await pair.capture();
    const doubtful = new DoubtfulStore(pair);
    const {store} = doubtful;
    write(pair.primary, 'INSERT INTO t VALUES (2, 2)');
    await expect(pair.capture({store})).rejects.toMatchObject({code: 'STORE_UNREACHABLE'});
    write(pair.primary, 'DELETE FROM t WHERE a = 2');
    doubtful.fails = false;
    if (!isHidden) doubtful.hidden.clear();
    const options = {
      database: pair.primary,
      store,
      state: `${pair.primary}-state`,
      tables: ['t'],
      env: {},
      log: silentLog,
      progress: noProgress,
    };
    const watch = new Watch(options);
    expect(await watch.look()).toBe('different');
    expect(await beat(options)).toBe(undefined);
    const again = await pair.capture({store});
    expect(again).toMatchObject({changed: true, sequence: 3});
    expect(again.snapshot).not.toBe(first.snapshot);
    expect(await watch.look()).toBe('same');
    await watch.close();
    expect(await beat(options)).toMatchObject({sequence: 3, digest: again.snapshot});
    doubtful.hidden.clear();
    await pair.replicate();
    expect(typed(pair.replica, 't', ['id', 'a'])).toEqual(typed(pair.primary, 't', ['id', 'a']));
  },
);

test('a note that got damaged keeps nobody from capturing', async () => {
  const pair = instances();
  await pair.capture();
  write(
    join(`${pair.primary}-state`, 'instances', 'primary.db', 'state.db'),
    "UPDATE fact SET body = '{'",
  );
  write(pair.primary, 'UPDATE t SET a = 2');
  expect(await pair.capture()).toMatchObject({changed: true, sequence: 2});
});
