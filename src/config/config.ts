/** Configuration: a YAML file, overridden by the environment, overridden by flags. */
import {closeSync, openSync, readSync} from 'node:fs';
import {parse} from 'yaml';
import {z} from 'zod';
import {EngineError} from '../kernel/errors.ts';
import {CONFIG_BYTES_MAX} from '../kernel/limits.ts';
import {APPLICATION_NAME} from '../profiles/find-profile.ts';
import type {MigrationRecord} from '../profiles/migration-records.ts';
import type {DriftRule, TablePolicy} from '../merge/policy.ts';
import {milliseconds} from './duration.ts';
import {driftSchema, tablesSchema} from './policies.ts';

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
  /** Milliseconds; written as a duration such as `500ms` or `2s`. */
  readonly maxWriteLock?: number | undefined;
  readonly compat?: string | undefined;
};

/** The table may come from one source, and the column from another. */
type GivenRecord = {readonly [part in keyof MigrationRecord]?: string | undefined};

/** What the sources give together. */
export type LoadedConfig = Omit<Config, 'migrations'> & {
  readonly migrations?: MigrationRecord | undefined;
};

const NO_APPLICATION = 'it is not a name of letters, digits, dots, dashes and underscores';
const NO_DURATION = 'it is not a duration such as 500ms or 2s';
const text = z
  .string()
  .min(1)
  .refine((value) => !value.includes('\0'), 'it holds a NUL');
const duration = z.string().transform((value, context) => {
  const ms = milliseconds(value);
  if (ms === undefined) context.addIssue({code: 'custom', message: NO_DURATION});
  return ms;
});
const configSchema = z.strictObject({
  database: text.optional(),
  store: text.optional(),
  state: text.optional(),
  profile: text.optional(),
  application: z.string().regex(APPLICATION_NAME, NO_APPLICATION).optional(),
  tables: tablesSchema.optional(),
  preset: text.optional(),
  drift: driftSchema.optional(),
  keyless: z.literal('multiset').optional(),
  migrations: z.strictObject({table: text.optional(), column: text.optional()}).optional(),
  maxWriteLock: duration.optional(),
  compat: text.optional(),
});

export type ConfigSources = {
  readonly file: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly flags: Config;
};

/** @throws {EngineError} `CONFIG_INVALID` naming file and setting. */
export function loadConfig({file, env, flags}: ConfigSources): LoadedConfig {
  const path = file ?? present(env['ROWPLICA_CONFIG']);
  const layers = [path === undefined ? {} : readConfigFile(path), fromEnvironment(env), flags];
  const migrations = wholeRecord(
    merged<GivenRecord>(layers.map((layer) => layer.migrations ?? {})),
  );
  return {...merged(layers), migrations};
}

/** Later layers count; what they leave undefined they do not give. */
function merged<T extends object>(layers: readonly T[]): T {
  const given = layers.map((layer) =>
    Object.fromEntries(Object.entries(layer).filter(([, value]) => value !== undefined)),
  );
  return Object.assign({}, ...given) as T;
}

/** Each says nothing without the other. */
function wholeRecord({table, column}: GivenRecord): MigrationRecord | undefined {
  if (table === undefined && column === undefined) return undefined;
  if (table !== undefined && column !== undefined) return {table, column};
  const [given, missing] = table === undefined ? ['column', 'table'] : ['table', 'column'];
  throw new EngineError(
    'CONFIG_INVALID',
    `migrations: the ${given} is given, but not the ${missing} that it goes with`,
    {
      hint: 'Give both: --migrations-table and --migrations-column, ROWPLICA_MIGRATIONS_TABLE and _COLUMN, or migrations: {table, column} in the file.',
    },
  );
}

function fromEnvironment(env: NodeJS.ProcessEnv): Config {
  return {
    database: present(env['ROWPLICA_DATABASE']),
    store: present(env['ROWPLICA_STORE']),
    state: present(env['ROWPLICA_STATE']),
    profile: present(env['ROWPLICA_PROFILE']),
    application: applicationOf(present(env['ROWPLICA_APPLICATION']), 'ROWPLICA_APPLICATION'),
    tables: present(env['ROWPLICA_TABLES'])?.split(','),
    compat: present(env['ROWPLICA_COMPAT']),
    preset: present(env['ROWPLICA_PRESET']),
    keyless: keylessOf(present(env['ROWPLICA_KEYLESS']), 'ROWPLICA_KEYLESS', 'CONFIG_INVALID'),
    migrations: {
      table: present(env['ROWPLICA_MIGRATIONS_TABLE']),
      column: present(env['ROWPLICA_MIGRATIONS_COLUMN']),
    },
    maxWriteLock: durationOf('ROWPLICA_MAX_WRITE_LOCK', present(env['ROWPLICA_MAX_WRITE_LOCK'])),
  };
}

/** @throws {EngineError} of the code given, where the value is not `multiset`. */
export function keylessOf(
  value: string | undefined,
  setting: string,
  code: 'USAGE' | 'CONFIG_INVALID',
): Config['keyless'] {
  if (value === undefined || value === 'multiset') return value;
  throw new EngineError(code, `${setting} takes "multiset", not "${value}"`, {
    hint: 'Leave it out to refuse tables without a usable key.',
  });
}

/**
 * Milliseconds of a duration given by hand; `name` is the variable or flag it came from.
 *
 * @throws {EngineError} `CONFIG_INVALID` naming it.
 */
export function durationOf(name: string, value: string | undefined): number | undefined {
  const ms = value === undefined ? undefined : milliseconds(value);
  if (value === undefined || ms !== undefined) return ms;
  throw new EngineError('CONFIG_INVALID', `${name}: ${NO_DURATION}`, {
    hint: 'Give a number with ms, s or m.',
  });
}

/** @throws {EngineError} `CONFIG_INVALID` naming the flag or variable, where it cannot name a folder. */
export function applicationOf(value: string | undefined, setting: string): Config['application'] {
  if (value === undefined || APPLICATION_NAME.test(value)) return value;
  throw new EngineError('CONFIG_INVALID', `${setting}: ${NO_APPLICATION}`, {
    hint: 'Name it as its folder of compat steps is called, such as my-app.',
  });
}

/** An empty variable counts as none, as container files often leave them. */
function present(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}

function readConfigFile(path: string): Config {
  return parseConfig(path, readText(path));
}

/**
 * The settings that the text of a file gives.
 *
 * @throws {EngineError} `CONFIG_INVALID` naming the file, and the setting where it is one.
 */
export function parseConfig(path: string, yaml: string): Config {
  const parsed = configSchema.safeParse(parseYaml(path, yaml) ?? {});
  if (parsed.success) return tablesApart(parsed.data);
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') ?? '';
  throw invalid(
    path,
    `${where === '' ? '' : `"${where}": `}${issue?.message ?? 'it is not as expected'}`,
  );
}

/** A list chooses tables, a map says what is done with them. */
function tablesApart({tables, ...rest}: z.infer<typeof configSchema>): Config {
  if (tables === undefined) return rest;
  return Array.isArray(tables)
    ? {...rest, tables: tables as readonly string[]}
    : {...rest, policies: tables as ReadonlyMap<string, TablePolicy>};
}

/** No more is read than may be there, whatever the path leads to. */
function readText(path: string): string {
  const bytes = Buffer.alloc(CONFIG_BYTES_MAX + 1);
  let length = 0;
  try {
    const file = openSync(path, 'r');
    try {
      for (let read = -1; read !== 0; length += read)
        read = readSync(file, bytes, length, bytes.length - length, null);
    } finally {
      closeSync(file);
    }
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw invalid(path, missing ? 'there is no such file' : 'it cannot be read', cause);
  }
  if (length > CONFIG_BYTES_MAX) throw invalid(path, `it has more than ${CONFIG_BYTES_MAX} bytes`);
  return bytes.toString('utf8', 0, length);
}

function parseYaml(path: string, yaml: string): unknown {
  try {
    // Warnings would go to stderr, with what they are about.
    return parse(yaml, {logLevel: 'error'}) as unknown;
  } catch {
    // The parser's own error quotes the file, which may hold a password.
    throw invalid(path, 'it cannot be read as YAML');
  }
}

function invalid(path: string, why: string, cause?: unknown): EngineError {
  return new EngineError('CONFIG_INVALID', `configuration ${path}: ${why}`, {
    site: {path},
    hint: 'Known settings: database, store, state, profile, application, tables, preset, drift, keyless, migrations, maxWriteLock, compat.',
    cause,
  });
}
