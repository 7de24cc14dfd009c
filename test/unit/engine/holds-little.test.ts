import {expect, test} from 'vitest';
import {openSqlite} from '../../../src/database/sqlite/database.ts';
import {holdsLittle} from '../../../src/engine/holds-little.ts';
import type {EngineOptions} from '../../../src/engine/options.ts';
import {noProgress, silentLog} from '../../../src/kernel/log.ts';
import {PROOF_CELLS_MAX} from '../../../src/kernel/limits.ts';
import {makeInstances} from '../../helpers/instances.ts';

async function little(rows: number, more: Partial<EngineOptions> = {}): Promise<boolean> {
  const {replica} = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, v); CREATE TABLE u (id INTEGER PRIMARY KEY)',
    primary: '',
    replica: `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
      INSERT INTO t SELECT i, i FROM n`,
  });
  const database = openSqlite({path: replica});
  const log = {database: replica, env: {}, log: silentLog, progress: noProgress};
  try {
    return await holdsLittle(database, {...log, tables: ['t', 'u'], ...more});
  } finally {
    await database.close();
  }
}

test('a database whose tables are small holds little', async () => {
  expect(await little(1)).toBe(true);
  expect(await little(PROOF_CELLS_MAX / 2)).toBe(true);
});

test('one with more rows does not, nor one that may not want all there is, or does not say what it wants', async () => {
  expect(await little(PROOF_CELLS_MAX / 2 + 1)).toBe(false);
  expect(await little(1, {policies: new Map([['u', {policy: 'off'}]])})).toBe(false);
  expect(await little(1, {tables: ['t', 'gone']})).toBe(false);
  expect(await little(1, {tables: undefined})).toBe(false);
});
