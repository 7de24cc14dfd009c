/** Single settings of the service: what may be written for each, in a file, a variable or a flag. */
import {isIPv4, isIPv6} from 'node:net';
import {z} from 'zod';
import {
  RELOAD_CALL_MIN_MS,
  RUN_DRIFT_MIN_MS,
  RUN_DURATION_MAX_MS,
  RUN_INTERVAL_MIN_MS,
  RUN_STALE_MIN_MS,
  RUN_STOP_MIN_MS,
  RUN_TOKEN_CHARS_MIN,
} from '../kernel/limits.ts';
import {durationText, milliseconds} from './duration.ts';
import type {Words} from '../profiles/predecessor.ts';
import {chosen, isObject, meant} from './schemas.ts';

const ROLES = ['primary', 'replica'] as const;
const KEEP_RULES = ['last', 'hourly', 'daily', 'weekly', 'monthly', 'yearly'] as const;
const RECEIVER_KINDS = ['ntfy', 'webhook'] as const;
export const NOTICE_EVENTS = ['status', 'applied', 'captured'] as const;
const RELOAD_STRATEGIES = ['socket', 'restart', 'command', 'none'] as const;

type KeepRule = (typeof KEEP_RULES)[number];

export type Role = (typeof ROLES)[number];
/** A way in which a running application may learn of what was applied. */
export type ReloadStrategy = (typeof RELOAD_STRATEGIES)[number];
export type HttpAddress = {readonly host: string; readonly port: number};
/** How many snapshots stay: the newest ones, and the newest one of each hour, day and so on. */
export type KeepPolicy = {readonly [rule in KeepRule]?: number | undefined};
/** What a receiver may be told of. */
type NoticeEvent = (typeof NOTICE_EVENTS)[number];
/** Who is told. The address is a secret: whoever knows the topic of ntfy reads it, and writes into it. */
export type Receiver = {
  readonly kind: (typeof RECEIVER_KINDS)[number];
  readonly url: string;
  readonly token: string | undefined;
  /** Undefined: of all but snapshots that were captured. */
  readonly events: readonly NoticeEvent[] | undefined;
  /** Tells it in the words of another tool. */
  readonly words?: Words | undefined;
};

export const role: z.ZodType<Role> = meant('it is neither primary nor replica', (text) =>
  ROLES.find((each) => each === text),
);

export const interval: z.ZodType<number> = durationFrom(RUN_INTERVAL_MIN_MS);
export const staleAfter: z.ZodType<number> = durationFrom(RUN_STALE_MIN_MS);
export const stopTimeout: z.ZodType<number> = durationFrom(RUN_STOP_MIN_MS);
export const driftInterval: z.ZodType<number | 'off'> = durationOrOff(RUN_DRIFT_MIN_MS);
export const rhythm: z.ZodType<number | 'off'> = durationOrOff(RUN_INTERVAL_MIN_MS);

function durationFrom(least: number): z.ZodType<number> {
  return meant(`it is not ${describeDuration(least)}`, (text) => within(text, least));
}

function durationOrOff(least: number): z.ZodType<number | 'off'> {
  return meant(`it is neither off nor ${describeDuration(least)}`, (text) =>
    text === 'off' ? text : within(text, least),
  );
}

function describeDuration(least: number): string {
  return `a duration from ${durationText(least)} to ${durationText(RUN_DURATION_MAX_MS)}, such as 30s, 15m, 12h or 1d`;
}

/** Whole milliseconds: 1.005 s is a little less as a binary fraction. */
function within(text: string, least: number): number | undefined {
  const ms = Math.round(milliseconds(text) ?? 0);
  return ms >= least && ms <= RUN_DURATION_MAX_MS ? ms : undefined;
}

export const http: z.ZodType<HttpAddress | 'off'> = meant(
  'it is neither off nor host:port, such as 127.0.0.1:8480 or "[::1]:8480"',
  (text) => (text === 'off' ? text : addressOf(text)),
);

const ADDRESS = /^(?:\[(?<ipv6>[^[\]]+)\]|(?<name>[A-Za-z0-9._-]+)):(?<digits>\d{1,5})$/;

function addressOf(text: string): HttpAddress | undefined {
  const {ipv6, name, digits} = ADDRESS.exec(text)?.groups ?? {};
  const [host = '', port] = [ipv6 ?? name, Number(digits)];
  const isHost = ipv6 === undefined ? isIPv4(host) || !/^[\d.]+$/.test(host) : isIPv6(ipv6);
  return isHost && port <= 65_535 ? {host, port} : undefined;
}

/** As it is written: an IPv6 address stands in brackets. */
export function httpText({host, port}: HttpAddress): string {
  return `${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

/** As YAML has it, or a variable. */
export const trueOrFalse: z.ZodType<boolean> = z.unknown().transform((value, context) => {
  const meaning = [true, false].find((each) => value === each || value === String(each));
  if (meaning !== undefined) return meaning;
  context.addIssue({code: 'custom', message: 'it is neither true nor false'});
  return z.NEVER;
});

export const takeOver: z.ZodType<true> = meant('it takes 1, and nothing else', (text) =>
  text === '1' ? true : undefined,
);

const SECRET = /^[\x21-\x7e]+$/;

export const token: z.ZodType<string> = meant(
  `it is not a text of at least ${RUN_TOKEN_CHARS_MIN} printable ASCII characters without spaces`,
  (text) => (SECRET.test(text) && text.length >= RUN_TOKEN_CHARS_MIN ? text : undefined),
);

const NO_KEEP = 'it is neither off nor such as last=50,daily=30, in a file {last: 50, daily: 30}';
const count = z.int().min(0).optional();
const counts = z
  .strictObject({
    last: count,
    hourly: count,
    daily: count,
    weekly: count,
    monthly: count,
    yearly: count,
  } satisfies Record<KeepRule, typeof count>)
  .refine(
    (keep) => Object.values(keep).some((each = 0) => each > 0),
    'it keeps no snapshot at all',
  );
export const keep: z.ZodType<KeepPolicy | 'off'> = chosen<KeepPolicy | 'off'>((value) =>
  isObject(value) ? counts : z.literal('off', NO_KEEP),
);

/** `last=50,daily=30` as a file has it; any other text as it stands, to be refused. */
export function keepOfText(text: string): unknown {
  const pairs = text.split(',').map((pair) => /^ *([a-z]+)=(\d{1,9}) *$/.exec(pair));
  const rules = pairs.map((pair) => KEEP_RULES.find((rule) => rule === pair?.[1]));
  if (rules.includes(undefined) || new Set(rules).size < rules.length) return text;
  return Object.fromEntries(pairs.map((pair) => [pair?.[1], Number(pair?.[2])]));
}

export const url: z.ZodType<string> = meant('it is not a URL of http or https', (text) =>
  /^https?:\/\/[\x21-\x7e]+$/i.test(text) && URL.canParse(text) ? text : undefined,
);
const RECEIVER =
  'it is neither {ntfy: URL} nor {webhook: URL}, with token and events where they are needed';
const events = z
  .array(z.enum(NOTICE_EVENTS), `it is not a list of ${NOTICE_EVENTS.join(' and ')}`)
  .min(1, 'it is empty; leave the whole receiver out');
const password = meant('it is not a text of printable ASCII characters without spaces', (text) =>
  SECRET.test(text) ? text : undefined,
);
const extras = {token: password.optional(), events: events.optional()};
const receivers = {
  ntfy: z.object({ntfy: url, ...extras}).transform(({ntfy, token, events: told}): Receiver => {
    return {kind: 'ntfy', url: ntfy, token, events: told};
  }),
  webhook: z
    .object({webhook: url, ...extras})
    .transform(({webhook, token, events: told}): Receiver => {
      return {kind: 'webhook', url: webhook, token, events: told};
    }),
};
const receiver = chosen<Receiver>((value) => {
  const keys = isObject(value) ? Object.keys(value) : [];
  const kinds = RECEIVER_KINDS.filter((kind) => keys.includes(kind));
  const known = keys.every(
    (key) => Object.hasOwn(extras, key) || kinds.some((kind) => kind === key),
  );
  const [kind] = kinds;
  // A name that is not known may be an address, and is not quoted.
  return kind === undefined || kinds.length > 1 || !known ? z.never(RECEIVER) : receivers[kind];
});
export const notify: z.ZodType<readonly Receiver[]> = z.array(
  receiver,
  'it is not a list of {ntfy: URL} and {webhook: URL}',
);
export const strategies: z.ZodType<readonly ReloadStrategy[]> = z
  .array(z.enum(RELOAD_STRATEGIES, `it is not one of ${RELOAD_STRATEGIES.join(', ')}`), {
    error: `it is not a list of ${RELOAD_STRATEGIES.join(', ')}`,
  })
  .min(1, 'it is empty; none leaves it to you');
export const command: z.ZodType<readonly string[]> = z
  .array(z.string(), 'it is not a list: a program and its arguments')
  .refine(([program]) => program !== undefined && program !== '', 'it names no program')
  .refine((words) => words.every((word) => !word.includes('\0')), 'it holds a NUL');
export const reloadTimeout: z.ZodType<number> = durationFrom(RELOAD_CALL_MIN_MS);
