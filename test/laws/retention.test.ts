/** Whatever is in the store, and whatever the clocks said: what must not go stays, and what went changes nothing later. */
import fc from 'fast-check';
import {expect, test} from 'vitest';
import {newestSnapshot} from '../../src/engine/choose-snapshot.ts';
import {expired, type Keep} from '../../src/engine/retention.ts';
import {KEEP_NEWEST_MIN} from '../../src/kernel/limits.ts';
import {comparePositions} from '../../src/kernel/position.ts';
import type {SnapshotRef} from '../../src/store/port.ts';

const count = fc.option(fc.nat({max: 20}), {nil: undefined});
const keep: fc.Arbitrary<Keep> = fc.record({
  last: count,
  hourly: count,
  daily: count,
  weekly: count,
  monthly: count,
  yearly: count,
});
const moment = fc.date({
  min: new Date('2020-01-01T00:00:00Z'),
  max: new Date('2030-01-01T00:00:00Z'),
  noInvalidDate: true,
});
const position = fc.record({
  lineage: fc.constantFrom('a', 'b'),
  epoch: fc.integer({min: 1, max: 3}),
  sequence: fc.integer({min: 1, max: 60}),
  author: fc.constantFrom('x', 'y'),
  time: moment.map((date) => date.toISOString()),
  parent: fc.option(fc.integer({min: 0, max: 60}).map(String), {nil: undefined}),
});
/** Each has a digest of its own, which others name as their parent. */
const refs: fc.Arbitrary<readonly SnapshotRef[]> = fc
  .array(position, {maxLength: 60})
  .map((all) => all.map((one, at) => ({...one, digest: String(at), storeId: `s${at}`})));

test('retention keeps what others need, and is settled after one run', () => {
  fc.assert(
    fc.property(refs, keep, moment, (snapshots, policy, now) => {
      const request = {lineage: 'a', keep: policy, now};
      const gone = expired({snapshots, alive: []}, request).snapshots;
      const left = snapshots.filter((ref) => !gone.includes(ref));
      const mine = snapshots
        .filter(({lineage}) => lineage === 'a')
        .sort((a, b) => comparePositions(b, a));

      expect(gone.every(({lineage}) => lineage === 'a')).toBe(true);
      for (const ref of mine.slice(0, KEEP_NEWEST_MIN)) expect(left).toContain(ref);
      for (const ref of mine.slice(0, policy.last ?? 0)) expect(left).toContain(ref);

      expect(expired({snapshots: left, alive: []}, request).snapshots).toEqual([]);

      // The same snapshot is the newest, or the same two dispute it.
      const newest = (all: readonly SnapshotRef[]): unknown => {
        try {
          return newestSnapshot(all, 'a');
        } catch (error) {
          return String(error);
        }
      };
      expect(newest(left)).toEqual(newest(snapshots));

      // No trace of a second primary is lost.
      for (const ref of gone) {
        const rivals = snapshots.filter(
          (other) =>
            other.lineage === 'a' &&
            other !== ref &&
            (comparePositions(other, ref) === 0 || other.parent === ref.parent),
        );
        expect(rivals).toEqual([]);
        const later = left.some(
          (other) =>
            other.epoch === ref.epoch &&
            other.author === ref.author &&
            other.sequence > ref.sequence,
        );
        expect(later).toBe(true);
      }
    }),
    {numRuns: 300},
  );
});
