import {expect, test} from 'vitest';
import {isHeld} from '../../../src/engine/held.ts';
import type {Position} from '../../../src/kernel/position.ts';

const at = (lineage: string, epoch: number, sequence: number): Position => ({
  lineage,
  epoch,
  sequence,
  digest: 'd',
});

const hold = {...at('l', 2, 5), since: ''};

test.each([
  ['what was undone', at('l', 2, 5), undefined, true],
  ['an older snapshot', at('l', 2, 4), at('l', 2, 3), true],
  ['one of an older epoch', at('l', 1, 9), undefined, true],
  ['a newer sequence', at('l', 2, 6), at('l', 2, 4), false],
  ['a newer epoch', at('l', 3, 1), undefined, false],
  ['another history than the one that the database went back to', at('m', 9, 9), undefined, true],
  ['the history that the database went back to', at('m', 1, 1), at('m', 1, 1), false],
] as const)('after an undo, %s is held or not', (_, target, position, held) => {
  expect(isHeld(hold, target, position)).toBe(held);
  expect(isHeld(undefined, target, position)).toBe(false);
});
