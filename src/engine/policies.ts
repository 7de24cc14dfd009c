/** What is done with each table here: the default, what the profile says, its preset, and what was configured, each before the last. */
import {EngineError} from '../kernel/errors.ts';
import type {WireCell} from '../kernel/row.ts';
import {DEFAULT_POLICY, type EffectivePolicy, type TablePolicy} from '../merge/policy.ts';
import type {Profile, ProfileTable} from '../profiles/profile.ts';
import type {RowFilter} from '../schema/row-filter.ts';
import type {TableSchema} from '../schema/table-schema.ts';
import type {EngineOptions} from './options.ts';

export type PolicyOptions = Pick<
  EngineOptions,
  'tables' | 'policies' | 'preset' | 'drift' | 'muted'
>;

/** The policy of a table by its name. */
export type Policies = (table: string) => EffectivePolicy;

/** @throws {EngineError} `CONFIG_INVALID` for a preset that the profile lacks, and for rows that must not travel as they would. */
export function policiesOf(profile: Profile | undefined, options: PolicyOptions): Policies {
  const preset = presetNamed(profile, options.preset);
  const known = new Map((profile?.tables ?? []).map((table) => [table.table, table]));
  for (const table of options.policies?.keys() ?? []) checkRows(known.get(table), options);
  return (table) => {
    const request = known.get(table);
    const ofPreset = preset && (preset.tables[table] ?? {policy: 'off'});
    const configured = options.policies?.get(table);
    // A table that is named is wanted, whatever the profile says of it.
    const named = options.tables?.includes(table) === true ? {policy: 'mirror' as const} : {};
    const merged: EffectivePolicy = {
      ...DEFAULT_POLICY,
      ...given({drift: options.drift}),
      ...given(request?.defaults),
      ...named,
      ...given(ofPreset),
      ...given(configured),
    };
    return {...merged, where: rowsOf(request, configured)};
  };
}

/** Members that are there. */
function given(policy: TablePolicy | undefined): Partial<EffectivePolicy> {
  return Object.fromEntries(
    Object.entries(policy ?? {}).filter(([, value]) => value !== undefined),
  );
}

function presetNamed(
  profile: Profile | undefined,
  name: string | undefined,
): Profile['presets'][string] | undefined {
  if (name === undefined) return undefined;
  const presets = profile?.presets ?? {};
  const found = Object.hasOwn(presets, name) ? presets[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(presets);
  throw new EngineError(
    'CONFIG_INVALID',
    profile === undefined
      ? `preset "${name}" belongs to a profile, and none recognises this database`
      : `profile "${profile.name}" has no preset "${name}"`,
    {hint: names.length === 0 ? 'Leave it out.' : `Its presets: ${names.join(', ')}.`},
  );
}

/** Conditions of the profile hold unless the configuration has its own for that column; rows that never travel never do. */
function rowsOf(
  request: ProfileTable | undefined,
  configured: TablePolicy | undefined,
): readonly RowFilter[] {
  const own = configured?.where ?? [];
  const kept = (request?.defaults?.where ?? []).filter(({column}) =>
    own.every((filter) => filter.column !== column),
  );
  const kinds = request?.rows;
  const barred = kinds === undefined ? [] : [{column: kinds.column, not: kinds.never}];
  return [...kept, ...own, ...barred];
}

/** A configured list may not name what never travels, nor part what belongs together. */
function checkRows(request: ProfileTable | undefined, {policies}: PolicyOptions): void {
  if (request?.rows === undefined) return;
  const {table, rows} = request;
  const filters = (policies?.get(table)?.where ?? []).filter(({column}) => column === rows.column);
  for (const filter of filters) {
    const named: readonly WireCell[] =
      'in' in filter ? filter.in : 'not' in filter ? filter.not : [];
    const barred =
      'in' in filter ? named.find((value) => rows.never.some((one) => one === value)) : undefined;
    if (barred !== undefined)
      throw invalid(
        table,
        `${rows.column} ${JSON.stringify(barred)} never travels: each instance has its own`,
      );
    const parted = rows.together.find(
      (set) => set.some((one) => named.includes(one)) && !set.every((one) => named.includes(one)),
    );
    if (parted !== undefined)
      throw invalid(
        table,
        `${parted.map((one) => JSON.stringify(one)).join(' and ')} travel together or not at all`,
      );
  }
}

function invalid(table: string, why: string): EngineError {
  return new EngineError('CONFIG_INVALID', `tables.${table}.where: ${why}`, {
    site: {table},
    hint: 'Change the list of rows in the configuration.',
  });
}

/**
 * All conditions that a policy puts on rows of a table.
 *
 * @param key Columns by which its rows are told apart.
 * @throws {EngineError} `CONFIG_INVALID` where the policy names a column that is not there or may not be local, or reserves keys
 * of a table whose key is not one integer.
 */
export function rowsAsked(
  policy: EffectivePolicy,
  table: TableSchema,
  key: readonly {readonly name: string}[],
): readonly RowFilter[] {
  checkLocal(policy, table, key);
  if (policy.ownKeys === undefined) return policy.where;
  const [first, ...others] = key;
  const column = table.columns.find(({name}) => name === first?.name);
  const isOwn = table.primaryKey.some(({name}) => name === first?.name);
  if (!isOwn || others.length > 0 || column?.type !== 'integer')
    throw unfit(table.name, 'ownKeys', 'its key is not one integer column');
  return [...policy.where, {column: column.name, below: policy.ownKeys}];
}

function checkLocal(
  {local}: EffectivePolicy,
  table: TableSchema,
  key: readonly {readonly name: string}[],
): void {
  for (const name of local) {
    const column = table.columns.find((candidate) => candidate.name === name);
    if (column === undefined) throw unfit(table.name, 'local', `it has no column "${name}"`);
    if (column.generated) throw unfit(table.name, 'local', `"${name}" is generated`);
    if (key.some((part) => part.name === name))
      throw unfit(table.name, 'local', `"${name}" is part of its key`);
  }
}

function unfit(table: string, setting: string, why: string): EngineError {
  return new EngineError('CONFIG_INVALID', `tables.${table}.${setting}: ${why}`, {
    site: {table},
    hint: 'Change it in the configuration; docs/policies.md says what each policy needs.',
  });
}
