/** Notices as receivers get them, from a real server. */
import {createServer, type IncomingHttpHeaders, type Server} from 'node:http';
import type {AddressInfo} from 'node:net';
import {afterEach, expect, test} from 'vitest';
import type {Receiver} from '../../../src/config/values.ts';
import {RUN_NOTIFY_QUEUE_MAX} from '../../../src/kernel/limits.ts';
import {silentLog, type Log, type LogFields} from '../../../src/kernel/log.ts';
import type {Notice} from '../../../src/service/notices.ts';
import {Notifier} from '../../../src/service/notify.ts';
import {eventually} from '../../helpers/service-process.ts';

const secret = 'topic-4711';
const status: Notice = {
  event: 'status',
  role: 'replica',
  host: 'kuma-2',
  database: '/data/kuma.db',
  at: '2026-01-01T00:00:00.000Z',
  status: 'stale',
  reason: 'the primary has given no sign of life for 31 min — “really”',
  before: 'ok',
};
const {before: _before, ...moment} = status;
const applied: Notice = {
  ...moment,
  event: 'applied',
  position: {lineage: 'l', epoch: 1, sequence: 7, digest: 'd'.repeat(64)},
  tables: {monitor: {inserted: 1, updated: 0, deleted: 0}},
};

type Got = {
  readonly path: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
};

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** A receiver that answers as it is told: a status, or never. */
async function receive(answer: (nth: number) => number | 'never' = () => 200) {
  const got: Got[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      got.push({path: request.url, headers: request.headers, body});
      const code = answer(got.length);
      if (code === 'never') return;
      response.writeHead(code, {location: 'http://127.0.0.1:1/elsewhere'}).end('thanks');
    });
  });
  servers.push(server);
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  const {port} = server.address() as AddressInfo;
  return {got, origin: `http://127.0.0.1:${port}`};
}

const to = (kind: Receiver['kind'], url: string, more: Partial<Receiver> = {}): Receiver => ({
  kind,
  url,
  token: undefined,
  events: undefined,
  ...more,
});

function logged(): {readonly log: Log; readonly lines: LogFields[]} {
  const lines: LogFields[] = [];
  return {lines, log: {...silentLog, warn: (_, fields) => void lines.push(fields ?? {})}};
}

test('a webhook gets the notice as JSON, and a token where one is set', async () => {
  const {got, origin} = await receive();
  const notifier = new Notifier(
    [to('webhook', `${origin}/hook?key=${secret}`, {token: 't0ken'})],
    silentLog,
  );
  notifier.tell(status);
  notifier.tell(applied);
  await eventually('both', () => got.length === 2);
  expect(got.map(({body}) => JSON.parse(body) as unknown)).toEqual([status, applied]);
  expect(got[0]).toMatchObject({
    path: `/hook?key=${secret}`,
    headers: {'content-type': 'application/json', authorization: 'Bearer t0ken'},
  });
  await notifier.close();
  expect(notifier.counts).toEqual({sent: 2, failed: 0});
});

test('ntfy gets a text, a title and a priority; credentials in the address become a header', async () => {
  const {got, origin} = await receive();
  const address = `${origin.replace('//', '//me:p%40ss@')}/${secret}`;
  const notifier = new Notifier([to('ntfy', address)], silentLog);
  notifier.tell(status);
  notifier.tell(applied);
  await eventually('both', () => got.length === 2);
  expect(got[0]).toMatchObject({
    path: `/${secret}`,
    body: status.reason,
    headers: {
      title: 'Rowplica replica on kuma-2: stale',
      priority: '5',
      authorization: `Basic ${Buffer.from('me:p@ss').toString('base64')}`,
    },
  });
  expect(got[1]).toMatchObject({body: 'monitor: 1 inserted', headers: {priority: '2'}});
  await notifier.close();
});

test('a receiver gets the events alone that it wants', async () => {
  const {got, origin} = await receive();
  const notifier = new Notifier([to('webhook', origin, {events: ['applied']})], silentLog);
  notifier.tell(status);
  notifier.tell(applied);
  await eventually('one', () => notifier.counts.sent === 1);
  await notifier.close();
  expect(got.map(({body}) => (JSON.parse(body) as Notice).event)).toEqual(['applied']);
});

test('what was captured is told to those alone that ask for it, in their words where they have some', async () => {
  const {got, origin} = await receive();
  const captured: Notice = {...applied, event: 'captured'};
  const words = ({event, host}: {event: string; host: string}): string => `[${host}] ${event}`;
  const notifier = new Notifier(
    [to('webhook', origin), to('ntfy', origin, {events: ['captured'], words})],
    silentLog,
  );
  notifier.tell(captured);
  await eventually('one', () => notifier.counts.sent === 1);
  await notifier.close();
  expect(got).toMatchObject([{body: '[kuma-2] captured'}]);
  expect(got[0]?.headers).not.toHaveProperty('title');
});

test.each([503, 429, 408])(
  'a receiver in trouble (%s) is told again; order is kept',
  async (code) => {
    const {got, origin} = await receive((nth) => (nth === 1 ? code : 200));
    const notifier = new Notifier([to('webhook', origin)], silentLog);
    notifier.tell(status);
    notifier.tell(applied);
    await eventually('all', () => got.length === 3);
    const events = got.map(({body}) => (JSON.parse(body) as Notice).event);
    expect(events).toEqual(['status', 'status', 'applied']);
    await notifier.close();
    expect(notifier.counts).toEqual({sent: 2, failed: 0});
  },
);

test.each([404, 302])(
  '%s is final: logged by origin alone, and the next one is told',
  async (code) => {
    const {got, origin} = await receive((nth) => (nth === 1 ? code : 200));
    const {log, lines} = logged();
    const notifier = new Notifier([to('webhook', `${origin}/${secret}`)], log);
    notifier.tell(status);
    notifier.tell(applied);
    await eventually('both', () => got.length === 2);
    await notifier.close();
    expect(notifier.counts).toEqual({sent: 1, failed: 1});
    expect(lines).toEqual([
      {receiver: `webhook ${origin}`, event: 'status', why: `it answered ${code}`},
    ]);
  },
);

test('one that never answers holds up neither the others nor the end of the service', async () => {
  const [slow, quick] = [await receive(() => 'never'), await receive()];
  const {log, lines} = logged();
  const notifier = new Notifier([to('webhook', slow.origin), to('webhook', quick.origin)], log);
  for (let nth = 0; nth < 3; nth++) notifier.tell(applied);
  await eventually('the quick one', () => quick.got.length === 3);
  expect(slow.got.length).toBe(1);
  await notifier.close();
  expect(lines.map(({receiver}) => receiver)).toEqual([`webhook ${slow.origin}`]);
  expect(slow.got.length).toBe(1);
});

test('of too many the oldest is dropped, and the status before rows is not', async () => {
  let isOpen = false;
  const {got, origin} = await receive(() => (isOpen ? 200 : 'never'));
  const notifier = new Notifier([to('webhook', origin)], silentLog);
  notifier.tell(applied);
  await eventually('one that is under way for ever', () => got.length === 1);
  notifier.tell(status);
  for (let nth = 0; nth < RUN_NOTIFY_QUEUE_MAX + 10; nth++) notifier.tell(applied);
  expect(notifier.counts.failed).toBe(11);
  isOpen = true;
  servers[0]?.closeAllConnections(); // now it is tried again
  await eventually('the rest', () => notifier.counts.sent === RUN_NOTIFY_QUEUE_MAX + 1);
  const events = got.map(({body}) => (JSON.parse(body) as Notice).event);
  expect(events.slice(0, 3)).toEqual(['applied', 'applied', 'status']);
  await notifier.close();
});

test('one that is not there is no fault of the service', async () => {
  const {log, lines} = logged();
  const notifier = new Notifier([to('ntfy', `http://127.0.0.1:1/${secret}`)], log);
  notifier.tell(status);
  await notifier.close();
  expect(notifier.counts).toEqual({sent: 0, failed: 1});
  expect(JSON.stringify(lines)).not.toContain(secret);
});
