// What the fake Uptime Kuma is told on its command line: which release it is, and how it misbehaves.

import {parseArgs} from 'node:util';

export type FakeOptions = {
  readonly database: string;
  readonly port: number;
  /** A file into which each call, and each fault, is written as a line of JSON. */
  readonly notes: string;
  /** Makes the database where there is none yet, as a first start does: without a user. */
  readonly makes: boolean;
  /** 1.23 tells nobody that it waits for a login. */
  readonly version: '1.23' | '2.x';
  /** Milliseconds between a connection and its handlers. */
  readonly late: number;
  /** Milliseconds before each answer. */
  readonly slow: number;
  /** What logins are answered in place of an object. */
  readonly odd: string;
  /** Events that are never answered ... */
  readonly never: readonly string[];
  /** ... and those of which the first one is lost. */
  readonly lost: readonly string[];
  /** Logins with a password that succeed or fail, a minute. */
  readonly logins: number;
  readonly password: string;
  /** Milliseconds between heartbeats of each monitor. */
  readonly beat: number;
  /** A column of `monitor` whose value in memory is written back after a monitor was started again ... */
  readonly writesBack: string | undefined;
  /** ... so many times. */
  readonly writesBackTimes: number;
};

export function optionsOf(args: readonly string[]): FakeOptions {
  const {values} = parseArgs({args: [...args], options: FLAGS});
  return {
    database: values.database,
    port: Number(values.port),
    notes: values.notes,
    makes: values.makes,
    version: values.version === '1.23' ? '1.23' : '2.x',
    late: Number(values.late),
    slow: Number(values.slow),
    odd: values.odd,
    never: names(values.never),
    lost: names(values.lost),
    logins: Number(values.logins),
    password: values.password,
    beat: Number(values.beat),
    writesBack: values['writes-back'] || undefined,
    writesBackTimes: Number(values['writes-back-times']),
  };
}

const FLAGS = {
  database: {type: 'string', default: ''},
  port: {type: 'string', default: '0'},
  notes: {type: 'string', default: ''},
  makes: {type: 'boolean', default: false},
  version: {type: 'string', default: '2.x'},
  late: {type: 'string', default: '20'},
  slow: {type: 'string', default: '0'},
  odd: {type: 'string', default: ''},
  never: {type: 'string', default: ''},
  lost: {type: 'string', default: ''},
  logins: {type: 'string', default: '20'},
  password: {type: 'string', default: 'the password'},
  beat: {type: 'string', default: '100'},
  'writes-back': {type: 'string', default: ''},
  'writes-back-times': {type: 'string', default: '1'},
} as const;

const names = (text: string): readonly string[] => text.split(',').filter((name) => name !== '');
