/** Tells receivers of notices. One that fails, or is slow, delays nobody: neither replication nor the other receivers. */
import {setMaxListeners} from 'node:events';
import pRetry, {AbortError} from 'p-retry';
import type {Receiver} from '../config/values.ts';
import {
  RUN_NOTIFY_CLOSE_MS,
  RUN_NOTIFY_QUEUE_MAX,
  RUN_NOTIFY_RETRY_MS,
  RUN_NOTIFY_TIMEOUT_MS,
  RUN_NOTIFY_TRIES,
} from '../kernel/limits.ts';
import type {Log} from '../kernel/log.ts';
import {spokenNotice, type Notice} from './notices.ts';
import type {StatusWord} from './status.ts';

/** Notices sent, by how that went, since the start. */
export type NoticeCounts = {readonly sent: number; readonly failed: number};

export class Notifier {
  readonly #queues: readonly Queue[];

  constructor(receivers: readonly Receiver[], log: Log) {
    this.#queues = receivers.map((receiver) => new Queue(receiver, log));
  }

  /** Returns at once. */
  tell(notice: Notice): void {
    for (const queue of this.#queues) queue.add(notice);
  }

  get counts(): NoticeCounts {
    const sum = (of: keyof NoticeCounts): number =>
      this.#queues.reduce((all, queue) => all + queue.counts[of], 0);
    return {sent: sum('sent'), failed: sum('failed')};
  }

  /** Waits for what is under way, for seconds at most. */
  async close(): Promise<void> {
    await Promise.all(this.#queues.map((queue) => queue.close()));
  }
}

/** A primary that is at work captures all day. */
const USUAL: NonNullable<Receiver['events']> = ['status', 'applied'];

/** The notices of one receiver, in order. */
class Queue {
  readonly #receiver: Receiver;
  readonly #log: Log;
  readonly #stop = new AbortController();
  readonly #counts = {sent: 0, failed: 0};
  #waiting: Notice[] = [];
  #working: Promise<void> | undefined;

  constructor(receiver: Receiver, log: Log) {
    this.#receiver = receiver;
    this.#log = log;
    setMaxListeners(0, this.#stop.signal); // each try of a message listens
  }

  get counts(): NoticeCounts {
    return this.#counts;
  }

  add(notice: Notice): void {
    const {events = USUAL} = this.#receiver;
    if (!events.includes(notice.event)) return;
    if (this.#waiting.length >= RUN_NOTIFY_QUEUE_MAX) this.#dropOldest();
    this.#waiting.push(notice);
    this.#working ??= this.#work();
  }

  /** What came of rows is in the history; the last word on the status is kept for as long as anything is. */
  #dropOldest(): void {
    const ofRows = this.#waiting.findIndex(({event}) => event !== 'status');
    this.#waiting.splice(Math.max(ofRows, 0), 1);
    this.#counts.failed++;
  }

  async #work(): Promise<void> {
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift())
      await this.#send(next);
    this.#working = undefined;
  }

  async #send(notice: Notice): Promise<void> {
    const {signal} = this.#stop;
    try {
      await pRetry(() => post(this.#receiver, notice, signal), {
        retries: RUN_NOTIFY_TRIES - 1,
        minTimeout: RUN_NOTIFY_RETRY_MS,
        signal,
      });
      this.#counts.sent++;
    } catch (error) {
      this.#counts.failed++;
      const why = error instanceof Error ? error.message : 'unknown';
      // Paths and topics are secrets: the origin tells which one it is.
      const receiver = `${this.#receiver.kind} ${new URL(this.#receiver.url).origin}`;
      this.#log.warn('a receiver could not be told', {receiver, event: notice.event, why});
    }
  }

  async close(): Promise<void> {
    const giveUp = setTimeout(() => {
      this.#waiting = [];
      this.#stop.abort(new Error('the service ends'));
    }, RUN_NOTIFY_CLOSE_MS);
    await this.#working;
    clearTimeout(giveUp);
  }
}

/** @throws {Error} without the address; an `AbortError` where another try is in vain. */
async function post(receiver: Receiver, notice: Notice, stop: AbortSignal): Promise<void> {
  const {url, headers, body} = requestOf(receiver, notice);
  const signal = AbortSignal.any([stop, AbortSignal.timeout(RUN_NOTIFY_TIMEOUT_MS)]);
  let response: Response;
  try {
    // A POST that is redirected becomes a GET, or takes its secrets elsewhere.
    response = await fetch(url, {method: 'POST', headers, body, signal, redirect: 'manual'});
  } catch (error) {
    throw new Error(reasonOf(error), {cause: error});
  }
  await response.body?.cancel();
  if (response.ok) return;
  const refused = new Error(`it answered ${response.status}`);
  const mayPass = response.status >= 500 || response.status === 429 || response.status === 408;
  throw mayPass ? refused : new AbortError(refused);
}

/** `fetch` tells by its cause what was wrong, and by its message mostly nothing. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'it cannot be reached';
  if (error.name === 'TimeoutError') return `it gave no answer within ${RUN_NOTIFY_TIMEOUT_MS} ms`;
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  return code === undefined ? 'it cannot be reached' : `it cannot be reached (${code})`;
}

type PostRequest = {
  readonly url: URL;
  readonly headers: Record<string, string>;
  readonly body: string;
};

function requestOf(receiver: Receiver, notice: Notice): PostRequest {
  const url = new URL(receiver.url);
  const headers = authorization(receiver, url);
  [url.username, url.password] = ['', ''];
  if (receiver.kind === 'webhook') {
    headers['Content-Type'] = 'application/json';
    return {url, headers, body: JSON.stringify(notice)};
  }
  headers['Content-Type'] = 'text/plain; charset=utf-8';
  if (receiver.words !== undefined) return {url, headers, body: receiver.words(notice)};
  const {title, text} = spokenNotice(notice);
  headers['Title'] = title;
  headers['Priority'] = notice.event === 'status' ? PRIORITY[notice.status] : '2';
  return {url, headers, body: text};
}

/** `fetch` takes no credentials in an address. */
function authorization({token}: Receiver, {username, password}: URL): Record<string, string> {
  if (token !== undefined) return {Authorization: `Bearer ${token}`};
  if (username === '') return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {Authorization: `Basic ${Buffer.from(pair).toString('base64')}`};
}

/** Of ntfy: from 1, which nobody notices, to 5, which wakes people. */
const PRIORITY: Readonly<Record<StatusWord, string>> = {
  ok: '3',
  waiting: '2',
  degraded: '3',
  held: '4',
  stale: '5',
  fenced: '5',
  failed: '5',
};
