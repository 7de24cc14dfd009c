/** The other half of the cases: see promises.test.ts. */
import {test} from 'vitest';
import {checkPromises} from './promises.ts';

test('whatever two other databases hold, it converges or refuses as the model says', async () => {
  await checkPromises(1);
});
