/** What Uptime Kuma's tables may lose on any day, and what stops a replica. */
import {join} from 'node:path';
import {expect, test} from 'vitest';
import {capture, noProgress, replicate, silentLog, type EngineOptions} from '../../../src/index.ts';
import {tempFolder} from '../../helpers/temp-db.ts';
import {countRows, execute} from '../../helpers/typed-dump.ts';
import {buildEmptyKuma} from '../../helpers/uptime-kuma/index.ts';

const rows = `
  INSERT INTO monitor (id, name, type, user_id) VALUES (1, 'm', 'http', 1);
  INSERT INTO maintenance (id, title, description, user_id, strategy) VALUES (1, 't', 'd', 1, 'manual');
  INSERT INTO monitor_maintenance (monitor_id, maintenance_id) VALUES (1, 1);
  INSERT INTO status_page (id, slug, title, icon, theme) VALUES (1, 's', 't', '', 'auto');`;

function pair(): readonly [primary: EngineOptions, replica: EngineOptions] {
  const folder = tempFolder();
  const instance = (name: string): EngineOptions => {
    const database = join(folder, `${name}.db`);
    buildEmptyKuma(database, {version: '2.5.3'});
    const store = `dir:${join(folder, 'store')}`;
    const place = {database, store, state: `${database}-state`};
    return {...place, env: {}, log: silentLog, progress: noProgress};
  };
  const [primary, replica] = [instance('primary'), instance('replica')];
  execute(primary.database, rows);
  return [primary, replica];
}

test('the last maintenance and the last status page go as they come', async () => {
  const [primary, replica] = pair();
  await capture(primary);
  await replicate(replica);
  execute(primary.database, 'DELETE FROM maintenance; DELETE FROM status_page');
  await capture(primary);
  expect(await replicate(replica)).toMatchObject({applied: true});
  for (const table of ['maintenance', 'monitor_maintenance', 'status_page'])
    expect(countRows(replica.database, table, '1'), table).toBe(0);
});

test('the last monitor stops it', async () => {
  const [primary, replica] = pair();
  await capture(primary);
  await replicate(replica);
  execute(primary.database, 'DELETE FROM monitor');
  await capture(primary);
  const refused = {code: 'FUSE', site: {table: 'monitor'}};
  await expect(replicate(replica)).rejects.toMatchObject(refused);
});

test('a database that follows nobody yet loses no table', async () => {
  const [primary, replica] = pair();
  execute(replica.database, rows);
  execute(primary.database, 'DELETE FROM maintenance');
  await capture(primary);
  const refused = {code: 'FUSE', site: {table: 'maintenance'}};
  await expect(replicate(replica)).rejects.toMatchObject(refused);
  expect(countRows(replica.database, 'maintenance', '1')).toBe(1);
});
