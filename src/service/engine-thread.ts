/** The engine in a thread of its own: reading all rows takes long, and the service has to answer meanwhile. */
import {extname} from 'node:path';
import {Worker} from 'node:worker_threads';
import type {EngineOptions} from '../engine/options.ts';
import type {PrimaryEngine, ReplicaEngine, Tending} from './cycle.ts';
import type {ReloadEngine} from './reload/reloader.ts';
import {errorOf, type Answer, type Request, type ThreadData} from './engine-messages.ts';

export function primaryThread(options: EngineOptions): PrimaryEngine & Tending {
  const thread = new EngineThread('primary', options);
  return {
    look: (signal) => thread.call('look', [], signal),
    capture: (signal) => thread.call('capture', [], signal),
    beat: (signal) => thread.call('beat', [], signal),
    ...tending(thread),
    close: () => thread.close(),
  };
}

export function replicaThread(options: EngineOptions): ReplicaEngine & Tending & ReloadEngine {
  const thread = new EngineThread('replica', options);
  return {
    poll: (signal) => thread.call('poll', [], signal),
    replicate: (signal) => thread.call('replicate', [], signal),
    drift: (signal) => thread.call('drift', [], signal),
    ...tending(thread),
    heard: () => thread.call('heard', []),
    note: (news) => thread.call('note', [news]),
    reload: (request, signal) => thread.call('reload', [request], signal),
    reloaded: (through) => thread.call('reloaded', [through]),
    close: () => thread.close(),
  };
}

function tending(thread: EngineThread): Tending {
  return {
    drill: (signal) => thread.call('drill', [], signal),
    notes: () => thread.call('notes', []),
    keepNotes: (notes) => thread.call('keepNotes', [notes]),
  };
}

type Waiting = {readonly done: (result: never) => void; readonly fail: (error: unknown) => void};

/** The store has to be given by its address. A thread that died is told to those who wait, and the next call starts another one. */
class EngineThread {
  readonly #data: ThreadData;
  readonly #log: EngineOptions['log'];
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #calls = 0;

  constructor(
    role: ThreadData['role'],
    {log, progress: _progress, signal: _signal, ...options}: EngineOptions,
  ) {
    this.#data = {role, options: {...options, env: {...options.env}}};
    this.#log = log;
  }

  async call<T>(name: string, args: readonly unknown[], signal?: AbortSignal): Promise<T> {
    const worker = (this.#worker ??= this.#start());
    const id = this.#calls++;
    const tell = (request: Request): void => worker.postMessage(request);
    const stop = (): void => tell({id, stop: true});
    tell({id, name, args});
    if (signal?.aborted === true) stop();
    signal?.addEventListener('abort', stop, {once: true});
    try {
      return await new Promise<T>((done, fail) => this.#waiting.set(id, {done, fail}));
    } finally {
      signal?.removeEventListener('abort', stop);
      this.#waiting.delete(id);
    }
  }

  async close(): Promise<void> {
    if (this.#worker === undefined) return;
    await this.call('close', []);
    await this.#worker?.terminate();
  }

  #start(): Worker {
    // The sources run as they are, and compiled.
    const entry = new URL(`./engine-worker${extname(import.meta.url)}`, import.meta.url);
    const worker = new Worker(entry, {workerData: this.#data});
    worker.on('message', (answer: Answer) => this.#hear(answer));
    worker.on('error', (error) => this.#died(worker, error));
    worker.on('exit', () => this.#died(worker, new Error('the thread of the engine ended')));
    return worker;
  }

  #hear(answer: Answer): void {
    if ('log' in answer) {
      this.#log[answer.log](answer.message, answer.fields);
      return;
    }
    const waiting = this.#waiting.get(answer.id);
    if ('error' in answer) waiting?.fail(errorOf(answer.error));
    else waiting?.done(answer.result as never);
  }

  #died(worker: Worker, error: unknown): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const {fail} of this.#waiting.values()) fail(error);
  }
}
