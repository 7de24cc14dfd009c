/**
 * The whole engine on random schemas and rows, against a model that knows none of its code: P1 converge or
 * refuse, P3 no collateral, P4 no lost update, P6 idempotent, P11 undo.
 */
import {describe, expect, test} from 'vitest';
import type {TableSpec} from './cases.ts';
import {checkPromises} from './promises.ts';
import {runCase} from './run-case.ts';
import {regressions} from './search.ts';

describe('cases that once failed keep the promises', () => {
  test.each(regressions())('$title', async (held) => {
    expect(await runCase(held.case)).toHaveProperty('result');
  });
});

test('a trigger that makes something else of a value is found out by the proof', async () => {
  const table: TableSpec = {
    name: 't',
    replicated: true,
    columns: [
      {name: 'k', type: 'INTEGER'},
      {name: 'a', type: 'TEXT'},
    ],
    key: ['k'],
    autoincrement: false,
    withoutRowid: false,
    strict: false,
    uniques: [],
    references: [],
    triggers: [
      {
        effect: 'normalises',
        name: 'upper_case',
        sql: 'CREATE TRIGGER upper_case AFTER INSERT ON t BEGIN UPDATE t SET a = upper(a); END',
      },
    ],
  };
  const {result} = await runCase({
    tables: [table],
    primary: [{table: 't', cells: {k: '1', a: "'a'"}}],
    replica: [],
    repaired: false,
    triggersFirst: false,
    journal: 'wal',
    allowDeletes: true,
    allowTriggers: false,
  });
  expect(result).toBe('PROOF_FAILED');
});

test('whatever two databases of a schema hold, it converges or refuses as the model says', async () => {
  await checkPromises(0);
});
