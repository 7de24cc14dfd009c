/**
 * Beside real servers: `npm run trial`. A primary and a replica start Uptime Kuma itself, a person works in the browser of the primary,
 * and what the replica's server polls, knows and alerts is looked at. Exit 1 where something did not come about.
 */
import {mkdtempSync, rmSync} from 'node:fs';
import {createServer, type Server as HttpServer} from 'node:http';
import type {AddressInfo} from 'node:net';
import {tmpdir} from 'node:os';
import {join} from 'node:path';
import {setTimeout as pause} from 'node:timers/promises';
import {Instance} from './instance.ts';
import {httpMonitor, manualMaintenance, Person} from './person.ts';
import {fetchServer} from './server.ts';

const PATIENCE_MS = 120_000;
/** More than the interval of the monitors. */
const SILENCE_MS = 30_000;
const beganMs = performance.now();

function say(text: string): void {
  const seconds = ((performance.now() - beganMs) / 1000).toFixed(1).padStart(6);
  process.stdout.write(`${seconds} s  ${text}\n`);
}

async function until(what: string, look: () => Promise<boolean> | boolean): Promise<void> {
  const endMs = performance.now() + PATIENCE_MS;
  while (!(await look())) {
    if (performance.now() > endMs) throw new Error(`waited in vain for: ${what}`);
    await pause(300);
  }
  say(what);
}

/** A site to be watched, at a port of its own choice or a given one. */
async function site(port = 0): Promise<{readonly http: HttpServer; readonly port: number}> {
  const http = createServer((_, response) => response.end('ok')).listen(port, '127.0.0.1');
  await new Promise((listening) => http.once('listening', listening));
  return {http, port: (http.address() as AddressInfo).port};
}

/** Keeps what it is sent. */
async function inbox(): Promise<{readonly url: string; readonly alerts: string[]}> {
  const alerts: string[] = [];
  const http = createServer((request, response) => {
    let text = '';
    request.on('data', (part) => (text += String(part)));
    request.on('end', () => {
      alerts.push((JSON.parse(text) as {readonly msg: string}).msg);
      response.end();
    });
  }).listen(0, '127.0.0.1');
  await new Promise((listening) => http.once('listening', listening));
  return {url: `http://127.0.0.1:${(http.address() as AddressInfo).port}/`, alerts};
}

const folder = mkdtempSync(join(tmpdir(), 'rowplica-trial-'));
const place = {folder, server: await fetchServer(say)};
const [primary, replica] = [
  await Instance.of('primary', place),
  await Instance.of('replica', place),
];
try {
  await trial();
  say('all of it came about');
  await Promise.all([primary.down(), replica.down()]);
  rmSync(folder, {recursive: true, force: true});
} catch (error) {
  say(
    `${error instanceof Error ? error.message : String(error)}; logs and databases are in ${folder}`,
  );
  await Promise.all([primary.down(), replica.down()]);
  process.exitCode = 1;
}
process.exit();

async function trial(): Promise<void> {
  const {url: hook, alerts} = await inbox();
  const [shop, mail] = [await site(), await site()];
  const urlOf = ({port}: {readonly port: number}): string => `http://127.0.0.1:${port}/`;
  const heard = (name: string, since = 0): boolean =>
    alerts.slice(since).some((text) => text.startsWith(`[${name}] `));
  const names = {ROWPLICA_ALERTS_HOSTNAME: 'true'};
  primary.up('primary', names);
  replica.up('replica', names);
  const isWell = (instance: Instance) => async (): Promise<boolean> =>
    (await instance.status())?.status === 'ok';
  await until('the primary is ok', isWell(primary));

  const person = await Person.setUp(primary.url);
  const webhook = {name: 'hook', type: 'webhook', webhookURL: hook, webhookContentType: 'json'};
  const {id} = await person.does('addNotification', {...webhook, isDefault: false}, null);
  const monitor = (name: string, url: string): object => httpMonitor(name, url, Number(id));
  await person.does('add', monitor('shop', urlOf(shop)));
  const {monitorID: second} = await person.does('add', monitor('mail', urlOf(mail)));
  const beats = (of: unknown): number =>
    Number(replica.cell(`SELECT count(*) FROM heartbeat WHERE monitor_id = ${Number(of)}`));
  await until('both monitors are polled on the replica', () => beats(1) > 0 && beats(second) > 0);
  await until('the replica is ok, after a start for its first user', isWell(replica));

  await person.does('editMonitor', {...monitor('shop', `${urlOf(shop)}new`), id: 1});
  await until('a changed monitor is started again', () => replica.told('resumeMonitor'));
  const {maintenanceID} = await person.does('addMaintenance', manualMaintenance);
  await person.does('addMonitorMaintenance', maintenanceID, [{id: 1}]);
  const last = 'SELECT status FROM heartbeat WHERE monitor_id = 1 ORDER BY id DESC LIMIT 1';
  await until('its monitor is under maintenance there', () => replica.cell(last) === 3);
  await person.does('deleteMaintenance', maintenanceID);
  await until('and no longer', () => replica.cell(last) === 1);
  await person.does('pauseMonitor', 1);
  await until('a paused monitor is paused', () => replica.told('pauseMonitor'));
  await person.does('deleteMonitor', 1);
  await until('a deleted monitor is ended', () => replica.told('deleteMonitor'));

  mail.http.close();
  mail.http.closeAllConnections();
  await until('both alert, each with its name', () => heard('primary') && heard('replica'));
  await replica.down();
  replica.up('replica', {...names, ROWPLICA_ALERTS_MUTED: 'true'});
  const links = 'SELECT count(*) FROM monitor_notification';
  await until('a muted replica has no links', () => replica.cell(links) === 0);
  await until('and is ok', isWell(replica));
  const beforeUp = alerts.length;
  const again = await site(mail.port);
  await until('the primary alerts', () => heard('primary', beforeUp));
  await pause(SILENCE_MS);
  if (heard('replica', beforeUp)) throw new Error('the muted replica alerted');

  person.leave();
  await primary.down();
  await replica.down();
  replica.up('primary', {...names, ROWPLICA_ALERTS_MUTED: 'true'});
  await until('it has its links again as the primary', () => replica.cell(links) === 1);
  await until('and is ok', isWell(replica));
  const beforeDown = alerts.length;
  again.http.close();
  again.http.closeAllConnections();
  await until('and alerts', () => heard('replica', beforeDown));
}
