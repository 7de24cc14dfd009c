/** An application that somebody else starts anew, over real ports. */
import {createServer} from 'node:net';
import {expect, test} from 'vitest';
import {systemClock} from '../../../src/service/clock.ts';
import {isDown, RestartWatch} from '../../../src/service/reload/restart-watch.ts';
import {freePort} from '../../helpers/free-port.ts';

const {signal} = new AbortController();

async function listening(port: number): Promise<() => Promise<void>> {
  const server = createServer().listen(port, '127.0.0.1');
  await new Promise((done) => server.once('listening', done));
  return async () => new Promise((done) => server.close(() => done()));
}

test('a port that nobody listens on is down, a server is not, and a look that was ended says nothing', async () => {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  expect(await isDown(url, signal)).toBe(true);
  const close = await listening(port);
  expect(await isDown(url, signal)).toBe(false);
  await close();
  const ended = AbortSignal.abort();
  expect(await isDown(url, ended)).toBe(false);
});

test('is seen once it was down, forgotten with the next reason to wait for one, and not looked for after the end', async () => {
  let [looks, down] = [0, false];
  const watch = new RestartWatch(async () => (looks++, down), systemClock);
  watch.begin(signal);
  await expect.poll(() => looks).toBeGreaterThan(1);
  expect(watch.hasSeen).toBe(false);
  down = true;
  await expect.poll(() => watch.hasSeen).toBe(true);
  down = false;
  watch.begin(signal);
  expect(watch.hasSeen).toBe(false);
  watch.end();
  const before = looks;
  down = true;
  await systemClock.sleep(600, signal);
  expect([looks, watch.hasSeen]).toEqual([before, false]);
});
