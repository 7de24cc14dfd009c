/** A connection to a running Uptime Kuma: each call with a time limit, as some are never answered. */
import {setTimeout as pause} from 'node:timers/promises';
import type {Socket} from 'socket.io-client';
import {RELOAD_READY_MS} from '../../../kernel/limits.ts';
import {connectionFault} from '../../connecting.ts';

export type Limits = {readonly timeoutMs: number; readonly signal: AbortSignal};

/** What came of a call: whether it was made, or what is known of why not. What the server says is not passed on, as it might quote values. */
export type Answer = 'ok' | 'refused' | 'limited' | 'unanswered' | 'secondFactor';

/** False where nothing listens there, so that no application runs. */
export async function isListening(url: string, limits: Limits): Promise<boolean> {
  return (await connectionFault(url, limits)) !== 'ECONNREFUSED';
}

export class Session {
  /** True where it lets everybody in, as its first user. */
  readonly isOpen: boolean;
  readonly #socket: Socket;
  readonly #limits: Limits;

  constructor(socket: Socket, isOpen: boolean, limits: Limits) {
    this.#socket = socket;
    this.isOpen = isOpen;
    this.#limits = limits;
  }

  /** Handlers are registered a while after a connection: what was sent before is lost, so it is sent once more. */
  async call(event: string, args: readonly unknown[]): Promise<Answer> {
    const first = await this.#send(event, args);
    return first === 'unanswered' ? this.#send(event, args) : first;
  }

  async #send(event: string, args: readonly unknown[]): Promise<Answer> {
    const {timeoutMs, signal} = this.#limits;
    signal.throwIfAborted();
    const answer: unknown = await this.#socket
      .timeout(timeoutMs)
      .emitWithAck(event, ...args)
      .catch(() => undefined); // no answer in time, or the connection was lost
    signal.throwIfAborted();
    return answer === undefined ? 'unanswered' : meaningOf(answer);
  }

  close(): void {
    this.#socket.disconnect();
  }
}

function meaningOf(answer: unknown): Answer {
  if (typeof answer !== 'object' || answer === null) return 'refused';
  const {ok, msg, tokenRequired} = answer as Readonly<Record<string, unknown>>;
  if (ok === true) return 'ok';
  if (tokenRequired === true) return 'secondFactor';
  return typeof msg === 'string' && /too frequently/i.test(msg) ? 'limited' : 'refused';
}

/** Undefined where it cannot be connected to. From 2.0 on the server says when its handlers are there, before that it does not. */
export async function openSession(url: string, limits: Limits): Promise<Session | undefined> {
  const {timeoutMs, signal} = limits;
  const {io} = await import('socket.io-client'); // takes longer to load than all the rest of a short command
  const socket = io(url, {
    transports: ['websocket'],
    reconnection: false,
    forceNew: true,
    timeout: timeoutMs,
  });
  const close = (): void => void socket.disconnect();
  signal.addEventListener('abort', close, {once: true});
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  const after = async (ms: number): Promise<undefined> =>
    pause(ms, undefined, {signal: either}).catch(() => undefined);
  try {
    const ready = Promise.race([first(socket, 'loginRequired'), first(socket, 'autoLogin')]);
    const opened = await Promise.race([
      first(socket, 'connect'),
      first(socket, 'connect_error'),
      after(timeoutMs),
    ]);
    if (opened !== 'connect') {
      close();
      signal.throwIfAborted();
      return undefined;
    }
    const state = await Promise.race([ready, after(RELOAD_READY_MS)]);
    signal.throwIfAborted();
    return new Session(socket, state === 'autoLogin', limits);
  } finally {
    over.abort();
  }
}

async function first(socket: Socket, event: string): Promise<string> {
  return new Promise((done) => void socket.once(event, () => done(event)));
}
