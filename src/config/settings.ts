/** Every setting: its variable, its flag, and what may be written for it. Names are a contract. */
import type {z} from 'zod';
import {EngineError} from '../kernel/errors.ts';
import type {DriftRule, TablePolicy} from '../merge/policy.ts';
import {APPLICATION_NAME} from '../profiles/find-profile.ts';
import type {MigrationRecord} from '../profiles/migration-records.ts';
import {milliseconds} from './duration.ts';
import {driftSchema, policiesSchema, tableNames} from './policies.ts';
import {meant, text} from './schemas.ts';
import * as values from './values.ts';
import type {HttpAddress, KeepPolicy, Receiver, ReloadStrategy, Role} from './values.ts';

/** What may be configured; every member may be left out. */
export type Config = {
  readonly database?: string | undefined;
  readonly store?: string | undefined;
  readonly state?: string | undefined;
  readonly profile?: string | undefined;
  readonly application?: string | undefined;
  readonly tables?: readonly string[] | undefined;
  /** What is done with single tables; the file gives it in place of a list of tables. */
  readonly policies?: ReadonlyMap<string, TablePolicy> | undefined;
  /** A set of policies that comes with the profile. */
  readonly preset?: string | undefined;
  /** What becomes of local edits, where a table does not say otherwise. */
  readonly drift?: DriftRule | undefined;
  readonly keyless?: 'multiset' | undefined;
  /** Where a tool that is not known here records the migrations it applied. */
  readonly migrations?: GivenRecord | undefined;
  /** Milliseconds, as all durations here; written as `500ms` or `2s`. */
  readonly maxWriteLock?: number | undefined;
  readonly compat?: string | undefined;
} & ServiceConfig;

/** What the service alone asks for. */
type ServiceConfig = {
  readonly role?: Role | undefined;
  readonly interval?: number | undefined;
  readonly driftInterval?: number | 'off' | undefined;
  readonly staleAfter?: number | undefined;
  readonly stopTimeout?: number | undefined;
  readonly http?: HttpAddress | 'off' | undefined;
  readonly token?: string | undefined;
  /** Lets a primary write to a store that another tool seems to write to, too. */
  readonly takeOver?: true | undefined;
  readonly keep?: KeepPolicy | 'off' | undefined;
  readonly pruneEvery?: number | 'off' | undefined;
  readonly checkEvery?: number | 'off' | undefined;
  readonly drillEvery?: number | 'off' | undefined;
  readonly notify?: readonly Receiver[] | undefined;
  /** Addresses that variables give, beside those in the file. */
  readonly ntfy?: string | undefined;
  readonly webhook?: string | undefined;
  /** How a running application learns of what was applied. */
  readonly reload?: GivenReload | undefined;
  readonly alerts?: GivenAlerts | undefined;
};

/** Of the application's own alerts. */
type GivenAlerts = {
  /** Takes them from a replica. */
  readonly muted?: boolean | undefined;
  /** Has them begin with the name of the machine. */
  readonly hostname?: boolean | undefined;
};

type GivenReload = {
  readonly strategies?: readonly ReloadStrategy[] | undefined;
  readonly url?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** A program and its arguments. */
  readonly command?: readonly string[] | undefined;
  readonly timeout?: number | undefined;
};

/** The table may come from one source, and the column from another. */
type GivenRecord = {readonly [part in keyof MigrationRecord]?: string | undefined};

/** Settings by the names under which they are shown. */
type Flat = Omit<Config, 'migrations' | 'reload' | 'alerts'> & {
  readonly 'migrations.table'?: string | undefined;
  readonly 'migrations.column'?: string | undefined;
} & {readonly [part in keyof GivenReload as `reload.${part}`]: GivenReload[part]} & {
  readonly [part in keyof GivenAlerts as `alerts.${part}`]: GivenAlerts[part];
};

export type SettingName = keyof Flat;
type Value<Name extends SettingName> = NonNullable<Flat[Name]>;

type Setting<T> = {
  /** What it takes, as a file gives it. */
  readonly schema: z.ZodType<T>;
  /** A variable or flag as a file would give it; as it stands, where left out. */
  readonly written?: (text: string) => unknown;
  /** Also taken as `<variable>_FILE`. */
  readonly variable?: string;
  readonly flag?: string;
  /** True where a file says it in another way: `migrations: {table}`, `tables: {name: policy}`, `notify: [{ntfy}]`. */
  readonly otherwiseInFile?: true;
};

/** Not over `keyof` itself, which would leave each as optional as it is there. */
type Settings = {readonly [Name in Exclude<SettingName, never>]: Setting<Value<Name>>};

export const NO_DURATION = 'it is not a duration such as 500ms or 2s';

const application = meant(
  'it is not a name of letters, digits, dots, dashes and underscores',
  (name) => (APPLICATION_NAME.test(name) ? name : undefined),
);
const keyless = meant('it takes multiset, and nothing else', (how) =>
  how === 'multiset' ? how : undefined,
);

const SETTINGS: Settings = {
  database: {schema: text, variable: 'ROWPLICA_DATABASE', flag: '--database'},
  store: {schema: text, variable: 'ROWPLICA_STORE', flag: '--store'},
  state: {schema: text, variable: 'ROWPLICA_STATE', flag: '--state'},
  profile: {schema: text, variable: 'ROWPLICA_PROFILE', flag: '--profile'},
  application: {schema: application, variable: 'ROWPLICA_APPLICATION', flag: '--application'},
  tables: {
    schema: tableNames,
    written: (names) => names.split(','),
    variable: 'ROWPLICA_TABLES',
    flag: '--tables',
  },
  policies: {schema: policiesSchema, otherwiseInFile: true},
  preset: {schema: text, variable: 'ROWPLICA_PRESET', flag: '--preset'},
  drift: {schema: driftSchema},
  keyless: {schema: keyless, variable: 'ROWPLICA_KEYLESS', flag: '--keyless'},
  'migrations.table': {
    schema: text,
    variable: 'ROWPLICA_MIGRATIONS_TABLE',
    flag: '--migrations-table',
    otherwiseInFile: true,
  },
  'migrations.column': {
    schema: text,
    variable: 'ROWPLICA_MIGRATIONS_COLUMN',
    flag: '--migrations-column',
    otherwiseInFile: true,
  },
  maxWriteLock: {
    schema: meant(NO_DURATION, milliseconds),
    variable: 'ROWPLICA_MAX_WRITE_LOCK',
    flag: '--max-write-lock',
  },
  compat: {schema: text, variable: 'ROWPLICA_COMPAT', flag: '--compat'},
  role: {schema: values.role, variable: 'ROWPLICA_ROLE', flag: '--role'},
  interval: {schema: values.interval, variable: 'ROWPLICA_INTERVAL', flag: '--interval'},
  driftInterval: {schema: values.driftInterval, variable: 'ROWPLICA_DRIFT_INTERVAL'},
  staleAfter: {schema: values.staleAfter, variable: 'ROWPLICA_STALE_AFTER', flag: '--stale-after'},
  stopTimeout: {
    schema: values.stopTimeout,
    variable: 'ROWPLICA_STOP_TIMEOUT',
    flag: '--stop-timeout',
  },
  http: {schema: values.http, variable: 'ROWPLICA_HTTP', flag: '--http'},
  // Arguments are visible to others, so that a flag only names the file.
  token: {schema: values.token, variable: 'ROWPLICA_TOKEN', flag: '--token-file'},
  takeOver: {schema: values.takeOver, variable: 'ROWPLICA_TAKE_OVER', otherwiseInFile: true},
  keep: {schema: values.keep, written: values.keepOfText, variable: 'ROWPLICA_KEEP'},
  pruneEvery: {schema: values.rhythm, variable: 'ROWPLICA_PRUNE_EVERY'},
  checkEvery: {schema: values.rhythm, variable: 'ROWPLICA_CHECK_EVERY'},
  drillEvery: {schema: values.rhythm, variable: 'ROWPLICA_DRILL_EVERY'},
  notify: {schema: values.notify},
  ntfy: {schema: values.url, variable: 'ROWPLICA_NTFY', otherwiseInFile: true},
  webhook: {schema: values.url, variable: 'ROWPLICA_WEBHOOK', otherwiseInFile: true},
  'reload.strategies': {
    schema: values.strategies,
    written: (names) => names.split(','),
    variable: 'ROWPLICA_RELOAD',
    flag: '--reload',
    otherwiseInFile: true,
  },
  'reload.url': {
    schema: values.url,
    variable: 'ROWPLICA_RELOAD_URL',
    flag: '--reload-url',
    otherwiseInFile: true,
  },
  'reload.user': {schema: text, variable: 'ROWPLICA_RELOAD_USER', otherwiseInFile: true},
  // Arguments are visible to others, and files of settings are passed around: they name a file that holds it.
  'reload.password': {schema: text, variable: 'ROWPLICA_RELOAD_PASSWORD', otherwiseInFile: true},
  'reload.command': {
    schema: values.command,
    written: (line) => line.split(/\s+/).filter((word) => word !== ''),
    variable: 'ROWPLICA_RELOAD_COMMAND',
    otherwiseInFile: true,
  },
  'reload.timeout': {
    schema: values.reloadTimeout,
    variable: 'ROWPLICA_RELOAD_TIMEOUT',
    otherwiseInFile: true,
  },
  'alerts.muted': {
    schema: values.trueOrFalse,
    variable: 'ROWPLICA_ALERTS_MUTED',
    otherwiseInFile: true,
  },
  'alerts.hostname': {
    schema: values.trueOrFalse,
    variable: 'ROWPLICA_ALERTS_HOSTNAME',
    otherwiseInFile: true,
  },
};

export const ALL_SETTINGS: readonly (readonly [SettingName, Setting<unknown>])[] = Object.entries(
  SETTINGS,
) as [SettingName, Setting<unknown>][];

/**
 * What a variable or flag says, where it is given; `from` is its name.
 *
 * @throws {EngineError} `CONFIG_INVALID` naming it, and not what it holds.
 */
export function settingOf<Name extends SettingName>(
  name: Name,
  from: string,
  given: string | undefined,
): Value<Name> | undefined {
  if (given === undefined) return undefined;
  const setting: Setting<Value<Name>> = SETTINGS[name];
  const parsed = setting.schema.safeParse(setting.written?.(given) ?? given);
  if (parsed.success) return parsed.data;
  const why = parsed.error.issues[0]?.message ?? 'it is not as expected';
  throw new EngineError('CONFIG_INVALID', `${from}: ${why}`, {
    hint: 'Correct it, or leave it out; docs/configuration.md says what each setting takes.',
  });
}
