import {expect, test} from 'vitest';
import {SnapshotReader, type Snapshot} from '../../../src/engine/snapshot-reader.ts';

test('an object that came damaged is fetched anew, one that came whole is not looked into again', async () => {
  const object = 'a'.repeat(64);
  let fetched = 0;
  const reader = new SnapshotReader({
    store: {fetch: async () => void fetched++},
    cache: {
      has: () => false,
      read: () => undefined,
      isWhole: () => false,
      take: () => fetched === 2,
      size: () => 0,
    },
    temporary: () => '/nowhere/that/is/removed',
  });
  const snapshot = {manifest: {depth: 0, tables: []}} as unknown as Snapshot;
  for (const times of [1, 2, 2]) {
    await reader.fetch(snapshot, [object]);
    expect(fetched).toBe(times);
  }
});
