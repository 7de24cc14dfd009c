// One client of the fake server: late handlers, logins, and calls that are noted.

import {createHash, createHmac} from 'node:crypto';
import {setTimeout as pause} from 'node:timers/promises';
import type {Socket} from 'socket.io';
import {addMaintenance, deleteMaintenance, editMaintenance} from './maintenance.ts';
import type {Memory, Row} from './memory.ts';
import type {FakeOptions} from './options.ts';

export type Shared = {
  readonly memory: Memory;
  readonly options: FakeOptions;
  /** Logins with a password that are left in this minute. */
  logins: number;
  /** Events that are still to be lost. */
  readonly lost: Set<string>;
};

type Answer = {readonly ok?: boolean; readonly msg?: string; readonly [name: string]: unknown};
type Handler = (user: number, ...args: readonly never[]) => void;

export async function serve(socket: Socket, shared: Shared): Promise<void> {
  const {memory, options} = shared;
  socket.emit('info', {version: options.version});
  await pause(options.late);
  let user: number | undefined;
  const needsLogin = memory.setting('disableAuth') !== 'true';
  if (!needsLogin) user = Number(memory.rows('user')[0]?.['id']);
  on(socket, shared, 'loginByToken', (token) => {
    user = userOfToken(memory, String(token));
    return user === undefined ? {ok: false, msg: 'authInvalidToken', msgi18n: true} : {ok: true};
  });
  on(socket, shared, 'login', (given) => {
    if (shared.logins-- <= 0) return {ok: false, msg: 'Too frequently, try again later.'};
    const {answer, id} = loginOf(shared, given as Row);
    user = id ?? user;
    return answer;
  });
  for (const [name, handler] of Object.entries(handlersOf(memory)))
    on(socket, shared, name, (...args) => {
      if (user === undefined) return {ok: false, msg: 'You are not logged in.'};
      handler(user, ...(args as never[]));
      return {ok: true, msg: 'done'};
    });
  if (!needsLogin) socket.emit('autoLogin');
  else if (options.version === '2.x') socket.emit('loginRequired');
}

/** Notes a call with its outcome, and answers it; secrets are not noted. */
function on(
  socket: Socket,
  {memory, options, lost}: Shared,
  name: string,
  answer: (...args: readonly unknown[]) => Answer,
): void {
  socket.on(name, (...given: readonly unknown[]) => {
    if (lost.delete(name)) return;
    const callback = given.at(-1);
    const args = given.slice(0, typeof callback === 'function' ? -1 : undefined);
    const told = answered(() => answer(...args));
    const shown = name.startsWith('login') ? [] : args;
    memory.note({call: name, args: shown, ok: told.ok ?? false});
    if (options.never.includes(name) || typeof callback !== 'function') return;
    const odd = name.startsWith('login') ? ODD[options.odd] : undefined;
    const say = (): void => (callback as (...answer: unknown[]) => void)(...(odd ?? [told]));
    if (options.slow > 0) setTimeout(say, options.slow);
    else say();
  });
}

/** By name. */
const ODD: Readonly<Record<string, readonly unknown[]>> = {null: [null], text: ['ok'], none: []};

function answered(answer: () => Answer): Answer {
  try {
    return answer();
  } catch (error) {
    return {ok: false, msg: error instanceof Error ? error.message : 'failed'};
  }
}

function handlersOf(memory: Memory): Readonly<Record<string, Handler>> {
  return {
    resumeMonitor: (user, id) => memory.startMonitor(user, id),
    pauseMonitor: (user, id) => memory.pauseMonitor(user, id),
    deleteMonitor: (user, id) => memory.deleteMonitor(user, id),
    addMaintenance: (user, sent) => addMaintenance(memory, user, sent),
    editMaintenance: (user, sent) => editMaintenance(memory, user, sent),
    deleteMaintenance: (user, id) => deleteMaintenance(memory, user, id),
    getMonitorList: () => {},
    addMonitorMaintenance: (_user, id: number, monitors: readonly {readonly id: number}[]) => {
      memory.db.prepare('DELETE FROM monitor_maintenance WHERE maintenance_id = ?').run(id);
      const insert = 'INSERT INTO monitor_maintenance (monitor_id, maintenance_id) VALUES (?, ?)';
      for (const monitor of monitors) memory.db.prepare(insert).run(monitor.id, id);
      memory.clearPages();
    },
  };
}

function userOfToken(memory: Memory, token: string): number | undefined {
  const [head = '', body = '', signature] = token.split('.');
  const hmac = createHmac('sha256', memory.setting('jwtSecret') ?? '');
  if (hmac.update(`${head}.${body}`).digest('base64url') !== signature) return undefined;
  const {username, h, exp} = JSON.parse(Buffer.from(body, 'base64url').toString()) as Row;
  if (exp !== undefined && Number(exp) * 1000 <= Date.now()) return undefined;
  const user = memory.rows('user').find((row) => row['username'] === username);
  if (user?.['active'] !== 1) return undefined;
  const password = String(user['password']);
  const expected = createHash('shake256', {outputLength: 16}).update(password).digest('hex');
  return h === expected ? Number(user['id']) : undefined;
}

function loginOf(
  {memory, options}: Shared,
  {username, password}: Row,
): {readonly answer: Answer; readonly id?: number} {
  const user = memory.rows('user').find((row) => row['username'] === username);
  if (user === undefined || password !== options.password)
    return {answer: {ok: false, msg: 'authIncorrectCreds', msgi18n: true}};
  if (user['twofa_status'] === 1) return {answer: {tokenRequired: true}};
  return {answer: {ok: true, token: 'x'}, id: Number(user['id'])};
}
