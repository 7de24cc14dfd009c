/** The configuration file: YAML, read strictly. */
import {parse} from 'yaml';
import {z} from 'zod';
import {EngineError} from '../kernel/errors.ts';
import {CONFIG_BYTES_MAX} from '../kernel/limits.ts';
import type {TablePolicy} from '../merge/policy.ts';
import {tablesSchema} from './policies.ts';
import {readText} from './read-file.ts';
import {text} from './schemas.ts';
import {ALL_SETTINGS, type Config} from './settings.ts';
import * as values from './values.ts';
import {valueOfFile} from './variables.ts';

const migrations = z.strictObject({table: text.optional(), column: text.optional()});
const reload = z.strictObject({
  strategies: values.strategies.optional(),
  url: values.url.optional(),
  user: text.optional(),
  passwordFile: text.optional(),
  command: values.command.optional(),
  timeout: values.reloadTimeout.optional(),
});
const alerts = z.strictObject({
  muted: values.trueOrFalse.optional(),
  hostname: values.trueOrFalse.optional(),
});
const inFile = ALL_SETTINGS.filter(([, {otherwiseInFile = false}]) => !otherwiseInFile);
const fileSchema = z.strictObject({
  ...Object.fromEntries(inFile.map(([name, {schema}]) => [name, schema.optional()])),
  tables: tablesSchema.optional(),
  migrations: migrations.optional(),
  reload: reload.optional(),
  alerts: alerts.optional(),
});
const KNOWN = [...inFile.map(([name]) => name), 'migrations', 'reload', 'alerts'].join(', ');

/** @throws {EngineError} `CONFIG_INVALID` naming file and setting. `label` is how the path is told. */
export function readConfigFile(path: string, label: string = path): Config {
  const read = readText(path, CONFIG_BYTES_MAX);
  if ('why' in read) throw invalid(label, read.why, read.cause);
  return parseConfig(label, read.text);
}

/**
 * The settings that the text of a file gives.
 *
 * @throws {EngineError} `CONFIG_INVALID` naming the file, and the setting where it is one.
 */
export function parseConfig(path: string, yaml: string): Config {
  const parsed = fileSchema.safeParse(parseYaml(path, yaml) ?? {});
  // The schemas are those of SETTINGS, one by one, and those are what the members of Config are.
  if (parsed.success) return withPassword(tablesApart(parsed.data as InFile));
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') ?? '';
  throw invalid(
    path,
    `${where === '' ? '' : `"${where}": `}${issue?.message ?? 'it is not as expected'}`,
  );
}

type InFile = Omit<Config, 'tables'> & {
  readonly reload?: z.infer<typeof reload> | undefined;
  readonly tables?: readonly string[] | ReadonlyMap<string, TablePolicy>;
};

/** A list chooses tables, a map says what is done with them. */
function tablesApart({tables, ...rest}: InFile): Config {
  if (tables === undefined) return rest;
  return tables instanceof Map
    ? {...rest, policies: tables as ReadonlyMap<string, TablePolicy>}
    : {...rest, tables: tables as readonly string[]};
}

/** The file names another one that holds the password. */
function withPassword({reload: given, ...rest}: Config & Pick<InFile, 'reload'>): Config {
  if (given === undefined) return rest;
  const {passwordFile, ...others} = given;
  const password = passwordFile && valueOfFile(passwordFile, 'reload.passwordFile');
  return {...rest, reload: {...others, password}};
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
    hint: `Known settings: ${KNOWN}. docs/configuration.md says what each takes.`,
    cause,
  });
}
