/** What the soak of the service judges by. */
import {describe, expect, test} from 'vitest';
import {Ledger} from '../../soak-service/ledger.ts';
import {judgeMemory} from '../../soak-service/memory.ts';

describe('the ledger', () => {
  test('knows since when rows are not the newest, and which there never were', () => {
    const ledger = new Ledger();
    ledger.add(0, {digest: 'a', sinceMs: 1_000});
    ledger.add(1, {digest: 'b', sinceMs: 5_000});
    ledger.add(2, {digest: 'c', sinceMs: 9_000});
    expect([0, 1, 2].map((stamp) => ledger.ageOf(stamp, 10_000))).toEqual([5_000, 1_000, 0]);
    expect([1, 3].map((stamp) => ledger.digest(stamp))).toEqual(['b', undefined]);
    expect(ledger.last).toBe(2);
  });
});

describe('the judge of memory', () => {
  const life = (pid: number, seconds: number, mbAt: (second: number) => number) =>
    Array.from({length: seconds / 5}, (_, at) => {
      const second = at * 5;
      return {role: 'primary' as const, pid, atMs: second * 1000, mb: mbAt(second)};
    });

  test('takes noise for flat, whatever came at the beginning', () => {
    const samples = life(1, 900, (second) => (second < 180 ? second : 100) + (second % 10));
    expect(judgeMemory(samples)[0]).toMatchObject({wrong: undefined, lastMb: 105});
  });

  test('tells of what grows in the longest life', () => {
    const samples = [...life(1, 200, () => 100), ...life(2, 900, (second) => 100 + second / 10)];
    expect(judgeMemory(samples)[0]?.wrong).toMatch(/the primary's memory grew from 130 to 178 MB/);
  });
});
