/** The other half of the seeds: see simulation.test.ts. */
import {test} from 'vitest';
import {checkHalf} from './half.ts';

test('through every other storm, too', async () => {
  await checkHalf(1);
});
