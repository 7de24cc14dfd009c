/** Lock times follow from counts: what is added adds up, and the largest part has a name. */
import {expect, test} from 'vitest';
import {
  LOCK_CASCADE_DELETED_US,
  LOCK_CASCADE_UPDATED_US,
  LOCK_CELL_US,
  LOCK_FILL_CELL_US,
  LOCK_FILL_ROW_US,
  LOCK_PROOF_CELL_US,
  LOCK_ROW_US,
  LOCK_TRANSACTION_MS,
} from '../../../src/kernel/limits.ts';
import type {SetStatement} from '../../../src/kernel/statement.ts';
import {estimateLock, type LockEstimate, type LockWork} from '../../../src/plan/lock-time.ts';
import {withFills, type CascadeStep} from '../../../src/plan/plan.ts';
import type {ForeignKey} from '../../../src/schema/table-schema.ts';
import {planOf, rowsOf, schemaWith, shapeWith} from '../../helpers/tables.ts';

type Given = {
  readonly rows?: number;
  readonly columns?: number;
  readonly steps?: readonly CascadeStep[];
  readonly proof?: LockWork['proof'];
  readonly trimmed?: readonly string[];
};

/** A plan that inserts so many rows of so many columns into table `t`. */
function estimate({rows = 0, columns = 1, steps = [], ...more}: Given): LockEstimate {
  const names = Array.from({length: columns}, (_, at) => `c${at}`);
  const shape = shapeWith(names);
  const cells = Array.from({length: rows}, (_, at) => names.map(() => BigInt(at)));
  const changes = rowsOf(shape, cells).map(
    (after) => ({op: 'insert', table: 't', key: after.key, after}) as const,
  );
  const schema = new Map([['t', schemaWith('t', names)]]);
  const plan = {...planOf(schema, new Map([['t', {shape, changes}]])), before: steps};
  const {proof = [], trimmed = []} = more;
  return estimateLock({plan, proof, trimmed: new Set(trimmed)});
}

function step(table: string, op: 'deleteSet' | 'updateSet', rows: number): CascadeStep {
  const key: ForeignKey = {
    table,
    columns: ['x'],
    parent: 't',
    parentColumns: ['c0'],
    onDelete: op === 'deleteSet' ? 'CASCADE' : 'SET NULL',
    onUpdate: 'NO ACTION',
  };
  const among = {table, columns: [], values: []};
  const statement: SetStatement =
    op === 'deleteSet' ? {op, among} : {op, among, columns: ['x'], cells: [null]};
  return {key, statement, arrivals: undefined, follows: false, rows};
}

const proof = [{name: 't', rows: 1_000, columns: [1, 2]}];

test('nothing written takes no lock, whatever could be proved', () => {
  expect(estimate({proof})).toEqual({ms: 0, largest: undefined});
});

test('rows cost by their number and width, beside the transaction itself', () => {
  const {ms, largest} = estimate({rows: 1_000, columns: 20});
  expect(ms).toBe(LOCK_TRANSACTION_MS + LOCK_ROW_US + 20 * LOCK_CELL_US);
  expect(largest).toMatchObject({table: 't', what: '1,000 rows written'});
});

test('dependents cost by what is done to them', () => {
  const deleted = estimate({steps: [step('h', 'deleteSet', 100_000)]});
  expect(deleted.ms).toBe(LOCK_TRANSACTION_MS + 100 * LOCK_CASCADE_DELETED_US);
  const updated = estimate({steps: [step('h', 'updateSet', 100_000)]});
  expect(updated.ms).toBe(LOCK_TRANSACTION_MS + 100 * LOCK_CASCADE_UPDATED_US);
});

test('the proof costs by the cell', () => {
  const {ms, largest} = estimate({rows: 1, proof: [{name: 'u', rows: 100_000, columns: [1, 2]}]});
  const row = (LOCK_ROW_US + LOCK_CELL_US) / 1000;
  expect(ms).toBe(Math.ceil(LOCK_TRANSACTION_MS + row + 200 * LOCK_PROOF_CELL_US));
  expect(largest).toMatchObject({table: 'u', what: 'the proof of 100,000 rows'});
});

test('the table that takes most is named, all its references together', () => {
  const steps = [
    step('a', 'deleteSet', 60_000),
    step('b', 'deleteSet', 40_000),
    step('b', 'deleteSet', 30_000),
  ];
  expect(estimate({rows: 10, steps}).largest).toMatchObject({
    table: 'b',
    what: '70,000 rows that refer to them',
    ms: 70 * LOCK_CASCADE_DELETED_US,
  });
});

test('what is trimmed first costs nothing any more', () => {
  const steps = [step('a', 'deleteSet', 400_000), step('b', 'deleteSet', 1_000)];
  const trimmed = estimate({steps, trimmed: ['a']});
  expect(trimmed).toMatchObject({
    ms: LOCK_TRANSACTION_MS + LOCK_CASCADE_DELETED_US,
    largest: {table: 'b'},
  });
});

test('rows of a table that is filled take less, and are named as rows written', () => {
  const shape = shapeWith(['a', 'b']);
  const none = planOf(new Map(), new Map());
  const plan = withFills(none, [{shape, rows: 10_000, digest: '', chunks: []}]);
  const ms = Math.ceil(LOCK_TRANSACTION_MS + 10 * (LOCK_FILL_ROW_US + 2 * LOCK_FILL_CELL_US));
  const {largest, ...estimate} = estimateLock({plan, proof: [], trimmed: new Set()});
  expect(estimate).toEqual({ms});
  expect(largest).toMatchObject({table: 't', what: '10,000 rows written'});
});
