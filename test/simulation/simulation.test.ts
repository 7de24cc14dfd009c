/** A fleet of real databases and services in virtual time: P1, P2, P8 and P9 through kills, failing and late stores and wrong clocks. */
import {test} from 'vitest';
import {checkHalf} from './half.ts';

test('through every storm rows stay whole, nobody goes back, silence is noticed, and all converge', async () => {
  await checkHalf(0);
});
