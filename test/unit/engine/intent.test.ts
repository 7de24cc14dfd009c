import {expect, test} from 'vitest';
import {decodeIntent, encodeIntent} from '../../../src/engine/intent.ts';
import {UNDO_BYTES_MAX} from '../../../src/kernel/limits.ts';
import {diffRows} from '../../../src/diff/diff-rows.ts';
import type {Cell} from '../../../src/kernel/row.ts';
import type {Plan} from '../../../src/plan/plan.ts';
import {planOf as makePlan, rowsOf, schemaWith, shapeWith} from '../../helpers/tables.ts';

const shape = shapeWith(['k', 'v']);

function planOf(before: readonly (readonly Cell[])[], after: readonly (readonly Cell[])[]): Plan {
  const changes = [...diffRows('t', rowsOf(shape, before), rowsOf(shape, after))];
  const schema = new Map([['t', schemaWith('t', ['k', 'v'])]]);
  return makePlan(schema, new Map([['t', {shape, changes}]]));
}

test('an intent names every touched row with what was and what shall be', async () => {
  const plan = planOf(
    [
      [1n, 'gone'],
      [2n, 'old'],
    ],
    [
      [2n, 'new'],
      [3n, 'added'],
    ],
  );
  expect(decodeIntent(await encodeIntent(plan)).rows).toEqual([
    {table: 't', key: 'Na1', before: '[1,"gone"]', after: null},
    {table: 't', key: 'Na2', before: '[2,"old"]', after: '[2,"new"]'},
    {table: 't', key: 'Na3', before: null, after: '[3,"added"]'},
  ]);
});

test('an empty plan has no touched rows, which is not the same as too many', async () => {
  expect(decodeIntent(await encodeIntent(planOf([], []))).rows).toEqual([]);
});

test('a plan up to the limit is kept, a larger one is not', async () => {
  const sized = (characters: number): Plan => {
    const plan = planOf([], [[1n, 'a']]);
    const writes = plan.writes.map((step) => {
      const after = {key: 'Na1', text: 'x'.repeat(characters), cells: []};
      return {...step, change: {op: 'insert', key: 'Na1', after} as const};
    });
    return {...plan, writes};
  };
  expect(decodeIntent(await encodeIntent(sized(UNDO_BYTES_MAX))).rows?.length).toBe(1);
  expect(decodeIntent(await encodeIntent(sized(UNDO_BYTES_MAX + 1))).rows).toBeUndefined();
}, 30_000);

test('an intent of an older release, which kept the rows alone, is read', () => {
  expect(decodeIntent('{"rows":null}')).toEqual({
    rows: undefined,
    cascades: {},
    dangling: [],
    groups: [],
  });
  expect(decodeIntent('{"rows":[]}').rows).toEqual([]);
});
