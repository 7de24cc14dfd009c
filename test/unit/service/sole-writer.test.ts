/** A role that waits for another writer to end. */
import {expect, test} from 'vitest';
import {EngineError} from '../../../src/kernel/errors.ts';
import type {Done, RoleCycle} from '../../../src/service/cycle.ts';
import {SoleWriter} from '../../../src/service/sole-writer.ts';

test('does nothing until it is alone, and then asks no more', async () => {
  const cycles: boolean[] = [];
  const role = {
    cycle: async (_: AbortSignal, isAsked: boolean): Promise<Done> => {
      cycles.push(isAsked);
      return {did: 'nothing'};
    },
  } as RoleCycle;
  let asked = 0;
  const alone = new SoleWriter(role, async () => {
    if (++asked < 3) throw new EngineError('FOREIGN_WRITER', 'there is another');
  });
  const {signal} = new AbortController();
  for (const _ of [1, 2])
    await expect(alone.cycle(signal, true)).rejects.toMatchObject({code: 'FOREIGN_WRITER'});
  expect(cycles).toEqual([]);
  await alone.cycle(signal, true);
  await alone.cycle(signal, false);
  expect(cycles).toEqual([true, false]);
  expect(asked).toBe(3);
});
