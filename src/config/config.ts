/** Configuration: variables of a tool that Rowplica replaces, overridden by a YAML file, by the environment, by flags. */
import {EngineError} from '../kernel/errors.ts';
import type {MigrationRecord} from '../profiles/migration-records.ts';
import type {Inheritance} from '../profiles/predecessor.ts';
import {inheritanceOf} from '../profiles/predecessors.ts';
import {readConfigFile} from './config-file.ts';
import {milliseconds} from './duration.ts';
import {besides} from './read-file.ts';
import {ALL_SETTINGS, NO_DURATION, settingOf, type Config, type SettingName} from './settings.ts';
import {variableOf, type Variable} from './variables.ts';

/** What the sources give together. */
export type LoadedConfig = Omit<Config, 'migrations'> & {
  readonly migrations?: MigrationRecord | undefined;
  /** Where each value came from: `file PATH`, `environment NAME`, `flag --name`. What is not named here is the default. */
  readonly sources: {readonly [name in SettingName]?: string};
  /** What the variables of a tool say that Rowplica takes the place of. */
  readonly inherited?: Inheritance | undefined;
};

export type ConfigSources = {
  readonly file: string | undefined;
  readonly env: NodeJS.ProcessEnv;
  readonly flags: Config;
};

type Given = {readonly value: unknown; readonly source: string};
type Layer = readonly (readonly [SettingName, Given])[];

/** @throws {EngineError} `CONFIG_INVALID` naming setting and source. */
export function loadConfig({file, env, flags}: ConfigSources): LoadedConfig {
  // Later layers count; what they leave undefined they do not give.
  const own = new Map([...fileLayer(file, env), ...environmentLayer(env), ...flagLayer(flags)]);
  const inherited = inheritanceOf({env, own: valuesOf(own), files: besides});
  const given = new Map([...imageLayer(env), ...inheritedLayer(inherited), ...own]);
  const values = valuesOf(given);
  const sources = {
    ...(Object.keys(inherited?.policies ?? {}).length > 0
      ? {policies: `variables of ${inherited?.tool}`}
      : {}),
    ...Object.fromEntries([...given].map(([name, {source}]) => [name, source])),
  };
  const {'migrations.table': table, 'migrations.column': column, ...rest} = values;
  const migrations = wholeRecord({table, column} as NonNullable<Config['migrations']>);
  return {
    ...withPolicies(single(rest) as Omit<Config, 'migrations' | Group>, inherited),
    ...nested(rest),
    migrations,
    sources,
    inherited,
  };
}

/** Of each table what Rowplica's own settings say of it. */
function withPolicies(
  own: Omit<Config, 'migrations'>,
  inherited: Inheritance | undefined,
): typeof own {
  const beside = Object.entries(inherited?.policies ?? {});
  if (beside.length === 0) return own;
  return {...own, policies: new Map([...beside, ...(own.policies ?? [])])};
}

function valuesOf(given: ReadonlyMap<SettingName, Given>): {
  readonly [name in SettingName]?: unknown;
} {
  return Object.fromEntries([...given].map(([name, {value}]) => [name, value]));
}

/** Where an image has the database of its application: whatever else names one counts for more, a tool that was there before as well. */
const DEFAULT_DATABASE = 'ROWPLICA_DEFAULT_DATABASE';

function imageLayer(env: NodeJS.ProcessEnv): Layer {
  const variable = variableOf(env, DEFAULT_DATABASE);
  if (variable === undefined) return [];
  const {name, value} = variable;
  const source = `environment ${name}`;
  return [['database', {value: settingOf('database', name, value), source}]];
}

function inheritedLayer(inherited: Inheritance | undefined): Layer {
  return (inherited?.settings ?? []).map(({name, value, source}) => [
    name,
    {value: settingOf(name, source, value), source},
  ]);
}

/** Settings that stand together under one name. */
const GROUPS = ['reload', 'alerts'] as const;
type Group = (typeof GROUPS)[number];

/** `reload.url` as a member of `reload`, and so on; a group of which nothing is given is not there. */
function nested(values: Readonly<Record<string, unknown>>): Pick<Config, Group> {
  const groups = GROUPS.map((group) => [group, membersOf(values, `${group}.`)] as const);
  return Object.fromEntries(groups.filter(([, members]) => Object.keys(members).length > 0));
}

function single(values: Readonly<Record<string, unknown>>): object {
  return Object.fromEntries(Object.entries(values).filter(([name]) => !name.includes('.')));
}

function membersOf(values: Readonly<Record<string, unknown>>, prefix: string): object {
  const own = Object.entries(values).filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(own.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** The way back. */
function flattened(config: Pick<Config, Group>): Readonly<Record<string, unknown>> {
  const members = GROUPS.flatMap((group) =>
    Object.entries(config[group] ?? {}).map(([name, value]) => [`${group}.${name}`, value]),
  );
  return Object.fromEntries(members);
}

function fileLayer(file: string | undefined, env: NodeJS.ProcessEnv): Layer {
  if (file !== undefined) return layer(readConfigFile(file), () => `file ${file}`);
  const variable = variableOf(env, 'ROWPLICA_CONFIG');
  if (variable === undefined) return [];
  return layer(
    readConfigFile(variable.value, labelOf(variable)),
    () => `file ${labelOf(variable)}`,
  );
}

/** What a file holds is never quoted, not even where it was meant as a path. */
function labelOf({name, value}: Variable): string {
  return name === 'ROWPLICA_CONFIG' ? value : `named in ${name}`;
}

function environmentLayer(env: NodeJS.ProcessEnv): Layer {
  return ALL_SETTINGS.flatMap(([name, setting]) => {
    const variable = setting.variable && variableOf(env, setting.variable);
    if (!variable) return [];
    const value = settingOf(name, variable.name, variable.value);
    return [[name, {value, source: `environment ${variable.name}`}] as const];
  });
}

function flagLayer(flags: Config): Layer {
  return layer(flags, (name) => `flag ${ALL_SETTINGS.find(([each]) => each === name)?.[1].flag}`);
}

function layer(
  {migrations, reload, alerts, ...rest}: Config,
  sourceOf: (name: SettingName) => string,
): Layer {
  const flat: {readonly [name in SettingName]?: unknown} = {
    ...rest,
    'migrations.table': migrations?.table,
    'migrations.column': migrations?.column,
    ...flattened({reload, alerts}),
  };
  return (Object.entries(flat) as [SettingName, unknown][])
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => [name, {value, source: sourceOf(name)}]);
}

/** Each says nothing without the other. */
function wholeRecord({
  table,
  column,
}: NonNullable<Config['migrations']>): MigrationRecord | undefined {
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

/**
 * Milliseconds of a duration that is no setting; `name` is the flag it came from.
 *
 * @throws {EngineError} `CONFIG_INVALID` naming it.
 */
export function durationOf(name: string, value: string | undefined): number | undefined {
  const ms = value === undefined ? undefined : milliseconds(value);
  if (value === undefined || ms !== undefined) return ms;
  throw new EngineError('CONFIG_INVALID', `${name}: ${NO_DURATION}`, {
    hint: 'Give a number with ms, s, m, h or d.',
  });
}
