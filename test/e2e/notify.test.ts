/** A service tells receivers of rows and of its status, and goes on where one of them is dead. */
import {createServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {join} from 'node:path';
import {afterEach, expect, test} from 'vitest';
import {eventually, killServices, ServiceProcess} from '../helpers/service-process.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {dumpTable, execute} from '../helpers/typed-dump.ts';

type Notice = Readonly<Record<string, unknown>>;

const secret = 'value-that-nobody-sees';
const server = createServer();
afterEach(() => {
  killServices();
  server.closeAllConnections();
  server.close();
});

/** Collects what is told, until the test ends. */
async function receive(): Promise<{readonly told: Notice[]; readonly url: string}> {
  const told: Notice[] = [];
  server.on('request', (request, response) => {
    let body = '';
    request.setEncoding('utf8').on('data', (text: string) => (body += text));
    request.on('end', () => {
      told.push(JSON.parse(body) as Notice);
      response.end();
    });
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  return {told, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`};
}

test('rows that were applied, a primary that died, and one that is back', async () => {
  const {told, url} = await receive();
  const folder = temporaryFolder();
  const paths = {primary: join(folder, 'primary.db'), replica: join(folder, 'replica.db')};
  for (const path of Object.values(paths))
    execute(path, 'PRAGMA journal_mode = WAL; CREATE TABLE t (id INTEGER PRIMARY KEY, v TEXT)');
  execute(paths.primary, `INSERT INTO t VALUES (1, '${secret}')`);
  const usual = ['--interval', '1s', '--stale-after', '10s', '--http', 'off', '--tables', 't'];
  const store = `restic:${join(folder, 'repository')}`;
  const placeOf = (path: string) => [
    '--database',
    path,
    '--state',
    `${path}-state`,
    '--store',
    store,
  ];
  const start = (role: keyof typeof paths, env: NodeJS.ProcessEnv = {}): ServiceProcess =>
    new ServiceProcess([...usual, '--role', role, ...placeOf(paths[role])], env);
  const primary = start('primary');
  await primary.says({did: 'captured'});
  const replica = start('replica', {
    ROWPLICA_WEBHOOK: url,
    ROWPLICA_NTFY: 'http://127.0.0.1:1/topic-of-nobody', // nobody is there
  });
  const find = (fields: Notice) =>
    eventually(JSON.stringify(fields), () =>
      told.find((notice) => Object.entries(fields).every(([key, value]) => notice[key] === value)),
    );
  expect(await find({event: 'applied'})).toMatchObject({
    role: 'replica',
    database: paths.replica,
    position: {epoch: 1, sequence: 1},
    tables: {t: {inserted: 1, updated: 0, deleted: 0}},
  });
  primary.kill();
  await find({event: 'status', status: 'stale'});
  start('primary');
  await find({event: 'status', status: 'ok', before: 'stale'});
  execute(paths.primary, 'INSERT INTO t VALUES (2, NULL)');
  await eventually('the next row', () => dumpTable(paths.replica, 't').length === 2);
  expect(await replica.stop()).toEqual({exitCode: 0, signal: null});
  const failure = replica.lines.find(({msg}) => msg === 'a receiver could not be told');
  expect(failure).toMatchObject({receiver: 'ntfy http://127.0.0.1:1', event: expect.any(String)});
  expect(JSON.stringify(told)).not.toContain(secret);
  expect(replica.stderr).not.toMatch(/topic-of-nobody|value-that-nobody-sees/);
});
