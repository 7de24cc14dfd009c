/** The other half of the cases: see policies.test.ts. */
import {test} from 'vitest';
import {checkPolicies} from './policies/promises.ts';

test('whatever else is edited on both sides, it becomes what the policies say', async () => {
  await checkPolicies(1);
});
