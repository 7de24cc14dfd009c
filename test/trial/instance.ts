/** One instance as its container would run it: Rowplica, which starts a real Uptime Kuma. */
import {spawn, type ChildProcess} from 'node:child_process';
import {once} from 'node:events';
import {mkdirSync, openSync} from 'node:fs';
import {join} from 'node:path';
import Database from 'better-sqlite3';
import type {StatusReport} from '../../src/service/source.ts';
import {freePort} from '../helpers/free-port.ts';
import {main} from '../helpers/run-process.ts';
import type {Server} from './server.ts';

const token = 'a-token-that-nobody-guesses';

export class Instance {
  readonly #folder: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #http: number;
  readonly #server: Server;
  readonly url: string;
  #child: ChildProcess | undefined;

  private constructor(
    name: string,
    place: {readonly folder: string; readonly server: Server},
    [port, http]: readonly [number, number],
  ) {
    this.#folder = join(place.folder, name);
    mkdirSync(join(this.#folder, 'data'), {recursive: true});
    this.#server = place.server;
    this.#http = http;
    this.url = `http://127.0.0.1:${port}`;
    this.#env = {
      ...process.env,
      HOSTNAME: name,
      RESTIC_PASSWORD: 'a password of the trial',
      ROWPLICA_STORE: `restic:${join(place.folder, 'repository')}`,
      ROWPLICA_INTERVAL: '2s',
      ROWPLICA_TOKEN: token,
      ROWPLICA_HTTP: `127.0.0.1:${http}`,
      ROWPLICA_DATABASE: this.#database,
      DATA_DIR: `${join(this.#folder, 'data')}/`,
      UPTIME_KUMA_PORT: String(port),
      UPTIME_KUMA_DB_TYPE: 'sqlite',
    };
  }

  static async of(
    name: string,
    place: {readonly folder: string; readonly server: Server},
  ): Promise<Instance> {
    return new Instance(name, place, [await freePort(), await freePort()]);
  }

  get #database(): string {
    return join(this.#folder, 'data', 'kuma.db');
  }

  up(role: 'primary' | 'replica', more: NodeJS.ProcessEnv = {}): void {
    const {folder, node} = this.#server;
    const log = openSync(join(this.#folder, 'log'), 'a');
    this.#child = spawn(process.execPath, [main, 'run', '--', node, 'server/server.js'], {
      cwd: folder,
      env: {...this.#env, ROWPLICA_ROLE: role, ...more},
      stdio: ['ignore', log, log],
    });
  }

  async down(): Promise<void> {
    const child = this.#child;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, 'exit');
    child.kill('SIGTERM');
    await ended;
  }

  async status(): Promise<StatusReport | undefined> {
    const headers = {authorization: `Bearer ${token}`};
    const at = `http://127.0.0.1:${this.#http}/api/v1/status`;
    const answer = await fetch(at, {headers}).catch(() => undefined);
    return answer?.ok === true ? ((await answer.json()) as StatusReport) : undefined;
  }

  /** How often its Uptime Kuma was called by this name when it was last told of something. */
  async told(call: string): Promise<boolean> {
    const last = (await this.status())?.reload?.last;
    return last?.strategy === 'socket' && last.outcome === 'told' && (last.calls[call] ?? 0) > 0;
  }

  /** The first cell of the first row; undefined where there is none yet. */
  cell(sql: string): unknown {
    try {
      const db = new Database(this.#database, {readonly: true});
      try {
        return db.prepare(sql).pluck().get();
      } finally {
        db.close();
      }
    } catch {
      return undefined; // it is being made
    }
  }
}
