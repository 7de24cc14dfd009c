/** Objects that a capture finds damaged are captured anew, and whatever that refers to is looked into as well. */
import {readdirSync, truncateSync} from 'node:fs';
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {isDigest} from '../../../src/canonical/digest.ts';
import {makeInstances, typed, write} from '../../helpers/instances.ts';

/** Some more than those of two chunks: one stays as it was. */
const rows = 20_000;

test('rows that change back meanwhile', {timeout: 60_000}, async () => {
  const instances = makeInstances({
    ddl: 'CREATE TABLE t (id INTEGER PRIMARY KEY, b)',
    primary: `WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < ${rows})
      INSERT INTO t SELECT i, 'v' || i FROM n`,
    replica: '',
    tables: ['t'],
  });
  const env = {...process.env, RESTIC_PASSWORD: 'x'};
  const stored = {store: `restic:${join(instances.folder, 'repository')}`, env};
  await instances.capture(stored);
  for (const entry of readdirSync(`${instances.primary}-state`, {
    recursive: true,
    withFileTypes: true,
  }))
    if (entry.isFile() && isDigest(entry.name)) truncateSync(join(entry.parentPath, entry.name), 0);
  write(instances.primary, "UPDATE t SET b = 'other' WHERE id IN (5, 8000)");
  let reads = 0;
  const progress = (what: string, done: number): void => {
    if (what === 'reading t' && done === rows && ++reads === 1)
      write(instances.primary, "UPDATE t SET b = 'v5' WHERE id = 5");
  };
  await instances.capture({...stored, progress});
  expect(reads).toBeGreaterThan(1);
  await instances.replicate(stored);
  const columns = ['id', 'b'];
  expect(typed(instances.replica, 't', columns)).toEqual(typed(instances.primary, 't', columns));
});
