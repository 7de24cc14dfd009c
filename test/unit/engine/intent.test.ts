import {expect, test} from 'vitest';
import {decodeIntent, encodeIntent, wholeIntent, type Intent} from '../../../src/engine/intent.ts';
import {UNDO_BYTES_MAX, UNDO_PART_CHARS} from '../../../src/kernel/limits.ts';
import {diffRows} from '../../../src/diff/diff-rows.ts';
import type {Cell} from '../../../src/kernel/row.ts';
import type {Plan} from '../../../src/plan/plan.ts';
import {known, planOf as makePlan, rowsOf, schemaWith, shapeWith} from '../../helpers/tables.ts';

const shape = shapeWith(['k', 'v']);

/** What is read of an intent that was written. */
async function kept(plan: Plan): Promise<Intent> {
  const {body, parts} = await encodeIntent(plan);
  return wholeIntent(body, parts ?? inTurn([]));
}

async function* inTurn<T>(items: readonly T[]): AsyncGenerator<T> {
  yield* items;
}

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
  expect((await kept(plan)).rows).toEqual([
    {table: 't', key: 'Na1', before: '[1,"gone"]', after: null},
    {table: 't', key: 'Na2', before: '[2,"old"]', after: '[2,"new"]'},
    {table: 't', key: 'Na3', before: null, after: '[3,"added"]'},
  ]);
});

test('an empty plan has no touched rows, which is not the same as too many', async () => {
  expect((await kept(planOf([], []))).rows).toEqual([]);
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
  expect((await kept(sized(UNDO_BYTES_MAX))).rows?.length).toBe(1);
  expect((await kept(sized(UNDO_BYTES_MAX + 1))).rows).toBeUndefined();
}, 30_000);

test('rows that are too many for one part are kept in several, and read in order', async () => {
  const rows = Array.from({length: 9}, (_, at) => [
    BigInt(at + 1),
    'x'.repeat(UNDO_PART_CHARS / 3),
  ]);
  const {body, parts} = await encodeIntent(planOf([], rows));
  const others: string[] = [];
  for await (const part of known(parts)) others.push(part);
  expect(others.length).toBeGreaterThan(2);
  for (const part of [body, ...others]) expect(part.length).toBeLessThan(UNDO_PART_CHARS + 2_000);
  const first = decodeIntent(body);
  expect(first).toMatchObject({all: 9, tables: {t: {inserted: 9, updated: 0, deleted: 0}}});
  expect(known(first.rows).map(({key}) => key)).toEqual(['Na1', 'Na2']);
  const whole = await wholeIntent(body, inTurn(others));
  expect(known(whole.rows).map(({key}) => key)).toEqual(rows.map(([key]) => `Na${key}`));
  const damage = {code: 'SNAPSHOT_CORRUPT'};
  await expect(wholeIntent(body, inTurn(others.slice(1)))).rejects.toMatchObject(damage);
  await expect(wholeIntent(body, inTurn(['[1]']))).rejects.toMatchObject(damage);
});

test('an intent of an older release, which kept the rows alone, is read', () => {
  expect(decodeIntent('{"rows":null}')).toEqual({
    rows: undefined,
    all: 0,
    tables: undefined,
    cascades: {},
    dangling: [],
    groups: [],
  });
  expect(decodeIntent('{"rows":[]}').rows).toEqual([]);
});
