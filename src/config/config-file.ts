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

const migrations = z.strictObject({table: text.optional(), column: text.optional()});
const inFile = ALL_SETTINGS.filter(([, {otherwiseInFile = false}]) => !otherwiseInFile);
const fileSchema = z.strictObject({
  ...Object.fromEntries(inFile.map(([name, {schema}]) => [name, schema.optional()])),
  tables: tablesSchema.optional(),
  migrations: migrations.optional(),
});
const KNOWN = [...inFile.map(([name]) => name), 'migrations'].join(', ');

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
  if (parsed.success) return tablesApart(parsed.data as InFile);
  const issue = parsed.error.issues[0];
  const where = issue?.path.join('.') ?? '';
  throw invalid(
    path,
    `${where === '' ? '' : `"${where}": `}${issue?.message ?? 'it is not as expected'}`,
  );
}

type InFile = Omit<Config, 'tables'> & {
  readonly tables?: readonly string[] | ReadonlyMap<string, TablePolicy>;
};

/** A list chooses tables, a map says what is done with them. */
function tablesApart({tables, ...rest}: InFile): Config {
  if (tables === undefined) return rest;
  return tables instanceof Map
    ? {...rest, policies: tables as ReadonlyMap<string, TablePolicy>}
    : {...rest, tables: tables as readonly string[]};
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
