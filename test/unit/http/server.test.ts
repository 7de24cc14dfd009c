/** The routes as callers see them: a real server on a port of its own, and a service that says what it is told to. */
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {describe, expect, onTestFinished, test} from 'vitest';
import {
  errorSchema,
  historySchema,
  snapshotsSchema,
  statusSchema,
} from '../../../src/http/schemas.ts';
import {startHttp} from '../../../src/http/start.ts';
import {EngineError, silentLog, type ErrorCode, type Log} from '../../../src/index.ts';
import {bearer, Client, goodStatus, Said, serve, token} from '../../helpers/http.ts';

const reads = [
  '/api/v1/status',
  '/api/v1/snapshots',
  '/api/v1/history',
  '/metrics',
  '/openapi.json',
];
const probes = ['/livez', '/readyz', '/healthz'];

describe('a probe', () => {
  test.each([
    ['ok', 200, 200],
    ['degraded', 200, 200],
    ['waiting', 503, 200],
    ['stale', 503, 503],
    ['held', 503, 503],
    ['fenced', 503, 503],
    ['failed', 503, 503],
  ] as const)('of a service that is %s: ready %i, healthy %i', async (status, ready, healthy) => {
    const source = new Said();
    const client = await serve(source);
    source.now = {...goodStatus, status, reason: 'not for everybody'};
    for (const [path, wanted] of [
      ['/readyz', ready],
      ['/healthz', healthy],
    ] as const) {
      const answer = await client.ask(path);
      expect([path, answer.status]).toEqual([path, wanted]);
      expect(JSON.parse(answer.text)).toEqual({status});
    }
    expect((await client.ask('/livez')).status).toBe(200);
  });

  test('lives even where the service is at a loss', async () => {
    const source = new Said();
    const client = await serve(source);
    source.failure = new TypeError('secret');
    expect((await client.ask('/livez')).status).toBe(200);
    const answer = await client.ask('/healthz');
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('secret');
  });
});

describe('a reader', () => {
  test('gets what the document promises', async () => {
    const client = await serve(new Said());
    expect(await client.json('/api/v1/status')).toEqual(goodStatus);
    for (const [path, schema] of [
      ['/api/v1/status', statusSchema],
      ['/api/v1/snapshots', snapshotsSchema],
      ['/api/v1/history', historySchema],
    ] as const)
      expect(schema.safeParse(await client.json(path)).error).toBeUndefined();
  });

  test('finds every route in the document, and which of them need the token', async () => {
    const client = await serve(new Said());
    const document = (await client.json('/openapi.json')) as {
      readonly openapi: string;
      readonly paths: Readonly<
        Record<string, Readonly<Record<string, {readonly security: unknown}>>>
      >;
    };
    expect(document.openapi).toMatch(/^3\.1/);
    expect(Object.keys(document.paths).sort()).toEqual(
      [...reads, ...probes, '/api/v1/cycle'].sort(),
    );
    expect(document.paths['/api/v1/cycle']?.['post']?.security).toEqual([{token: []}]);
  });

  test.each([
    ['/nothing', 'GET', 404, 'ROUTE_UNKNOWN'],
    ['/livez', 'DELETE', 404, 'ROUTE_UNKNOWN'],
    ['/api/v1/cycle', 'GET', 404, 'ROUTE_UNKNOWN'],
    ['/%zz', 'GET', 400, 'BAD_REQUEST'],
    ['/api/v1/history?limit=0', 'GET', 400, 'BAD_REQUEST'],
    ['/api/v1/history?limit=many', 'GET', 400, 'BAD_REQUEST'],
    ['/api/v1/history?before=now', 'GET', 400, 'BAD_REQUEST'],
  ] as const)('of %s with %s is told %i', async (path, method, status, code) => {
    const client = await serve(new Said());
    const answer = await client.ask(path, {method, headers: bearer(token)});
    expect(answer.status).toBe(status);
    const body: unknown = JSON.parse(answer.text);
    expect(errorSchema.safeParse(body).error).toBeUndefined();
    expect(body).toMatchObject({error: {code, retryable: false}});
  });

  test.each<[ErrorCode, number]>([
    ['STORE_MISSING', 404],
    ['STORE_LOCKED', 423],
    ['STORE_PASSWORD', 502],
    ['STORE_UNREACHABLE', 502],
    ['STATE_IN_USE', 423],
    ['DATABASE_BUSY', 503],
    ['STATE_DAMAGED', 502],
    ['SCHEMA_MISMATCH', 409],
    ['CONFLICTS', 409],
    ['PLAN_STALE', 412],
    ['FUSE', 422],
    ['INTERRUPTED', 503],
    ['CONFIG_INVALID', 500],
  ])('is told of %s by %i', async (code, status) => {
    const source = new Said();
    source.failure = new EngineError(code, 'so it is', {hint: 'Do this.', retryable: true});
    const client = await serve(source);
    const answer = await client.ask('/api/v1/snapshots');
    expect(answer.status).toBe(status);
    expect(JSON.parse(answer.text)).toEqual({
      error: {code, message: 'so it is', hint: 'Do this.', retryable: true},
    });
  });
});

describe('a token', () => {
  test('is needed for a cycle, and has to be the right one', async () => {
    const source = new Said();
    const client = await serve(source);
    const post = async (headers: Readonly<Record<string, string>>): Promise<number> =>
      (await client.ask('/api/v1/cycle', {method: 'POST', headers})).status;
    expect(await post({})).toBe(401);
    expect(await post(bearer(`${token}x`))).toBe(401);
    expect(await post(bearer(token.slice(1)))).toBe(401);
    expect(await post({authorization: token})).toBe(401);
    expect(await post({authorization: `Basic ${token}`})).toBe(401);
    expect(source.triggered).toBe(0);
    expect(await post(bearer(token))).toBe(202);
    expect(await post({authorization: `bearer ${token}`})).toBe(202);
    expect(source.triggered).toBe(2);
  });

  test('that was not set lets nobody change anything', async () => {
    const client = await serve(new Said(), {token: undefined});
    for (const headers of [{}, bearer(''), bearer('undefined')]) {
      const answer = await client.ask('/api/v1/cycle', {method: 'POST', headers});
      expect(answer.status).toBe(401);
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer/);
      expect(answer.text).toContain('ROWPLICA_TOKEN_FILE');
    }
  });

  test('is needed for all but the probes where other machines may ask', async () => {
    const client = await serve(new Said(), {host: '0.0.0.0'});
    for (const path of probes) expect((await client.ask(path)).status).toBe(200);
    for (const path of [...reads, '/nothing', '/api/v1/cycle']) {
      expect([path, (await client.ask(path)).status]).toEqual([path, 401]);
      expect([path, (await client.ask(path, {headers: bearer('wrong')})).status]).toEqual([
        path,
        401,
      ]);
    }
    for (const path of reads)
      expect((await client.ask(path, {headers: bearer(token)})).status).toBe(200);
    const untold = await serve(new Said(), {host: '0.0.0.0', token: undefined});
    for (const path of reads) expect((await untold.ask(path)).status).toBe(401);
  });

  test('is needed to ask for the headers alone, too', async () => {
    const client = await serve(new Said(), {host: '0.0.0.0'});
    for (const path of reads)
      expect([path, (await client.ask(path, {method: 'HEAD'})).status]).toEqual([path, 401]);
    expect((await client.ask('/healthz', {method: 'HEAD'})).status).toBe(200);
  });

  test('shows up in no log and no answer', async () => {
    const said: string[] = [];
    const keep = (...words: readonly unknown[]): void => void said.push(JSON.stringify(words));
    const log: Log = {debug: keep, info: keep, warn: keep};
    const source = new Said();
    source.failure = new Error(token);
    const client = await serve(source, {log});
    for (const path of [`/x?${token}`, '/api/v1/status', `/${token}`]) {
      const answer = await client.ask(path, {headers: bearer(token)});
      said.push(answer.text, JSON.stringify(answer.headers));
    }
    expect(said.length).toBeGreaterThan(6);
    expect(said.join()).not.toContain(token);
  });
});

describe('a name', () => {
  test.each(['localhost', 'LOCALHOST:80', '127.0.0.1:1234', '[::1]', '[::1]:8480'])(
    'of this machine is answered: %s',
    async (host) => {
      const client = await serve(new Said());
      expect((await client.ask('/livez', {headers: {host}})).status).toBe(200);
    },
  );

  test.each([
    'evil.example',
    'localhost.evil.example',
    '127.0.0.1.evil.example:80',
    'evil:8480',
    '::1',
  ])('of another one is not: %s', async (host) => {
    const client = await serve(new Said());
    for (const path of [...probes, ...reads, '/nothing']) {
      const answer = await client.ask(path, {headers: {host}});
      expect([path, answer.status]).toEqual([path, 421]);
      expect(JSON.parse(answer.text)).toMatchObject({error: {code: 'HOST_REFUSED'}});
    }
    const headers = {host, ...bearer(token)};
    expect((await client.ask('/api/v1/cycle', {method: 'POST', headers})).status).toBe(421);
  });

  test('does not matter where other machines may ask, as the token does', async () => {
    const client = await serve(new Said(), {host: '0.0.0.0'});
    expect((await client.ask('/livez', {headers: {host: 'monitor.example'}})).status).toBe(200);
  });
});

describe('an address', () => {
  test('that is taken is refused in one line', async () => {
    const other = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => void other.close());
    await new Promise((done) => other.once('listening', done));
    const {port} = other.address() as AddressInfo;
    const at = {host: '127.0.0.1', port};
    const refused = startHttp({at, token, source: new Said(), log: silentLog});
    await expect(refused).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: `http: cannot listen on 127.0.0.1:${port}: something else listens there`,
    });
  });

  test('that this machine does not have is refused in one line', async () => {
    const at = {host: '192.0.2.1', port: 0};
    const refused = startHttp({at, token, source: new Said(), log: silentLog});
    await expect(refused).rejects.toMatchObject({code: 'CONFIG_INVALID', exitCode: 2});
  });

  test('is free again once the server was closed, whoever is still connected', async () => {
    const at = {host: '127.0.0.1', port: 0};
    const serving = await startHttp({at, token, source: new Said(), log: silentLog});
    const client = new Client(serving.address);
    const held = client.raw('GET /livez HTTP/1.1\r\n'); // never ends its headers
    expect((await client.ask('/livez')).status).toBe(200);
    await serving.close();
    await held;
    const again = await startHttp({
      at: {...at, port: client.port},
      token,
      source: new Said(),
      log: silentLog,
    });
    await again.close();
  });
});
