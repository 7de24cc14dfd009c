/** What Rowplica makes of an application's own alerts: they say which machine they come from, and a replica sends none. */
import {readFileSync, writeFileSync} from 'node:fs';
import {hostname} from 'node:os';
import {join} from 'node:path';
import {afterEach, describe, expect, test} from 'vitest';
import {alertsSaid, makeAlertingServer} from '../helpers/alerting-server.ts';
import {rowplica} from '../helpers/cli.ts';
import {freePort} from '../helpers/free-port.ts';
import {eventually, killServices, ServiceProcess} from '../helpers/service-process.ts';
import {killNoted, Notebook} from '../helpers/supervised.ts';
import {temporaryFolder} from '../helpers/temp-folder.ts';
import {countRows, dumpTable, execute} from '../helpers/typed-dump.ts';
import {buildEmptyKuma, buildPopulatedKuma} from '../helpers/uptime-kuma/index.ts';

afterEach(() => {
  killServices();
  killNoted();
});

describe('the name of the machine', () => {
  const alertsOf = async (env: NodeJS.ProcessEnv): Promise<readonly unknown[]> => {
    const folder = temporaryFolder();
    const database = join(folder, 'kuma.db');
    const server = makeAlertingServer(join(folder, 'a server "here"'));
    const notes = new Notebook();
    const flags = ['--database', database, '--store', `dir:${join(folder, 'store')}`];
    const command = ['--role', 'primary', '--http', 'off', '--', process.execPath, server];
    const service = new ServiceProcess([...flags, ...command, notes.path], env);
    await eventually('three alerts', () => notes.lines.includes('end'));
    await service.stop();
    return notes.lines.slice(0, -1).map((line) => JSON.parse(line) as unknown);
  };
  test('stands before each alert where that is asked for, and the server is not changed', async () => {
    const env = {ROWPLICA_ALERTS_HOSTNAME: 'true', HOSTNAME: ''};
    expect(await alertsOf(env)).toEqual(alertsSaid(`[${hostname()}] `));
    const named = {...env, HOSTNAME: 'tokyo', NODE_OPTIONS: '--stack-trace-limit=7'};
    expect(await alertsOf(named)).toEqual(alertsSaid('[tokyo] '));
  });

  test('stands nowhere else', async () => {
    expect(await alertsOf({HOSTNAME: 'tokyo'})).toEqual(alertsSaid(''));
    expect(await alertsOf({ROWPLICA_ALERTS_HOSTNAME: 'false'})).toEqual(alertsSaid(''));
  });

  test('is asked for in vain beside an application that is started elsewhere, and that is said', async () => {
    const folder = temporaryFolder();
    const database = join(folder, 'kuma.db');
    buildEmptyKuma(database, {version: '2.5.3'});
    const flags = ['--database', database, '--store', `dir:${join(folder, 'store')}`];
    const env = {ROWPLICA_ALERTS_HOSTNAME: 'true'};
    const service = new ServiceProcess([...flags, '--role', 'primary', '--http', 'off'], env);
    await eventually('a warning', () =>
      service.lines.some(({msg}) => msg.startsWith('alerts.hostname says nothing here')),
    );
  });
});

describe('a muted replica', () => {
  test('follows without alerts, and has them again when it becomes the primary', async () => {
    const folder = temporaryFolder();
    const path = (name: string): string => join(folder, `${name}.db`);
    const place = (name: string): readonly string[] => {
      const store = `dir:${join(folder, 'store')}`;
      return ['--database', path(name), '--store', store, '--state', `${path(name)}-state`];
    };
    const once = async (...args: readonly string[]): Promise<string> => {
      const {exitCode, stdout, stderr} = await rowplica(args);
      if (exitCode !== 0) throw new Error(stderr);
      return stdout;
    };
    buildPopulatedKuma(path('primary'), {version: '2.5.3', monitors: 6});
    for (const name of ['replica', 'other']) buildEmptyKuma(path(name), {version: '2.5.3'});
    const config = join(folder, 'rowplica.yaml');
    writeFileSync(config, 'alerts:\n  muted: true\n');
    const port = await freePort();
    const run = (name: string, role: string): ServiceProcess => {
      const rhythm = ['--role', role, '--interval', '1s', '--http', `127.0.0.1:${port}`];
      return new ServiceProcess([...place(name), ...rhythm, '--config', config]);
    };
    const told = async (): Promise<string> => {
      const [status, metrics] = await Promise.all(
        ['api/v1/status', 'metrics'].map(async (path) =>
          (await fetch(`http://127.0.0.1:${port}/${path}`)).text(),
        ),
      );
      const {muted} = JSON.parse(status ?? '') as {readonly muted: boolean};
      return `${muted} ${/^rowplica_muted (.*)$/m.exec(metrics ?? '')?.[1]}`;
    };
    const links = (name: string) =>
      dumpTable(path(name), 'monitor_notification', {without: ['id']});
    await once('capture', ...place('primary'));
    await once('replicate', ...place('other'));
    const before = links('primary');
    expect(links('other')).toEqual(before);

    const replica = run('replica', 'replica');
    await replica.says({msg: 'cycle', did: 'replicated'});
    expect(countRows(path('replica'), 'monitor', '1')).toBe(6);
    expect(links('replica')).toEqual([]);
    expect(await told()).toBe('true 1');
    await replica.stop();
    const text = await once('replicate', ...place('replica'), '--config', config);
    expect(text).toContain('Muted: monitor_notification is kept empty here.');

    execute(path('replica'), "UPDATE monitor SET name = 'edited after the failover' WHERE id = 1");
    const promoted = run('replica', 'primary');
    await promoted.says({msg: 'cycle', did: 'captured'});
    expect(links('replica')).toEqual(before);
    expect(await told()).toBe('false 0');
    await promoted.stop();
    await once('replicate', ...place('other'));
    expect(links('other')).toEqual(before);
    expect(countRows(path('other'), 'monitor', "name = 'edited after the failover'")).toBe(1);
    expect(readFileSync(config, 'utf8')).toContain('muted: true');

    const muted = await once('unmute', ...place('other'), '--json');
    expect(JSON.parse(muted)).toEqual({unmuted: false, applied: null});
    await once('replicate', ...place('other'), '--config', config);
    expect(links('other')).toEqual([]);
    const refused = await rowplica(['capture', ...place('other')]);
    expect(refused).toMatchObject({exitCode: 20});
    expect(refused.stderr).toContain('rowplica unmute');
    expect(await once('unmute', ...place('other'))).toContain('The alerts are back.');
    expect(links('other')).toEqual(before);
  });
});
