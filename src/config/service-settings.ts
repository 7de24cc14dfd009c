/** The settings of the service, with nothing left out. */
import {BlockList, isIP, isIPv6} from 'node:net';
import type {ForeignWriter} from '../engine/foreign-writer.ts';
import {storeAddress} from '../engine/store-address.ts';
import {EngineError} from '../kernel/errors.ts';
import {
  RELOAD_CALL_MS,
  RUN_CHECK_MS,
  RUN_DRIFT_MS,
  RUN_DRILL_MS,
  RUN_HTTP,
  RUN_INTERVAL_CLOUD_MS,
  RUN_INTERVAL_PRIMARY_MS,
  RUN_INTERVAL_REPLICA_MS,
  RUN_KEEP,
  RUN_PRUNE_MS,
  RUN_STALE_INTERVALS_MIN,
  RUN_STALE_MS,
  RUN_STOP_MS,
} from '../kernel/limits.ts';
import type {LoadedConfig} from './config.ts';
import {durationText} from './duration.ts';
import type {SettingName} from './settings.ts';
import {
  httpText,
  NOTICE_EVENTS,
  type HttpAddress,
  type KeepPolicy,
  type Receiver,
  type ReloadStrategy,
  type Role,
} from './values.ts';

export type ServiceSettings = {
  readonly role: Role;
  /** Milliseconds between looks: at the rows on the primary, at the store on a replica. */
  readonly intervalMs: number;
  /** Milliseconds between scans of all rows for local edits. */
  readonly driftEveryMs: number | 'off';
  /** Milliseconds without a look that succeeded after which the instance counts as stale. */
  readonly staleAfterMs: number;
  /** Milliseconds that an application which the service starts has to end, once it is asked to. */
  readonly stopTimeoutMs: number;
  readonly http: HttpAddress | 'off';
  /** True where nobody asked for answers over HTTP, as the tool before gave none: then it goes without where the address is taken. */
  readonly isHttpOptional: boolean;
  /** Bearer token; undefined refuses what needs one. */
  readonly token: string | undefined;
  readonly keep: KeepPolicy | 'off';
  readonly pruneEveryMs: number | 'off';
  readonly checkEveryMs: number | 'off';
  readonly drillEveryMs: number | 'off';
  readonly receivers: readonly Receiver[];
  /** Another tool that may write to the store as well: then a primary waits until it does not. */
  readonly otherWriter: ForeignWriter | undefined;
  /** True where nobody said which role it is: see `EngineOptions`. */
  readonly isGuess: boolean;
  /** True where the tool before did so. */
  readonly repairsAtStart: boolean;
  readonly reload: ReloadSettings;
  /** True where the application's alerts shall begin with the name of the machine. */
  readonly namesHost: boolean;
  /** What is allowed, and likely not meant. */
  readonly warnings: readonly string[];
};

/** How a running application learns of what was applied. */
export type ReloadSettings = {
  /** In order; undefined: what its profile knows, and a command where one is given. */
  readonly strategies: readonly ReloadStrategy[] | undefined;
  /** Undefined: where its profile says that it listens. */
  readonly url: string | undefined;
  /** Undefined: a token is made from the database. */
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** A program and its arguments. */
  readonly command: readonly string[] | undefined;
  /** Milliseconds for each call. */
  readonly timeoutMs: number;
};

/** As far as they are decided while nobody has said which role it is. */
export type UndecidedSettings = Omit<ServiceSettings, 'role' | 'intervalMs'> & {
  readonly role: Role | undefined;
  readonly intervalMs: number | undefined;
};

/** @throws {EngineError} `CONFIG_INVALID` where the role is missing, and as `undecidedSettings` does. */
export function serviceSettings(config: LoadedConfig, env: NodeJS.ProcessEnv): ServiceSettings {
  const {role, intervalMs, ...rest} = undecidedSettings(config, env);
  if (role !== undefined && intervalMs !== undefined) return {role, intervalMs, ...rest};
  throw new EngineError('CONFIG_INVALID', 'role: it is not set, and has no default', {
    hint: 'Give --role primary or --role replica, set ROWPLICA_ROLE, or put role into a file given with --config.',
  });
}

/** @throws {EngineError} `CONFIG_INVALID` where settings contradict each other, or the store has no address. */
export function undecidedSettings(config: LoadedConfig, env: NodeJS.ProcessEnv): UndecidedSettings {
  const {role, http = RUN_HTTP, token, inherited} = config;
  const intervalMs = config.interval ?? defaultInterval(config, env);
  const staleAfterMs = config.staleAfter ?? RUN_STALE_MS;
  if (intervalMs !== undefined) mustFit(config, {intervalMs, staleAfterMs});
  return {
    role,
    intervalMs,
    driftEveryMs: config.driftInterval ?? RUN_DRIFT_MS,
    staleAfterMs,
    stopTimeoutMs: config.stopTimeout ?? RUN_STOP_MS,
    http,
    isHttpOptional: inherited !== undefined && config.http === undefined,
    token,
    keep: config.keep ?? RUN_KEEP,
    pruneEveryMs: config.pruneEvery ?? RUN_PRUNE_MS,
    checkEveryMs: config.checkEvery ?? RUN_CHECK_MS,
    drillEveryMs: config.drillEvery ?? RUN_DRILL_MS,
    receivers: receiversOf(config),
    otherWriter: otherWriterOf(config),
    isGuess: inherited?.isGuess === true,
    repairsAtStart: inherited !== undefined,
    reload: reloadOf(config),
    namesHost: config.alerts?.hostname === true,
    warnings: [
      ...(inherited?.warnings ?? []),
      ...(token === undefined && isReachable(http) ? [openTo(http)] : []),
    ],
  };
}

function reloadOf({reload = {}}: LoadedConfig): ReloadSettings {
  const {strategies, url, user, password, command, timeout = RELOAD_CALL_MS} = reload;
  if ((user === undefined) !== (password === undefined))
    throw new EngineError(
      'CONFIG_INVALID',
      `reload: there is a ${user === undefined ? 'password' : 'user'} without a ${user === undefined ? 'user' : 'password'}`,
      {hint: 'Give both, or neither: then a token is made from the database.'},
    );
  if (strategies?.includes('command') === true && command === undefined)
    throw new EngineError('CONFIG_INVALID', 'reload: the strategy is command, and none is given', {
      hint: 'Give reload.command, or ROWPLICA_RELOAD_COMMAND: a program and its arguments.',
    });
  return {strategies, url, user, password, command, timeoutMs: timeout};
}

function defaultInterval(config: LoadedConfig, env: NodeJS.ProcessEnv): number | undefined {
  if (config.role === undefined) return undefined;
  if (config.role === 'primary') return RUN_INTERVAL_PRIMARY_MS;
  return isCloud(storeOf(config, env)) ? RUN_INTERVAL_CLOUD_MS : RUN_INTERVAL_REPLICA_MS;
}

/**
 * As the engine has it.
 *
 * @throws {EngineError} `CONFIG_INVALID` where it is neither `restic:` nor `dir:`, `USAGE` where restic's variables name none.
 */
export function storeOf(config: LoadedConfig, env: NodeJS.ProcessEnv): string | undefined {
  const {store} = config;
  if (store === undefined || /^(?:restic:|dir:.)/.test(store)) return storeAddress(store, env);
  // The address itself may hold a password.
  throw new EngineError(
    'CONFIG_INVALID',
    `store (${sourceOf(config, 'store')}): the address is neither restic: nor dir:`,
    {hint: 'Give restic:<repository>, for example restic:/srv/backup, or dir:<path>.'},
  );
}

const isCloud = (store: string | undefined): boolean =>
  /^restic:(?:s3|b2|azure|gs|swift|rclone):/.test(store ?? '');

type Rhythm = {readonly intervalMs: number; readonly staleAfterMs: number};

/** An instance that has had no time to look again is not stale. */
function mustFit(config: LoadedConfig, {intervalMs, staleAfterMs}: Rhythm): void {
  const leastMs = RUN_STALE_INTERVALS_MIN * intervalMs;
  if (staleAfterMs >= leastMs) return;
  const [stale, interval] = [durationText(staleAfterMs), durationText(intervalMs)];
  throw new EngineError(
    'CONFIG_INVALID',
    `staleAfter (${sourceOf(config, 'staleAfter')}): ${stale} is less than ${RUN_STALE_INTERVALS_MIN} times the interval of ${interval} (${sourceOf(config, 'interval')})`,
    {hint: `Give a staleAfter of at least ${durationText(leastMs)}, or a shorter interval.`},
  );
}

/** Where the value in effect came from. */
export function sourceOf({sources}: LoadedConfig, name: SettingName): string {
  return sources[name] ?? 'default';
}

/** Two of its intervals: as long as the last cycle but one may have been. */
function otherWriterOf({role, takeOver, inherited}: LoadedConfig): ForeignWriter | undefined {
  if (inherited === undefined || role !== 'primary' || takeOver !== undefined) return undefined;
  const {tool, writesEveryMs} = inherited;
  return {tool, withinMs: 2 * writesEveryMs};
}

function receiversOf(config: LoadedConfig): readonly Receiver[] {
  const {notify = [], ntfy, webhook, inherited} = config;
  const single = (kind: Receiver['kind'], url: string | undefined): readonly Receiver[] =>
    url === undefined ? [] : [{kind, url, token: undefined, events: undefined}];
  // Whom the variable of the tool before names hears the words of that tool, and of all that it told.
  const isInherited = inherited?.settings.some(
    ({name, source}) => name === 'ntfy' && source === config.sources.ntfy,
  );
  const heard = isInherited === true ? {events: NOTICE_EVENTS, words: inherited?.words} : {};
  return [
    ...notify,
    ...single('ntfy', ntfy).map((receiver) => ({...receiver, ...heard})),
    ...single('webhook', webhook),
  ];
}

const loopback = new BlockList();
loopback.addSubnet('127.0.0.0', 8);
loopback.addAddress('::1', 'ipv6');

/** Whether other machines may get there. A name that is not `localhost` may stand for any address. */
export function isReachable(http: HttpAddress | 'off'): http is HttpAddress {
  if (http === 'off' || http.host.toLowerCase() === 'localhost') return false;
  return !(isIP(http.host) && loopback.check(http.host, isIPv6(http.host) ? 'ipv6' : 'ipv4'));
}

function openTo(http: HttpAddress): string {
  return `http: ${httpText(http)} can be reached from other machines and there is no token, so that only probes are answered; set ROWPLICA_TOKEN_FILE, or bind to 127.0.0.1.`;
}
