/**
 * The whole engine under random policies, edits on both sides and several snapshots, against a model that knows none of its code:
 * P1 converge or refuse, P3 no collateral, P4 no lost update, P5 merge laws, P6 idempotent, P11 undo.
 */
import {test} from 'vitest';
import {checkPolicies} from './policies/promises.ts';

test('whatever is edited on both sides, it becomes what the policies say', async () => {
  await checkPolicies(0);
});
