/** A server of a service, and clients that behave and misbehave. */
import {request} from 'node:http';
import {connect} from 'node:net';
import {onTestFinished} from 'vitest';
import {startHttp} from '../../src/http/start.ts';
import {silentLog, type Log} from '../../src/index.ts';
import type {Measures, ServiceSource, StatusReport} from '../../src/service/source.ts';

export const token = 'a-token-that-nobody-guesses';

export const goodStatus: StatusReport = {
  role: 'replica',
  status: 'ok',
  reason: 'this database holds the rows of the newest snapshot',
  position: {lineage: 'l', epoch: 1, sequence: 7, digest: 'd'.repeat(64)},
  lastCycle: {at: '2026-01-02T03:04:05.678Z', seconds: 0.25, outcome: 'looked', failure: null},
  lastApply: {
    at: '2026-01-02T03:00:00.000Z',
    snapshot: 'd'.repeat(64),
    epoch: 1,
    sequence: 7,
    proof: 'full',
    tables: {monitor: {inserted: 1, updated: 0, deleted: 0}},
  },
  lagSeconds: 1.5,
  drift: null,
  verdict: 'compatible',
  proven: '2026-01-02T00:00:00.000Z',
  application: null,
  reload: {
    last: {
      at: '2026-01-02T03:00:00.000Z',
      strategy: 'socket',
      outcome: 'told',
      seconds: 0.25,
      calls: {resumeMonitor: 1},
    },
    restartDue: null,
  },
  muted: false,
};

export const someMeasures: Measures = {
  counts: {
    cycles: new Map([
      ['looked', 12],
      ['failed', 1],
    ]),
    cycleSeconds: 3.25,
    captures: 0,
    applies: 2,
    rows: new Map([['mon"i\\t\nor', {inserted: 3, updated: 2, deleted: 1}]]),
  },
  care: [
    {task: 'drill', outcome: 'done', runs: 3},
    {task: 'check', outcome: 'failed', runs: 1},
  ],
  staleAfterSeconds: 1800,
  signAgeSeconds: 4,
  conflicts: 0,
  succeededAt: 1_790_000_000.5,
  notices: {sent: 3, failed: 1},
  reloads: {runs: [{strategy: 'socket', outcome: 'told', runs: 2}], seconds: 0.5},
};

/** A service that says what it is told to. */
export class Said implements ServiceSource {
  now: StatusReport = goodStatus;
  triggered = 0;
  failure: Error | undefined;

  status(): StatusReport {
    if (this.failure !== undefined) throw this.failure;
    return this.now;
  }
  measures(): Measures {
    return someMeasures;
  }
  trigger(): void {
    this.triggered++;
  }
  async snapshots(): ReturnType<ServiceSource['snapshots']> {
    if (this.failure !== undefined) throw this.failure;
    return {snapshots: []};
  }
  async history(): ReturnType<ServiceSource['history']> {
    if (this.failure !== undefined) throw this.failure;
    return {applies: [], rows: [], next: null};
  }
}

export type Answer = {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
};

type Asked = {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
};

export class Client {
  readonly address: string;

  constructor(address: string) {
    this.address = address;
  }

  get port(): number {
    return Number(/:(\d+)$/.exec(this.address)?.[1]);
  }

  /** A connection of its own for each request, with any Host. */
  ask(path: string, {method = 'GET', headers = {}, body}: Asked = {}): Promise<Answer> {
    return new Promise((done, failed) => {
      const options = {host: '127.0.0.1', port: this.port, path, method, headers, agent: false};
      const asked = request(options, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (part: string) => (text += part));
        response.on('error', failed);
        response.on('end', () =>
          done({status: response.statusCode ?? 0, headers: response.headers, text}),
        );
      });
      asked.on('error', failed);
      asked.end(body);
    });
  }

  async json(path: string, asked: Asked = {}): Promise<unknown> {
    return JSON.parse((await this.ask(path, asked)).text);
  }

  /** Sends these bytes and no more; gives all that came until the server hung up. */
  raw(bytes: string): Promise<string> {
    return new Promise((done, failed) => {
      const socket = connect(this.port, '127.0.0.1', () => socket.write(bytes));
      let text = '';
      socket.setEncoding('utf8').on('data', (part: string) => (text += part));
      socket.on('error', failed);
      socket.on('close', () => done(text));
    });
  }
}

export const bearer = (text: string): {readonly authorization: string} => ({
  authorization: `Bearer ${text}`,
});

type Served = {readonly host?: string; readonly token?: string | undefined; readonly log?: Log};

/** Ends with the test. */
export async function serve(source: ServiceSource, served: Served = {}): Promise<Client> {
  const {host = '127.0.0.1', log = silentLog} = served;
  const at = {host, port: 0};
  const serving = await startHttp({
    at,
    token: 'token' in served ? served.token : token,
    source,
    log,
  });
  onTestFinished(() => serving.close());
  return new Client(serving.address);
}
