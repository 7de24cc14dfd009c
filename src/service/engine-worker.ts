/** The thread of the engine: runs what it is asked, one call beside the other, and sends back what came of each. */
import {parentPort, workerData, type MessagePort} from 'node:worker_threads';
import {collectEarly} from '../engine/collect-early.ts';
import {noProgress, type Log} from '../kernel/log.ts';
import {textOf, type Answer, type Request, type ThreadData} from './engine-messages.ts';
import {primaryEngine, replicaEngine} from './engines.ts';

type Engine = Readonly<Record<string, (...args: readonly unknown[]) => Promise<unknown>>>;

function serve(port: MessagePort, engine: Engine): void {
  const running = new Map<number, AbortController>();
  port.on('message', (request: Request) => {
    if ('stop' in request) running.get(request.id)?.abort();
    else void answer(request);
  });

  async function answer({id, name, args}: Extract<Request, {name: string}>): Promise<void> {
    const stop = new AbortController();
    running.set(id, stop);
    try {
      say(port, {id, result: await engine[name]?.(...args, stop.signal)});
    } catch (error) {
      say(port, {id, error: textOf(error)});
    } finally {
      running.delete(id);
    }
  }
}

const say = (port: MessagePort, answer: Answer): void => port.postMessage(answer);

function logTo(port: MessagePort): Log {
  const to =
    (log: keyof Log): Log['info'] =>
    (message, fields) =>
      say(port, {log, message, fields});
  return {debug: to('debug'), info: to('info'), warn: to('warn')};
}

if (parentPort !== null) {
  collectEarly();
  const {role, options} = workerData as ThreadData;
  const complete = {...options, log: logTo(parentPort), progress: noProgress};
  const engine = role === 'primary' ? primaryEngine(complete) : replicaEngine(complete);
  serve(parentPort, engine as unknown as Engine);
}
