/** Where the system starts no more threads, the one that asks reads all of a large table. */
import {expect, test, vi} from 'vitest';
import {makeInstances} from '../../helpers/instances.ts';

const asked = vi.hoisted(() => ({times: 0}));
vi.mock('node:worker_threads', async (original) => ({
  ...(await original<typeof import('node:worker_threads')>()),
  Worker: class {
    constructor() {
      asked.times++;
      throw Object.assign(new Error('EAGAIN'), {code: 'ERR_WORKER_INIT_FAILED'});
    }
  },
}));

test('a large table is captured', async () => {
  const primary = `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < 120000)
    INSERT INTO t SELECT i, i, i, i, i, i, i, hex(zeroblob(40)) FROM n`;
  const ddl = 'CREATE TABLE t (id INTEGER PRIMARY KEY, b, c, d, e, f, g, h)';
  const instances = makeInstances({ddl, primary, replica: '', tables: ['t']});
  const {tables} = await instances.capture();
  expect(tables['t']).toMatchObject({rows: 120_000, inserted: 120_000});
  expect(asked.times).toBe(1);
});
