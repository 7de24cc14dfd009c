import {describe, expect, test} from 'vitest';
import {expired, type Keep} from '../../../src/engine/retention.ts';
import type {AliveRef, SnapshotRef} from '../../../src/store/port.ts';

const now = new Date('2026-06-30T12:00:00Z');
const hourMs = 3_600_000;

function ref(sequence: number, more: Partial<SnapshotRef> = {}): SnapshotRef {
  const epoch = more.epoch ?? 1;
  return {
    lineage: 'mine',
    epoch,
    sequence,
    digest: `${epoch}.${sequence}`,
    author: 'me',
    parent: sequence === 1 ? undefined : `${epoch}.${sequence - 1}`,
    storeId: `id ${sequence}`,
    time: new Date(now.getTime() - 1000 * hourMs + sequence * hourMs).toISOString(),
    ...more,
  };
}

/** Of sequences from 1 on, all a year old and older but for what is said. */
function history(count: number, timeOf: (sequence: number) => string): readonly SnapshotRef[] {
  return Array.from({length: count}, (_, at) => ref(at + 1, {time: timeOf(at + 1)}));
}

function staying(snapshots: readonly SnapshotRef[], keep: Keep): readonly number[] {
  const gone = expired({snapshots, alive: []}, {lineage: 'mine', keep, now}).snapshots;
  return snapshots.filter((one) => !gone.includes(one)).map(({sequence}) => sequence);
}

const old = (): string => '2020-02-02T02:02:02.000Z';
const range = (from: number, to: number): readonly number[] =>
  Array.from({length: to - from + 1}, (_, at) => from + at);

describe('the policy', () => {
  const hours = (sequence: number): string =>
    new Date(Date.parse('2025-12-29T00:30:00Z') + sequence * hourMs).toISOString(); // a Monday
  test.each<[string, Keep, readonly number[]]>([
    ['the newest', {last: 20}, range(981, 1000)],
    ['no fewer than ten', {last: 1}, range(991, 1000)],
    ['nothing at all but the ten', {}, range(991, 1000)],
    ['one an hour', {hourly: 30}, range(971, 1000)],
    // The last hour of each day is sequence 23, 47 …
    ['one a day', {daily: 4}, [935, 959, 983, ...range(991, 1000)]],
    ['one a week', {weekly: 3}, [671, 839, ...range(991, 1000)]],
    ['one a month', {monthly: 3}, [71, 815, ...range(991, 1000)]],
    ['one a year', {yearly: 9}, [71, ...range(991, 1000)]],
    ['all of these', {last: 12, daily: 3, monthly: 9}, [71, 815, 959, 983, ...range(989, 1000)]],
  ])('keeps %s', (_, keep, expected) => {
    expect(staying(history(1000, hours), keep)).toEqual(expected);
  });

  test('keeps all of the last hour', () => {
    const minutes = (sequence: number): string =>
      new Date(now.getTime() - (100 - sequence) * 60_000).toISOString();
    expect(staying(history(100, minutes), {last: 1})).toEqual(range(41, 100));
  });

  test('goes by position where the clock was set back, or forward', () => {
    const jumps = (sequence: number): string =>
      sequence < 20 ? '2093-01-01T00:00:00.000Z' : sequence < 40 ? old() : '2026-01-01T00:00:00Z';
    expect(staying(history(60, jumps), {daily: 2})).toEqual([39, ...range(51, 60)]);
  });

  test('counts a snapshot that is stored twice once, and lets both go or stay', () => {
    const twice = history(30, old).flatMap((one) => [one, {...one, storeId: `${one.storeId}b`}]);
    expect(staying(twice, {last: 12})).toEqual(range(19, 30).flatMap((each) => [each, each]));
  });

  test('reads a time that is none as a time of its own', () => {
    expect(
      staying(
        history(20, () => '0001-01-01T00:00:00.000Z'),
        {daily: 9},
      ),
    ).toEqual(range(11, 20));
  });
});

describe('stays in any case', () => {
  const recent = history(30, old).slice(15);

  test('the end of each epoch, and of each author in it', () => {
    const before = [
      ref(1, {epoch: 1}),
      ref(2, {epoch: 1}),
      ref(3, {epoch: 2, author: 'other'}),
      ref(4, {epoch: 2, author: 'other'}),
      ref(5, {epoch: 2, author: 'third'}),
      ref(6, {epoch: 2, author: 'other'}),
    ];
    const later = recent.map((one) => ({...one, epoch: 3, digest: `3.${one.sequence}`}));
    expect(staying([...before, ...later], {})).toEqual([2, 5, 6, ...range(21, 30)]);
  });

  test('what shows that there were two primaries: one position given twice, two that follow one', () => {
    const forked = [
      ...history(8, old),
      ref(3, {digest: 'rival', author: 'me', time: old()}),
      ref(9, {parent: '1.6', digest: 'beside', time: old()}),
      ...recent,
    ];
    // 2 is what both of 3 follow, 6 what 7 and 9 do.
    expect(staying(forked, {})).toEqual([2, 3, 6, 7, 3, 9, ...range(21, 30)]);
  });

  test('what the newest one followed', () => {
    const last = ref(31, {parent: '1.4', time: old()});
    expect(staying([...history(8, old), ...recent, last], {})).toEqual([4, 5, ...range(22, 31)]);
  });

  test('every snapshot of another history', () => {
    const others = history(40, old).map((one) => ({...one, lineage: 'other'}));
    expect(staying([...others, ...recent], {})).toEqual([...range(1, 40), ...range(21, 30)]);
  });
});

test('of signs of life, the newest of each author stays, and all of another history', () => {
  const sign = (storeId: string, more: Partial<AliveRef>): AliveRef => ({
    lineage: 'mine',
    epoch: 1,
    sequence: 4,
    digest: 'd',
    author: 'me',
    time: old(),
    storeId,
    ...more,
  });
  const alive = [
    sign('a', {time: '2026-01-01T00:00:00.000Z'}),
    sign('b', {time: '2026-01-02T00:00:00.000Z'}),
    sign('c', {sequence: 3, time: '2099-01-01T00:00:00.000Z'}),
    sign('d', {author: 'other'}),
    sign('e', {author: 'other', epoch: 2}),
    sign('f', {lineage: 'other', author: 'me'}),
    sign('g', {lineage: 'other', author: 'me', epoch: 2}),
  ];
  const gone = expired({snapshots: [], alive}, {lineage: 'mine', keep: {}, now}).alive;
  expect(gone.map(({storeId}) => storeId).sort()).toEqual(['a', 'c', 'd']);
});
