import {describe, expect, test} from 'vitest';
import {claimNext} from '../../../src/engine/authority.ts';
import {
  checkMonotone,
  newestOfAll,
  newestSnapshot,
  snapshotById,
} from '../../../src/engine/choose-snapshot.ts';
import type {SnapshotRef} from '../../../src/store/port.ts';

function ref(epoch: number, sequence: number, more: Partial<SnapshotRef> = {}): SnapshotRef {
  const digest = `${epoch}${sequence}${more.author ?? 'a'}${more.lineage ?? 'l'}`.padEnd(64, '0');
  return {
    lineage: 'l',
    epoch,
    sequence,
    digest,
    author: 'a',
    parent: undefined,
    storeId: `s${digest}`,
    time: '',
    ...more,
  };
}

const fork = expect.objectContaining({code: 'FORKED', exitCode: 22});
const mismatch = expect.objectContaining({code: 'POSITION_MISMATCH', exitCode: 22});

describe('the newest snapshot', () => {
  test('is the one of the highest epoch, then sequence, whatever the order or the clock', () => {
    const refs = [ref(1, 9, {time: '2099'}), ref(2, 3), ref(2, 4, {time: '1999'}), ref(1, 1)];
    for (const list of [refs, refs.toReversed()])
      expect(newestSnapshot(list, undefined)).toBe(refs[2]);
  });
  test('is none where there is none', () => {
    expect(newestSnapshot([], undefined)).toBeUndefined();
    expect(newestSnapshot([ref(1, 1)], 'other')).toBeUndefined();
  });
  test('is of the lineage that is followed', () => {
    const refs = [ref(1, 1), ref(7, 7, {lineage: 'm'})];
    expect(newestSnapshot(refs, 'l')).toBe(refs[0]);
    expect(() => newestSnapshot(refs, undefined)).toThrow(mismatch);
  });
  test('is refused where two primaries wrote one position, but a copy is no rival', () => {
    const rivals = [ref(1, 2), ref(1, 2, {author: 'b'})];
    expect(() => newestSnapshot(rivals, undefined)).toThrow(fork);
    expect(newestSnapshot([ref(1, 2), ref(1, 2, {storeId: 'copy'})], undefined)?.sequence).toBe(2);
  });
  test('is refused where two primaries went on from one snapshot, in whatever epochs, and however far', () => {
    const parent = ref(1, 5).digest;
    const first = ref(1, 6, {parent});
    const rivals = [ref(1, 5), first, ref(2, 6, {parent, author: 'b'})];
    expect(() => newestSnapshot(rivals, 'l')).toThrow(fork);
    const further = ref(2, 7, {parent: rivals[2]?.digest, author: 'b'});
    expect(() => newestSnapshot([...rivals, further], 'l')).toThrow(fork);
    expect(newestOfAll([...rivals, further], 'l')).toBe(further);
  });
  test('is the one that a person took over with, once there was a fork', () => {
    const parent = ref(1, 5).digest;
    const rivals = [ref(1, 6, {parent}), ref(2, 6, {parent, author: 'b'})];
    const after = ref(3, 7, {parent: rivals[1]?.digest});
    expect(newestSnapshot([...rivals, after], 'l')).toBe(after);
  });
  test('is refused where one author wrote two at one position: it runs twice', () => {
    const parent = ref(1, 5).digest;
    const rivals = [ref(1, 6, {parent}), ref(1, 6, {parent, digest: 'f'.repeat(64)})];
    expect(() => newestSnapshot(rivals, 'l')).toThrow(fork);
    expect(() => newestSnapshot([...rivals, ref(1, 7)], 'l')).toThrow(fork);
    expect(newestSnapshot([...rivals, ref(2, 7)], 'l')?.sequence).toBe(7);
  });
  test('is no matter of what one author stored twice', () => {
    const parent = ref(1, 5).digest;
    const twice = [ref(1, 6, {parent}), ref(1, 7, {parent})];
    expect(newestSnapshot(twice, 'l')).toBe(twice[1]);
  });
});

describe('a snapshot by its id', () => {
  const refs = [ref(1, 1, {digest: 'abcd1'}), ref(1, 2, {digest: 'abcd2', storeId: 'feed99'})];
  test.each([
    ['abcd1', 1],
    ['abcd2', 2],
    ['feed', 2],
  ])('%s', (id, sequence) => {
    expect(snapshotById(refs, id).sequence).toBe(sequence);
  });
  test.each(['abcd', 'fee', 'abc', '', 'none', 'abcd12'])('%j is unknown or not enough', (id) => {
    expect(() => snapshotById(refs, id)).toThrow(
      expect.objectContaining({code: 'SNAPSHOT_UNKNOWN', exitCode: 2}),
    );
  });
});

describe('a replica never goes back', () => {
  const here = ref(2, 5);
  test.each([
    ['without a position', undefined, ref(1, 1)],
    ['forward', here, ref(2, 6)],
    ['to a new epoch', here, ref(3, 1)],
    ['to where it stands', here, here],
  ])('goes %s', (_, position, to) => {
    expect(() => checkMonotone(position, to)).not.toThrow();
  });
  test.each([
    ['a lower sequence', ref(2, 4)],
    ['a lower epoch', ref(1, 9)],
    ['another snapshot of its position', ref(2, 5, {author: 'b'})],
  ])('refuses %s', (_, to) => {
    expect(() => checkMonotone(here, to)).toThrow(mismatch);
  });
});

describe('who may write next', () => {
  const mine = {author: 'a'};
  test('the first snapshot begins a lineage', () => {
    expect(claimNext({refs: [], position: undefined, ...mine})).toMatchObject({
      lineage: expect.stringMatching(/^[0-9a-f-]{36}$/),
      epoch: 1,
      sequence: 1,
      parent: undefined,
    });
  });
  test('the author of the newest goes on', () => {
    const refs = [ref(2, 5), ref(2, 6)];
    const next = {lineage: 'l', epoch: 2, sequence: 7, parent: refs[1], follows: refs[1]?.digest};
    expect(claimNext({refs, position: refs[1], ...mine})).toEqual(next);
    expect(claimNext({refs, position: undefined, ...mine})).toEqual(next);
  });
  test('another instance that has seen the newest takes over', () => {
    const refs = [ref(2, 6)];
    const next = {lineage: 'l', epoch: 3, sequence: 7, parent: refs[0], follows: refs[0]?.digest};
    expect(claimNext({refs, position: refs[0], author: 'b'})).toEqual(next);
    expect(claimNext({refs, position: undefined, author: 'b'})).toEqual(next);
  });
  test('never gives out a position twice, though the store no longer shows the last one, or not yet', () => {
    const [shown, last] = [ref(2, 6), ref(2, 8)];
    const claim = {refs: [shown], position: last};
    const next = {lineage: 'l', sequence: 9, parent: shown, follows: last.digest};
    expect(claimNext({...claim, author: 'a'})).toEqual({...next, epoch: 2});
    expect(claimNext({...claim, author: 'b'})).toEqual({...next, epoch: 3});
  });
  test('one that was replaced is fenced', () => {
    const refs = [ref(1, 5), ref(2, 6, {author: 'b', parent: ref(1, 5).digest})];
    expect(() => claimNext({refs, position: refs[0], ...mine})).toThrow(
      expect.objectContaining({code: 'FENCED', exitCode: 20}),
    );
  });
  test('one that did not write the newest itself, though its name is on it, runs twice or was put back: fenced', () => {
    const [seen, newest] = [ref(1, 5), ref(1, 6, {parent: ref(1, 5).digest})];
    const claim = {refs: [seen, newest], position: seen, ...mine};
    for (const claimed of [undefined, seen, {...newest, lineage: 'm'}])
      expect(() => claimNext({...claim, claimed})).toThrow(
        expect.objectContaining({code: 'FENCED', message: expect.stringContaining('own name')}),
      );
    expect(claimNext({...claim, claimed: newest}), 'cut off before it noted that').toMatchObject({
      epoch: 1,
      sequence: 7,
      follows: newest.digest,
    });
    expect(claimNext({...claim, takesOver: true})).toMatchObject({epoch: 2, sequence: 7});
  });
  test('a fork is refused, for whoever asks, unless a person has this one take over, above both', () => {
    const refs = [ref(1, 9), ref(2, 5, {author: 'b'})];
    for (const author of ['a', 'b', 'c']) {
      expect(() => claimNext({refs, position: refs[0], author})).toThrow(fork);
      const taken = claimNext({refs, position: refs[0], author, takesOver: true});
      expect(taken).toMatchObject({epoch: 3, sequence: 10, follows: refs[1]?.digest});
    }
  });
  test('a lineage without snapshots goes on above where the database stands', () => {
    expect(claimNext({refs: [], position: ref(3, 8), ...mine})).toEqual({
      lineage: 'l',
      epoch: 3,
      sequence: 9,
      parent: undefined,
      follows: null,
    });
  });
});
