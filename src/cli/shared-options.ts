/** Options that most commands share. */
import type {Command} from 'commander';
import {loadConfig, type LoadedConfig} from '../config/config.ts';
import {settingOf, type Config} from '../config/settings.ts';
import type {EngineOptions} from '../engine/options.ts';
import {EngineError} from '../kernel/errors.ts';
import type {CommandContext} from './run-command.ts';
import {serviceConfig, type ServiceFlags} from './service-options.ts';

export type SharedFlags = {
  readonly database?: string;
  readonly store?: string;
  readonly state?: string;
  readonly profile?: string;
  readonly application?: string;
  readonly tables?: readonly string[];
  readonly preset?: string;
  readonly keyless?: string;
  readonly migrationsTable?: string;
  readonly migrationsColumn?: string;
  readonly maxWriteLock?: string;
  readonly compat?: string;
  readonly config?: string;
  readonly json?: true;
};

export function addSharedOptions(command: Command, example: string): Command {
  return command
    .option('--database <url>', 'sqlite:<path> or a plain path')
    .option(
      '--store <url>',
      'restic:<repository> or dir:<path> (default: RESTIC_REPOSITORY, else one in the state folder)',
    )
    .option('--state <dir>', 'state folder (default: .rowplica beside the database)')
    .option('--profile <name>', 'profile of the application (default: found by the schema)')
    .option(
      '--application <name>',
      'name of an application that no profile knows; its compat steps are kept under it',
    )
    .option(
      '--tables <names>',
      'tables, separated by commas; repeat the option for names with commas',
      collect,
    )
    .option(
      '--preset <name>',
      "policies that go together, of the application's profile (docs/policies.md)",
    )
    .option(
      '--keyless <how>',
      'multiset: compare tables without a usable key as multisets of whole rows (default: refuse them)',
    )
    .option(
      '--compat <dir>',
      'folder of your own compat steps, for releases that Rowplica does not know (docs/migrations-compat.md)',
    )
    .option(
      '--migrations-table <name>',
      'table in which a tool other than knex and Kysely records the migrations it applied',
    )
    .option('--migrations-column <name>', 'its column with their names')
    .option('--config <file>', 'YAML file with any of the above')
    .option('--json', 'print one JSON document on stdout')
    .addHelpText(
      'after',
      `\nExample:\n  ${example}\n\nEnvironment: ROWPLICA_DATABASE, ROWPLICA_STORE, ROWPLICA_STATE, ROWPLICA_PROFILE, ROWPLICA_APPLICATION, ROWPLICA_TABLES,\nROWPLICA_PRESET, ROWPLICA_KEYLESS, ROWPLICA_MIGRATIONS_TABLE, ROWPLICA_MIGRATIONS_COLUMN, ROWPLICA_MAX_WRITE_LOCK, ROWPLICA_COMPAT, ROWPLICA_CONFIG, ROWPLICA_LOG, ROWPLICA_RESTIC, and all of restic's own variables.\nEach ROWPLICA_ variable may be given as NAME_FILE, the path of a file with its value; all settings: docs/configuration.md.`,
    );
}

export function collect(value: string, previous: readonly string[] = []): readonly string[] {
  return [...previous, value];
}

/** @throws {EngineError} `USAGE` where no database is named. */
export function engineOptions(
  flags: SharedFlags,
  context: CommandContext,
  fallback?: string,
): EngineOptions {
  return engineOptionsOf(configOf(flags, context.env), context, fallback);
}

/** The same of a configuration that was read already. */
export function engineOptionsOf(
  config: LoadedConfig,
  {env, log, progress, signal}: CommandContext,
  fallback?: string,
): EngineOptions {
  const path = config.database ?? fallback;
  if (path === undefined) {
    throw new EngineError('USAGE', 'no database was named', {
      hint: 'Give --database <path>, set ROWPLICA_DATABASE, or put it into a file given with --config.',
    });
  }
  return {...engineConfig(config), database: path, env, log, progress, signal};
}

/** What the file, the environment and the flags give together. */
export function configOf(flags: SharedFlags & ServiceFlags, env: NodeJS.ProcessEnv): LoadedConfig {
  const {database, store, state, profile, application, preset, maxWriteLock, compat} = flags;
  return loadConfig({
    file: flags.config,
    env,
    flags: {
      database,
      store,
      state,
      profile,
      application: settingOf('application', '--application', application),
      tables: tableNames(flags.tables),
      preset,
      keyless: keylessOf(flags.keyless),
      migrations: migrationsOf(flags),
      maxWriteLock: settingOf('maxWriteLock', '--max-write-lock', maxWriteLock),
      compat,
      ...serviceConfig(flags),
    },
  });
}

type EngineConfig = Omit<EngineOptions, 'database' | 'env' | 'log' | 'progress' | 'signal'>;

/** Of the settings what the engine is told, so that the secrets of the service go no further. */
function engineConfig(config: LoadedConfig): EngineConfig {
  const {store, state, profile, application, tables, policies, preset, drift, compat} = config;
  const {keyless, migrations, maxWriteLock, alerts} = config;
  const chosen = {store, state, profile, application, tables, policies, preset, drift, compat};
  return {...chosen, keyless, migrations, maxWriteLock, muted: alerts?.muted};
}

function keylessOf(value: string | undefined): Config['keyless'] {
  if (value === undefined || value === 'multiset') return value;
  throw new EngineError('USAGE', `--keyless takes "multiset", not "${value}"`, {
    hint: 'Leave it out to refuse tables without a usable key.',
  });
}

function migrationsOf({migrationsTable, migrationsColumn}: SharedFlags): Config['migrations'] {
  for (const [flag, value] of Object.entries({
    '--migrations-table': migrationsTable,
    '--migrations-column': migrationsColumn,
  })) {
    if (value !== '') continue;
    throw new EngineError('USAGE', `${flag} is empty`, {hint: 'Give it a name, or leave it out.'});
  }
  return {table: migrationsTable, column: migrationsColumn};
}

/** Given once, the names are separated by commas; given several times, each is one name as it stands. */
function tableNames(given: readonly string[] | undefined): readonly string[] | undefined {
  const names = given?.length === 1 ? given[0]?.split(',') : given;
  if (names?.some((name) => name === '')) {
    throw new EngineError('USAGE', '--tables holds an empty name', {
      hint: 'Separate the names by single commas.',
    });
  }
  return names;
}
