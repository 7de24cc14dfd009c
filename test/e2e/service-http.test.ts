/** What services answer over HTTP while they replicate, asked as a monitoring system and a person would. */
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {afterEach, describe, expect, test} from 'vitest';
import {historySchema, snapshotsSchema, statusSchema} from '../../src/http/schemas.ts';
import {rowplica} from '../helpers/cli.ts';
import {bearer, Client, token} from '../helpers/http.ts';
import {eventually, killServices, ServiceProcess} from '../helpers/service-process.ts';
import {smallKuma} from '../helpers/small-kuma.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {execute} from '../helpers/typed-dump.ts';

const secret = 'hunter2-the-value-of-a-cell';

afterEach(killServices);

class Pair {
  readonly folder = temporaryFolder();

  constructor() {
    for (const role of ['primary', 'replica'])
      execute(this.path(role), `PRAGMA journal_mode = WAL; ${smallKuma};`);
    this.edit(`INSERT INTO monitor (id, name) VALUES (1, '${secret}')`);
    writeFileSync(join(this.folder, 'token'), token);
  }

  path(role: string): string {
    return join(this.folder, `${role}.db`);
  }

  edit(sql: string): void {
    execute(this.path('primary'), sql);
  }

  /** What every command takes. */
  place(role: 'primary' | 'replica'): readonly string[] {
    const database = this.path(role);
    const store = `restic:${join(this.folder, 'repository')}`;
    return ['--database', database, '--store', store, '--state', `${database}-state`];
  }

  flags(role: 'primary' | 'replica', http = '127.0.0.1:0'): readonly string[] {
    const rhythm = ['--role', role, '--interval', '1s', '--stale-after', '30s'];
    const answers = ['--http', http, '--token-file', join(this.folder, 'token')];
    return [...this.place(role), ...rhythm, ...answers];
  }

  start(role: 'primary' | 'replica'): ServiceProcess {
    return new ServiceProcess(this.flags(role), {ROWPLICA_LOG: 'debug'});
  }
}

async function clientOf(service: ServiceProcess): Promise<Client> {
  const {http} = await service.says({msg: 'listening'});
  return new Client(String(http));
}

describe('services', () => {
  test('tell where they stand and what they wrote, without a value, and run a cycle when asked', async () => {
    const pair = new Pair();
    const [primary, replica] = [pair.start('primary'), pair.start('replica')];
    const [there, here] = [await clientOf(primary), await clientOf(replica)];
    await replica.says({status: 'ok', did: 'replicated', sequence: 1});
    pair.edit(
      `UPDATE monitor SET name = name || '!' WHERE id = 1; INSERT INTO tag VALUES ('${secret}', '${secret}')`,
    );
    await replica.says({sequence: 2, applied: true});
    const [ofPrimary, ofReplica] = await Promise.all(
      [there, here].map((client) => client.json('/api/v1/status')),
    );
    expect(ofPrimary).toMatchObject({role: 'primary', status: 'ok', position: {sequence: 2}});
    expect(ofReplica).toMatchObject({
      role: 'replica',
      status: 'ok',
      position: {epoch: 1, sequence: 2},
      lastApply: {sequence: 2, tables: {monitor: {updated: 1}, tag: {inserted: 1}}},
      verdict: 'compatible',
    });
    expect(statusSchema.safeParse(ofReplica).error).toBeUndefined();
    expect(statusSchema.safeParse(ofPrimary).error).toBeUndefined();

    const listed = await here.json('/api/v1/snapshots');
    expect(snapshotsSchema.safeParse(listed).error).toBeUndefined();
    const {stdout} = await rowplica(['snapshots', '--json', ...pair.place('replica')]);
    expect(listed).toEqual(JSON.parse(stdout));

    const history = await here.json('/api/v1/history');
    expect(historySchema.safeParse(history).error).toBeUndefined();
    expect(history).toMatchObject({
      applies: [
        {sequence: 2, listed: 'yes'},
        {sequence: 1, listed: 'yes'},
      ],
      rows: expect.arrayContaining([
        {apply: 2, table: 'monitor', key: 'id=1', op: 'update', columns: ['name']},
        expect.objectContaining({apply: 2, table: 'tag', op: 'insert'}),
        expect.objectContaining({apply: 1, table: 'monitor', op: 'insert'}),
      ]),
      next: null,
    });

    const {text: metrics} = await here.ask('/metrics');
    expect(metrics).toContain('rowplica_rows_total{table="tag",op="insert"} 1');
    expect(metrics).toMatch(/^rowplica_sign_of_life_age_seconds \d/m);
    for (const path of ['/livez', '/readyz', '/healthz'])
      expect((await here.ask(path)).status).toBe(200);
    const asked = {method: 'POST', headers: bearer(token)};
    expect((await there.ask('/api/v1/cycle', {...asked, headers: {}})).status).toBe(401);
    expect((await there.ask('/api/v1/cycle', asked)).status).toBe(202);

    expect(await primary.stop()).toEqual({exitCode: 0, signal: null});
    await eventually('stale', async () => (await here.ask('/healthz')).status === 503);
    expect(await here.json('/api/v1/status')).toMatchObject({status: 'stale'});
    const shown = JSON.stringify([ofPrimary, ofReplica, listed, history, metrics]);
    expect(await replica.stop()).toEqual({exitCode: 0, signal: null});
    for (const text of [shown, primary.stderr, replica.stderr]) {
      expect(text).not.toContain(secret);
      expect(text).not.toContain(token);
    }
  });
});

describe('a service', () => {
  test('are asked by the command health whether they are well', async () => {
    const pair = new Pair();
    const primary = pair.start('primary');
    const http = String((await primary.says({msg: 'listening'}))['http']);
    const [, port] = http.split(/:(?=\d+$)/);
    await primary.says({msg: 'cycle', did: 'captured'});
    const env = {ROWPLICA_HTTP: `0.0.0.0:${port}`};
    expect(await rowplica(['health', '--json'], {env})).toMatchObject({
      exitCode: 0,
      stdout: '{"status":"ok"}\n',
    });
    const nobody = ['health', '--json', '--http', '127.0.0.1:9'];
    expect(await rowplica(nobody)).toMatchObject({
      exitCode: 13,
      stdout: expect.stringContaining('SERVICE_SILENT'),
    });
    expect(await rowplica(['health', '--http', 'off'])).toMatchObject({exitCode: 2});

    const second = pair.start('replica');
    const other = String((await second.says({msg: 'listening'}))['http']);
    await second.says({msg: 'cycle', did: 'replicated'});
    expect(await rowplica(['undo', ...pair.place('replica')])).toMatchObject({exitCode: 0});
    await eventually('the undo to be seen', async () => {
      const {exitCode, stdout} = await rowplica(['health', '--http', other]);
      return exitCode === 4 && stdout === 'held\n';
    });
  });

  test('exits 2 with one line where its address is taken, and answers nothing with off', async () => {
    const pair = new Pair();
    const primary = pair.start('primary');
    const {address} = await clientOf(primary);
    const {exitCode, stdout} = await rowplica(['run', '--json', ...pair.flags('replica', address)]);
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      error: {
        code: 'CONFIG_INVALID',
        message: `http: cannot listen on ${address}: something else listens there`,
      },
    });
    const replica = new ServiceProcess(pair.flags('replica', 'off'));
    await replica.says({did: 'replicated'});
    expect(replica.lines.filter(({msg}) => msg === 'listening')).toEqual([]);
  });

  test('ends within seconds of SIGTERM, whoever is connected', async () => {
    const pair = new Pair();
    const primary = pair.start('primary');
    const client = await clientOf(primary);
    await primary.says({did: 'captured'});
    const held = client.raw('GET /livez HTTP/1.1\r\n').catch(() => '');
    const beganMs = performance.now();
    expect(await primary.stop()).toEqual({exitCode: 0, signal: null});
    expect(performance.now() - beganMs).toBeLessThan(10_000);
    await held;
  });
});
