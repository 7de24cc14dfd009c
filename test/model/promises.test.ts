/**
 * The whole engine on random schemas and rows, against a model that knows none of its code: P1 converge or
 * refuse, P3 no collateral, P4 no lost update, P6 idempotent, P11 undo.
 */
import {describe, expect, test} from 'vitest';
import {checkPromises} from './promises.ts';
import {runCase} from './run-case.ts';
import {regressions} from './search.ts';

describe('cases that once failed keep the promises', () => {
  test.each(regressions())('$title', async (held) => {
    expect(await runCase(held.case)).toHaveProperty('result');
  });
});

test('whatever two databases of a schema hold, it converges or refuses as the model says', async () => {
  await checkPromises();
});
