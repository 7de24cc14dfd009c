/** Values that mean nothing in a row: a newer snapshot is lowered without them, and held for all others. */
import {join} from 'node:path';
import {beforeEach, expect, test} from 'vitest';
import {capture, noProgress, replicate, silentLog, type EngineOptions} from '../../../src/index.ts';
import {tempFolder} from '../../helpers/temp-db.ts';
import {dumpTable, execute} from '../../helpers/typed-dump.ts';
import {buildRelease} from '../../helpers/uptime-kuma/releases.ts';

let [primary, replica] = ['', ''];
let options = (database: string): EngineOptions => ({database}) as EngineOptions;
beforeEach(() => {
  const folder = tempFolder();
  [primary, replica] = [join(folder, 'primary.db'), join(folder, 'replica.db')];
  buildRelease(primary, '2.5', 5);
  buildRelease(replica, '1.23');
  options = (database) => ({
    database,
    store: `dir:${join(folder, 'store')}`,
    state: `${database}-state`,
    env: process.env,
    log: silentLog,
    progress: noProgress,
  });
});

const bring = async (): Promise<unknown> => {
  await capture(options(primary));
  return replicate({...options(replica), allowDeletes: ['monitor']});
};

/** As the form of 2.5 saves a monitor that has no use for them. */
const asSaved = `ping_count = 3, location = 'world', rabbitmq_nodes = '[]', json_path_operator = NULL, bearer_token = '',
  gamedig_token = '', system_service_name = '', mqtt_websocket_path = ''`;

test('what the form of a newer release saves in columns without use travels to an older one as nothing', async () => {
  execute(
    primary,
    `UPDATE monitor SET ${asSaved} WHERE type NOT IN ('ping', 'json-query', 'snmp')`,
  );
  expect(await bring()).toMatchObject({applied: true, proof: 'full'});
  const names = (path: string) =>
    dumpTable(path, 'monitor')
      .map(({id, name, type}) => `${id} ${name} ${type}`)
      .toSorted();
  expect(names(replica)).toEqual(names(primary));
});

test.each([
  ["type = 'ping', ping_count = 3", 'ping_count'],
  ["type = 'json-query', json_path_operator = NULL", 'json_path_operator'],
  ["type = 'http', bearer_token = 'x'", 'bearer_token'],
  ["type = 'gamedig', game = 'minecraft', gamedig_token = 'x'", 'gamedig_token'],
  ["type = 'mqtt', mqtt_websocket_path = '/x'", 'mqtt_websocket_path'],
])('where %s means something, the snapshot is held', async (values, column) => {
  execute(primary, `UPDATE monitor SET ${values} WHERE id = 2`);
  await expect(bring()).rejects.toMatchObject({
    code: 'UPGRADE_FIRST',
    exitCode: 20,
    site: {table: 'monitor', column},
  });
  expect(dumpTable(replica, 'monitor')).toEqual([]);
});
