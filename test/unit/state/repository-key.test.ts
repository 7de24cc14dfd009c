import {readdirSync, readFileSync, statSync} from 'node:fs';
import {join} from 'node:path';
import {pathToFileURL} from 'node:url';
import {Worker} from 'node:worker_threads';
import {expect, test} from 'vitest';
import {makeRepositoryKey, REPOSITORY_KEY} from '../../../src/state/repository-key.ts';
import {tempFolder} from '../../helpers/temp-db.ts';

const source = pathToFileURL(
  join(import.meta.dirname, '../../../src/state/repository-key.ts'),
).href;
const KEYS = 40;

/** Makes each key at the same moment as the others do, and gives what it then finds. */
const worker = `
  import {parentPort, workerData} from 'node:worker_threads';
  import {readFileSync} from 'node:fs';
  const {makeRepositoryKey} = await import(workerData.source);
  const arrived = new Int32Array(workerData.arrived);
  const found = workerData.paths.map((path, at) => {
    Atomics.add(arrived, at, 1);
    while (Atomics.load(arrived, at) < workerData.count);
    makeRepositoryKey(path);
    return readFileSync(path, 'utf8');
  });
  parentPort.postMessage(found);
`;

test('a key is made once, whoever makes it at the same moment', async () => {
  const folder = tempFolder();
  const count = 2;
  const paths = Array.from({length: KEYS}, (_, at) => join(folder, `${at}`, REPOSITORY_KEY));
  const arrived = new SharedArrayBuffer(4 * KEYS);
  const found = await Promise.all(
    Array.from(
      {length: count},
      () =>
        new Promise<readonly string[]>((done, failed) => {
          const workerData = {source, arrived, count, paths};
          const url = new URL(`data:text/javascript,${encodeURIComponent(worker)}`);
          new Worker(url, {workerData}).on('message', done).on('error', failed);
        }),
    ),
  );
  const now = paths.map((path) => readFileSync(path, 'utf8'));
  expect(found).toEqual(found.map(() => now));
  expect(new Set(now).size).toBe(KEYS);
  expect(readdirSync(join(folder, '0'))).toEqual([REPOSITORY_KEY]);
});

test('a key is for its owner alone, and stays', () => {
  const path = join(tempFolder(), 'state', REPOSITORY_KEY);
  makeRepositoryKey(path);
  const key = readFileSync(path, 'utf8');
  expect(key.trim()).toHaveLength(43);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  makeRepositoryKey(path);
  expect(readFileSync(path, 'utf8')).toBe(key);
});
