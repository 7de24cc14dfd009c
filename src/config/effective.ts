/** The configuration in effect, as it may be shown: each setting as a file would give it, secrets masked. */
import {resolve} from 'node:path';
import {defaultRepository, stateFolder} from '../engine/open.ts';
import {repositoryVariable, shownAddress} from '../engine/store-address.ts';
import {MAX_WRITE_LOCK_MS} from '../kernel/limits.ts';
import {DEFAULT_POLICY, type TablePolicy} from '../merge/policy.ts';
import type {LoadedConfig} from './config.ts';
import {durationText} from './duration.ts';
import {sourceOf, storeOf, undecidedSettings, type UndecidedSettings} from './service-settings.ts';
import {ALL_SETTINGS, type SettingName} from './settings.ts';
import {httpText, type Receiver} from './values.ts';

type Shown = string | number | readonly Shown[] | {readonly [name: string]: Shown | undefined};

export type EffectiveConfig = {
  readonly settings: {
    readonly [name in SettingName]: {
      /** null where it is not set, and has no default. */
      readonly value: Shown | null;
      readonly source: string;
    };
  };
  readonly warnings: readonly string[];
};

const MASK = '********';

/** @throws {EngineError} as `undecidedSettings` does. A role may be missing. */
export function effectiveConfig(config: LoadedConfig, env: NodeJS.ProcessEnv): EffectiveConfig {
  const service = undecidedSettings(config, env);
  const values = {...engineValues(config, env), ...serviceValues(config, service)};
  const shown = ALL_SETTINGS.map(([name]) => [
    name,
    {value: masked(values[name]) ?? null, source: shownSource(config, env, name)},
  ]);
  return {
    settings: Object.fromEntries(shown) as EffectiveConfig['settings'],
    warnings: service.warnings,
  };
}

type Values<Name extends SettingName> = {readonly [name in Name]: Shown | undefined};
type ServiceName = 'role' | 'interval' | 'driftInterval' | 'staleAfter' | 'http' | 'token' | 'keep';
type CareName = 'takeOver' | 'pruneEvery' | 'checkEvery' | 'drillEvery';
type ServiceNames = ServiceName | 'stopTimeout' | CareName | ReceiverName | GroupedName;
type GroupedName = Extract<SettingName, `reload.${string}` | `alerts.${string}`>;
type ReceiverName = 'notify' | 'ntfy' | 'webhook';

function engineValues(
  config: LoadedConfig,
  env: NodeJS.ProcessEnv,
): Values<Exclude<SettingName, ServiceNames>> {
  const {database, profile, application, tables, policies, preset, keyless, compat} = config;
  const state = database === undefined ? config.state : stateFolder({...config, database});
  const ownStore = state === undefined ? undefined : `restic:${defaultRepository(resolve(state))}`;
  return {
    database,
    store: storeOf(config, env) ?? ownStore,
    state,
    profile,
    application,
    tables,
    policies: policies && policiesShown(policies),
    preset,
    drift: config.drift ?? DEFAULT_POLICY.drift,
    keyless,
    'migrations.table': config.migrations?.table,
    'migrations.column': config.migrations?.column,
    maxWriteLock: durationText(config.maxWriteLock ?? MAX_WRITE_LOCK_MS),
    compat,
  };
}

/** Of filters the columns alone: what they are compared with is rows' content. */
function policiesShown(policies: ReadonlyMap<string, TablePolicy>): Shown {
  const shown = [...policies].map(([table, {where, ...rest}]) => [
    table,
    {...rest, where: where?.map(({column}) => column)},
  ]);
  return Object.fromEntries(shown) as Shown;
}

function serviceValues(config: LoadedConfig, service: UndecidedSettings): Values<ServiceNames> {
  const {role, http, token, keep, intervalMs, reload} = service;
  return {
    role,
    interval: intervalMs === undefined ? undefined : durationText(intervalMs),
    driftInterval: rhythmShown(service.driftEveryMs),
    staleAfter: durationText(service.staleAfterMs),
    stopTimeout: durationText(service.stopTimeoutMs),
    http: http === 'off' ? http : httpText(http),
    token: token && MASK,
    takeOver: config.takeOver && '1',
    keep,
    pruneEvery: rhythmShown(service.pruneEveryMs),
    checkEvery: rhythmShown(service.checkEveryMs),
    drillEvery: rhythmShown(service.drillEveryMs),
    notify: config.notify?.map(receiverShown),
    ntfy: config.ntfy && MASK,
    webhook: config.webhook && MASK,
    'reload.strategies': reload.strategies,
    'reload.url': reload.url,
    'reload.user': reload.user,
    'reload.password': reload.password && MASK,
    'reload.command': reload.command?.map((word, at) => (at === 0 ? word : MASK)),
    'reload.timeout': durationText(reload.timeoutMs),
    'alerts.muted': String(config.alerts?.muted === true),
    'alerts.hostname': String(service.namesHost),
  };
}

const rhythmShown = (ms: number | 'off'): string => (ms === 'off' ? ms : durationText(ms));

function receiverShown({kind, token, events}: Receiver): Shown {
  return {[kind]: MASK, token: token && MASK, events};
}

/** Any text may be an address with a password. */
function masked(value: Shown | undefined): Shown | undefined {
  if (typeof value === 'string') return shownAddress(value);
  return value;
}

/** restic's own variables name the store where nothing else does. */
function shownSource(config: LoadedConfig, env: NodeJS.ProcessEnv, name: SettingName): string {
  const source = sourceOf(config, name);
  if (name !== 'store' || config.store !== undefined) return source;
  const variable = repositoryVariable(env);
  return variable === undefined ? source : `environment ${variable}`;
}
