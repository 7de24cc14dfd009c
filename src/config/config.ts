/** Configuration: a YAML file, overridden by the environment, overridden by flags. */
import {readFileSync} from 'node:fs';
import {parse} from 'yaml';
import {z} from 'zod';
import {EngineError} from '../kernel/errors.ts';
import {milliseconds} from './duration.ts';

/** What may be configured; every member may be left out. */
export type Config = {
  readonly database?: string | undefined;
  readonly store?: string | undefined;
  readonly state?: string | undefined;
  readonly profile?: string | undefined;
  readonly tables?: readonly string[] | undefined;
  readonly keyless?: 'multiset' | undefined;
  /** Milliseconds; written as a duration such as `500ms` or `2s`. */
  readonly maxWriteLock?: number | undefined;
};

const NO_DURATION = 'it is not a duration such as 500ms or 2s';
const text = z.string().min(1);
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
  tables: z.array(text).min(1).optional(),
  keyless: z.literal('multiset').optional(),
  maxWriteLock: duration.optional(),
});

export type ConfigSources = {
  readonly file: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly flags: Config;
};

/** @throws {EngineError} `CONFIG_INVALID` naming file and setting. */
export function loadConfig({file, env, flags}: ConfigSources): Config {
  const path = file ?? present(env['ROWPLICA_CONFIG']);
  return merged([path === undefined ? {} : readConfigFile(path), fromEnvironment(env), flags]);
}

function merged(layers: readonly Config[]): Config {
  const given = layers.map((layer) =>
    Object.fromEntries(Object.entries(layer).filter(([, value]) => value !== undefined)),
  );
  return Object.assign({}, ...given) as Config;
}

function fromEnvironment(env: NodeJS.ProcessEnv): Config {
  return {
    database: present(env['ROWPLICA_DATABASE']),
    store: present(env['ROWPLICA_STORE']),
    state: present(env['ROWPLICA_STATE']),
    profile: present(env['ROWPLICA_PROFILE']),
    tables: present(env['ROWPLICA_TABLES'])?.split(','),
    keyless: keylessOf(present(env['ROWPLICA_KEYLESS']), 'ROWPLICA_KEYLESS', 'CONFIG_INVALID'),
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

/** An empty variable counts as none, as container files often leave them. */
function present(value: string | undefined): string | undefined {
  return value === undefined || value === '' ? undefined : value;
}

function readConfigFile(path: string): Config {
  const parsed = configSchema.safeParse(parseYaml(path) ?? {});
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') ?? '';
  throw invalid(
    path,
    `${where === '' ? '' : `"${where}": `}${issue?.message ?? 'it is not as expected'}`,
  );
}

function parseYaml(path: string): unknown {
  try {
    return parse(readFileSync(path, 'utf8')) as unknown;
  } catch (cause) {
    const missing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT';
    throw invalid(path, missing ? 'there is no such file' : 'it cannot be read as YAML', cause);
  }
}

function invalid(path: string, why: string, cause?: unknown): EngineError {
  return new EngineError('CONFIG_INVALID', `configuration ${path}: ${why}`, {
    site: {path},
    hint: 'Known settings: database, store, state, profile, tables, keyless, maxWriteLock.',
    cause,
  });
}
