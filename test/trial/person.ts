/** Somebody who works in the browser: the calls that its pages make. */
import {once} from 'node:events';
import {setTimeout as pause} from 'node:timers/promises';
import {io, type Socket} from 'socket.io-client';

const CALL_MS = 10_000;
const [username, password] = ['admin', 'Passw0rd of the trial'];

type Answer = Readonly<Record<string, unknown>> & {readonly ok: boolean; readonly msg?: string};

export class Person {
  readonly #socket: Socket;

  private constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Sets a new Uptime Kuma up, and stays logged in. */
  static async setUp(url: string): Promise<Person> {
    const socket = io(url, {transports: ['websocket']});
    await once(socket as never, 'connect');
    await pause(1_000); // its handlers come a while after the connection
    const person = new Person(socket);
    await person.does('setup', username, password);
    await person.does('login', {username, password, token: ''});
    return person;
  }

  async does(event: string, ...args: readonly unknown[]): Promise<Answer> {
    const answer = (await this.#socket.timeout(CALL_MS).emitWithAck(event, ...args)) as Answer;
    if (!answer.ok) throw new Error(`${event}: ${answer.msg}`);
    return answer;
  }

  leave(): void {
    this.#socket.disconnect();
  }
}

/** What the page for a new monitor sends. */
export function httpMonitor(name: string, url: string, notification: number): object {
  return {
    type: 'http',
    name,
    url,
    method: 'GET',
    active: true,
    parent: null,
    interval: 20,
    retryInterval: 20,
    resendInterval: 0,
    maxretries: 0,
    timeout: 5,
    ignoreTls: false,
    upsideDown: false,
    expiryNotification: false,
    maxredirects: 10,
    packetSize: 56,
    dns_resolve_type: 'A',
    dns_resolve_server: '1.1.1.1',
    proxyId: null,
    docker_container: '',
    docker_host: null,
    authMethod: null,
    httpBodyEncoding: 'json',
    accepted_statuscodes: ['200-299'],
    kafkaProducerBrokers: [],
    kafkaProducerSaslOptions: {mechanism: 'None'},
    notificationIDList: {[notification]: true},
  };
}

/** What the page for a new maintenance sends. */
export const manualMaintenance: object = {
  title: 'a maintenance',
  description: 'd',
  strategy: 'manual',
  active: true,
  intervalDay: 1,
  dateRange: [null, null],
  timeRange: [
    {hours: 2, minutes: 0},
    {hours: 3, minutes: 0},
  ],
  weekdays: [],
  daysOfMonth: [],
  timezoneOption: 'UTC',
};
