// A program that behaves, to whoever changes its database or calls it, as a running Uptime Kuma does.

import {existsSync, renameSync} from 'node:fs';
import {createServer, type IncomingMessage, type ServerResponse} from 'node:http';
import type {AddressInfo} from 'node:net';
import Database from 'better-sqlite3';
import {Server} from 'socket.io';
import {buildEmptyKuma} from '../uptime-kuma/index.ts';
import {serve, type Shared} from './connection.ts';
import {Memory} from './memory.ts';
import {optionsOf} from './options.ts';

const options = optionsOf(process.argv.slice(2));
if (options.makes && !existsSync(options.database)) makeDatabase(options.database);
const memory = new Memory(options);
const shared: Shared = {memory, options, logins: options.logins, lost: new Set(options.lost)};
setInterval(() => (shared.logins = options.logins), 60_000).unref();

const http = createServer((request, response) => visit(request, response));
new Server(http).on('connection', (socket) => void serve(socket, shared));
http.listen(options.port, '127.0.0.1', () => {
  memory.startMonitors();
  memory.note({listening: (http.address() as AddressInfo).port, pid: process.pid});
});
for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.on(signal, () => {
    memory.db.close();
    process.exit(0);
  });

/** In one step, as the server copies a template. */
function makeDatabase(path: string): void {
  const fresh = `${path}-fresh`;
  buildEmptyKuma(fresh, {version: options.version === '1.23' ? '1.23.17' : '2.5.3'});
  const db = new Database(fresh);
  db.exec("DELETE FROM user; DELETE FROM sqlite_sequence WHERE name = 'user'");
  db.close();
  renameSync(fresh, path);
}

/** `/page/SLUG` shows a title, `/memory` what is polled and known. */
function visit({url = ''}: IncomingMessage, response: ServerResponse): void {
  const slug = /^\/page\/(.+)$/.exec(url)?.[1];
  const known = {
    monitors: [...memory.monitors.values()],
    maintenances: [...memory.maintenances.values()],
    domains: [...memory.domains],
  };
  response.end(slug === undefined ? JSON.stringify(known) : memory.page(slug));
}
