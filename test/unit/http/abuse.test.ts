/** Clients that are many, slow, large or confused: right codes, and a server that goes on. */
import {afterEach, describe, expect, test, vi} from 'vitest';
import {bearer, Said, serve, token} from '../../helpers/http.ts';

afterEach(() => {
  vi.useRealTimers();
});

describe('a body', () => {
  test.each([
    ['announced', {'content-length': '100000'}],
    ['in chunks', {'transfer-encoding': 'chunked'}],
  ])('that is too large (%s) is refused, and nothing is done', async (_, length) => {
    const source = new Said();
    const client = await serve(source);
    const headers = {...bearer(token), ...length, 'content-type': 'application/json'};
    const body = 'x'.repeat(100_000);
    const answer = await client.ask('/api/v1/cycle', {method: 'POST', headers, body});
    expect(answer.status).toBe(413);
    expect(JSON.parse(answer.text)).toMatchObject({error: {code: 'BODY_TOO_LARGE'}});
    expect(source.triggered).toBe(0);
    expect((await client.ask('/livez')).status).toBe(200);
  });

  test.each(['application/json', 'text/plain', 'what/ever'])('of %s is not read', async (type) => {
    const source = new Said();
    const client = await serve(source);
    const headers = {...bearer(token), 'content-type': type};
    const body = '{"__proto__":';
    const answer = await client.ask('/api/v1/cycle', {method: 'POST', headers, body});
    expect(answer.status).toBe(202);
    expect(source.triggered).toBe(1);
  });
});

describe('a client', () => {
  test('that sends half a header is cut off in time', async () => {
    const client = await serve(new Said());
    const text = await client.raw('GET /livez HTTP/1.1\r\nHost: local');
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
    expect(text).toContain('"code":"REQUEST_TIMEOUT"');
  });

  test('that sends half a body is cut off in time', async () => {
    const client = await serve(new Said());
    const head = `POST /api/v1/cycle HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${token}\r\nContent-Length: 100\r\n\r\nx`;
    expect(await client.raw(head)).toMatch(/^HTTP\/1\.1 408 |^$/);
  });

  test('that sends too long a header, or no HTTP at all, is told so', async () => {
    const client = await serve(new Said());
    const long = await client.raw(`GET /livez HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`);
    expect(long).toMatch(/^HTTP\/1\.1 431 /);
    const none = await client.raw('SSH-2.0-OpenSSH_9.7\r\n\r\n');
    expect(none).toMatch(/^HTTP\/1\.1 400 /);
    expect(none).toContain('"code":"BAD_REQUEST"');
  });
});

describe('many requests', () => {
  test('at the same time are all answered', async () => {
    const client = await serve(new Said());
    const paths = ['/livez', '/healthz', '/api/v1/status', '/metrics'];
    const asked = Array.from({length: 200}, (_, n) => client.ask(paths[n % paths.length] ?? ''));
    const answers = await Promise.all(asked);
    expect(new Set(answers.map(({status}) => status))).toEqual(new Set([200]));
  });

  test('that have a cycle run are limited, and one trigger after the other does no harm', async () => {
    const source = new Said();
    const client = await serve(source);
    const asked = Array.from({length: 200}, () =>
      client.ask('/api/v1/cycle', {method: 'POST', headers: bearer(token)}),
    );
    const answers = await Promise.all(asked);
    const refused = answers.filter(({status}) => status === 429);
    expect(answers.filter(({status}) => status === 202)).toHaveLength(60);
    expect(refused).toHaveLength(140);
    expect(Number(refused[0]?.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(refused[0]?.text ?? '')).toMatchObject({
      error: {code: 'TOO_MANY_REQUESTS', retryable: true},
    });
    expect(source.triggered).toBe(60);
  });

  test('are counted by minutes, also where the clock was set back by days', async () => {
    vi.useFakeTimers({toFake: ['Date', 'performance']});
    const client = await serve(new Said());
    const ask = async (): Promise<number> => {
      const {status} = await client.ask('/api/v1/cycle', {method: 'POST', headers: bearer(token)});
      return status;
    };
    expect(await ask()).toBe(202);
    vi.setSystemTime(Date.now() - 2 * 86_400_000);
    for (let n = 1; n < 60; n++) expect(await ask()).toBe(202);
    expect(await ask()).toBe(429);
    vi.advanceTimersByTime(60_000);
    expect(await ask()).toBe(202);
  });

  test('with wrong tokens are limited before the right one could be guessed, while probes are answered', async () => {
    const client = await serve(new Said(), {host: '0.0.0.0'});
    let last = 0;
    for (let n = 0; n <= 60; n++) {
      const batch = Array.from({length: 10}, (_, k) =>
        client.ask(`/nothing/${n}/${k}`, {headers: bearer(`guess-${n}-${k}`)}),
      );
      for (const {status} of await Promise.all(batch)) last = status;
    }
    expect(last).toBe(429);
    expect((await client.ask('/api/v1/status', {headers: bearer(token)})).status).toBe(429);
    expect((await client.ask('/healthz')).status).toBe(200);
  });
});
