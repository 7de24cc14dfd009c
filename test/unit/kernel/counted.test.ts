import fc from 'fast-check';
import {expect, test} from 'vitest';
import {grouped} from '../../../src/kernel/counted.ts';

test('numbers are grouped as English readers know them', () => {
  const numbers = fc.oneof(
    fc.integer(),
    fc.maxSafeInteger(),
    fc.integer({min: -9_999_999, max: 9_999_999}).map((thousandths) => thousandths / 1000),
  );
  fc.assert(
    fc.property(numbers, (value) => {
      expect(grouped(value)).toBe(value.toLocaleString('en'));
    }),
  );
});
